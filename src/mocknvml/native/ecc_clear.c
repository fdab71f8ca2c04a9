/* SPDX-License-Identifier: Apache-2.0 */
/* Error counters set to zero. */
#include "runtime.h"

/* A counter that the board lacks, or that holds an error, stays so. */
static void zero(mock_word *state, uint32_t at)
{
    if (mock_head_status(mock_word_at(state, at)) == NVML_SUCCESS)
        mock_word_put(state, at + 1, 0);
}

static nvmlReturn_t clear(mock_word *state, const void *context)
{
    uint32_t counter = *(const uint32_t *)context;

    for (uint32_t type = 0; type < NVML_MEMORY_ERROR_TYPE_COUNT; type++) {
        uint32_t of = type * NVML_ECC_COUNTER_TYPE_COUNT + counter;
        zero(state, MOCK_AT(ecc.total) + 2 * of);
        for (uint32_t location = 0; location < NVML_MEMORY_LOCATION_COUNT; location++)
            zero(state, MOCK_AT(ecc.location) + 2 * (of * NVML_MEMORY_LOCATION_COUNT + location));
    }
    zero(state, MOCK_AT(sram.corrected) + 2 * counter);
    zero(state, MOCK_AT(sram.parity) + 2 * counter);
    zero(state, MOCK_AT(sram.sec_ded) + 2 * counter);
    /* The sources are those of the aggregate errors. */
    for (uint32_t at = MOCK_AT(sram.source); counter == NVML_AGGREGATE_ECC && at < MOCK_AT(sram.threshold_exceeded); at += 2)
        zero(state, at);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceClearEccErrorCounts(nvmlDevice_t device, nvmlEccCounterType_t counterType)
{
    const mock_word *state;
    uint32_t counter = (uint32_t)counterType;
    uint64_t on = 0;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(ecc.mode), &on);
    }
    /* nvml.h, of the counters: "Requires ECC Mode to be enabled." */
    if (status != NVML_SUCCESS || !on)
        return status != NVML_SUCCESS ? status : NVML_ERROR_NOT_SUPPORTED;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (counter >= NVML_ECC_COUNTER_TYPE_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_edit_gpu(device, clear, &counter);
}
