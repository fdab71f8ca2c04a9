/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random calls. `fuzz MILLISECONDS SEED`: of the node that the environment says.
 * `fuzz MILLISECONDS SEED GOOD NODE`: of files that are made from a good one by damage, and damaged further meanwhile.
 *
 * A caller is wrong about anything but the memory that it owns: all pointers are NULL or lead to as much as they promise,
 * no byte more, so that a sanitizer sees each step beyond.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

enum kind {
    NUMBER,
    SMALL,  /* a number that is waited for */
    ROOM,   /* how many elements the lists of a call have */
    COUNT,  /* a pointer to that */
    LIST,
    MEMORY,
    TEXT,
    HANDLE,
    MADE, /* a pointer to a handle that the function makes */
    STRUCT,
};

struct field {
    uint32_t at;
    enum kind kind;
    uint32_t size;
};

/* One version of a struct. */
struct shape {
    uint32_t size, word, version_at;
    const struct field *fields;
    uint32_t count;
};

struct argument {
    enum kind kind;
    uint32_t size; /* of an element, or which handle */
    const struct shape *shapes; /* up to one of no size */
};

typedef nvmlReturn_t caller(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

struct function {
    const char *name;
    caller *call;
    const struct argument *arguments;
    uint32_t count;
};

#include "tables.h"

enum {
    HANDLE_KINDS = 4,
    KEPT = 8,      /* handles of a kind */
    ANSWERS = 32,  /* that are kept */
    LONGEST_ANSWER = 512,
    POINTERS = 64, /* of one call */
    ARGUMENTS = 9,
    HEADER = 4096, /* bytes of a file before its first block */
    CALLS_OF_A_FILE = 300,
    HANG = 20,     /* seconds */
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static uint64_t seed;
static uint64_t handles[HANDLE_KINDS + 1][KEPT];
static struct {
    void *memory;
    size_t size;
} pointers[POINTERS]; /* of a call */
static uint32_t pointer_count;
static struct {
    unsigned char bytes[LONGEST_ANSWER + 1];
    size_t size;
} answers[ANSWERS]; /* what calls have written, to be asked with again: addresses, texts, settings */
static uint32_t room;

static void fail(const char *what)
{
    fprintf(stderr, "fuzz: %s (errno %d)\n", what, errno);
    abort();
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t value = *state += 0x9E3779B97F4A7C15u;

    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
    value = (value ^ value >> 27) * 0x94D049BB133111EBu;
    return value ^ value >> 31;
}

static uint64_t below(uint64_t bound)
{
    return next_random(&seed) % bound;
}

static uint64_t number(void)
{
    static const uint64_t edges[] = {0, 1, 2, 3, 7, 8, 16, 31, 32, 64, 255, 256, 300000, INT32_MAX, UINT32_MAX, 1ull << 32,
                                     INT64_MAX, UINT64_MAX};

    return below(4) == 0 ? next_random(&seed) : below(2) == 0 ? below(12) : edges[below(COUNT_OF(edges))];
}

static uint64_t handle(uint32_t kind)
{
    if (below(8) != 0)
        return handles[kind][below(KEPT)];
    uint64_t other = handles[below(HANDLE_KINDS)][below(KEPT)];
    return below(2) == 0 ? number() : other + below(3) * 8 - 8 + below(2);
}

/* Exactly this much, to be freed after the call. */
static void *memory(size_t size)
{
    unsigned char *bytes = malloc(size);

    if (bytes == NULL || pointer_count == POINTERS)
        fail("memory");
    pointers[pointer_count].memory = bytes;
    pointers[pointer_count++].size = size;
    uint64_t way = below(4), pattern = way == 0 ? 0 : next_random(&seed);
    for (uint64_t i = below(ANSWERS), end = i + ANSWERS; way == 1 && i < end; i++) {
        if (answers[i % ANSWERS].size == size) {
            memcpy(bytes, answers[i % ANSWERS].bytes, size);
            return bytes;
        }
    }
    for (size_t i = 0; i < size; i++)
        bytes[i] = way == 2 ? (i % 4 == 0 ? (unsigned char)below(6) : 0) : (unsigned char)(pattern >> i % 8 * 8);
    return bytes;
}

static void keep_answers(void)
{
    for (uint32_t i = 0; i < pointer_count; i++) {
        uint64_t answer = below(ANSWERS);
        if (pointers[i].size > LONGEST_ANSWER || below(8) != 0)
            continue;
        memcpy(answers[answer].bytes, pointers[i].memory, pointers[i].size);
        answers[answer].bytes[pointers[i].size] = '\0';
        answers[answer].size = pointers[i].size;
    }
}

static void *text(void)
{
    static const char *const known[] = {"", "0", "GPU-", "00000000:07:00.0", "0000:07:00.0", "07:00.0", "7", "all",
                                        "00000000:0F:00.0", "FFFFFFFF:FF:FF.7", "/", "default", "\xff\xfe"};
    const char *from = below(2) == 0 ? known[below(COUNT_OF(known))] : (const char *)answers[below(ANSWERS)].bytes;
    size_t length = below(3) == 0 ? below(5000) : strlen(from);
    char *copy = memory(length + 1);

    for (size_t i = 0; i < length; i++)
        copy[i] = length == strlen(from) ? from[i] : (char)(1 + below(255));
    copy[length] = '\0';
    return copy;
}

static void *structure(const struct shape *shapes)
{
    uint32_t versions = 0;

    while (shapes[versions].size != 0)
        versions++;
    const struct shape *shape = &shapes[below(versions)];
    unsigned char *bytes = memory(shape->size);
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        uint64_t value = 0;
        uint32_t size = 8;
        if (field->kind == HANDLE) {
            value = handle(field->size);
        } else if (field->kind == TEXT) {
            value = below(4) == 0 ? 0 : (uint64_t)(uintptr_t)text();
        } else if (field->kind == LIST) {
            if (below(4) != 0 && pointer_count < POINTERS / 2)
                value = (uint64_t)(uintptr_t)memory((size_t)room * field->size);
        } else {
            value = field->kind == ROOM ? room : below(3);
            size = field->kind == ROOM ? field->size : 4;
        }
        memcpy(&bytes[field->at], &value, size);
    }
    if (shape->word != 0) {
        uint32_t word = below(8) == 0 ? (uint32_t)number() : shape->word;
        for (uint32_t i = 0; i < versions; i++)
            if (word == shapes[i].word && shapes[i].size > shape->size)
                word = shape->word; /* that would promise more memory */
        memcpy(&bytes[shape->version_at], &word, sizeof word);
    }
    return bytes;
}

static uint64_t argument(const struct argument *argument)
{
    if (argument->kind >= COUNT && argument->kind != HANDLE && below(16) == 0)
        return 0;
    switch (argument->kind) {
    case NUMBER:
        return number();
    case SMALL:
        return below(3);
    case ROOM:
        return room;
    case COUNT:
        return (uint64_t)(uintptr_t)memcpy(memory(sizeof room), &room, sizeof room);
    case LIST:
        return (uint64_t)(uintptr_t)memory((size_t)room * argument->size);
    case MEMORY:
        return (uint64_t)(uintptr_t)memory(argument->size);
    case TEXT:
        return (uint64_t)(uintptr_t)text();
    case HANDLE:
        return handle(argument->size);
    case MADE:
        return (uint64_t)(uintptr_t)memory(sizeof(uint64_t));
    case STRUCT:
        return (uint64_t)(uintptr_t)structure(argument->shapes);
    }
    return 0;
}

static bool tell;
static const char *volatile calling = "";

static void say_what_hangs(int number)
{
    dprintf(STDERR_FILENO, "fuzz: signal %d: %s hangs\n", number, calling);
    abort();
}

static void call(const struct function *function)
{
    uint64_t a[ARGUMENTS] = {0};

    room = (uint32_t)(below(8) == 0 ? below(300) : below(20));
    for (uint32_t i = 0; i < function->count; i++)
        a[i] = argument(&function->arguments[i]);
    calling = function->name;
    if (tell)
        fprintf(stderr, "%s\n", function->name);
    nvmlReturn_t status = function->call(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8]);
    for (uint32_t i = 0; i < function->count && status == NVML_SUCCESS; i++)
        if (function->arguments[i].kind == MADE)
            memcpy(&handles[function->arguments[i].size][below(KEPT)], (void *)(uintptr_t)a[i], sizeof(uint64_t));
    if (status == NVML_SUCCESS)
        keep_answers();
    while (pointer_count > 0)
        free(pointers[--pointer_count].memory);
}

