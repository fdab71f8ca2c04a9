/* SPDX-License-Identifier: Apache-2.0 */
/* nvmlDeviceGetFieldValues, over the generated table of ids. */
#define _GNU_SOURCE
#include <time.h>

#include "field_table.h"
#include "runtime.h"

static void put_value(const struct mock_field *field, uint64_t value, nvmlFieldValue_t *out)
{
    out->valueType = field->type;
    switch (field->type) {
    case NVML_VALUE_TYPE_UNSIGNED_LONG_LONG:
        out->value.ullVal = value;
        break;
    case NVML_VALUE_TYPE_SIGNED_INT:
        out->value.siVal = (int)value;
        break;
    default:
        out->value.uiVal = (unsigned)value;
    }
}

/* Which status a field id has is told per value; the call itself succeeds. */
nvmlReturn_t native_nvmlDeviceGetFieldValues(nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values)
{
    const struct mock_block *gpu = mock_gpu_of(device);
    const mock_word *state;
    struct timespec now;

    if (valuesCount <= 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    long long timestamp = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;

    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        for (int i = 0; i < valuesCount; i++) {
            nvmlFieldValue_t *out = &values[i];
            out->timestamp = timestamp;
            out->latencyUsec = 0;
            if (out->fieldId == 0 || out->fieldId >= NVML_FI_MAX) {
                out->nvmlReturn = NVML_ERROR_INVALID_ARGUMENT;
                continue;
            }
            const struct mock_field *field = &mock_fields[out->fieldId];
            if (field->elements == 0) {
                out->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
                continue;
            }
            /* A field without scopes takes scope 0 alone: scopes 1 and 2 of the power fields mean module and memory. */
            if (out->scopeId >= field->elements) {
                out->nvmlReturn = field->elements == 1 ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
                continue;
            }
            uint64_t value;
            out->nvmlReturn = mock_number(state, MOCK_GPU_SIGNALS, field->at + field->stride * out->scopeId, &value);
            if (out->nvmlReturn == NVML_SUCCESS)
                put_value(field, value, out);
        }
    }
    return NVML_SUCCESS;
}

/* No id is known to be one that can be cleared. */
nvmlReturn_t native_nvmlDeviceClearFieldValues(nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values)
{
    (void)device;
    if (valuesCount <= 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (int i = 0; i < valuesCount; i++) {
        bool known = values[i].fieldId != 0 && values[i].fieldId < NVML_FI_MAX;
        values[i].nvmlReturn = known ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
    }
    return NVML_SUCCESS;
}
