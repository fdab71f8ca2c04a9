/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes and threads do to the library at the same time. `stress SCENARIO ROUNDS [ARGUMENT...]` exits with 0, or
 * says what went wrong. A process that hangs is killed by its alarm.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <nvml.h>

enum {
    THREADS = 4,
    HANG = 60,           /* seconds, for what takes milliseconds */
    FOREVER = 3600 * 1000, /* milliseconds, of a wait that has to be ended */
};

#define CHECK(condition)                                                                                                 \
    do {                                                                                                                 \
        if (!(condition)) {                                                                                              \
            fprintf(stderr, "stress.c:%d: %s (errno %d)\n", __LINE__, #condition, errno);                                \
            _exit(1);                                                                                                    \
        }                                                                                                                \
    } while (0)

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int rounds;
static char **arguments;
static atomic_bool stop;
static bool overtaken; /* by so many inits that the node of a call has been given up */
static atomic_ulong calls; /* that succeeded */

/* Calls */

static nvmlDevice_t devices[8]; /* handles of an earlier init stay what they are */
static unsigned device_count;

static void find_devices(void)
{
    CHECK(nvmlDeviceGetCount(&device_count) == NVML_SUCCESS && device_count <= COUNT(devices));
    for (unsigned i = 0; i < device_count; i++)
        CHECK(nvmlDeviceGetHandleByIndex(i, &devices[i]) == NVML_SUCCESS);
}

static nvmlReturn_t get_count(nvmlDevice_t device)
{
    unsigned count;
    (void)device;
    return nvmlDeviceGetCount(&count);
}

static nvmlReturn_t get_by_index(nvmlDevice_t device)
{
    return nvmlDeviceGetHandleByIndex(0, &device);
}

static nvmlReturn_t get_by_bus(nvmlDevice_t device)
{
    nvmlReturn_t status = nvmlDeviceGetHandleByPciBusId("0000:07:00.0", &device);
    return status == NVML_ERROR_NOT_FOUND ? NVML_SUCCESS : status;
}

static nvmlReturn_t get_by_uuid(nvmlDevice_t device)
{
    nvmlReturn_t status = nvmlDeviceGetHandleByUUID("GPU-0", &device);
    return status == NVML_ERROR_NOT_FOUND ? NVML_SUCCESS : status;
}

static nvmlReturn_t get_driver(nvmlDevice_t device)
{
    char text[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
    (void)device;
    return nvmlSystemGetDriverVersion(text, sizeof text);
}

static nvmlReturn_t get_process_name(nvmlDevice_t device)
{
    char text[64];
    (void)device;
    return nvmlSystemGetProcessName((unsigned)getpid(), text, sizeof text);
}

static nvmlReturn_t get_name(nvmlDevice_t device)
{
    char text[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
    nvmlReturn_t status = nvmlDeviceGetName(device, text, sizeof text);
    CHECK(status != NVML_SUCCESS || strcmp(text, "NVIDIA A100-SXM4-40GB") == 0);
    return status;
}

static nvmlReturn_t get_power(nvmlDevice_t device)
{
    unsigned value;
    return nvmlDeviceGetPowerUsage(device, &value);
}

static nvmlReturn_t get_energy(nvmlDevice_t device)
{
    unsigned long long value;
    return nvmlDeviceGetTotalEnergyConsumption(device, &value);
}

static nvmlReturn_t get_memory(nvmlDevice_t device)
{
    nvmlMemory_t memory;
    nvmlReturn_t status = nvmlDeviceGetMemoryInfo(device, &memory);
    CHECK(status != NVML_SUCCESS || memory.used + memory.free == memory.total);
    return status;
}

static nvmlReturn_t get_pci(nvmlDevice_t device)
{
    nvmlPciInfo_t pci;
    return nvmlDeviceGetPciInfo(device, &pci);
}

static nvmlReturn_t get_board(nvmlDevice_t device)
{
    unsigned board;
    return nvmlDeviceGetBoardId(device, &board);
}

static nvmlReturn_t get_fields(nvmlDevice_t device)
{
    nvmlFieldValue_t values[] = {{.fieldId = NVML_FI_DEV_POWER_INSTANT}, {.fieldId = NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION}};
    return nvmlDeviceGetFieldValues(device, COUNT(values), values);
}

static nvmlReturn_t get_processes(nvmlDevice_t device)
{
    nvmlProcessDetail_v1_t processes[4];
    nvmlProcessDetailList_t list = {.version = nvmlProcessDetailList_v1, .numProcArrayEntries = 4, .procArray = processes};
    return nvmlDeviceGetRunningProcessDetailList(device, &list);
}

static nvmlReturn_t use_events(nvmlDevice_t device)
{
    nvmlEventSet_t set;
    nvmlEventData_t data;
    nvmlReturn_t status = nvmlEventSetCreate(&set), freed;
    if (status != NVML_SUCCESS)
        return status;
    /* The last shutdown frees the sets. */
    status = nvmlDeviceRegisterEvents(device, nvmlEventTypeXidCriticalError, set);
    CHECK(status == NVML_SUCCESS || status == NVML_ERROR_UNINITIALIZED || status == NVML_ERROR_INVALID_ARGUMENT);
    status = nvmlEventSetWait(set, &data, 0);
    CHECK(status == NVML_ERROR_TIMEOUT || status == NVML_ERROR_UNINITIALIZED || status == NVML_ERROR_INVALID_ARGUMENT);
    freed = nvmlEventSetFree(set);
    CHECK(freed == NVML_SUCCESS || freed == NVML_ERROR_UNINITIALIZED || freed == NVML_ERROR_INVALID_ARGUMENT);
    return NVML_SUCCESS;
}

static nvmlReturn_t set_limit(nvmlDevice_t device)
{
    return nvmlDeviceSetPowerManagementLimit(device, 300000);
}

static nvmlReturn_t (*const functions[])(nvmlDevice_t) = {
    get_count,  get_by_index, get_by_bus, get_by_uuid, get_driver, get_process_name, get_name,   get_power,
    get_energy, get_memory,   get_pci,    get_board,   get_fields, get_processes,    use_events, set_limit,
};

/* Every function once on every GPU; the first status that is not SUCCESS. */
static nvmlReturn_t call_all(void)
{
    for (size_t i = 0; i < COUNT(functions); i++) {
        for (unsigned gpu = 0; gpu < device_count; gpu++) {
            nvmlReturn_t status = functions[i](devices[gpu]);
            if (status != NVML_SUCCESS) {
                if (status != NVML_ERROR_UNINITIALIZED && !overtaken)
                    fprintf(stderr, "function %zu: status %d\n", i, status);
                return status;
            }
            atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
        }
    }
    return NVML_SUCCESS;
}

/* Threads */

static void *calling(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        CHECK(call_all() == NVML_SUCCESS);
    return NULL;
}

static void *calling_or_uninitialised(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        nvmlReturn_t status = call_all();
        CHECK(status == NVML_SUCCESS || status == NVML_ERROR_UNINITIALIZED
              || (overtaken && status == NVML_ERROR_NOT_SUPPORTED));
    }
    return NULL;
}

static void *cycling(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        CHECK(nvmlInit() == NVML_SUCCESS);
        CHECK(call_all() == NVML_SUCCESS);
        CHECK(nvmlShutdown() == NVML_SUCCESS);
    }
    return NULL;
}

static atomic_ulong cycles;

static void *cycling_without_calls(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop)) {
        CHECK(nvmlInit() == NVML_SUCCESS);
        CHECK(nvmlShutdown() == NVML_SUCCESS);
        atomic_fetch_add_explicit(&cycles, 1, memory_order_relaxed);
    }
    return NULL;
}

