/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The current clocks, as far as locks and the clocks of applications hold them. `clocks.unlimited` keeps what a clock would
 * be without them, so that it returns when they end; a clock that somebody sets meanwhile is one that nothing holds.
 */
#ifndef MOCK_CLOCK_LIMITS_H
#define MOCK_CLOCK_LIMITS_H

#include "node.h"

#define MOCK_CLOCK(field, type) (MOCK_AT(field) + 2 * (uint32_t)(type))

struct mock_clocks {
    uint64_t mhz[NVML_CLOCK_COUNT];
};

static inline bool mock_clock_is_symbol(uint64_t clock)
{
    return clock > NVML_CLOCK_LIMIT_ID_RANGE_START;
}

/* The clocks without limits: ask before these change, and hold the clocks to the new ones then. */
struct mock_clocks mock_clocks_unlimited(const mock_word *state);
void mock_clocks_limit(mock_word *state, const struct mock_clocks *unlimited);

/* Whether the clocks of applications hold the graphics clock down. */
bool mock_clock_is_application(const mock_word *state);

#endif
