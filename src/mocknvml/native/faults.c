/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

enum {
    ENTRY_HEAD = 2, /* words before the text */
    CHANGE_WORDS = 3,
};

#define JOURNAL ((uint32_t)(offsetof(struct mock_gpu_state, journal) / 8))
#define ENDS_WITH_RESET ((uint64_t)1 << 63)

/* Take back the changes that stand from `first` to `end`, the last one first. */
static void take_back(mock_word *state, uint32_t first, uint32_t end)
{
    for (uint32_t at = end; at >= first + CHANGE_WORDS; at -= CHANGE_WORDS) {
        uint64_t place = mock_word_at(state, at - 3), old = mock_word_at(state, at - 2), now = mock_word_at(state, at - 1);
        if (place < JOURNAL && mock_word_at(state, place) == now)
            mock_word_put(state, place, old);
    }
}

void mock_faults_end_with_reset(mock_word *state)
{
    uint64_t used = mock_word_at(state, JOURNAL);
    uint32_t at = JOURNAL + 1, end = at + (uint32_t)(used < MOCK_JOURNAL_WORDS ? used : MOCK_JOURNAL_WORDS - 1);

    while (end - at >= ENTRY_HEAD) {
        uint64_t head = mock_word_at(state, at);
        uint32_t size = (uint32_t)head, text = (((uint32_t)(head >> 32) & 0x7FFFFFFF) + 7) / 8;
        if (size > end - at || size < ENTRY_HEAD || text > size - ENTRY_HEAD)
            return;
        if ((head & ENDS_WITH_RESET) == 0) {
            at += size;
            continue;
        }
        take_back(state, at + ENTRY_HEAD + text, at + size);
        for (uint32_t word = at; word < end; word++)
            mock_word_put(state, word, word + size < end ? mock_word_at(state, word + size) : 0);
        end -= size;
        mock_word_put(state, JOURNAL, end - JOURNAL - 1);
    }
}
