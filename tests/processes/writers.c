/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that change one node while others read it, and are killed meanwhile.
 *
 *   writers NODE LIBRARY WRITERS READERS MILLISECONDS KILLS
 *   writers NODE LIBRARY READERS KILLS
 *
 * Each change of a GPU keeps some values equal, and counts itself; those that change the whole node raise the generation
 * of all GPUs by one. Readers go through the library. Writers are killed at any moment; in the second form one after the
 * other, at instructions spread over the publishing of a change. The program prints what has happened, or what went wrong.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

enum {
    GPUS = 8,
    BLOCKS = GPUS + 1, /* the node's own is the last */
    NODE = GPUS,
    MOST_WRITERS = 4,
    MOST_READERS = 16,
    HANG = 60,         /* seconds without an end of one of the steps below */
    LONGEST_LIFE = 3000, /* microseconds from a writer's start to its kill */
    NOBODY = 65534,
};

/* Words that nothing else uses: those of the last signal. */
#define OWN_COUNT(writer, is_node) \
    ((is_node ? MOCK_NODE_SIGNALS : MOCK_GPU_SIGNALS) + (MOCK_SIGNALS - 1) * MOCK_SIGNAL_WORDS + (writer))

#define CHECK(condition)                                                                                                 \
    do {                                                                                                                 \
        if (!(condition)) {                                                                                              \
            fprintf(stderr, "writers.c:%d: %s (errno %d)\n", __LINE__, #condition, errno);                               \
            _exit(1);                                                                                                    \
        }                                                                                                                \
    } while (0)

/* What the processes tell each other, beside the node. */
static struct {
    _Atomic uint64_t before[MOST_WRITERS][BLOCKS]; /* how often it had changed each block before its last change */
    _Atomic uint64_t last[MOST_WRITERS];           /* a bit for each block of that; 0 between two changes */
    _Atomic uint64_t changes[MOST_WRITERS];
    _Atomic uint64_t reads[MOST_READERS];
    _Atomic uint32_t readers_ready;
    atomic_bool stop_writing, stop_reading;
} *shared;

static bool stepped;
static uint64_t milliseconds;
static uint32_t killed, amid; /* of the kills: while a change was being published */
static uint32_t instructions; /* that publish a change of the whole node */
static struct mock_node node;

/* Of node.c, which asks for them. */
uint64_t mock_now(void)
{
    return mock_node_time(&node);
}

const struct mock_node *mock_node_of(const struct mock_block *block)
{
    return mock_node_holds(&node, block) ? &node : NULL;
}

static struct mock_block *block_at(uint32_t number)
{
    return number == NODE ? node.block : mock_node_gpu(&node, number);
}

static uint64_t random_below(uint64_t *state, uint64_t bound)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % bound;
}

/* Writers */

struct change {
    uint32_t writer;
    bool whole;
    uint64_t value;
};

static void put_number(mock_word *state, uint32_t at, uint64_t value)
{
    mock_word_put(state, at, MOCK_HEAD_SUCCESS);
    mock_word_put(state, at + 1, value);
}

static void count(mock_word *state, uint32_t at)
{
    mock_word_put(state, at, mock_word_at(state, at) + 1);
}

static nvmlReturn_t change_gpu(mock_word *state, const void *context)
{
    const struct change *change = context;
    uint64_t generation = mock_word_at(state, MOCK_AT(power.limit_min.value)) + change->whole;

    count(state, OWN_COUNT(change->writer, false));
    put_number(state, MOCK_AT(power.limit_min), generation);
    put_number(state, MOCK_AT(utilization.gpu), change->value % 101);
    put_number(state, MOCK_AT(memory.total), 2 * change->value);
    put_number(state, MOCK_AT(memory.allocated), change->value);
    put_number(state, MOCK_AT(utilization.memory), change->value % 101);
    put_number(state, MOCK_AT(power.limit_max), generation);
    return NVML_SUCCESS;
}

