/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: values that are functions of node time, evaluated by the reader. */
#include "cells.h"

uint64_t mock_signal_value(const mock_word *state, uint32_t signals, uint64_t head, uint64_t value, uint64_t now)
{
    uint32_t number = (uint32_t)(head >> MOCK_SIGNAL_SHIFT) & 0xFFFF;

    if (number == 0 || number > MOCK_SIGNALS)
        return value;

    uint32_t at = signals + (number - 1) * MOCK_SIGNAL_WORDS;
    uint64_t source = mock_word_at(state, at + 1);
    uint64_t since = mock_word_at(state, at + 2);
    if (mock_word_at(state, at) != MOCK_SIGNAL_INTEGRAL || source + 1 >= signals || now <= since)
        return value;
    if (mock_head_status(mock_word_at(state, source)) != NVML_SUCCESS)
        return value;

    value += mock_billionth(now - since, mock_word_at(state, source + 1));
    uint64_t end = mock_word_at(state, at + 3);
    return end != 0 && value > end ? end : value;
}
