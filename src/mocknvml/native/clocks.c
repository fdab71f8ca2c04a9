/* SPDX-License-Identifier: Apache-2.0 */
/* nvmlDeviceGetClock, whose clock id chooses among the fields that other functions read each by itself. */
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