/* The last edit before a change of the whole node is published. */
static nvmlReturn_t change_node(mock_word *state, const void *context)
{
    count(state, OWN_COUNT(((const struct change *)context)->writer, true));
    if (stepped)
        raise(SIGSTOP); /* the parent takes the steps from here */
    return NVML_SUCCESS;
}

static nvmlReturn_t begin_gpu(mock_word *state, const void *unused)
{
    put_number(state, MOCK_AT(power.limit_min), 0);
    put_number(state, MOCK_AT(power.limit_max), 0);
    put_number(state, MOCK_AT(memory.reserved), 0);
    mock_word_put(state, MOCK_AT(processes.running), MOCK_HEAD_SUCCESS);
    return change_gpu(state, &(struct change){.value = 1});
}

static uint64_t word_of(uint32_t block, uint32_t at)
{
    uint32_t words = block == NODE ? MOCK_NODE_WORDS : MOCK_GPU_WORDS;
    const mock_word *state;
    uint64_t value = 0;

    MOCK_LATCH(state, block_at(block), words) {
        value = mock_word_at(state, at);
    }
    return value;
}

static uint64_t own_count(uint32_t writer, uint32_t block)
{
    return word_of(block, OWN_COUNT(writer, block == NODE));
}

/* Each third change is of the whole node, each third of some GPUs, each third of one. */
static void write_on(uint32_t writer)
{
    uint64_t random = mock_monotonic() + writer, counts[BLOCKS];

    if (stepped)
        CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
    for (uint32_t block = 0; block < BLOCKS; block++)
        counts[block] = own_count(writer, block);
    for (uint64_t turn = 0; !atomic_load(&shared->stop_writing); turn++) {
        struct change change = {writer, turn % 3 == 0, 1 + random_below(&random, 1 << 30)};
        uint64_t blocks = 1u << random_below(&random, GPUS);
        struct mock_part parts[BLOCKS];
        uint32_t parted = 0;

        if (turn % 3 == 0)
            blocks = (1u << BLOCKS) - 1;
        else if (turn % 3 == 1)
            blocks |= random_below(&random, 1 << GPUS);
        for (uint32_t block = 0; block < BLOCKS; block++)
            if ((blocks >> block & 1) != 0)
                parts[parted++] = (struct mock_part){block_at(block), block == NODE ? change_node : change_gpu, &change};
        atomic_store(&shared->last[writer], 0);
        for (uint32_t block = 0; block < BLOCKS; block++)
            atomic_store(&shared->before[writer][block], counts[block]);
        atomic_store(&shared->last[writer], blocks);
        CHECK(mock_node_edit_all(&node, parts, parted) == NVML_SUCCESS);
        for (uint32_t block = 0; block < BLOCKS; block++) {
            counts[block] += blocks >> block & 1;
            CHECK(own_count(writer, block) == counts[block]); /* whatever the others do */
        }
        atomic_fetch_add(&shared->changes[writer], 1);
    }
}

/* Readers */

