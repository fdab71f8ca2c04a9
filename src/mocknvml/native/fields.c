/* SPDX-License-Identifier: Apache-2.0 */
/* nvmlDeviceGetFieldValues, over the generated table of ids. */
#include <limits.h>

#include "field_table.h"
#include "runtime.h"

/* The integers of the union lie at one address, and in little-endian order the narrower are the lower bytes. */
static void put_value(const struct mock_field *field, uint64_t value, nvmlFieldValue_t *out)
{
    out->valueType = field->type;
    if (field->type == NVML_VALUE_TYPE_DOUBLE)
        out->value.dVal = (double)value;
    else
        out->value.ullVal = value;
}

/* The sum over the cells that hold a value, or how many hold `equal`. */
static nvmlReturn_t read_cells(const mock_word *state, const struct mock_field *field, uint64_t *value)
{
    nvmlReturn_t answer = NVML_ERROR_NOT_SUPPORTED;
    uint64_t cell;

    *value = 0;
    for (uint32_t i = 0; i < field->cells; i++) {
        nvmlReturn_t status = mock_number(state, MOCK_GPU_SIGNALS, field->at + i * field->stride, &cell);
        if (status == NVML_ERROR_NOT_SUPPORTED)
            continue;
        if (status != NVML_SUCCESS)
            return status;
        *value += field->kind == MOCK_FIELD_COUNT ? cell == field->equal : cell;
        answer = NVML_SUCCESS;
    }
    return answer;
}

static nvmlReturn_t count_records(const mock_word *state, const struct mock_field *field, uint64_t *value)
{
    uint64_t head = mock_word_at(state, field->count_at);
    uint32_t records = mock_head_length(head, field->cells);

    *value = 0;
    for (uint32_t i = 0; i < records; i++)
        *value += mock_word_at(state, field->at + i * field->stride) == field->equal;
    return mock_head_status(head);
}

static nvmlReturn_t read_scoped(const mock_word *state, const struct mock_field *field, uint32_t scope, uint64_t *value)
{
    if (scope == UINT_MAX && field->aggregate)
        return read_cells(state, field, value);
    if (field->count_at != 0) {
        nvmlReturn_t status = mock_below(state, MOCK_GPU_SIGNALS, field->count_at, scope);
        if (status != NVML_SUCCESS)
            return status;
    }
    if (scope >= field->cells)
        return NVML_ERROR_NOT_SUPPORTED;
    if (field->supported != 0 && !(mock_number(state, MOCK_GPU_SIGNALS, field->supported, value) == NVML_SUCCESS && *value))
        return NVML_ERROR_NOT_SUPPORTED;
    nvmlReturn_t status = mock_number(state, MOCK_GPU_SIGNALS, field->at + field->stride * scope, value);
    if (status == NVML_ERROR_NOT_SUPPORTED && scope == 0 && field->otherwise != 0)
        return mock_number(state, MOCK_GPU_SIGNALS, field->otherwise, value);
    return status;
}

/*
 * An id without scopes ignores scopeId: UCX asks NVML_FI_DEV_NVSWITCH_CONNECTED_LINK_COUNT with an uninitialised one,
 * and Datadog's agent passes a link to the *_ERROR_COUNT_TOTAL.
 */
static nvmlReturn_t read_field(const mock_word *state, const struct mock_field *field, uint32_t scope, uint64_t *value)
{
    switch (field->kind) {
    case MOCK_FIELD_CELL:
        return mock_number(state, MOCK_GPU_SIGNALS, field->at, value);
    case MOCK_FIELD_SCOPED:
        return read_scoped(state, field, scope, value);
    case MOCK_FIELD_SUM:
    case MOCK_FIELD_COUNT:
        return read_cells(state, field, value);
    case MOCK_FIELD_COUNT_RECORDS:
        return count_records(state, field, value);
    default:
        return NVML_ERROR_NOT_SUPPORTED;
    }
}

/* Which status a field id has is told per value; the call itself succeeds. */
nvmlReturn_t native_nvmlDeviceGetFieldValues(nvmlDevice_t device, int valuesCount, nvmlFieldValue_t *values)
{
    const struct mock_block *gpu = mock_gpu_of(device);
    const mock_word *state;

    if (valuesCount <= 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    const struct mock_instant now = mock_reading_time(mock_node());
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        for (int i = 0; i < valuesCount; i++) {
            nvmlFieldValue_t *out = &values[i];
            if (__builtin_expect(out->fieldId == 0 || out->fieldId >= NVML_FI_MAX, 0)) {
                out->nvmlReturn = NVML_ERROR_INVALID_ARGUMENT;
                continue;
            }
            const struct mock_field *field = &mock_fields[out->fieldId];
            uint64_t value, head;
            if (__builtin_expect(field->kind == MOCK_FIELD_CELL, 1)) {
                head = mock_word_at(state, field->at);
                value = mock_word_at(state, field->at + 1);
                out->nvmlReturn = mock_head_status(head);
                if (__builtin_expect(head != MOCK_HEAD_SUCCESS, 0) && out->nvmlReturn == NVML_SUCCESS)
                    value = mock_signal_value(state, MOCK_GPU_SIGNALS, head, value, now.node);
            } else {
                out->nvmlReturn = read_field(state, field, out->scopeId, &value);
            }
            if (out->nvmlReturn == NVML_SUCCESS)
                put_value(field, value, out);
        }
    }
    for (int i = 0; i < valuesCount; i++) {
        values[i].timestamp = (long long)now.wall;
        values[i].latencyUsec = 0;
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