static void call_any(void)
{
    call(&functions[below(COUNT_OF(functions))]);
}

static void find_devices(void)
{
    for (uint32_t i = 0; i < KEPT; i++) {
        nvmlDevice_t device = NULL;
        nvmlDeviceGetHandleByIndex_v2(i, &device);
        handles[0][i] = (uint64_t)(uintptr_t)device;
    }
}

static uint64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Files */

static uint64_t hostile_word(uint64_t *state)
{
    static const uint64_t words[] = {0, 1, 2, 3, 4, 0xFFFF, 0x10003, 0x20003, 0x100003, 0xFFFFFFFF00000003,
                                     0xFFFFFFFFFFFF0003, 0x7FFFFFFF00000003, 0x4000000003, UINT64_MAX, INT64_MAX, 1ull << 63};
    uint64_t random = next_random(state);

    return random % 4 == 0 ? next_random(state) : words[random / 4 % COUNT_OF(words)];
}

/* What lets a call wait for long, and rightly: the delay of a rule, and waits by the node's clock, which may stand still. */
static bool waits(size_t at)
{
    size_t byte = at * 8, rules = MOCK_NODE_STRIDE + offsetof(struct mock_shared, rules.rules);
    size_t word = at - MOCK_BLOCK_HEADER_WORDS;

    if (byte >= rules && byte < rules + sizeof(struct mock_rule) * MOCK_RULES)
        return (byte - rules) % sizeof(struct mock_rule) == offsetof(struct mock_rule, delay);
    word = word < 3 * MOCK_NODE_WORDS ? word % MOCK_NODE_WORDS : 0;
    return word == MOCK_AT_NODE(clock.waits.head) || word == MOCK_AT_NODE(clock.waits.value); /* a head may name a signal */
}