static void *setting(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        CHECK(set_limit(devices[0]) == NVML_SUCCESS);
    return NULL;
}

static _Atomic(pid_t) waiter;
static nvmlEventSet_t awaited;

static void *waiting(void *unused)
{
    nvmlEventData_t data;
    (void)unused;
    atomic_store(&waiter, (pid_t)syscall(SYS_gettid));
    return (void *)(uintptr_t)nvmlEventSetWait(awaited, &data, FOREVER);
}

static void start(pthread_t *threads, size_t count, void *(*function)(void *))
{
    for (size_t i = 0; i < count; i++)
        CHECK(pthread_create(&threads[i], NULL, function, NULL) == 0);
}

static void join(pthread_t *threads, size_t count)
{
    atomic_store(&stop, true);
    for (size_t i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

/* Wait until the other threads have counted so many more. */
static void let_count(atomic_ulong *counter, unsigned long more)
{
    unsigned long end = atomic_load(counter) + more;
    while (atomic_load(counter) < end)
        sched_yield();
}

/* Start a thread that waits for events, and go on when the kernel has put it to sleep. */
static pthread_t start_waiting(void)
{
    pthread_t thread;
    char path[64], line[512];

    atomic_store(&waiter, 0);
    start(&thread, 1, waiting);
    for (bool asleep = false; !asleep; sched_yield()) {
        if (atomic_load(&waiter) == 0)
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%d/syscall", (int)atomic_load(&waiter));
        FILE *file = fopen(path, "r");
        CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
        fclose(file);
        asleep = strtol(line, NULL, 10) == SYS_futex;
    }
    return thread;
}

static nvmlReturn_t end_of(pthread_t thread)
{
    void *status;
    CHECK(pthread_join(thread, &status) == 0);
    return (nvmlReturn_t)(uintptr_t)status;
}

/* Children */

static pid_t fork_child(void (*body)(void))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(HANG);
        body();
        _exit(0);
    }
    return child;
}

