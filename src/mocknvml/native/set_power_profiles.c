/* SPDX-License-Identifier: Apache-2.0 */
/* Workload power profiles that get requested, and which of them come into force. */
#include "runtime.h"

enum {
    WORDS = NVML_255_MASK_NUM_ELEMS,
};

struct update {
    nvmlPowerProfileOperation_t operation;
    nvmlMask255_t profiles;
};

#define NUMBER(field, i) (MOCK_AT(power_profiles.field) + 2 * (i))

static uint32_t number(const mock_word *state, uint32_t at)
{
    uint64_t value;

    mock_number_or_zero(state, MOCK_GPU_SIGNALS, at, &value);
    return (uint32_t)value;
}

/* nvml.h: enforced is what is left "post all arbitrations among the requested profiles". Taken in the order of their
 * priority (the lower, the stronger), each profile keeps out those that it conflicts with. */
static uint32_t arbitrate(const mock_word *state, uint32_t requested)
{
    uint32_t enforced = 0;

    for (uint32_t rest = requested & ((1U << NVML_POWER_PROFILE_MAX) - 1); rest != 0;) {
        uint32_t first = (uint32_t)__builtin_ctz(rest);
        for (uint32_t i = first + 1; i < NVML_POWER_PROFILE_MAX; i++) {
            if ((rest >> i & 1) != 0 && number(state, NUMBER(priority, i)) < number(state, NUMBER(priority, first)))
                first = i;
        }
        uint32_t conflicts = number(state, NUMBER(conflicts, first));
        rest &= ~(1U << first);
        if ((conflicts & enforced) != 0)
            continue;
        enforced |= 1U << first;
        rest &= ~conflicts;
    }
    return enforced;
}

static nvmlReturn_t put_requested(mock_word *state, const void *context)
{
    const struct update *update = context;

    /* nvml.h: "each bit set corresponds to a supported bit" */
    for (uint32_t i = 0; i < WORDS; i++) {
        if ((update->profiles.mask[i] & ~number(state, NUMBER(supported, i))) != 0)
            return NVML_ERROR_INVALID_ARGUMENT;
    }
    for (uint32_t i = 0; i < WORDS; i++) {
        uint32_t requested = number(state, NUMBER(requested, i)), bits = update->profiles.mask[i];
        if (update->operation == NVML_POWER_PROFILE_OPERATION_CLEAR)
            requested &= ~bits;
        else if (update->operation == NVML_POWER_PROFILE_OPERATION_SET)
            requested |= bits;
        else
            requested = bits;
        mock_word_put(state, NUMBER(requested, i) + 1, requested);
        /* All profiles that nvml.h names have their bit in the first word. */
        mock_word_put(state, NUMBER(enforced, i) + 1, i == 0 ? arbitrate(state, requested) : requested);
    }
    return NVML_SUCCESS;
}

/* Root's alone. differs: nvml.h also lets a holder of the WPPS capability update. */
static nvmlReturn_t change(nvmlDevice_t device, struct update update)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = NVML_SUCCESS;
        for (uint32_t i = 0; i < WORDS && status == NVML_SUCCESS; i++) {
            status = mock_head_status(mock_word_at(state, NUMBER(supported, i)));
            if (status == NVML_SUCCESS)
                status = mock_head_status(mock_word_at(state, NUMBER(requested, i)));
            if (status == NVML_SUCCESS)
                status = mock_head_status(mock_word_at(state, NUMBER(enforced, i)));
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if ((unsigned)update.operation >= NVML_POWER_PROFILE_OPERATION_MAX)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_edit_gpu(device, put_requested, &update);
}

nvmlReturn_t native_nvmlDeviceWorkloadPowerProfileSetRequestedProfiles(nvmlDevice_t device,
                                                                       nvmlWorkloadPowerProfileRequestedProfiles_t *requested)
{
    return change(device, (struct update){NVML_POWER_PROFILE_OPERATION_SET, requested->requestedProfilesMask});
}

nvmlReturn_t native_nvmlDeviceWorkloadPowerProfileClearRequestedProfiles(nvmlDevice_t device,
                                                                         nvmlWorkloadPowerProfileRequestedProfiles_t *requested)
{
    return change(device, (struct update){NVML_POWER_PROFILE_OPERATION_CLEAR, requested->requestedProfilesMask});
}

nvmlReturn_t native_nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1(nvmlDevice_t device,
                                                                    nvmlWorkloadPowerProfileUpdateProfiles_v1_t *update)
{
    return change(device, (struct update){update->operation, update->updateProfilesMask});
}