/* Words here and there, or many beside each other. */
static void damage(uint64_t *words, size_t count, uint64_t times, uint64_t *state)
{
    for (uint64_t i = 0; i < times; i++) {
        size_t at = next_random(state) % count, length = next_random(state) % 8 == 0 ? 200 : 1;
        uint64_t word = hostile_word(state);
        for (size_t j = at; j < count && j < at + length; j++)
            if (!waits(j))
                __atomic_store_n(&words[j], word, __ATOMIC_RELAXED);
    }
}

static struct {
    uint64_t *words;
    size_t count;
    uint64_t state;
    atomic_bool stop;
} damaged;

static void *damage_on(void *unused)
{
    (void)unused;
    while (!atomic_load(&damaged.stop))
        damage(damaged.words, damaged.count, 16, &damaged.state);
    return NULL;
}

/* A new file: a good one, damaged in its header, in its length, or behind its header. */
static size_t make_file(const char *good, const char *path)
{
    struct stat status;
    int from = open(good, O_RDONLY);

    if (from < 0 || fstat(from, &status) != 0)
        fail("good file");
    size_t size = (size_t)status.st_size;
    unsigned char *bytes = malloc(size);
    if (bytes == NULL || read(from, bytes, size) != (ssize_t)size)
        fail("reading the good file");
    close(from);
    uint64_t way = below(10);
    if (way == 0)
        bytes[below(48)] ^= (unsigned char)(1 << below(8));
    else if (way == 1)
        size = below(size + 1);
    else
        damage((uint64_t *)(void *)&bytes[HEADER], (size - HEADER) / 8, below(4) == 0 ? below(20000) : below(300), &seed);
    unlink(path);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (to < 0 || write(to, bytes, size) != (ssize_t)size)
        fail("writing a file");
    close(to);
    free(bytes);
    return size;
}

static void call_on_file(const char *good, const char *path)
{
    pthread_t thread;
    size_t size = make_file(good, path);
    bool changing = below(2) == 0;

    if (nvmlInit_v2() != NVML_SUCCESS)
        return;
    if (changing) {
        int file = open(path, O_RDWR);
        unsigned char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (base == MAP_FAILED)
            fail("mapping a file");
        close(file);
        damaged.words = (uint64_t *)(void *)&base[HEADER];
        damaged.count = (size - HEADER) / 8;
        damaged.state = next_random(&seed);
        atomic_store(&damaged.stop, false);
        if (pthread_create(&thread, NULL, damage_on, NULL) != 0)
            fail("a thread");
    }
    find_devices();
    for (uint32_t i = 0; i < CALLS_OF_A_FILE; i++)
        call_any();
    if (changing) {
        atomic_store(&damaged.stop, true);
        pthread_join(thread, NULL);
        munmap((unsigned char *)damaged.words - HEADER, size);
    }
    nvmlShutdown();
}

int main(int count, char **words)
{
    unsigned long long calls = 0;

    if (count != 3 && count != 5)
        return 2;
    tell = getenv("FUZZ_TELL") != NULL;
    signal(SIGALRM, say_what_hangs);
    uint64_t end = milliseconds() + strtoull(words[1], NULL, 10);
    seed = strtoull(words[2], NULL, 10);
    if (count == 5)
        setenv("MOCK_NVML_NODE", words[4], 1);
    for (uint64_t turn = 0; milliseconds() < end; turn++) {
        alarm(HANG);
        if (count == 5) {
            call_on_file(words[3], words[4]);
            calls += CALLS_OF_A_FILE;
            continue;
        }
        /* Now and then without an init, or with more than one. */
        if (turn % 16 == 0)
            nvmlShutdown();
        else if (nvmlInit_v2() != NVML_SUCCESS)
            fail("nvmlInit_v2");
        find_devices();
        for (uint32_t i = 0; i < 1000; i++, calls++)
            call_any();
        nvmlShutdown();
    }
    printf("%llu\n", calls);
    return 0;
}