static void reap(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        CHECK(errno == EINTR);
    CHECK(status == 0);
}

static void shut_down_wholly(void)
{
    unsigned count;
    for (int i = 0; i <= THREADS + 1 && nvmlDeviceGetCount(&count) != NVML_ERROR_UNINITIALIZED; i++)
        CHECK(nvmlShutdown() == NVML_SUCCESS);
    CHECK(call_all() == NVML_ERROR_UNINITIALIZED);
}

static void call_and_start_again(void)
{
    CHECK(call_all() == NVML_SUCCESS);
    shut_down_wholly();
    CHECK(nvmlInit() == NVML_SUCCESS);
    CHECK(call_all() == NVML_SUCCESS);
    CHECK(nvmlShutdown() == NVML_SUCCESS);
}

static void start_again(void)
{
    shut_down_wholly();
    CHECK(nvmlInit() == NVML_SUCCESS);
    CHECK(call_all() == NVML_SUCCESS);
    CHECK(nvmlShutdown() == NVML_SUCCESS);
}

static void wait_and_start_again(void)
{
    nvmlEventData_t data;
    CHECK(nvmlEventSetWait(awaited, &data, 1) == NVML_ERROR_TIMEOUT);
    CHECK(nvmlEventSetFree(awaited) == NVML_SUCCESS);
    start_again();
}

/* Scenarios */

static void fork_while(void *(*doing)(void *), void (*child)(void))
{
    pthread_t threads[THREADS];

    start(threads, THREADS, doing);
    for (int i = 0; i < rounds; i++) {
        let_count(&calls, 1);
        reap(fork_child(child));
    }
    join(threads, THREADS);
}

static void fork_while_calling(void)
{
    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    fork_while(calling, call_and_start_again);
}

static void fork_while_cycling(void)
{
    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    CHECK(nvmlShutdown() == NVML_SUCCESS);
    fork_while(cycling, start_again);
}

static void fork_while_waiting(void)
{
    pthread_t threads[THREADS];

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    CHECK(nvmlEventSetCreate(&awaited) == NVML_SUCCESS);
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = start_waiting();
    for (int i = 0; i < rounds; i++)
        reap(fork_child(wait_and_start_again));
    CHECK(nvmlEventSetFree(awaited) == NVML_SUCCESS);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(end_of(threads[i]) == NVML_ERROR_INVALID_ARGUMENT);
}

static int gate[2];

static void live_on(void)
{
    char byte;
    close(gate[1]);
    CHECK(read(gate[0], &byte, 1) == 0);
    CHECK(set_limit(devices[0]) == NVML_SUCCESS);
}

