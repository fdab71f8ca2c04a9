/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounting. While its mode is off there are no statistics: nvml.h, NOT_SUPPORTED where "accounting mode is disabled". The
 * list of processes is empty then: nvidia-smi -q -x has such a one in all captures of GPUs with the mode disabled, where it
 * would print "N/A" for NOT_SUPPORTED.
 */
#include "runtime.h"

#define ENDED MOCK_AT(accounting.ended)
#define ENDED_MEMBER(state, i, member)                                                                                   \
    mock_word_at(state, ENDED + 1 + (i) * MOCK_RECORD_WORDS(accounting.ended) + MOCK_MEMBER(accounting.ended, member))
#define RUNNING MOCK_AT(processes.running)
#define RUNNING_MEMBER(state, i, member)                                                                                 \
    mock_word_at(state,                                                                                                  \
                 RUNNING + 1 + (i) * MOCK_RECORD_WORDS(processes.running) + MOCK_MEMBER(processes.running, member))

/* How many processes have ended, and run: none while the mode is off, for which `off` is answered. */
static nvmlReturn_t listed(const mock_word *state, nvmlReturn_t off, uint32_t *ended, uint32_t *running)
{
    uint64_t on = 0;
    nvmlReturn_t status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(modes.accounting), &on);

    *ended = *running = 0;
    if (status != NVML_SUCCESS)
        return status;
    uint64_t head = mock_word_at(state, ENDED);
    if (!on || mock_head_status(head) != NVML_SUCCESS)
        return on ? mock_head_status(head) : off;
    *ended = mock_head_length(head, MOCK_CAPACITY(accounting.ended));
    head = mock_word_at(state, RUNNING);
    if (mock_head_status(head) == NVML_SUCCESS)
        *running = mock_head_length(head, MOCK_CAPACITY(processes.running));
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetAccountingPids(nvmlDevice_t device, unsigned int *count, unsigned int *pids)
{
    unsigned room = pids != NULL ? *count : 0, found = 0;
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint32_t ended, running;
        status = listed(state, NVML_SUCCESS, &ended, &running);
        found = ended + running;
        for (uint32_t i = 0; i < found && i < room; i++)
            pids[i] = (unsigned)(i < ended ? ENDED_MEMBER(state, i, pid) : RUNNING_MEMBER(state, i - ended, pid));
    }
    if (status != NVML_SUCCESS)
        return status;
    *count = found;
    return found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

/* A process that runs, else the one of this pid that ended last. */
static nvmlReturn_t find_stats(nvmlDevice_t device, unsigned pid, nvmlAccountingStats_t *stats)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint32_t ended, running;
        bool found = false;
        status = listed(state, NVML_ERROR_NOT_SUPPORTED, &ended, &running);
        for (uint32_t i = running; i-- > 0 && !found;) {
            found = RUNNING_MEMBER(state, i, pid) == pid;
            *stats = (nvmlAccountingStats_t){
                .gpuUtilization = (unsigned)RUNNING_MEMBER(state, i, sm),
                .memoryUtilization = (unsigned)RUNNING_MEMBER(state, i, memory_utilization),
                .maxMemoryUsage = RUNNING_MEMBER(state, i, memory),
                .startTime = RUNNING_MEMBER(state, i, start),
                .isRunning = 1,
            };
        }
        for (uint32_t i = ended; i-- > 0 && !found;) {
            found = ENDED_MEMBER(state, i, pid) == pid;
            *stats = (nvmlAccountingStats_t){
                .gpuUtilization = (unsigned)ENDED_MEMBER(state, i, gpu),
                .memoryUtilization = (unsigned)ENDED_MEMBER(state, i, memory_utilization),
                .maxMemoryUsage = ENDED_MEMBER(state, i, memory_max),
                .time = ENDED_MEMBER(state, i, time),
                .startTime = ENDED_MEMBER(state, i, start),
            };
        }
        if (status == NVML_SUCCESS && !found)
            status = NVML_ERROR_NOT_FOUND;
    }
    return status;
}

nvmlReturn_t native_nvmlDeviceGetAccountingStats(nvmlDevice_t device, unsigned int pid, nvmlAccountingStats_t *stats)
{
    nvmlAccountingStats_t found;
    nvmlReturn_t status = find_stats(device, pid, &found);

    if (status == NVML_SUCCESS)
        *stats = found;
    return status;
}

/* differs: no samples are counted, so the sums of v2 are 0. */
nvmlReturn_t native_nvmlDeviceGetAccountingStats_v2(nvmlDevice_t device, nvmlAccountingStats_v2_t *stats)
{
    nvmlAccountingStats_t found;
    nvmlReturn_t status = find_stats(device, stats->pid, &found);

    if (status == NVML_SUCCESS)
        *stats = (nvmlAccountingStats_v2_t){
            .pid = stats->pid,
            .isRunning = found.isRunning,
            .gpuUtilization = found.gpuUtilization,
            .memoryUtilization = found.memoryUtilization,
            .maxMemoryUsage = found.maxMemoryUsage,
            .time = found.time,
            .startTime = found.startTime,
        };
    return status;
}

/* What both setters begin with: the state of the fields, then permission. */
static nvmlReturn_t may_write(nvmlDevice_t device)
{
    nvmlReturn_t status = mock_may_write(device, MOCK_AT(modes.accounting));

    return status != NVML_SUCCESS ? status : mock_may_write(device, ENDED);
}

nvmlReturn_t native_nvmlDeviceSetAccountingMode(nvmlDevice_t device, nvmlEnableState_t mode)
{
    static const uint32_t offsets[] = {MOCK_AT(modes.accounting.value), ENDED};
    uint64_t values[] = {(unsigned)mode, MOCK_HEAD_SUCCESS};
    struct mock_block *gpu = mock_gpu(mock_node(), device);
    nvmlReturn_t status = may_write(device);

    if (status != NVML_SUCCESS)
        return status;
    if ((unsigned)mode > NVML_FEATURE_ENABLED)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (gpu == NULL)
        return NVML_ERROR_UNKNOWN;
    /* nvml.h: "Disabling accounting clears all accounting pids information." */
    return mock_node_write(mock_node(), gpu, (struct mock_change){mode == NVML_FEATURE_ENABLED ? 1 : 2, offsets, values});
}

nvmlReturn_t native_nvmlDeviceClearAccountingPids(nvmlDevice_t device)
{
    static const uint32_t offsets[] = {ENDED};
    static const uint64_t values[] = {MOCK_HEAD_SUCCESS};
    struct mock_block *gpu = mock_gpu(mock_node(), device);
    nvmlReturn_t status = may_write(device);

    if (status != NVML_SUCCESS)
        return status;
    return gpu == NULL ? NVML_ERROR_UNKNOWN : mock_node_write(mock_node(), gpu, (struct mock_change){1, offsets, values});
}
