/* SPDX-License-Identifier: Apache-2.0 */
#include "clock_limits.h"

#define VALUE(state, field, type) value_or_zero(state, MOCK_CLOCK(field, type))

static uint64_t value_or_zero(const mock_word *state, uint32_t at)
{
    return mock_head_status(mock_word_at(state, at)) == NVML_SUCCESS ? mock_word_at(state, at + 1) : 0;
}

/* What is set for the graphics clock holds that of the SMs too. */
static uint32_t set_by(uint32_t type)
{
    return type == NVML_CLOCK_SM ? NVML_CLOCK_GRAPHICS : type;
}

static bool is_locked(const mock_word *state, uint32_t type)
{
    return VALUE(state, clocks.locked_min, set_by(type)) != 0 || VALUE(state, clocks.locked_max, set_by(type)) != 0;
}

/* A clock within its limits. A board runs no faster than its maximum. differs: the clock at TDP is not known, so a bound of
 * TDP moves no clock. */
static uint64_t limited(const mock_word *state, uint32_t type, uint64_t clock)
{
    uint64_t least = VALUE(state, clocks.locked_min, set_by(type)), greatest = VALUE(state, clocks.locked_max, set_by(type));
    uint64_t fastest = VALUE(state, clocks.max, type), set = VALUE(state, clocks.application, set_by(type));

    /* nvml.h of CUDA 12 on locks: "Setting this will supersede application clock values". Their defaults limit nothing:
     * boards boost beyond them. */
    if (!is_locked(state, type))
        return set != 0 && set < clock && set != VALUE(state, clocks.application_default, set_by(type)) ? set : clock;
    if (mock_clock_is_symbol(least) || mock_clock_is_symbol(greatest))
        return clock;
    if (fastest != 0 && least > fastest)
        least = fastest;
    if (clock < least)
        clock = least;
    return greatest != 0 && clock > greatest ? greatest : clock;
}

struct mock_clocks mock_clocks_unlimited(const mock_word *state)
{
    struct mock_clocks found;

    for (uint32_t type = 0; type < NVML_CLOCK_COUNT; type++) {
        uint64_t clock = mock_word_at(state, MOCK_CLOCK(clocks.current, type) + 1);
        uint64_t kept = VALUE(state, clocks.unlimited, type);
        found.mhz[type] = kept != 0 && limited(state, type, kept) == clock ? kept : clock;
    }
    return found;
}

void mock_clocks_limit(mock_word *state, const struct mock_clocks *unlimited)
{
    for (uint32_t type = 0; type < NVML_CLOCK_COUNT; type++) {
        uint32_t at = MOCK_CLOCK(clocks.current, type), kept = MOCK_CLOCK(clocks.unlimited, type);
        uint64_t clock = limited(state, type, unlimited->mhz[type]);
        bool is_held = clock != unlimited->mhz[type];
        /* What varies with time goes on doing so. */
        if (mock_word_at(state, at) != MOCK_HEAD_SUCCESS)
            continue;
        mock_word_put(state, at + 1, clock);
        mock_word_put(state, kept, is_held ? MOCK_HEAD_SUCCESS : 0);
        mock_word_put(state, kept + 1, is_held ? unlimited->mhz[type] : 0);
    }
}

bool mock_clock_is_application(const mock_word *state)
{
    return !is_locked(state, NVML_CLOCK_GRAPHICS) && VALUE(state, clocks.unlimited, NVML_CLOCK_GRAPHICS) != 0
           && VALUE(state, clocks.current, NVML_CLOCK_GRAPHICS) == VALUE(state, clocks.application, NVML_CLOCK_GRAPHICS);
}
