/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How soon processes see a change of a node, or wake for an event, and what a setter costs. Linked with what writes nodes.
 *
 *   live NODE LIBRARY   one line per measurement: its name, median nanoseconds, those of what it is compared with
 *
 * The reader is a process of its own on another CPU. It reads without a pause, as who polls does, and notes when it has
 * seen a change; both processes read the same clock.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node.h"

enum {
    ROUNDS = 2000,
    WAKES = 500,
    FOREVER = 3600 * 1000, /* milliseconds */
    LOWEST = 100000, /* mW; all power limits of a DGX A100 up to LOWEST + ROUNDS are in range */
};

static struct {
    _Atomic uint64_t value, seen_at;
    _Atomic uint32_t word; /* to sleep on */
} *shared;
static uint64_t changed_at;
static nvmlDevice_t device;
static __typeof__(&nvmlDeviceSetPowerManagementLimit) set_limit;
static __typeof__(&nvmlDeviceGetPowerManagementLimit) get_limit;
static __typeof__(&nvmlEventSetWait_v2) wait_for;
static nvmlEventSet_t events;

/* Of node.c, which asks for them where signals are evaluated and where several blocks change at once; neither is here. */
uint64_t mock_now(void)
{
    return 0;
}

const struct mock_node *mock_node_of(const struct mock_block *block)
{
    return NULL;
}

static void check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "live: %s failed\n", what);
        exit(2);
    }
}

static void run_on(int cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    check(sched_setaffinity(0, sizeof cpus, &cpus) == 0, "two CPUs");
}

static void attach(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    check(library != NULL, "dlopen");
    __typeof__(&nvmlInit_v2) init = (__typeof__(&nvmlInit_v2))dlsym(library, "nvmlInit_v2");
    __typeof__(&nvmlDeviceGetHandleByIndex_v2) by_index =
        (__typeof__(&nvmlDeviceGetHandleByIndex_v2))dlsym(library, "nvmlDeviceGetHandleByIndex_v2");
    set_limit = (__typeof__(set_limit))dlsym(library, "nvmlDeviceSetPowerManagementLimit");
    get_limit = (__typeof__(get_limit))dlsym(library, "nvmlDeviceGetPowerManagementLimit");
    check(init() == NVML_SUCCESS && by_index(0, &device) == NVML_SUCCESS, "nvmlInit_v2");
    __typeof__(&nvmlEventSetCreate) create = (__typeof__(create))dlsym(library, "nvmlEventSetCreate");
    __typeof__(&nvmlDeviceRegisterEvents) listen = (__typeof__(listen))dlsym(library, "nvmlDeviceRegisterEvents");
    wait_for = (__typeof__(wait_for))dlsym(library, "nvmlEventSetWait_v2");
    check(create(&events) == NVML_SUCCESS && listen(device, nvmlEventTypeXidCriticalError, events) == NVML_SUCCESS,
          "nvmlDeviceRegisterEvents");
}

static uint64_t limit_of_library(void)
{
    unsigned limit = 0;

    get_limit(device, &limit);
    return limit;
}

static uint64_t bare_word(void)
{
    return atomic_load_explicit(&shared->value, memory_order_acquire);
}

/* The last act before the change is published. */
static nvmlReturn_t edit_limit(mock_word *state, const void *context)
{
    mock_word_put(state, MOCK_AT(power.limit.value), *(const uint64_t *)context);
    changed_at = mock_monotonic();
    return NVML_SUCCESS;
}

static int by_size(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

static uint64_t median(uint64_t *times, size_t count)
{
    qsort(times, count, sizeof *times, by_size);
    return times[count / 2];
}

/* From a change to when the process that reads has seen it. */
static uint64_t until_seen(struct mock_node *node, const char *library, uint64_t (*read)(void))
{
    static uint64_t times[ROUNDS];
    pid_t reader = fork();

    if (reader == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_on(1);
        attach(library);
        for (uint64_t value = read();;) {
            uint64_t now = read();
            if (now != value) {
                atomic_store(&shared->seen_at, mock_monotonic());
                value = now;
            } else if (atomic_load(&shared->seen_at) == 0) {
                atomic_store(&shared->seen_at, 1); /* at work */
            }
        }
    }
    while (atomic_load(&shared->seen_at) == 0)
        usleep(1000);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t value = LOWEST + round, seen;
        atomic_store(&shared->seen_at, 1);
        if (node != NULL) {
            check(mock_node_edit(node, mock_node_gpu(node, 0), edit_limit, &value) == NVML_SUCCESS, "an edit");
        } else {
            changed_at = mock_monotonic();
            atomic_store_explicit(&shared->value, value, memory_order_release);
        }
        while ((seen = atomic_load(&shared->seen_at)) == 1)
            ;
        times[round] = seen > changed_at ? seen - changed_at : 0;
    }
    kill(reader, SIGKILL);
    atomic_store(&shared->seen_at, 0);
    return median(times, ROUNDS);
}