/* A child that was forked amid a write keeps copies of the parent's file descriptors for as long as it lives. */
static void fork_while_setting(void)
{
    pthread_t threads[THREADS];
    pid_t children[64];

    CHECK(rounds <= (int)COUNT(children) && nvmlInit() == NVML_SUCCESS && pipe(gate) == 0);
    find_devices();
    start(threads, THREADS, setting);
    for (int i = 0; i < rounds; i++) {
        children[i] = fork_child(live_on);
        CHECK(set_limit(devices[0]) == NVML_SUCCESS);
    }
    join(threads, THREADS);
    CHECK(set_limit(devices[0]) == NVML_SUCCESS);
    close(gate[1]);
    for (int i = 0; i < rounds; i++)
        reap(children[i]);
}

/* Whether a child's setter is seen by its parent. */
static void set_in_child(void)
{
    CHECK(set_limit(devices[0]) == NVML_SUCCESS);
}

static void child_sets(void)
{
    unsigned before, after;

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    CHECK(nvmlDeviceGetPowerManagementLimit(devices[0], &before) == NVML_SUCCESS);
    reap(fork_child(set_in_child));
    CHECK(nvmlDeviceGetPowerManagementLimit(devices[0], &after) == NVML_SUCCESS);
    printf("%u %u\n", before, after);
}

static void call_while_cycling(void)
{
    pthread_t callers[THREADS], cyclers[2];

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    CHECK(nvmlShutdown() == NVML_SUCCESS);
    start(callers, THREADS, calling_or_uninitialised);
    start(cyclers, COUNT(cyclers), cycling_without_calls);
    let_count(&cycles, (unsigned long)rounds);
    join(cyclers, COUNT(cyclers));
    join(callers, THREADS);
    CHECK(call_all() == NVML_ERROR_UNINITIALIZED);
}

/* Arguments: node files, each for one init after the other. */
static void call_while_nodes_change(void)
{
    pthread_t callers[THREADS];

    overtaken = true;
    setenv("MOCK_NVML_NODE", arguments[0], 1);
    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    CHECK(nvmlShutdown() == NVML_SUCCESS);
    start(callers, THREADS, calling_or_uninitialised);
    for (int i = 0; i < rounds; i++) {
        for (char **file = arguments; *file != NULL; file++) {
            setenv("MOCK_NVML_NODE", *file, 1);
            CHECK(nvmlInit() == NVML_SUCCESS);
            CHECK(get_memory(devices[0]) == NVML_SUCCESS);
            CHECK(nvmlShutdown() == NVML_SUCCESS);
        }
    }
    join(callers, THREADS);
}

static void *reading_limit(void *unused)
{
    unsigned limit;
    (void)unused;
    while (!atomic_load(&stop)) {
        CHECK(nvmlDeviceGetPowerManagementLimit(devices[0], &limit) == NVML_SUCCESS);
        CHECK(limit == 400000 || limit == 300000 || limit == 200000);
        CHECK(get_energy(devices[0]) == NVML_SUCCESS && get_name(devices[0]) == NVML_SUCCESS);
        atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    }
    return NULL;
}

static void read_while_setting(void)
{
    pthread_t readers[THREADS];

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    start(readers, THREADS, reading_limit);
    for (int i = 0; i < rounds; i++)
        CHECK(nvmlDeviceSetPowerManagementLimit(devices[0], i % 2 == 0 ? 300000 : 200000) == NVML_SUCCESS);
    let_count(&calls, 1);
    join(readers, THREADS);
}

static atomic_uint next_writer, writes;

