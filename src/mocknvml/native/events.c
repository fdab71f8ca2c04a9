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

struct event_set {
    _Atomic uint32_t used;
    uint32_t unused;
};

static struct event_set sets[EVENT_SETS];
static _Atomic uint32_t wakeups; /* advances when waiters have to look around */

bool mock_event_set_valid(nvmlEventSet_t set)
{
    uintptr_t distance = (uintptr_t)set - (uintptr_t)sets;

    return distance < sizeof sets && distance % sizeof *sets == 0
           && atomic_load_explicit(&sets[distance / sizeof *sets].used, memory_order_acquire) == 1;
}

void mock_event_sets_wake(void)
{
    atomic_fetch_add_explicit(&wakeups, 1, memory_order_release);
    syscall(SYS_futex, &wakeups, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

nvmlReturn_t native_nvmlEventSetCreate(nvmlEventSet_t *set)
{
    for (size_t i = 0; i < EVENT_SETS; i++) {
        uint32_t free = 0;
        if (atomic_compare_exchange_strong_explicit(&sets[i].used, &free, 1, memory_order_acq_rel, memory_order_relaxed)) {
            *set = (nvmlEventSet_t)&sets[i];
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_INSUFFICIENT_RESOURCES;
}

nvmlReturn_t native_nvmlEventSetFree(nvmlEventSet_t set)
{
    atomic_store_explicit(&((struct event_set *)set)->used, 0, memory_order_release);
    mock_event_sets_wake();
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long eventTypes, nvmlEventSet_t set)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t supported = 0;

    (void)set;
    MOCK_LATCH(state, mock_gpu(mock_attached(), device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(events.supported), &supported);
    }
    if (status != NVML_SUCCESS)
        return status;
    /* nvml.h: NOT_SUPPORTED "if the platform does not support this feature or some of requested event types". */
    return (eventTypes & ~supported) == 0 ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static uint64_t monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static nvmlReturn_t wait(nvmlEventSet_t set, unsigned int timeout_ms)
{
    uint64_t end = monotonic() + (uint64_t)timeout_ms * 1000000;

    for (;;) {
        uint32_t seen = atomic_load_explicit(&wakeups, memory_order_acquire);
        uint64_t now = monotonic();
        if (mock_attached() == NULL)
            return NVML_ERROR_UNINITIALIZED;
        if (!mock_event_set_valid(set))
            return NVML_ERROR_INVALID_ARGUMENT;
        if (now >= end)
            return NVML_ERROR_TIMEOUT;
        struct timespec left = {(time_t)((end - now) / 1000000000), (long)((end - now) % 1000000000)};
        syscall(SYS_futex, &wakeups, FUTEX_WAIT_PRIVATE, seen, &left, NULL, 0);
    }
}

nvmlReturn_t native_nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
    (void)data;
    return wait(set, timeoutms);
}

nvmlReturn_t native_nvmlEventSetWait(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeoutms)
{
    (void)data;
    return wait(set, timeoutms);
}