static void read_on(const char *path, uint32_t reader)
{
    nvmlDevice_t devices[GPUS];
    uint64_t random = reader, generation = 0;

    /* Half of them may not write to the file, and map it for reading only. */
    if (reader % 2 == 1 && geteuid() == 0)
        CHECK(setuid(NOBODY) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    CHECK(library != NULL);
#define FIND(name) __typeof__(&name) name##_ = (__typeof__(&name))dlsym(library, #name)
    FIND(nvmlInit_v2);
    FIND(nvmlDeviceGetHandleByIndex_v2);
    FIND(nvmlDeviceGetPowerManagementLimitConstraints);
    FIND(nvmlDeviceGetUtilizationRates);
    FIND(nvmlDeviceGetMemoryInfo);
    CHECK(nvmlInit_v2_() == NVML_SUCCESS);
    for (unsigned i = 0; i < GPUS; i++)
        CHECK(nvmlDeviceGetHandleByIndex_v2_(i, &devices[i]) == NVML_SUCCESS);
    atomic_fetch_add(&shared->readers_ready, 1);
    while (!atomic_load(&shared->stop_reading)) {
        nvmlDevice_t device = devices[random_below(&random, GPUS)];
        unsigned least, most;
        nvmlUtilization_t busy;
        nvmlMemory_t memory;

        CHECK(nvmlDeviceGetPowerManagementLimitConstraints_(device, &least, &most) == NVML_SUCCESS);
        CHECK(nvmlDeviceGetUtilizationRates_(device, &busy) == NVML_SUCCESS);
        CHECK(nvmlDeviceGetMemoryInfo_(device, &memory) == NVML_SUCCESS);
        CHECK(least == most && busy.gpu == busy.memory && memory.total == 2 * memory.used && memory.free == memory.used);
        /* Whichever GPU was read before: a change of all of them is seen at once. */
        CHECK(least >= generation);
        generation = least;
        atomic_fetch_add_explicit(&shared->reads[reader], 3, memory_order_relaxed);
    }
}

/* The parent */

static pid_t start(void (*body)(uint32_t), uint32_t number)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body(number);
        _exit(0);
    }
    return child;
}

static const char *library_path;

static void reader_body(uint32_t reader)
{
    read_on(library_path, reader);
}

static void reap(pid_t child, bool killed)
{
    int status;

    alarm(HANG);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0);
}

/* Of a writer that is dead: all blocks of its last change count it, or none does. */
static void look_at_last_change(uint32_t writer)
{
    uint64_t blocks = atomic_load(&shared->last[writer]), counted = 0;

    for (uint32_t block = 0; blocks != 0 && block < BLOCKS; block++) {
        uint64_t more = own_count(writer, block) - atomic_load(&shared->before[writer][block]);
        CHECK(more <= (blocks >> block & 1));
        counted |= more << block;
    }
    CHECK(counted == 0 || counted == blocks);
}

/* While nobody writes: all GPUs are of one generation, and each change has been counted once. */
static void look_at_rest(void)
{
    uint64_t generation = word_of(0, MOCK_AT(power.limit_min.value)), wholes = 0;

    for (uint32_t gpu = 0; gpu < GPUS; gpu++)
        CHECK(word_of(gpu, MOCK_AT(power.limit_min.value)) == generation);
    for (uint32_t writer = 0; writer < MOST_WRITERS; writer++)
        wholes += word_of(NODE, OWN_COUNT(writer, true));
    CHECK(generation == wholes);
}

static uint64_t sum(const _Atomic uint64_t *counts, uint32_t length)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < length; i++)
        total += atomic_load(&counts[i]);
    return total;
}

static void wait_for(uint64_t microseconds)
{
    struct timespec pause = {(time_t)(microseconds / 1000000), (long)(microseconds % 1000000) * 1000};

    while (nanosleep(&pause, &pause) != 0)
        CHECK(errno == EINTR);
}

static uint64_t step_of_node(void)
{
    return atomic_load(&node.shared->intent.step);
}

/* Until the counts have grown. */
static void wait_for_more(const _Atomic uint64_t *counts, uint32_t length)
{
    alarm(HANG);
    for (uint64_t before = sum(counts, length); sum(counts, length) == before;)
        wait_for(10);
}

/* Kill writers at any moment: one of them, or all. */
static void kill_some(uint32_t writing, uint32_t kills)
{
    pid_t writers[MOST_WRITERS];
    uint64_t random = mock_monotonic();

    for (uint32_t i = 0; i < writing; i++)
        writers[i] = start(write_on, i);
    while (killed < kills) {
        bool all = random_below(&random, 4) == 0;
        uint32_t first = all ? 0 : (uint32_t)random_below(&random, writing), end = all ? writing : first + 1;
        wait_for(random_below(&random, LONGEST_LIFE));
        for (uint32_t i = first; i < end; i++)
            CHECK(kill(writers[i], SIGKILL) == 0);
        for (uint32_t i = first; i < end; i++, killed++)
            reap(writers[i], true);
        for (uint32_t i = first; i < end; i++)
            look_at_last_change(i);
        if (all) {
            amid += step_of_node() != MOCK_STEP_NONE;
            look_at_rest();
        }
        for (uint32_t i = first; i < end; i++)
            writers[i] = start(write_on, i);
        wait_for_more(shared->changes, writing);
    }
    wait_for(milliseconds * 1000);
    atomic_store(&shared->stop_writing, true);
    for (uint32_t i = 0; i < writing; i++) {
        reap(writers[i], false);
        look_at_last_change(i);
    }
}

