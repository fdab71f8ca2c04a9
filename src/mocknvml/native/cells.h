/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields within a copy of a block. A head word holds the status (as `status ^ NOT_SUPPORTED`, so that zeroed memory is
 * NOT_SUPPORTED), the signal + 1, and the length of a text or list. Nothing read from memory is trusted: lengths are
 * bounded by the declared capacity at each use.
 */
#ifndef MOCK_CELLS_H
#define MOCK_CELLS_H

#include <string.h>

#include <nvml.h>

#include "latch.h"

enum {
    MOCK_BILLION = 1000000000,
    MOCK_HEAD_SUCCESS = NVML_SUCCESS ^ NVML_ERROR_NOT_SUPPORTED,
};

struct mock_text {
    uint32_t length; /* without the terminating zero */
    char bytes[MOCK_TEXT_MAX]; /* whole words of the longest text field */
};

static inline nvmlReturn_t mock_head_status(uint64_t head)
{
    return (nvmlReturn_t)((head & 0xFFFF) ^ NVML_ERROR_NOT_SUPPORTED);
}

static inline uint32_t mock_head_length(uint64_t head, uint32_t capacity)
{
    uint32_t length = (uint32_t)(head >> MOCK_LENGTH_SHIFT);

    return length < capacity ? length : capacity;
}

/* The value of a number whose head has a signal, at node time `now`. */
uint64_t mock_signal_value(const mock_word *state, uint32_t signals, uint64_t head, uint64_t value, uint64_t now);

/* When a signal is read: node time of the node that the process is attached to, in nanoseconds (mock_reading_time). */
uint64_t mock_now(void);

/* value * factor / 10^9, of which the lower 64 bits; in 64-bit steps, because dividing 128 bits is slow. */
static inline uint64_t mock_billionth(uint64_t value, uint64_t factor)
{
    const uint64_t billion = MOCK_BILLION;
    uint64_t rest = value % billion, product;

    if (factor == billion)
        return value;
    if (!__builtin_mul_overflow(value, factor, &product))
        return product / billion;
    return value / billion * factor + rest * (factor / billion) + rest * (factor % billion) / billion;
}

/* Status and value of a number. */
static inline nvmlReturn_t mock_number(const mock_word *state, uint32_t signals, uint32_t at, uint64_t *value)
{
    uint64_t head = mock_word_at(state, at);

    *value = mock_word_at(state, at + 1);
    if (__builtin_expect(head == MOCK_HEAD_SUCCESS, 1))
        return NVML_SUCCESS;
    if (mock_head_status(head) == NVML_SUCCESS)
        *value = mock_signal_value(state, signals, head, *value, mock_now());
    return mock_head_status(head);
}

/* The same for what may be missing: 0 stands for a number without a value. */
static inline nvmlReturn_t mock_number_or_zero(const mock_word *state, uint32_t signals, uint32_t at, uint64_t *value)
{
    if (mock_number(state, signals, at, value) != NVML_SUCCESS)
        *value = 0;
    return NVML_SUCCESS;
}

/* Whether an index is below the number that counts what the GPU has: INVALID_ARGUMENT, or the number's own status. */
static inline nvmlReturn_t mock_below(const mock_word *state, uint32_t signals, uint32_t at, uint64_t index)
{
    uint64_t count;
    nvmlReturn_t status = mock_number(state, signals, at, &count);

    return status == NVML_SUCCESS && index >= count ? NVML_ERROR_INVALID_ARGUMENT : status;
}

/* Status of a number that says whether there is something: NOT_SUPPORTED where it is 0. */
static inline nvmlReturn_t mock_supported(const mock_word *state, uint32_t signals, uint32_t at)
{
    uint64_t value;
    nvmlReturn_t status = mock_number(state, signals, at, &value);

    return status == NVML_SUCCESS && value == 0 ? NVML_ERROR_NOT_SUPPORTED : status;
}

/* Status and bytes of a text of at most `size` bytes. */
static inline nvmlReturn_t mock_text(const mock_word *state, uint32_t at, uint32_t size, struct mock_text *text)
{
    uint64_t head = mock_word_at(state, at);

    text->length = mock_head_length(head, size - 1);
    for (uint32_t word = 0; word * 8 < text->length; word++) {
        uint64_t eight = mock_word_at(state, at + 1 + word);
        memcpy(&text->bytes[word * 8], &eight, 8);
    }
    text->bytes[text->length] = '\0';
    return mock_head_status(head);
}

/* Status and bytes of a field of `size` bytes. */
static inline nvmlReturn_t mock_octets(const mock_word *state, uint32_t at, uint32_t size, struct mock_text *octets)
{
    for (uint32_t word = 0; word * 8 < size; word++) {
        uint64_t eight = mock_word_at(state, at + 1 + word);
        memcpy(&octets->bytes[word * 8], &eight, 8);
    }
    return mock_head_status(mock_word_at(state, at));
}

/* A text within a record: no head, ended by a zero or by its size. */
static inline void mock_record_text(const mock_word *state, uint32_t at, uint32_t size, struct mock_text *text)
{
    for (uint32_t word = 0; word * 8 < size; word++) {
        uint64_t eight = mock_word_at(state, at + word);
        memcpy(&text->bytes[word * 8], &eight, 8);
    }
    text->bytes[size - 1] = '\0';
    text->length = (uint32_t)strlen(text->bytes);
}

/* The sum of one member over a list of records. */
static inline nvmlReturn_t
mock_records_total(const mock_word *state, uint32_t at, uint32_t capacity, uint32_t words, uint32_t member, uint64_t *sum)
{
    uint64_t head = mock_word_at(state, at);
    uint32_t count = mock_head_length(head, capacity);

    *sum = 0;
    for (uint32_t i = 0; i < count; i++)
        *sum += mock_word_at(state, at + 1 + i * words + member);
    return mock_head_status(head);
}

#endif
