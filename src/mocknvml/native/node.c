/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Node files and writing. A file is: a page of header, the node's block, what stands in no block, one block per GPU. It is made under another name
 * and renamed, so nobody sees half of one, and it is never truncated. Writers of all processes exclude each other by an
 * OFD lock on a file description of their own, which the kernel releases when they die.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

struct mock_file_header {
    char magic[8];
    uint32_t format;
    uint32_t gpu_count;
    uint64_t layout;
    uint64_t size;
    uint64_t checksum; /* of all before it */
};

enum {
    FORMAT = 3,
    HEADER_SIZE = 4096,
};

static const char magic[] = "MOCKNVML"; /* its zero is not stored */

/* Open file description locks came with Linux 3.15; the headers of glibc 2.17 lack the name. */
#ifndef F_OFD_SETLKW
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

static uint64_t checksum(const struct mock_file_header *header)
{
    uint64_t sum = 0xCBF29CE484222325u;

    for (size_t i = 0; i < offsetof(struct mock_file_header, checksum); i++)
        sum = (sum ^ ((const unsigned char *)header)[i]) * 0x100000001B3u;
    return sum;
}

size_t mock_node_size(uint32_t gpu_count)
{
    return HEADER_SIZE + mock_node_memory(gpu_count);
}

uint64_t mock_monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The affine map that the node's block holds, applied to a clock of the host's. The words are read bare: a signal is a
 * function of this time. */
static struct mock_instant instant_by(const struct mock_node *node, bool exact)
{
    const mock_word *state;
    uint64_t host = 0, start = 0, rate = 0, epoch = 0;
    struct timespec now;

    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        host = mock_word_at(state, MOCK_AT_NODE(time.host.value));
        start = mock_word_at(state, MOCK_AT_NODE(time.node.value));
        rate = mock_word_at(state, MOCK_AT_NODE(time.rate.value));
        epoch = mock_word_at(state, MOCK_AT_NODE(time.epoch.value));
    }
    clock_gettime(exact || rate != MOCK_BILLION ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_COARSE, &now);
    uint64_t passed = (uint64_t)now.tv_sec * MOCK_BILLION + (uint64_t)now.tv_nsec - host;
    if ((int64_t)passed > 0)
        start += mock_billionth(passed, rate);
    return (struct mock_instant){start, epoch + start / 1000};
}

uint64_t mock_node_time(const struct mock_node *node)
{
    return instant_by(node, true).node;
}

uint64_t mock_wall_clock(const struct mock_node *node)
{
    return instant_by(node, true).wall;
}

struct mock_instant mock_reading_time(const struct mock_node *node)
{
    return instant_by(node, false);
}

/* The lock word is the process id of its owner: a child that inherits a lock of its parent finds a foreign id, and since
 * none of the parent's threads runs in the child, takes it over. Whatever it guards is published by its last store. */
MOCK_TOUCHED static _Atomic uint32_t lock_word;

void mock_lock(void)
{
    uint32_t self = (uint32_t)getpid();

    for (;;) {
        uint32_t owner = 0;
        if (atomic_compare_exchange_strong_explicit(&lock_word, &owner, self, memory_order_acquire, memory_order_relaxed))
            return;
        if (owner != self) {
            if (atomic_compare_exchange_strong_explicit(&lock_word, &owner, self, memory_order_acquire, memory_order_relaxed))
                return;
            continue;
        }
        syscall(SYS_futex, &lock_word, FUTEX_WAIT_PRIVATE, owner, NULL, NULL, 0);
    }
}

