/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules: what chosen functions answer instead of what they would, or how long they take. They stand in the node, and what
 * they count in the calls file, because a process that may only read the node counts too. Writers exclude each other; a
 * rule is whole when its id is there, which is stored last, and no id comes twice. One that a damaged file holds is none.
 */
#ifndef MOCK_RULES_H
#define MOCK_RULES_H

#include "latch.h"

enum {
    /* Bits of the word `armed` of a block. */
    MOCK_ARMED_RULES = 1,
    MOCK_ARMED_LOG = 2,

    MOCK_RULES = 64,
    MOCK_RULE_FUNCTION_WORDS = 8, /* one bit per function */
    MOCK_RULE_PATTERN_WORDS = 8,
    MOCK_RULE_ANY_GPU = 0xFFFFFFFF,
    MOCK_RULE_NO_CODE = 0xFFFFFFFF, /* a rule that only delays */
};

#define MOCK_RULE_HANGS UINT64_MAX /* as a delay */

struct mock_rule {
    mock_word id; /* 0: none */
    mock_word gpu;
    mock_word code;
    mock_word after, times, every; /* the first calls that it lets pass, how often it acts, on which ones of the rest */
    mock_word probability;         /* in 2^-32 */
    mock_word seed;
    mock_word delay; /* nanoseconds of the host */
    mock_word functions[MOCK_RULE_FUNCTION_WORDS];
    mock_word pattern[MOCK_RULE_PATTERN_WORDS]; /* what the functions were named by */
    mock_word check; /* a sum of the words before it */
};

enum {
    MOCK_RULE_WORDS = sizeof(struct mock_rule) / sizeof(mock_word),
};

static inline uint64_t mock_rule_check(const struct mock_rule *rule, uint64_t id)
{
    uint64_t sum = 0xCBF29CE484222325u ^ id;

    for (uint32_t i = 1; i < MOCK_RULE_WORDS - 1; i++)
        sum = (sum ^ mock_word_at((const mock_word *)rule, i)) * 0x100000001B3u;
    return sum;
}

struct mock_rules {
    _Atomic uint32_t changed; /* a futex: advances when a rule has been added or removed */
    mock_word last_id;
    mock_word calls_file; /* number of the calls file that belongs to this node; 0: none */
    mock_word logging;
    struct mock_rule rules[MOCK_RULES];
};

#endif