/* Each thread has a field, and with the last GPU a change of the node and the GPU, that nobody else writes. */
static void *writing(void *unused)
{
    unsigned own = atomic_fetch_add(&next_writer, 1), value = 0;
    nvmlEnableState_t persistence;
    nvmlComputeMode_t compute;
    nvmlPciInfo_t pci;

    (void)unused;
    CHECK(nvmlDeviceGetPciInfo(devices[device_count - 1], &pci) == NVML_SUCCESS);
    for (unsigned i = 0; i < (unsigned)rounds; i++) {
        unsigned wanted = i % 2;
        switch (own) {
        case 0:
            wanted = 200000 + i % 100000;
            CHECK(nvmlDeviceSetPowerManagementLimit(devices[0], wanted) == NVML_SUCCESS);
            CHECK(nvmlDeviceGetPowerManagementLimit(devices[0], &value) == NVML_SUCCESS);
            break;
        case 1:
            CHECK(nvmlDeviceSetPersistenceMode(devices[0], (nvmlEnableState_t)wanted) == NVML_SUCCESS);
            CHECK(nvmlDeviceGetPersistenceMode(devices[0], &persistence) == NVML_SUCCESS);
            value = (unsigned)persistence;
            break;
        case 2:
            wanted = wanted == 1 ? NVML_COMPUTEMODE_PROHIBITED : NVML_COMPUTEMODE_DEFAULT;
            CHECK(nvmlDeviceSetComputeMode(devices[0], (nvmlComputeMode_t)wanted) == NVML_SUCCESS);
            CHECK(nvmlDeviceGetComputeMode(devices[0], &compute) == NVML_SUCCESS);
            value = (unsigned)compute;
            break;
        default:
            wanted = NVML_ERROR_GPU_IS_LOST;
            CHECK(nvmlDeviceRemoveGpu_v2(&pci, NVML_DETACH_GPU_KEEP, NVML_PCIE_LINK_KEEP) == NVML_SUCCESS);
            value = (unsigned)nvmlDeviceGetPowerUsage(devices[device_count - 1], &value);
            CHECK(nvmlDeviceDiscoverGpus(&pci) == NVML_SUCCESS);
            CHECK(get_power(devices[device_count - 1]) == NVML_SUCCESS);
        }
        CHECK(value == wanted);
        atomic_fetch_add(&writes, 1);
    }
    return NULL;
}

static void *reading_first(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        CHECK(get_memory(devices[0]) == NVML_SUCCESS && get_name(devices[0]) == NVML_SUCCESS);
    return NULL;
}

/* No update of a thread is lost to those of the others, and none is seen by half. */
static void write_together(void)
{
    pthread_t writers[4], readers[8];

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    CHECK(nvmlDeviceSetPersistenceMode(devices[device_count - 1], NVML_FEATURE_DISABLED) == NVML_SUCCESS);
    start(readers, COUNT(readers), reading_first);
    start(writers, COUNT(writers), writing);
    for (size_t i = 0; i < COUNT(writers); i++)
        CHECK(pthread_join(writers[i], NULL) == 0);
    join(readers, COUNT(readers));
    CHECK(atomic_load(&writes) == COUNT(writers) * (unsigned)rounds);
}

/* Until the standard input ends: two values that are only ever changed together are equal. */
static void read_pairs(void)
{
    unsigned least, most;
    struct timeval now = {0};
    fd_set input;

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    do {
        for (int i = 0; i < rounds; i++) {
            CHECK(nvmlDeviceGetPowerManagementLimitConstraints(devices[0], &least, &most) == NVML_SUCCESS);
            CHECK(least == most);
        }
        FD_ZERO(&input);
        FD_SET(STDIN_FILENO, &input);
    } while (select(1, &input, NULL, NULL, &now) == 0);
}

/* Argument: which of two fields. Nobody else writes it, so it stays what it was set to. */
static void set_own_field(void)
{
    bool limit = strcmp(arguments[0], "limit") == 0;
    nvmlEnableState_t mode;
    unsigned value;

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    for (int i = 0; i < rounds; i++) {
        unsigned wanted = limit ? 200000 + (unsigned)i % 100000 : (unsigned)i % 2;
        if (limit) {
            CHECK(nvmlDeviceSetPowerManagementLimit(devices[0], wanted) == NVML_SUCCESS);
            CHECK(nvmlDeviceGetPowerManagementLimit(devices[0], &value) == NVML_SUCCESS);
        } else {
            CHECK(nvmlDeviceSetPersistenceMode(devices[0], (nvmlEnableState_t)wanted) == NVML_SUCCESS);
            CHECK(nvmlDeviceGetPersistenceMode(devices[0], &mode) == NVML_SUCCESS);
            value = (unsigned)mode;
        }
        CHECK(value == wanted);
    }
}

static atomic_uint signals;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
}

