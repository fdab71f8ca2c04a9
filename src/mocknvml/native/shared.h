/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of a node share that no latch guards, because it is read or written without one. Zeroes are its
 * beginning; nothing in here is trusted.
 */
#ifndef MOCK_SHARED_H
#define MOCK_SHARED_H

#include "events.h"

enum mock_step {
    MOCK_STEP_NONE,
    MOCK_STEP_MARKS,     /* the blocks are being marked, and mean what they meant before */
    MOCK_STEP_PUBLISHED, /* marked blocks mean what they will mean; their sequences follow */
};

/* A step that changes several blocks; who writes next ends it, if its writer was killed. */
struct mock_intent {
    mock_word step;
    mock_word blocks[(MOCK_MAX_GPUS + 64) / 64]; /* a bit for each: 0 the node's own, then the GPUs */
};

struct mock_shared {
    struct mock_intent intent;
    struct mock_ring ring;
};

enum {
    MOCK_SHARED_STRIDE = (sizeof(struct mock_shared) + 4095) / 4096 * 4096,
};

#endif
