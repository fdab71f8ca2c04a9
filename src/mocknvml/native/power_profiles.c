/* SPDX-License-Identifier: Apache-2.0 */
/* Workload power profiles: which a board has, and which of them are asked for and in force. */
#include "runtime.h"

static nvmlReturn_t read_mask(const mock_word *state, uint32_t at, nvmlMask255_t *mask)
{
    nvmlReturn_t status = NVML_SUCCESS;

    for (uint32_t i = 0; i < NVML_255_MASK_NUM_ELEMS && status == NVML_SUCCESS; i++) {
        uint64_t word;
        status = mock_number(state, MOCK_GPU_SIGNALS, at + 2 * i, &word);
        mask->mask[i] = (unsigned)word;
    }
    return status;
}

/* Entries stand at the profile's id, not packed: nvidia-smi 580 takes a profile from the mask and its entry by the id
 * (NVIDIA/k8s-test-infra, nvml-mock). Those of profiles that the board lacks are not written. */
nvmlReturn_t native_nvmlDeviceWorkloadPowerProfileGetProfilesInfo(nvmlDevice_t device,
                                                                  nvmlWorkloadPowerProfileProfilesInfo_t *info)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    nvmlMask255_t supported = {{0}};
    uint64_t priority[NVML_POWER_PROFILE_MAX] = {0}, conflicts[NVML_POWER_PROFILE_MAX] = {0};

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = read_mask(state, MOCK_AT(power_profiles.supported), &supported);
        for (uint32_t i = 0; i < NVML_POWER_PROFILE_MAX && status == NVML_SUCCESS; i++) {
            if ((supported.mask[0] >> i & 1) == 0)
                continue;
            status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power_profiles.priority) + 2 * i, &priority[i]);
            if (status == NVML_SUCCESS)
                status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power_profiles.conflicts) + 2 * i, &conflicts[i]);
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    info->perfProfilesMask = supported;
    for (unsigned i = 0; i < NVML_POWER_PROFILE_MAX; i++) {
        if ((supported.mask[0] >> i & 1) == 0)
            continue;
        info->perfProfile[i] = (nvmlWorkloadPowerProfileInfo_t){
            .version = nvmlWorkloadPowerProfileInfo_v1,
            .profileId = i,
            .priority = (unsigned)priority[i],
            .conflictingMask = {{(unsigned)conflicts[i]}},
        };
    }
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceWorkloadPowerProfileGetCurrentProfiles(nvmlDevice_t device,
                                                                     nvmlWorkloadPowerProfileCurrentProfiles_t *current)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    nvmlMask255_t supported = {{0}}, requested = {{0}}, enforced = {{0}};

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = read_mask(state, MOCK_AT(power_profiles.supported), &supported);
        if (status == NVML_SUCCESS)
            status = read_mask(state, MOCK_AT(power_profiles.requested), &requested);
        if (status == NVML_SUCCESS)
            status = read_mask(state, MOCK_AT(power_profiles.enforced), &enforced);
    }
    if (status != NVML_SUCCESS)
        return status;
    current->perfProfilesMask = supported;
    current->requestedProfilesMask = requested;
    current->enforcedProfilesMask = enforced;
    return NVML_SUCCESS;
}