static uint64_t milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_out(unsigned timeout)
{
    nvmlEventData_t data;
    uint64_t before = milliseconds();
    CHECK(nvmlEventSetWait(awaited, &data, timeout) == NVML_ERROR_TIMEOUT);
    CHECK(milliseconds() + 1 >= before + timeout); /* the first reading may be up to a millisecond old */
}

static void signal_storm(void)
{
    struct sigaction action = {.sa_handler = count_signal}; /* without SA_RESTART: system calls end with EINTR */
    struct itimerval every = {{0, 200}, {0, 200}};
    pthread_t threads[THREADS];

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    CHECK(nvmlEventSetCreate(&awaited) == NVML_SUCCESS);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &every, NULL) == 0);
    start(threads, THREADS, setting);
    for (int i = 0; i < rounds || atomic_load(&signals) < 100; i++) {
        wait_out(10);
        CHECK(set_limit(devices[0]) == NVML_SUCCESS);
    }
    join(threads, THREADS);
    shut_down_wholly();
}

/* Argument, if any: the user to be. */
static void event_waits(void)
{
    if (arguments[0] != NULL) {
        CHECK(setuid((uid_t)atoi(arguments[0])) == 0);
        CHECK(prctl(PR_SET_DUMPABLE, 1) == 0); /* or /proc hides our threads */
    }
    for (int i = 0; i < rounds; i++) {
        pthread_t thread;
        nvmlEventSet_t other;

        CHECK(nvmlInit() == NVML_SUCCESS && nvmlEventSetCreate(&awaited) == NVML_SUCCESS);
        wait_out(0);
        wait_out(20);

        thread = start_waiting();
        CHECK(nvmlEventSetFree(awaited) == NVML_SUCCESS);
        CHECK(end_of(thread) == NVML_ERROR_INVALID_ARGUMENT);

        /* The next set may have the same handle; it is another set. */
        CHECK(nvmlEventSetCreate(&awaited) == NVML_SUCCESS);
        thread = start_waiting();
        CHECK(nvmlEventSetFree(awaited) == NVML_SUCCESS && nvmlEventSetCreate(&other) == NVML_SUCCESS);
        CHECK(end_of(thread) == NVML_ERROR_INVALID_ARGUMENT);

        /* Another set's end is none of a waiter's business. */
        CHECK(nvmlEventSetCreate(&awaited) == NVML_SUCCESS);
        thread = start_waiting();
        CHECK(nvmlEventSetFree(other) == NVML_SUCCESS);
        CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);

        CHECK(nvmlShutdown() == NVML_SUCCESS);
        CHECK(end_of(thread) == NVML_ERROR_UNINITIALIZED);

        /* An init right after the last shutdown does not bring the set back. */
        CHECK(nvmlInit() == NVML_SUCCESS && nvmlEventSetCreate(&awaited) == NVML_SUCCESS);
        thread = start_waiting();
        CHECK(nvmlShutdown() == NVML_SUCCESS && nvmlInit() == NVML_SUCCESS);
        nvmlReturn_t status = end_of(thread);
        CHECK(status == NVML_ERROR_UNINITIALIZED || status == NVML_ERROR_INVALID_ARGUMENT);
        CHECK(nvmlShutdown() == NVML_SUCCESS);
    }
}

/* More sets than can exist at once, if shutdowns did not free them. */
static void event_sets_end_with_the_last_shutdown(void)
{
    for (int i = 0; i < rounds; i++) {
        CHECK(nvmlInit() == NVML_SUCCESS);
        CHECK(nvmlEventSetCreate(&awaited) == NVML_SUCCESS);
        CHECK(nvmlShutdown() == NVML_SUCCESS);
    }
    CHECK(nvmlInit() == NVML_SUCCESS);
    CHECK(nvmlEventSetFree(awaited) == NVML_ERROR_INVALID_ARGUMENT);
}

/* An event: the clocks change. */
static void raise_event(void)
{
    static unsigned clock = 500;

    clock = clock == 500 ? 600 : 500;
    CHECK(nvmlDeviceSetGpuLockedClocks(devices[0], clock, clock) == NVML_SUCCESS);
}

