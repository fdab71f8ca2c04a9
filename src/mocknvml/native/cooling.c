/* SPDX-License-Identifier: Apache-2.0 */
/* Fans and the acoustic threshold, as far as they can be set. */
#include "runtime.h"

enum {
    FANS = (MOCK_AT(fans.target) - MOCK_AT(fans.speed)) / 2,
};

#define AT(field, fan) (MOCK_AT(field) + 2 * (fan))

struct fan {
    uint32_t index, speed;
};

static void put(mock_word *state, uint32_t at, uint64_t value)
{
    if (mock_head_status(mock_word_at(state, at)) == NVML_SUCCESS)
        mock_word_put(state, at + 1, value);
}

/* nvml.h: "changes the fan control policy to manual". The model's fan turns at once. */
static nvmlReturn_t set_speed(mock_word *state, const void *context)
{
    const struct fan *fan = context;

    put(state, AT(fans.policy, fan->index), NVML_FAN_POLICY_MANUAL);
    put(state, AT(fans.target, fan->index), fan->speed);
    put(state, AT(fans.speed, fan->index), fan->speed);
    return NVML_SUCCESS;
}

/* differs: the speed stays, because the model has no curve of temperatures and speeds. */
static nvmlReturn_t set_automatic(mock_word *state, const void *context)
{
    const struct fan *fan = context;

    put(state, AT(fans.policy, fan->index), NVML_FAN_POLICY_TEMPERATURE_CONTINOUS_SW);
    return NVML_SUCCESS;
}

/* A fan, where `least` and `greatest` become the speeds that it can have. */
static nvmlReturn_t may_set(nvmlDevice_t device, uint32_t fan, uint64_t *least, uint64_t *greatest)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    if (fan >= FANS)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_below(state, MOCK_GPU_SIGNALS, MOCK_AT(fans.count), fan);
        if (status != NVML_ERROR_INVALID_ARGUMENT) /* no profile tells the number of its fans */
            status = mock_head_status(mock_word_at(state, AT(fans.speed, fan)));
        /* nvml.h: "[0-100] in % of max speed" */
        if (mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(fans.speed_min), least) != NVML_SUCCESS)
            *least = 0;
        if (mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(fans.speed_max), greatest) != NVML_SUCCESS)
            *greatest = 100;
    }
    return status != NVML_SUCCESS || mock_privileged() ? status : NVML_ERROR_NO_PERMISSION;
}

nvmlReturn_t native_nvmlDeviceSetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int speed)
{
    uint64_t least = 0, greatest = 0;
    nvmlReturn_t status = may_set(device, fan, &least, &greatest);

    if (status != NVML_SUCCESS)
        return status;
    if (speed < least || speed > greatest)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_edit_gpu(device, set_speed, &(struct fan){fan, speed});
}

nvmlReturn_t native_nvmlDeviceSetDefaultFanSpeed_v2(nvmlDevice_t device, unsigned int fan)
{
    uint64_t least = 0, greatest = 0;
    nvmlReturn_t status = may_set(device, fan, &least, &greatest);

    return status != NVML_SUCCESS ? status : mock_edit_gpu(device, set_automatic, &(struct fan){fan, 0});
}

#define THRESHOLD(type) (MOCK_AT(thermal.threshold) + 2 * NVML_TEMPERATURE_THRESHOLD_##type)

/* nvml.h names what can be set: the acoustic threshold, between its minimum and maximum. */
nvmlReturn_t native_nvmlDeviceSetTemperatureThreshold(nvmlDevice_t device, nvmlTemperatureThresholds_t thresholdType, int *temp)
{
    struct mock_node *node = mock_node();
    struct mock_block *gpu = mock_gpu(node, device);
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t least = 0, greatest = 0;
    int64_t wanted = *temp;

    if (thresholdType != NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (gpu == NULL)
        return NVML_ERROR_UNKNOWN;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        status = mock_head_status(mock_word_at(state, THRESHOLD(ACOUSTIC_CURR)));
        if (status == NVML_SUCCESS)
            status = mock_number(state, MOCK_GPU_SIGNALS, THRESHOLD(ACOUSTIC_MIN), &least);
        if (status == NVML_SUCCESS)
            status = mock_number(state, MOCK_GPU_SIGNALS, THRESHOLD(ACOUSTIC_MAX), &greatest);
    }
    if (status != NVML_SUCCESS)
        return status;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (wanted < (int64_t)least || wanted > (int64_t)greatest)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_set_number(node, gpu, THRESHOLD(ACOUSTIC_CURR), (uint64_t)wanted);
}