static void wait_for_event(void)
{
    nvmlEventData_t data;

    check(wait_for(events, &data, FOREVER) == NVML_SUCCESS, "nvmlEventSetWait_v2");
}

static void wait_for_word(void)
{
    syscall(SYS_futex, &shared->word, FUTEX_WAIT, atomic_load(&shared->word), NULL, NULL, 0);
}

static void let_sleep(pid_t process)
{
    char path[64], line[64], state = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    while (state != 'S') {
        FILE *file = fopen(path, "r");
        check(file != NULL && fgets(line, sizeof line, file) != NULL && sscanf(line, "%*d (%*[^)]) %c", &state) == 1, path);
        fclose(file);
    }
}

/* From an event, or without a node from a change of the word, to when the process that waits for it is back. */
static uint64_t until_awake(struct mock_node *node, const char *library, void (*wait)(void))
{
    const struct mock_event event = {.type = nvmlEventTypeXidCriticalError, .data = 79};
    static uint64_t times[WAKES];
    pid_t waiter = fork();

    if (waiter == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_on(1);
        attach(library);
        atomic_store(&shared->seen_at, 1);
        for (;;) {
            wait();
            atomic_store(&shared->seen_at, mock_monotonic());
        }
    }
    while (atomic_load(&shared->seen_at) == 0)
        usleep(1000);
    for (uint32_t round = 0; round < WAKES; round++) {
        let_sleep(waiter);
        atomic_store(&shared->seen_at, 1);
        uint64_t raised_at = mock_monotonic(), seen;
        if (node != NULL) {
            check(mock_event_raise(node, &event) == NVML_SUCCESS, "an event");
        } else {
            atomic_fetch_add(&shared->word, 1);
            syscall(SYS_futex, &shared->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
        }
        while ((seen = atomic_load(&shared->seen_at)) == 1)
            ;
        times[round] = seen - raised_at;
    }
    kill(waiter, SIGKILL);
    atomic_store(&shared->seen_at, 0);
    return median(times, WAKES);
}

static uint64_t of_setter(void)
{
    static uint64_t times[ROUNDS];

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t start = mock_monotonic();
        check(set_limit(device, LOWEST + round) == NVML_SUCCESS, "nvmlDeviceSetPowerManagementLimit");
        times[round] = mock_monotonic() - start;
    }
    check(limit_of_library() == LOWEST + ROUNDS - 1, "reading what was set");
    return median(times, ROUNDS);
}

/* What no writer of a shared file gets by without. */
static uint64_t of_file_lock(const char *path)
{
    static uint64_t times[ROUNDS];

    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        uint64_t start = mock_monotonic();
        int file = open(path, O_RDWR | O_CLOEXEC);
        check(fcntl(file, F_SETLKW, &lock) == 0, "a lock");
        close(file);
        times[round] = mock_monotonic() - start;
    }
    return median(times, ROUNDS);
}

int main(int argc, char **argv)
{
    char error[MOCK_ERROR_MAX];
    struct mock_node node;

    check(argc == 3 && mock_node_open(&node, argv[1], NULL, error) == NVML_SUCCESS, "opening the node");
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    run_on(0);
    uint64_t seen = until_seen(&node, argv[2], limit_of_library), ping = until_seen(NULL, argv[2], bare_word);
    printf("a change, until another process reads it\t%llu\t%llu\n", (unsigned long long)seen, (unsigned long long)ping);
    uint64_t awake = until_awake(&node, argv[2], wait_for_event), woken = until_awake(NULL, argv[2], wait_for_word);
    printf("an event, until nvmlEventSetWait returns elsewhere\t%llu\t%llu\n", (unsigned long long)awake,
           (unsigned long long)woken);
    attach(argv[2]);
    printf("SetPowerManagementLimit\t%llu\t%llu\n", (unsigned long long)of_setter(),
           (unsigned long long)of_file_lock(argv[1]));
    return 0;
}
