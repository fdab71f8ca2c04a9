/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls file, beside the node: what rules count, and the log of calls. Any process may write it, and nothing in it is
 * trusted. A process maps it when it first needs it; where it can't, it has such memory of its own.
 *
 * A record of the log is written once: its place comes from a ticket; its first word is 2 * ticket + 1 while it is being
 * written and 2 * ticket + 2 when it is whole. A writer that finds the place taken by another leaves its record away, so
 * that a record which reads as whole is whole.
 */
#ifndef MOCK_CALLS_H
#define MOCK_CALLS_H

#include "call_table.h"
#include "node.h"

enum {
    MOCK_CALLS_FORMAT = 1,
    MOCK_RECORDS = 8192,
    MOCK_RECORD_WORDS = 64,
    MOCK_RECORD_HEAD = 6, /* words before the arguments */
    MOCK_RECORD_NO_GPU = 0xFFFF,
};

_Static_assert(MOCK_CALLS <= 64 * MOCK_RULE_FUNCTION_WORDS, "functions that a rule can name");

/* Of one rule. */
struct mock_counter {
    mock_word id;
    mock_word calls;
    mock_word acted;
};

/* Of one function, since the log was armed. */
struct mock_call_sums {
    mock_word calls;
    mock_word errors;
    mock_word nanoseconds;
};

struct mock_record {
    mock_word words[MOCK_RECORD_WORDS];
};

struct mock_calls_header {
    char magic[16];
    uint64_t format;
    uint64_t layout;
    uint64_t size;
    uint64_t device, inode; /* of the node */
    uint64_t number;        /* as in the node: another one is of an earlier arming */
};

struct mock_calls {
    struct mock_calls_header header;
    mock_word tickets; /* of all records ever; its lower half is a futex */
    mock_word waiting; /* how many wait on it */
    mock_word since;   /* the first ticket since the log was armed */
    mock_word read;    /* 1 + the ticket that a follower has come to, whom no record is to be lost for; 0: nobody */
    struct mock_counter counters[MOCK_RULES];
    struct mock_call_sums sums[MOCK_CALLS];
    _Alignas(4096) struct mock_record records[MOCK_RECORDS];
};

struct mock_calls_header mock_calls_header(const struct mock_node *node, uint64_t number);

/* Map the calls file of a node over `place`, or anywhere; NULL where there is none that may be written. */
struct mock_calls *mock_calls_map(const struct mock_node *node, void *place);

/* The name of the calls file of a node. */
bool mock_calls_path(const struct mock_node *node, char path[PATH_MAX]);

/* That of the node that the process is attached to, or memory of its own. */
struct mock_calls *mock_calls_of(const struct mock_node *node);

/* What a rule says of a call: its code, or MOCK_RULE_NO_CODE; waits as long as rules say. */
uint32_t mock_rules_answer(const struct mock_node *node, uint32_t function, const uint32_t gpus[2], uint64_t *rule);

/* A call that ended is put into the log. Arguments that were refused are not followed. */
struct mock_call {
    uint32_t function;
    uint32_t gpu;
    nvmlReturn_t result;
    bool refused;
    uint32_t room; /* of its lists, where their count stands behind a pointer */
    uint64_t rule; /* that answered, or 0 */
    uint64_t start, end;
    const uint64_t *arguments;
};
uint32_t mock_call_room(uint32_t function, const uint64_t *arguments); /* before the call */
void mock_record(const struct mock_node *node, const struct mock_call *call);

#endif
