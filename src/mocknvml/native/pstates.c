/* SPDX-License-Identifier: Apache-2.0 */
/* Performance states: those that a board has, and the loads by which the driver chooses among them. */
#include "runtime.h"

/* `size` is in bytes (nvml.h); what is left of the room is filled with UNKNOWN. */
nvmlReturn_t native_nvmlDeviceGetSupportedPerformanceStates(nvmlDevice_t device, nvmlPstates_t *pstates, unsigned int size)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    unsigned found = 0, room = size / sizeof *pstates;
    nvmlPstates_t listed[NVML_MAX_GPU_PERF_PSTATES];

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = NVML_ERROR_NOT_SUPPORTED;
        found = 0;
        for (unsigned i = 0; i < NVML_MAX_GPU_PERF_PSTATES; i++) {
            uint64_t has;
            nvmlReturn_t one = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(clocks.pstates) + 2 * i, &has);
            if (one == NVML_ERROR_NOT_SUPPORTED)
                continue;
            status = one;
            if (one != NVML_SUCCESS)
                break;
            if (has != 0)
                listed[found++] = (nvmlPstates_t)i;
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    if (found > room)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < room && i < NVML_MAX_GPU_PERF_PSTATES; i++)
        pstates[i] = i < found ? listed[i] : NVML_PSTATE_UNKNOWN;
    return NVML_SUCCESS;
}

/* A domain without a reading is not present. No public source shows thresholds: they are 0. */
nvmlReturn_t native_nvmlDeviceGetDynamicPstatesInfo(nvmlDevice_t device, nvmlGpuDynamicPstatesInfo_t *info)
{
    static const uint32_t fields[] = {
        [NVML_GPU_UTILIZATION_DOMAIN_GPU] = MOCK_AT(utilization.gpu),
        [NVML_GPU_UTILIZATION_DOMAIN_FB] = MOCK_AT(utilization.memory),
        [NVML_GPU_UTILIZATION_DOMAIN_VID] = MOCK_AT(utilization.video),
        [NVML_GPU_UTILIZATION_DOMAIN_BUS] = MOCK_AT(utilization.bus),
    };
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    nvmlGpuDynamicPstatesInfo_t found;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = NVML_ERROR_NOT_SUPPORTED;
        memset(&found, 0, sizeof found);
        for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++) {
            uint64_t percentage;
            nvmlReturn_t one = mock_number(state, MOCK_GPU_SIGNALS, fields[i], &percentage);
            if (one == NVML_ERROR_NOT_SUPPORTED)
                continue;
            status = one;
            if (one != NVML_SUCCESS)
                break;
            found.utilization[i].bIsPresent = 1;
            found.utilization[i].percentage = (unsigned)percentage;
        }
    }
    if (status == NVML_SUCCESS)
        *info = found;
    return status;
}
