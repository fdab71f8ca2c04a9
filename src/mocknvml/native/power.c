/* SPDX-License-Identifier: Apache-2.0 */
/* The power limit by scope, which nvidia-smi -pl sets since driver 535. */
#include "runtime.h"

/* Only the GPU's own limit is modelled: modules and memory have none. */
nvmlReturn_t native_nvmlDeviceSetPowerManagementLimit_v2(nvmlDevice_t device, nvmlPowerValue_v2_t *powerValue)
{
    struct mock_node *node = mock_node();
    struct mock_block *gpu = mock_gpu(node, device);
    const mock_word *state;
    nvmlReturn_t status = NVML_ERROR_NOT_SUPPORTED;
    unsigned limit = powerValue->powerValueMw;
    uint64_t present, least = 0, greatest = 0;

    if (powerValue->powerScope >= NVML_POWER_SCOPE_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (powerValue->powerScope != NVML_POWER_SCOPE_GPU || gpu == NULL)
        return NVML_ERROR_NOT_SUPPORTED;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power.limit), &present);
        if (status == NVML_SUCCESS)
            status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power.limit_min), &least);
        if (status == NVML_SUCCESS)
            status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power.limit_max), &greatest);
    }
    if (status != NVML_SUCCESS)
        return status;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (limit < least || limit > greatest)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_set_number(node, gpu, MOCK_AT(power.limit), limit);
}
