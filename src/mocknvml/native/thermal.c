/* SPDX-License-Identifier: Apache-2.0 */
/* The thermal sensors as NvAPI knows them: every board has one, in the GPU. */
#include "runtime.h"

nvmlReturn_t native_nvmlDeviceGetThermalSettings(nvmlDevice_t device, unsigned int sensorIndex,
                                                 nvmlGpuThermalSettings_t *settings)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t temperature = 0, low = 0, high = 0;

    if (sensorIndex != 0 && sensorIndex != NVML_THERMAL_TARGET_ALL)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(thermal.temperature), &temperature);
        /* A range that nobody knows is 0 to 0. */
        if (mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(thermal.sensor_min), &low) != NVML_SUCCESS
            || mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(thermal.sensor_max), &high) != NVML_SUCCESS)
            low = high = 0;
    }
    if (status != NVML_SUCCESS)
        return status;
    settings->count = 1;
    settings->sensor[0].controller = NVML_THERMAL_CONTROLLER_GPU_INTERNAL;
    settings->sensor[0].defaultMinTemp = (int)low;
    settings->sensor[0].defaultMaxTemp = (int)high;
    settings->sensor[0].currentTemp = (int)temperature;
    settings->sensor[0].target = NVML_THERMAL_TARGET_GPU;
    return NVML_SUCCESS;
}
