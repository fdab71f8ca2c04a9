/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the processes of a node share that no latch guards, because it is read or written without one. Zeroes are its
 * beginning; nothing in here is trusted.
 */
#ifndef MOCK_SHARED_H
#define MOCK_SHARED_H

#include "rules.h"

struct mock_shared {
    struct mock_rules rules;
};

enum {
    MOCK_SHARED_STRIDE = (sizeof(struct mock_shared) + 4095) / 4096 * 4096,
};

#endif
