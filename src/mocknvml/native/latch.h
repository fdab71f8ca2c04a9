/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block of state stands twice. `sequence & 1` says which copy is published. A writer fills the other copy and publishes
 * it by advancing the sequence, so a writer killed at any instruction leaves the published copy whole. A reader retries if
 * the sequence has changed at all while it read: after one change the copy that it reads may already be the next writer's.
 * All words move as relaxed atomics, so concurrent access is no data race; the fences order them against the sequence.
 */
#ifndef MOCK_LATCH_H
#define MOCK_LATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

typedef _Atomic uint64_t mock_word;

/* In the node file and in private memory; `words` holds two copies and the baseline. */
struct mock_block {
    mock_word sequence; /* 0: not made yet (private nodes make their GPUs on first use) */
    mock_word armed;    /* what watches calls: bits of rules.h; each call looks at it, so it stands in this cache line */
    mock_word padding[MOCK_BLOCK_HEADER_WORDS - 2];
    mock_word words[];
};

enum {
    MOCK_SEQUENCE_MADE = 2,
    /* A writer publishes at most every microsecond and a reader needs nanoseconds: only a hostile file gets this far. */
    MOCK_LATCH_TRIES = 1 << 16,
};

struct mock_latch {
    const mock_word *copy;
    const struct mock_block *block;
    uint64_t sequence;
    uint32_t words;
    uint32_t tries;
};

static inline uint64_t mock_word_at(const mock_word *words, size_t at)
{
    return atomic_load_explicit(&words[at], memory_order_relaxed);
}

static inline void mock_word_put(mock_word *words, size_t at, uint64_t value)
{
    atomic_store_explicit(&words[at], value, memory_order_relaxed);
}

static inline struct mock_latch mock_latch_enter(const struct mock_block *block, uint32_t words)
{
    uint64_t sequence = atomic_load_explicit(&block->sequence, memory_order_acquire);

    return (struct mock_latch){&block->words[(sequence & 1) * words], block, sequence, words, MOCK_LATCH_TRIES};
}

static inline void mock_latch_leave(struct mock_latch *latch)
{
    atomic_thread_fence(memory_order_acquire);
    if (__builtin_expect(atomic_load_explicit(&latch->block->sequence, memory_order_relaxed) == latch->sequence, 1)
        || --latch->tries == 0) {
        latch->copy = NULL;
        return;
    }
    latch->sequence = atomic_load_explicit(&latch->block->sequence, memory_order_acquire);
    latch->copy = &latch->block->words[(latch->sequence & 1) * latch->words];
}

/* Run the statement on a consistent copy of a block: again from its start whenever a writer has published meanwhile. */
#define MOCK_LATCH(state, block, words)                                                                                  \
    for (struct mock_latch latch_ = mock_latch_enter(block, words); ((state) = latch_.copy) != NULL;                     \
         mock_latch_leave(&latch_))

#endif
