/* SPDX-License-Identifier: Apache-2.0 */
/* The power limit by scope, which nvidia-smi -pl sets since driver 535, and the PowerMizer mode. */
#include "runtime.h"

/* By scope; neither the memory nor the base of a GPU has a limit. */
static const struct {
    uint32_t limit, least, greatest;
} limits[] = {
    [NVML_POWER_SCOPE_GPU] = {MOCK_AT(power.limit), MOCK_AT(power.limit_min), MOCK_AT(power.limit_max)},
    [NVML_POWER_SCOPE_MODULE] = {MOCK_AT(power.module_limit), MOCK_AT(power.module_limit_min),
                                 MOCK_AT(power.module_limit_max)},
};

nvmlReturn_t native_nvmlDeviceSetPowerManagementLimit_v2(nvmlDevice_t device, nvmlPowerValue_v2_t *powerValue)
{
    struct mock_node *node = mock_node();
    struct mock_block *gpu = mock_gpu(node, device);
    const mock_word *state;
    nvmlReturn_t status = NVML_ERROR_NOT_SUPPORTED;
    unsigned limit = powerValue->powerValueMw, scope = powerValue->powerScope;
    uint64_t present, least = 0, greatest = 0;

    if (scope >= NVML_POWER_SCOPE_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (scope > NVML_POWER_SCOPE_MODULE || gpu == NULL)
        return NVML_ERROR_NOT_SUPPORTED;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, limits[scope].limit, &present);
        if (status == NVML_SUCCESS)
            status = mock_number(state, MOCK_GPU_SIGNALS, limits[scope].least, &least);
        if (status == NVML_SUCCESS)
            status = mock_number(state, MOCK_GPU_SIGNALS, limits[scope].greatest, &greatest);
    }
    if (status != NVML_SUCCESS)
        return status;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (limit < least || limit > greatest)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_set_number(node, gpu, limits[scope].limit, limit);
}

/* A mode that the board has. nvml.h asks for no root, and users set it without. */
nvmlReturn_t native_nvmlDeviceSetPowerMizerMode_v1(nvmlDevice_t device, nvmlDevicePowerMizerModes_v1_t *powerMizerMode)
{
    struct mock_node *node = mock_node();
    struct mock_block *gpu = mock_gpu(node, device);
    const mock_word *state;
    nvmlReturn_t status = NVML_ERROR_NOT_SUPPORTED;
    unsigned mode = powerMizerMode->mode;
    uint64_t supported = 0;

    if (gpu == NULL)
        return NVML_ERROR_UNKNOWN;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        status = mock_head_status(mock_word_at(state, MOCK_AT(power.mizer)));
        if (status == NVML_SUCCESS)
            status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power.mizer_supported), &supported);
    }
    if (status != NVML_SUCCESS)
        return status;
    if (mode > NVML_POWER_MIZER_MODE_PREFER_CONSISTENT_PERFORMANCE || (supported >> mode & 1) == 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_set_number(node, gpu, MOCK_AT(power.mizer), mode);
}