static bool take_step(pid_t writer)
{
    int status;

    CHECK(ptrace(PTRACE_SINGLESTEP, writer, NULL, NULL) == 0 && waitpid(writer, &status, 0) == writer);
    return WIFSTOPPED(status);
}

/* A writer that stands right behind its last edit of a change of the whole node. */
static pid_t start_stepped(void)
{
    int status;
    pid_t writer = start(write_on, 0);

    alarm(HANG);
    CHECK(waitpid(writer, &status, 0) == writer && WIFSTOPPED(status));
    return writer;
}

static void kill_stepped(pid_t writer)
{
    CHECK(kill(writer, SIGKILL) == 0);
    reap(writer, true);
    look_at_last_change(0);
}

static void kill_at_instructions(uint32_t kills)
{
    pid_t writer = start_stepped();

    while (step_of_node() == MOCK_STEP_NONE)
        CHECK(take_step(writer));
    for (; step_of_node() != MOCK_STEP_NONE; instructions++)
        CHECK(take_step(writer));
    kill_stepped(writer);
    for (; killed < kills; killed++) {
        uint32_t steps = instructions * killed / kills;
        writer = start_stepped();
        while (step_of_node() == MOCK_STEP_NONE)
            CHECK(take_step(writer));
        for (uint32_t i = 0; i < steps; i++)
            CHECK(take_step(writer));
        kill_stepped(writer);
        amid += step_of_node() != MOCK_STEP_NONE;
        look_at_rest();
    }
    atomic_store(&shared->changes[0], own_count(0, NODE)); /* no writer has lived to count */
}

int main(int argc, char **argv)
{
    char error[MOCK_ERROR_MAX];
    pid_t readers[MOST_READERS];

    CHECK(argc == 7 || argc == 5);
    stepped = argc == 5;
    uint32_t writing = stepped ? 1 : (uint32_t)atoi(argv[3]), reading = (uint32_t)atoi(argv[argc - (stepped ? 2 : 3)]);
    CHECK(writing <= MOST_WRITERS && reading <= MOST_READERS);
    library_path = argv[2];
    setenv("MOCK_NVML_NODE", argv[1], 1);
    CHECK(mock_node_open(&node, argv[1], NULL, error) == NVML_SUCCESS && node.gpu_count == GPUS);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    for (uint32_t gpu = 0; gpu < GPUS; gpu++)
        CHECK(mock_node_edit(&node, block_at(gpu), begin_gpu, NULL) == NVML_SUCCESS);

    for (uint32_t i = 0; i < reading; i++)
        readers[i] = start(reader_body, i);
    while (atomic_load(&shared->readers_ready) < reading)
        CHECK(waitpid(-1, NULL, WNOHANG) == 0);
    if (stepped) {
        kill_at_instructions((uint32_t)atoi(argv[4]));
    } else {
        milliseconds = (uint64_t)atoi(argv[5]);
        kill_some(writing, (uint32_t)atoi(argv[6]));
    }
    wait_for_more(shared->reads, reading); /* they go on too */
    atomic_store(&shared->stop_reading, true);
    for (uint32_t i = 0; i < reading; i++)
        reap(readers[i], false);
    look_at_rest();
    printf("changes\t%llu\nreads\t%llu\n", (unsigned long long)sum(shared->changes, writing),
           (unsigned long long)sum(shared->reads, reading));
    printf("kills\t%u\namid\t%u\ninstructions\t%u\n", killed, amid, instructions);
    return 0;
}