static nvmlEventSet_t registered_set(void)
{
    nvmlEventSet_t set;

    CHECK(nvmlEventSetCreate(&set) == NVML_SUCCESS);
    for (unsigned i = 0; i < device_count; i++)
        CHECK(nvmlDeviceRegisterEvents(devices[i], nvmlEventTypeClock, set) == NVML_SUCCESS);
    return set;
}

static void expect_event(nvmlEventSet_t set)
{
    nvmlEventData_t data;

    CHECK(nvmlEventSetWait_v2(set, &data, FOREVER) == NVML_SUCCESS);
    CHECK(data.device == devices[0] && data.eventType == nvmlEventTypeClock);
}

static void *collecting(void *set)
{
    nvmlEventData_t data;

    for (int i = 0; i < rounds; i++)
        expect_event(set);
    CHECK(nvmlEventSetWait_v2(set, &data, 0) == NVML_ERROR_TIMEOUT);
    return NULL;
}

/* Several threads wait for one set: each event is delivered to one of them. */
static void *sharing(void *set)
{
    nvmlEventSetWait_v3_t params = {.timeoutMs = FOREVER};
    nvmlReturn_t status;

    while ((status = nvmlEventSetWait_v3(set, &params)) == NVML_SUCCESS)
        atomic_fetch_add(&calls, 1);
    CHECK(status == NVML_ERROR_INVALID_ARGUMENT);
    return NULL;
}

static void events_to_all_sets(void)
{
    pthread_t own[THREADS], shared[THREADS];
    nvmlEventSet_t set;

    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    nvmlDeviceResetGpuLockedClocks(devices[0]);
    set = registered_set();
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&own[i], NULL, collecting, registered_set()) == 0);
        CHECK(pthread_create(&shared[i], NULL, sharing, set) == 0);
    }
    for (int i = 0; i < rounds; i++)
        raise_event();
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(own[i], NULL) == 0);
    while (atomic_load(&calls) < (unsigned long)rounds)
        sched_yield();
    CHECK(nvmlEventSetFree(set) == NVML_SUCCESS);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(shared[i], NULL) == 0);
    CHECK(atomic_load(&calls) == (unsigned long)rounds);
    CHECK(nvmlShutdown() == NVML_SUCCESS);
}

static void expect_two(void)
{
    expect_event(awaited);
    expect_event(awaited);
    CHECK(nvmlDeviceSetGpuLockedClocks(devices[0], 700, 700) == NVML_SUCCESS);
}

/* A child goes on where its parent was: each gets the event that came before the fork, and those that come later. */
static void events_across_fork(void)
{
    CHECK(nvmlInit() == NVML_SUCCESS);
    find_devices();
    awaited = registered_set();
    for (int i = 0; i < rounds; i++) {
        raise_event();
        pid_t child = fork_child(expect_two);
        raise_event();
        expect_event(awaited);
        expect_event(awaited);
        reap(child);
        expect_event(awaited);
    }
}

/* Print the status of an init. */
static void init(void)
{
    printf("%d\n", nvmlInit());
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    {"fork-while-calling", fork_while_calling},
    {"fork-while-cycling", fork_while_cycling},
    {"fork-while-waiting", fork_while_waiting},
    {"fork-while-setting", fork_while_setting},
    {"child-sets", child_sets},
    {"call-while-cycling", call_while_cycling},
    {"call-while-nodes-change", call_while_nodes_change},
    {"read-while-setting", read_while_setting},
    {"write-together", write_together},
    {"read-pairs", read_pairs},
    {"set-own-field", set_own_field},
    {"signal-storm", signal_storm},
    {"event-waits", event_waits},
    {"event-sets-end", event_sets_end_with_the_last_shutdown},
    {"events-to-all-sets", events_to_all_sets},
    {"events-across-fork", events_across_fork},
    {"init", init},
};

int main(int count, char **words)
{
    CHECK(count >= 3);
    rounds = atoi(words[2]);
    arguments = words + 3;
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        if (strcmp(scenarios[i].name, words[1]) == 0) {
            scenarios[i].run();
            return 0;
        }
    }
    fprintf(stderr, "no such scenario: %s\n", words[1]);
    return 2;
}
