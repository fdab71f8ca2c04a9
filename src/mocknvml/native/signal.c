/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: values that are functions of node time, evaluated by the reader. */
#include "cells.h"

uint64_t mock_signal_value(const mock_word *state, uint32_t signals, uint64_t head, uint64_t value, uint64_t now)
{
    uint32_t number = (uint32_t)(head >> MOCK_SIGNAL_SHIFT) & 0xFFFF;

    if (number == 0 || number > MOCK_SIGNALS)
        return value;

    uint32_t at = signals + (number - 1) * MOCK_SIGNAL_WORDS;
    uint64_t kind = mock_word_at(state, at);
    uint64_t rate = mock_word_at(state, at + 1);
    uint64_t since = mock_word_at(state, at + 2);
    uint64_t end = mock_word_at(state, at + 3);
    if (now <= since || (kind != MOCK_SIGNAL_INTEGRAL && kind != MOCK_SIGNAL_RATE))
        return value;
    if (kind == MOCK_SIGNAL_INTEGRAL) {
        uint64_t source = rate;
        if (source + 1 >= signals || mock_head_status(mock_word_at(state, source)) != NVML_SUCCESS)
            return value;
        rate = mock_word_at(state, source + 1);
    }
    value += mock_billionth(now - since, rate);
    return end != 0 && value > end ? end : value;
}
