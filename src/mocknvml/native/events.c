/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event sets of this process. A set is an entry of a static table; its handle is the entry's address, so a freed set is
 * recognised. Nothing fires events: a wait ends at its timeout, when its set is freed, or at the last shutdown.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "legacy.h"
#include "runtime.h"

enum {
    EVENT_SETS = 1024,
};

/* A set is in use while its generation is odd; a waiter remembers the one that it began with, since an entry is used again. */
struct event_set {
    _Atomic uint64_t generation;
};

static struct event_set gpu_sets[EVENT_SETS], system_sets[EVENT_SETS];
static _Atomic uint32_t wakeups; /* advances when waiters have to look around */

/* The generation of a set in use, or 0 for what is none of these. */
static uint64_t generation_of(const struct event_set sets[EVENT_SETS], const void *set)
{
    uintptr_t distance = (uintptr_t)set - (uintptr_t)sets;

    if (distance >= EVENT_SETS * sizeof *sets || distance % sizeof *sets != 0)
        return 0;
    uint64_t generation = atomic_load_explicit(&sets[distance / sizeof *sets].generation, memory_order_acquire);
    return generation % 2 == 1 ? generation : 0;
}

bool mock_event_set_valid(nvmlEventSet_t set)
{
    return generation_of(gpu_sets, set) != 0;
}

static void wake(void)
{
    atomic_fetch_add_explicit(&wakeups, 1, memory_order_release);
    syscall(SYS_futex, &wakeups, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void end(struct event_set *set)
{
    uint64_t generation = atomic_load_explicit(&set->generation, memory_order_relaxed);

    if (generation % 2 == 1)
        atomic_compare_exchange_strong_explicit(&set->generation, &generation, generation + 1, memory_order_release,
                                                memory_order_relaxed);
}

/* The last shutdown ends all sets. */
void mock_event_sets_end(void)
{
    for (size_t i = 0; i < EVENT_SETS; i++) {
        end(&gpu_sets[i]);
        end(&system_sets[i]);
    }
    wake();
}

/* An entry that is free until now, or NULL. */
static struct event_set *begin(struct event_set sets[EVENT_SETS])
{
    for (size_t i = 0; i < EVENT_SETS; i++) {
        uint64_t generation = atomic_load_explicit(&sets[i].generation, memory_order_relaxed);
        if (generation % 2 == 0
            && atomic_compare_exchange_strong_explicit(&sets[i].generation, &generation, generation + 1,
                                                       memory_order_acq_rel, memory_order_relaxed))
            return &sets[i];
    }
    return NULL;
}

nvmlReturn_t native_nvmlEventSetCreate(nvmlEventSet_t *set)
{
    struct event_set *made = begin(gpu_sets);

    if (made == NULL)
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    *set = (nvmlEventSet_t)made;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlEventSetFree(nvmlEventSet_t set)
{
    end((struct event_set *)set);
    wake();
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long eventTypes, nvmlEventSet_t set)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t supported = 0;

    (void)set;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(events.supported), &supported);
    }
    if (status != NVML_SUCCESS)
        return status;
    /* nvml.h: NOT_SUPPORTED "if the platform does not support this feature or some of requested event types". */
    return (eventTypes & ~supported) == 0 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static nvmlReturn_t wait(const struct event_set sets[EVENT_SETS], const void *set, unsigned int timeout_ms)
{
    uint64_t deadline = mock_monotonic() + (uint64_t)timeout_ms * 1000000;
    uint64_t generation = generation_of(sets, set);

    for (;;) {
        uint32_t seen = atomic_load_explicit(&wakeups, memory_order_acquire);
        uint64_t now = mock_monotonic();
        if (mock_attached() == NULL)
            return NVML_ERROR_UNINITIALIZED;
        if (generation == 0 || generation_of(sets, set) != generation)
            return NVML_ERROR_INVALID_ARGUMENT;
        if (now >= deadline)
            return NVML_ERROR_TIMEOUT;
        struct timespec left = {(time_t)((deadline - now) / 1000000000), (long)((deadline - now) % 1000000000)};
        syscall(SYS_futex, &wakeups, FUTEX_WAIT_PRIVATE, seen, &left, NULL, 0);
    }
}

nvmlReturn_t native_nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
    (void)data;
    return wait(gpu_sets, set, timeoutms);
}

nvmlReturn_t native_nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
    (void)data;
    return wait(gpu_sets, set, timeoutms);
}

nvmlReturn_t native_nvmlEventSetWait_v3(nvmlEventSet_t set, nvmlEventSetWait_v3_t *params)
{
    return wait(gpu_sets, set, params->timeoutMs);
}

/* nvml.h: by the UUID of a GPU; the levels filter, and newer ones than it names are allowed. */
nvmlReturn_t native_nvmlEventSetRegisterGpuOperationalEvents_v1(nvmlEventSet_t set,
                                                                const nvmlGpuOperationalEventConfig_v1_t *config)
{
    nvmlDevice_t device;

    (void)set;
    if (mock_find_text(mock_node(), MOCK_AT(identity.uuid), MOCK_SIZE(identity.uuid), config->uuid, &device) != NVML_SUCCESS)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_gpu_state(mock_gpu_of(device));
}

/* nvml.h: NOT_FOUND "if no event has been returned by nvmlEventSetWait_v3". */
nvmlReturn_t native_nvmlEventSetGetContextCount_v1(nvmlEventSet_t set, nvmlEventSetGetContextCount_v1_t *params)
{
    (void)set;
    (void)params;
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t native_nvmlEventSetGetContextInfo_v1(nvmlEventSet_t set, nvmlEventSetGetContextInfo_v1_t *params)
{
    (void)set;
    (void)params;
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t native_nvmlEventSetGetContextData_v1(nvmlEventSet_t set, nvmlEventSetGetContextData_v1_t *params)
{
    (void)set;
    (void)params;
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t native_nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1(
    nvmlEventSet_t set, nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1_t *params)
{
    (void)set;
    (void)params;
    return NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t native_nvmlSystemEventSetCreate(nvmlSystemEventSetCreateRequest_t *request)
{
    struct event_set *made = begin(system_sets);

    if (made == NULL)
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    request->set = (nvmlSystemEventSet_t)made;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlSystemEventSetFree(nvmlSystemEventSetFreeRequest_t *request)
{
    if (generation_of(system_sets, request->set) == 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    end((struct event_set *)request->set);
    wake();
    return NVML_SUCCESS;
}

/* nvml.h: with NOT_SUPPORTED "none of the requested eventTypes are registered". */
nvmlReturn_t native_nvmlSystemRegisterEvents(nvmlSystemRegisterEventRequest_t *request)
{
    const unsigned long long known = nvmlSystemEventTypeGpuDriverUnbind | nvmlSystemEventTypeGpuDriverBind;

    if (generation_of(system_sets, request->set) == 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    return (request->eventTypes & ~known) == 0 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

nvmlReturn_t native_nvmlSystemEventSetWait(nvmlSystemEventSetWaitRequest_t *request)
{
    request->numEvent = 0;
    return wait(system_sets, request->set, request->timeoutms);
}
