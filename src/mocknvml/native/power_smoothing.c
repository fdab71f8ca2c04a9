/* SPDX-License-Identifier: Apache-2.0 */
/* Preset profiles of power smoothing. */
#include "runtime.h"

static bool is_profile(const mock_word *state, unsigned profile)
{
    /* A board that doesn't tell its number of presets has as many as there can be. */
    return profile < NVML_POWER_SMOOTHING_MAX_NUM_PROFILES
           && mock_below(state, MOCK_GPU_SIGNALS, MOCK_AT(power_smoothing.presets), profile) != NVML_ERROR_INVALID_ARGUMENT;
}

static nvmlReturn_t put_active(mock_word *state, const void *context)
{
    const nvmlPowerSmoothingProfile_t *profile = context;

    if (!is_profile(state, profile->profileId))
        return NVML_ERROR_INVALID_ARGUMENT;
    mock_word_put(state, MOCK_AT(power_smoothing.active_preset.value), profile->profileId);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDevicePowerSmoothingActivatePresetProfile(nvmlDevice_t device, nvmlPowerSmoothingProfile_t *profile)
{
    nvmlPowerSmoothingProfile_t wanted = *profile;
    nvmlReturn_t status = mock_may_write(device, MOCK_AT(power_smoothing.active_preset));

    return status != NVML_SUCCESS ? status : mock_edit_gpu(device, put_active, &wanted);
}

static uint32_t place(const nvmlPowerSmoothingProfile_t *profile)
{
    uint32_t element = profile->profileId * NVML_POWER_SMOOTHING_NUM_PROFILE_PARAMS + profile->paramId;

    return MOCK_AT(power_smoothing.preset) + 2 * element;
}

/* The range that nvml.h gives each parameter, and for the floor the board's own. */
static bool in_range(const mock_word *state, const nvmlPowerSmoothingProfile_t *profile)
{
    uint64_t least = 0, greatest = UINT32_MAX;

    if (profile->paramId == NVML_POWER_SMOOTHING_PROFILE_PARAM_PERCENT_TMP_FLOOR) {
        mock_number_or_zero(state, MOCK_GPU_SIGNALS, MOCK_AT(power_smoothing.floor_percent_min), &least);
        if (mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(power_smoothing.floor_percent_max), &greatest) != NVML_SUCCESS)
            greatest = 100;
    } else if (profile->paramId == NVML_POWER_SMOOTHING_PROFILE_PARAM_PRIMARY_FLOOR_ACT_WIN_MULT
               || profile->paramId == NVML_POWER_SMOOTHING_PROFILE_PARAM_PRIMARY_FLOOR_TAR_WIN_MULT) {
        greatest = 255;
    }
    return profile->value >= (double)least && profile->value <= (double)greatest;
}

/* differs: a percentage loses its fraction. */
static nvmlReturn_t put_parameter(mock_word *state, const void *context)
{
    const nvmlPowerSmoothingProfile_t *profile = context;

    if (!is_profile(state, profile->profileId) || !in_range(state, profile))
        return NVML_ERROR_INVALID_ARGUMENT;
    mock_word_put(state, place(profile) + 1, (uint64_t)profile->value);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDevicePowerSmoothingUpdatePresetProfileParam(nvmlDevice_t device, nvmlPowerSmoothingProfile_t *profile)
{
    nvmlPowerSmoothingProfile_t wanted = *profile;

    if (wanted.profileId >= NVML_POWER_SMOOTHING_MAX_NUM_PROFILES || wanted.paramId >= NVML_POWER_SMOOTHING_NUM_PROFILE_PARAMS)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t status = mock_may_write(device, place(&wanted));
    return status != NVML_SUCCESS ? status : mock_edit_gpu(device, put_parameter, &wanted);
}