void mock_unlock(void)
{
    atomic_store_explicit(&lock_word, 0, memory_order_release);
    syscall(SYS_futex, &lock_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Before a word changes that an integral depends on: carry its value to now, so that the past keeps its rate. */
static void carry_integrals(mock_word *state, uint64_t now)
{
    for (size_t i = 0; i < MOCK_INTEGRALS; i++) {
        uint32_t at = mock_integrals[i];
        uint64_t head = mock_word_at(state, at);
        uint32_t number = (uint32_t)(head >> MOCK_SIGNAL_SHIFT) & 0xFFFF;
        if (number == 0 || number > MOCK_SIGNALS)
            continue;
        uint32_t since = MOCK_GPU_SIGNALS + (number - 1) * MOCK_SIGNAL_WORDS + 2;
        mock_word_put(state, at + 1, mock_signal_value(state, MOCK_GPU_SIGNALS, head, mock_word_at(state, at + 1), now));
        mock_word_put(state, since, now);
    }
}

/* The same for the sums of GPM's counters, which all run. */
static void carry_sums(mock_word *state, uint64_t now)
{
    uint64_t since = mock_word_at(state, MOCK_AT(gpm.since.value));

    for (uint32_t at = MOCK_AT(gpm.active) + 1, sum = MOCK_AT(gpm.active_sum) + 1; at < MOCK_AT(gpm.active_sum); at += 2, sum += 2) {
        uint64_t rate = mock_word_at(state, at);
        if (rate != 0 && now > since)
            mock_word_put(state, sum, mock_word_at(state, sum) + mock_billionth(now - since, rate));
    }
    mock_word_put(state, MOCK_AT(gpm.since.value), now);
}

struct mock_copy mock_latch_copy(const struct mock_block *block, uint32_t words)
{
    uint64_t settled = atomic_load_explicit(&block->settled, memory_order_acquire);
    uint64_t sequence = atomic_load_explicit(&block->sequence, memory_order_acquire);

    if ((sequence & MOCK_SEQUENCE_MARK) != 0) {
        const struct mock_node *node = mock_node_of(block);
        if (node == NULL || atomic_load_explicit(&node->shared->intent.step, memory_order_acquire) != MOCK_STEP_PUBLISHED)
            sequence = settled;
    }
    return (struct mock_copy){&block->words[(sequence & 1) * words], settled};
}

static uint64_t sequence_of(const struct mock_block *block)
{
    return atomic_load_explicit(&block->sequence, memory_order_relaxed) & ~(uint64_t)MOCK_SEQUENCE_MARK;
}

static void set_sequence(struct mock_block *block, uint64_t sequence)
{
    atomic_store_explicit(&block->sequence, sequence, memory_order_release);
    atomic_store_explicit(&block->settled, sequence, memory_order_release);
}

/* The sequence that publishes the other copy. */
static uint64_t advanced(const struct mock_block *block)
{
    return (sequence_of(block) + MOCK_SEQUENCE_STEP) ^ 1;
}

static void mark(const struct mock_node *node, struct mock_block *block)
{
    atomic_store_explicit(&block->sequence, advanced(block) | MOCK_SEQUENCE_MARK, memory_order_release);
}

static void settle(const struct mock_node *node, struct mock_block *block)
{
    set_sequence(block, sequence_of(block));
}

/* Back to the copy of before, by a sequence that has not been. */
static void unmark(const struct mock_node *node, struct mock_block *block)
{
    if (mock_word_at(&block->sequence, 0) != sequence_of(block))
        set_sequence(block, advanced(block));
}

static void each_block(const struct mock_node *node, void (*change)(const struct mock_node *, struct mock_block *))
{
    const mock_word *blocks = node->shared->intent.blocks;

    for (uint32_t word = 0; word <= node->gpu_count / 64; word++) {
        for (uint64_t bits = mock_word_at(blocks, word); bits != 0; bits &= bits - 1) {
            uint32_t number = word * 64 + (uint32_t)__builtin_ctzll(bits);
            if (number <= node->gpu_count)
                change(node, number == 0 ? node->block : mock_node_gpu(node, number - 1));
        }
    }
}

static void set_step(const struct mock_node *node, enum mock_step step)
{
    atomic_store_explicit(&node->shared->intent.step, step, memory_order_release);
}

/* What follows the moment at which a step is published. */
static void end_published(const struct mock_node *node)
{
    each_block(node, settle);
    set_step(node, MOCK_STEP_NONE);
    each_block(node, mock_events_follow);
}

/* End the step of a writer that was killed: with it where it was published, without it where it was not. */
static void end_step(const struct mock_node *node)
{
    uint64_t step = atomic_load_explicit(&node->shared->intent.step, memory_order_relaxed);

    if (__builtin_expect(step == MOCK_STEP_NONE, 1))
        return;
    if (step == MOCK_STEP_PUBLISHED) {
        end_published(node);
    } else {
        each_block(node, unmark);
        set_step(node, MOCK_STEP_NONE);
    }
}

/* The copy that is to be published next. */
static mock_word *next_copy(const struct mock_node *node, struct mock_block *block)
{
    uint32_t words = block == node->block ? MOCK_NODE_WORDS : MOCK_GPU_WORDS;

    return &block->words[(~sequence_of(block) & 1) * words];
}

/* Make the next copy what the published one is, now. */
static void begin(const struct mock_node *node, struct mock_block *block, uint64_t now)
{
    uint32_t words = block == node->block ? MOCK_NODE_WORDS : MOCK_GPU_WORDS;
    const mock_word *state = &block->words[(sequence_of(block) & 1) * words];
    mock_word *next = next_copy(node, block);

    if (mock_word_at(&block->settled, 0) != sequence_of(block))
        settle(node, block); /* a writer was killed before it did */
    /* No store to the older copy may be seen before the sequence that retired it. */
    atomic_thread_fence(memory_order_release);
    for (uint32_t i = 0; i < words; i++)
        mock_word_put(next, i, mock_word_at(state, i));
    if (block != node->block) {
        carry_integrals(next, now);
        carry_sums(next, now);
    }
}

/* Whether the block is new among those of the step. */
static bool take_up(const struct mock_node *node, const struct mock_block *block)
{
    uint32_t number = block == node->block ? 0 : (uint32_t)(((const char *)block - node->gpus) / MOCK_GPU_STRIDE) + 1;
    mock_word *word = &node->shared->intent.blocks[number / 64];
    uint64_t bits = mock_word_at(word, 0), bit = (uint64_t)1 << number % 64;

    mock_word_put(word, 0, bits | bit);
    return (bits & bit) == 0;
}

static nvmlReturn_t apply(const struct mock_node *node, const struct mock_part *parts, uint32_t count)
{
    uint64_t now = mock_node_time(node);
    nvmlReturn_t status = NVML_SUCCESS;

    end_step(node);
    for (uint32_t word = 0; count > 1 && word <= node->gpu_count / 64; word++)
        mock_word_put(node->shared->intent.blocks, word, 0);
    for (uint32_t i = 0; i < count && status == NVML_SUCCESS; i++) {
        if (count == 1 || take_up(node, parts[i].block))
            begin(node, parts[i].block, now);
        status = parts[i].edit(next_copy(node, parts[i].block), parts[i].context);
    }
    if (status != NVML_SUCCESS)
        return status;
    if (count == 1) {
        set_sequence(parts[0].block, advanced(parts[0].block));
        mock_events_follow(node, parts[0].block);
        return NVML_SUCCESS;
    }
    set_step(node, MOCK_STEP_MARKS);
    each_block(node, mark);
    set_step(node, MOCK_STEP_PUBLISHED);
    end_published(node);
    return NVML_SUCCESS;
}

nvmlReturn_t mock_node_edit_all(struct mock_node *node, const struct mock_part *parts, uint32_t count)
{
    nvmlReturn_t result;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat status;

    if (node->path[0] == '\0') {
        mock_lock();
        result = apply(node, parts, count);
        mock_unlock();
        return result;
    }
    if (!node->writable)
        return NVML_ERROR_NO_PERMISSION;
    int file = open(node->path, O_RDWR | O_CLOEXEC);
    if (file < 0 && errno != ENOENT)
        return errno == EACCES || errno == EROFS || errno == EPERM ? NVML_ERROR_NO_PERMISSION : NVML_ERROR_UNKNOWN;
    if (file < 0 || fstat(file, &status) != 0 || status.st_dev != node->device || status.st_ino != node->inode) {
        dprintf(STDERR_FILENO,
                "mocknvml: %s: the node was moved or replaced since this process attached to it; initialise again\n",
                node->path);
        if (file >= 0)
            close(file);
        return NVML_ERROR_UNKNOWN;
    }
    while (fcntl(file, F_OFD_SETLKW, &lock) != 0) {
        if (errno != EINTR) {
            close(file);
            return NVML_ERROR_UNKNOWN;
        }
    }
    result = apply(node, parts, count);
    /* A child that was forked meanwhile has the description open too: closing ours would leave the lock with it. */
    lock.l_type = F_UNLCK;
    fcntl(file, F_OFD_SETLK, &lock);
    close(file);
    return result;
}

nvmlReturn_t mock_node_edit(struct mock_node *node, struct mock_block *block, mock_edit *edit, const void *context)
{
    return mock_node_edit_all(node, &(struct mock_part){block, edit, context}, 1);
}

nvmlReturn_t mock_put_words(mock_word *state, const void *context)
{
    const struct mock_words *words = context;

    for (uint32_t i = 0; i < words->change.count; i++) {
        uint32_t at = words->change.offsets != NULL ? words->change.offsets[i] : i;
        if (at < words->limit)
            mock_word_put(state, at, words->change.values[i]);
    }
    return NVML_SUCCESS;
}

nvmlReturn_t mock_node_write(struct mock_node *node, struct mock_block *block, struct mock_change change)
{
    struct mock_words words = {change, block != node->block ? MOCK_GPU_WORDS : MOCK_NODE_WORDS};

    return mock_node_edit(node, block, mock_put_words, &words);
}

static nvmlReturn_t fail(char *error, nvmlReturn_t code, const char *path, const char *what)
{
    snprintf(error, MOCK_ERROR_MAX, "%.300s: %s", path, what);
    return code;
}

/* Give a file its size and all its blocks, where the file system can: on a full one, access to a block that is missing
 * kills the process, in a tmpfs even a reader. */
bool mock_node_allocate(int file, off_t size)
{
    int result;

    do
        result = fallocate(file, 0, 0, size);
    while (result != 0 && errno == EINTR);
    return result == 0 || ((errno == EOPNOTSUPP || errno == ENOSYS) && ftruncate(file, size) == 0);
}

nvmlReturn_t mock_node_create(const char *path, const struct mock_profile *profile, uint32_t gpu_count, const char *driver,
                              struct mock_change settings, char error[MOCK_ERROR_MAX])
{
    size_t size = mock_node_size(gpu_count);
    char temporary[PATH_MAX];

    /* The time, because process ids are not unique among containers that share the folder. */
    if ((size_t)snprintf(temporary, sizeof temporary, "%s.%d.%llx.new", path, (int)getpid(),
                         (unsigned long long)mock_monotonic())
        >= sizeof temporary)
        return fail(error, NVML_ERROR_INVALID_ARGUMENT, path, "the path is too long");
    int file = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0)
        return fail(error, NVML_ERROR_NO_PERMISSION, path, strerror(errno));
    char *base = MAP_FAILED;
    if (mock_node_allocate(file, (off_t)size))
        base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (base == MAP_FAILED) {
        int cause = errno;
        unlink(temporary);
        return fail(error, NVML_ERROR_MEMORY, path, strerror(cause));
    }

    struct mock_block *block = (struct mock_block *)(base + HEADER_SIZE);
    mock_node_make(block, driver, mock_monotonic());
    mock_put_words(block->words, &(struct mock_words){settings, MOCK_NODE_WORDS});
    memcpy((void *)&block->words[2 * MOCK_NODE_WORDS], (void *)block->words, MOCK_NODE_WORDS * sizeof(mock_word));
    for (uint32_t i = 0; i < gpu_count; i++) {
        block = (struct mock_block *)(base + HEADER_SIZE + mock_node_memory(i));
        mock_gpu_make(block, profile, i, driver);
        for (uint32_t word = 0; word < MOCK_GPU_WORDS; word++) /* only what is set: most pages stay untouched */
            if (block->words[word] != 0)
                block->words[2 * MOCK_GPU_WORDS + word] = block->words[word];
    }
    struct mock_file_header *header = (struct mock_file_header *)base;
    memcpy(header->magic, magic, sizeof header->magic);
    header->format = FORMAT;
    header->gpu_count = gpu_count;
    header->layout = MOCK_LAYOUT_HASH;
    header->size = size;
    header->checksum = checksum(header);
    munmap(base, size);

    if (rename(temporary, path) != 0) {
        int cause = errno;
        unlink(temporary);
        return fail(error, NVML_ERROR_NO_PERMISSION, path, strerror(cause));
    }
    return NVML_SUCCESS;
}

nvmlReturn_t mock_node_open(struct mock_node *node, const char *path, char *(*place)(size_t size), char error[MOCK_ERROR_MAX])
{
    struct mock_file_header header;
    struct stat status;

    memset(node, 0, sizeof *node);
    /* A writer opens the file again later, from whatever folder the process is in by then. */
    if (realpath(path, node->path) == NULL)
        return fail(error, NVML_ERROR_DRIVER_NOT_LOADED, path, "no such node file; create the node first");
    node->writable = true;
    int file = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        node->writable = false;
        file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (file < 0)
        return fail(error, NVML_ERROR_NO_PERMISSION, path, strerror(errno));

    nvmlReturn_t result = NVML_ERROR_UNKNOWN;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)
        || pread(file, &header, sizeof header, 0) != (ssize_t)sizeof header
        || memcmp(header.magic, magic, sizeof header.magic) != 0) {
        fail(error, result, path, "not a mocknvml node file");
    } else if (header.format != FORMAT || header.layout != MOCK_LAYOUT_HASH) {
        result = NVML_ERROR_LIB_RM_VERSION_MISMATCH;
        fail(error, result, path, "made by another version of mocknvml; create the node again with this one");
    } else if (header.checksum != checksum(&header) || header.gpu_count > MOCK_MAX_GPUS
               || header.size != mock_node_size(header.gpu_count) || (uint64_t)status.st_size != header.size) {
        fail(error, result, path, "the node file is damaged; create the node again");
    } else {
        int protection = node->writable ? PROT_READ | PROT_WRITE : PROT_READ;
        char *base = place != NULL ? place(header.size) : NULL;
        node->base = mmap(base, header.size, protection, MAP_SHARED | (base != NULL ? MAP_FIXED : 0), file, 0);
        if (node->base == MAP_FAILED)
            fail(error, result = NVML_ERROR_MEMORY, path, strerror(errno));
        else
            result = NVML_SUCCESS;
    }
    close(file);
    if (result != NVML_SUCCESS)
        return result;

    node->size = header.size;
    node->gpu_count = header.gpu_count;
    mock_node_lay_out(node, node->base + HEADER_SIZE);
    node->device = status.st_dev;
    node->inode = status.st_ino;
    return NVML_SUCCESS;
}

void mock_node_close(struct mock_node *node)
{
    munmap(node->base, node->size);
}

void mock_node_empty(const struct mock_node *node)
{
    mmap(node->base, node->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}
