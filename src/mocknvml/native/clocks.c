/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks by id, whose fields other functions read each by itself, the clocks that can be set, why they are
 * low, and their monitors. */
#include "clock_limits.h"
#include "runtime.h"

nvmlReturn_t native_nvmlDeviceGetClock(nvmlDevice_t device, nvmlClockType_t clockType, nvmlClockId_t clockId,
                                       unsigned int *clockMHz)
{
    static const uint32_t fields[] = {
        [NVML_CLOCK_ID_CURRENT] = MOCK_AT(clocks.current),
        [NVML_CLOCK_ID_APP_CLOCK_TARGET] = MOCK_AT(clocks.application),
        [NVML_CLOCK_ID_APP_CLOCK_DEFAULT] = MOCK_AT(clocks.application_default),
        [NVML_CLOCK_ID_CUSTOMER_BOOST_MAX] = MOCK_AT(clocks.customer_boost_max),
    };
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t clock = 0;

    if ((unsigned)clockType >= NVML_CLOCK_COUNT || (unsigned)clockId >= sizeof fields / sizeof *fields)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, fields[clockId] + 2 * (unsigned)clockType, &clock);
    }
    if (status == NVML_SUCCESS)
        *clockMHz = (unsigned)clock;
    return status;
}

#define SUPPORTED MOCK_AT(clocks.supported)
#define RANGE(state, i, member)                                                                                          \
    ((unsigned)mock_word_at(state, SUPPORTED + 1 + (i) * MOCK_RECORD_WORDS(clocks.supported)                             \
                                       + MOCK_MEMBER(clocks.supported, member)))

enum {
    CLOCKS_MAX = 2048, /* graphics clocks of one memory clock */
};

/* A list under the protocol of both functions: its length comes back, and the clocks if there is room. */
static nvmlReturn_t put_count(unsigned found, unsigned room, unsigned *count)
{
    *count = found;
    return found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetSupportedMemoryClocks(nvmlDevice_t device, unsigned int *count, unsigned int *clocksMHz)
{
    unsigned found = 0, room = clocksMHz != NULL ? *count : 0;
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, SUPPORTED);
        uint32_t ranges = mock_head_length(head, MOCK_CAPACITY(clocks.supported));
        unsigned last = 0;
        status = mock_head_status(head);
        found = 0;
        for (uint32_t i = 0; i < ranges && status == NVML_SUCCESS; i++) {
            unsigned memory = RANGE(state, i, memory);
            if (i != 0 && memory == last)
                continue;
            if (found < room)
                clocksMHz[found] = memory;
            found++;
            last = memory;
        }
    }
    return status != NVML_SUCCESS ? status : put_count(found, room, count);
}

nvmlReturn_t native_nvmlDeviceGetSupportedGraphicsClocks(nvmlDevice_t device, unsigned int memoryClockMHz, unsigned int *count,
                                                         unsigned int *clocksMHz)
{
    unsigned found = 0, room = clocksMHz != NULL ? *count : 0;
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, SUPPORTED);
        uint32_t ranges = mock_head_length(head, MOCK_CAPACITY(clocks.supported));
        status = mock_head_status(head);
        found = 0;
        for (uint32_t i = 0; i < ranges && status == NVML_SUCCESS; i++) {
            if (RANGE(state, i, memory) != memoryClockMHz)
                continue;
            unsigned clock = RANGE(state, i, highest), lowest = RANGE(state, i, lowest), step = RANGE(state, i, step);
            /* Ten times what any board has: a hostile file cannot keep a caller here. */
            while (found < CLOCKS_MAX) {
                if (found < room)
                    clocksMHz[found] = clock;
                found++;
                if (step == 0 || clock < lowest + step)
                    break;
                clock -= step;
            }
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    return found == 0 ? NVML_ERROR_NOT_FOUND : put_count(found, room, count);
}

/* What limits the clocks besides what the field says: a draw above the power limit, and the clocks of applications
 * (nvidia-smi --help-query-gpu: "GPU clocks are limited by applications clocks setting"). */
static uint64_t limits_in_force(const mock_word *state)
{
    uint64_t usage, limit, supported, reasons = 0;

    if (mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power.usage), &usage) == NVML_SUCCESS
        && mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power.limit), &limit) == NVML_SUCCESS && usage > limit)
        reasons |= nvmlClocksEventReasonSwPowerCap;
    if (mock_clock_is_application(state))
        reasons |= nvmlClocksEventReasonApplicationsClocksSetting;
    if (mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(clocks.event_reasons_supported), &supported) == NVML_SUCCESS)
        reasons &= supported;
    return reasons;
}

nvmlReturn_t native_nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long *clocksEventReasons)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t reasons = 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(clocks.event_reasons), &reasons);
        uint64_t limits = limits_in_force(state);
        if (limits != 0) /* nothing holds down the clocks of an idle GPU */
            reasons = (reasons & ~(uint64_t)nvmlClocksEventReasonGpuIdle) | limits;
    }
    if (status == NVML_SUCCESS)
        *clocksEventReasons = reasons;
    return status;
}

nvmlReturn_t native_nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *clocksThrottleReasons)
{
    return native_nvmlDeviceGetCurrentClocksEventReasons(device, clocksThrottleReasons);
}

/* nvml.h: the reference is a "CPU timestamp"; nvidia-smi dmon takes how much of the time between two the clocks were low. */
nvmlReturn_t native_nvmlDeviceGetViolationStatus(nvmlDevice_t device, nvmlPerfPolicyType_t perfPolicyType,
                                                 nvmlViolationTime_t *violTime)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t time = 0;

    if ((unsigned)perfPolicyType >= NVML_PERF_POLICY_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(clocks.violation_time) + 2 * (unsigned)perfPolicyType, &time);
    }
    if (status == NVML_SUCCESS)
        *violTime = (nvmlViolationTime_t){.referenceTime = mock_wall_clock(mock_node()), .violationTime = time};
    return status;
}

#define FAULTS MOCK_AT(clocks.monitor_faults)
#define FAULT(state, i, member)                                                                                          \
    ((unsigned)mock_word_at(state, FAULTS + 1 + (i) * MOCK_RECORD_WORDS(clocks.monitor_faults)                           \
                                       + MOCK_MEMBER(clocks.monitor_faults, member)))

/* Only the entries of domains at fault get written. */
nvmlReturn_t native_nvmlDeviceGetClkMonStatus(nvmlDevice_t device, nvmlClkMonStatus_t *monitors)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    bool root = mock_privileged(); /* nvml.h: "Requires root user" */
    uint32_t count = 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, FAULTS);
        status = mock_head_status(head);
        count = status == NVML_SUCCESS && root ? mock_head_length(head, MOCK_CAPACITY(clocks.monitor_faults)) : 0;
        for (uint32_t i = 0; i < count; i++) {
            monitors->clkMonList[i].clkApiDomain = FAULT(state, i, domain);
            monitors->clkMonList[i].clkDomainFaultMask = FAULT(state, i, faults);
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    if (!root)
        return NVML_ERROR_NO_PERMISSION;
    monitors->bGlobalStatus = count != 0;
    monitors->clkMonListSize = count;
    return NVML_SUCCESS;
}
