/* SPDX-License-Identifier: Apache-2.0 */
/* What else is on the board: the InfoROM, and bridges of boards with several GPUs. */
#include "runtime.h"

nvmlReturn_t native_nvmlDeviceValidateInforom(nvmlDevice_t device)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t valid = 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(identity.inforom_valid), &valid);
    }
    if (status != NVML_SUCCESS)
        return status;
    return valid != 0 ? NVML_SUCCESS : NVML_ERROR_CORRUPTED_INFOROM;
}

#define BRIDGES MOCK_AT(identity.bridges)
#define BRIDGE(state, i, member)                                                                                         \
    ((unsigned)mock_word_at(state, BRIDGES + 1 + (i) * MOCK_RECORD_WORDS(identity.bridges)                               \
                                       + MOCK_MEMBER(identity.bridges, member)))

/* Only the entries of bridges that there are get written. */
nvmlReturn_t native_nvmlDeviceGetBridgeChipInfo(nvmlDevice_t device, nvmlBridgeChipHierarchy_t *hierarchy)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint32_t count = 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, BRIDGES);
        status = mock_head_status(head);
        count = status == NVML_SUCCESS ? mock_head_length(head, MOCK_CAPACITY(identity.bridges)) : 0;
        for (uint32_t i = 0; i < count; i++) {
            hierarchy->bridgeChipInfo[i].type = (nvmlBridgeChipType_t)BRIDGE(state, i, type);
            hierarchy->bridgeChipInfo[i].fwVersion = BRIDGE(state, i, firmware);
        }
    }
    if (status == NVML_SUCCESS)
        hierarchy->bridgeCount = (unsigned char)count;
    return status;
}
