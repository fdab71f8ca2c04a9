/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block of state stands twice. `sequence & 1` says which copy is published. A writer fills the other copy, publishes it
 * by advancing `sequence`, and lets `settled` follow, so a writer killed at any instruction leaves a published copy whole.
 * A reader begins with `sequence` and ends with `settled`. It retries if that has another value: after one change the copy
 * that it reads may already be the next writer's. All words move as relaxed atomics, so concurrent access is no data race;
 * the fences order them against the sequence.
 *
 * Where one step changes several blocks, it advances and marks their sequences first. While one is marked, a word that all
 * blocks of the node share (shared.h) says whether the copy of `sequence` or still that of `settled` is published: one
 * store changes all of them, and no reader ever sees some without the others, whenever the writer is killed. No value of
 * the two words comes twice.
 */
#ifndef MOCK_LATCH_H
#define MOCK_LATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

/* Variables that an init touches stand in a page that the loader has written to: each further one costs a page fault. */
#define MOCK_TOUCHED __attribute__((section(".data")))

typedef _Atomic uint64_t mock_word;

/* In the node file and in private memory; `words` holds two copies and the baseline. */
struct mock_block {
    mock_word sequence; /* 0: not made yet (private nodes make their GPUs on first use) */
    mock_word settled;  /* equals the sequence, except while that advances */
    mock_word armed;    /* what watches calls: bits of rules.h; each call looks at it, so it stands in this cache line */
    mock_word padding[MOCK_BLOCK_HEADER_WORDS - 3];
    mock_word words[];
};

enum {
    MOCK_SEQUENCE_MARK = 2,
    MOCK_SEQUENCE_STEP = 4,
    MOCK_SEQUENCE_MADE = MOCK_SEQUENCE_STEP,
    /* A writer publishes at most every microsecond and a reader needs nanoseconds: only a hostile file gets this far. */
    MOCK_LATCH_TRIES = 1 << 16,
};

struct mock_copy {
    const mock_word *words;
    uint64_t settled;
};

struct mock_latch {
    const mock_word *copy;
    uint64_t settled;
    const struct mock_block *block;
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

    return (struct mock_latch){&block->words[(sequence & 1) * words], sequence, block, words, MOCK_LATCH_TRIES};
}

/* The published copy of a block, and what `settled` is for as long as it stays whole. */
struct mock_copy mock_latch_copy(const struct mock_block *block, uint32_t words) __attribute__((cold));

static inline void mock_latch_leave(struct mock_latch *latch)
{
    atomic_thread_fence(memory_order_acquire);
    if (__builtin_expect(atomic_load_explicit(&latch->block->settled, memory_order_relaxed) == latch->settled, 1)
        || --latch->tries == 0) {
        latch->copy = NULL;
        return;
    }
    struct mock_copy copy = mock_latch_copy(latch->block, latch->words);
    latch->copy = copy.words;
    latch->settled = copy.settled;
}

/* Run the statement on a consistent copy of a block: again from its start whenever a writer has published meanwhile. */
#define MOCK_LATCH(state, block, words)                                                                                  \
    for (struct mock_latch latch_ = mock_latch_enter(block, words); ((state) = latch_.copy) != NULL;                     \
         mock_latch_leave(&latch_))

#endif
