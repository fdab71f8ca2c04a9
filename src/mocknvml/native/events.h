/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: a ring in the memory of a node, which its writers fill in turn and every process reads from a position of its
 * own. A waiter sleeps on a word of the ring that changes with whatever may concern it: it polls nothing, and needs no
 * right to write.
 */
#ifndef MOCK_EVENTS_H
#define MOCK_EVENTS_H

#include <nvml.h>

#include "latch.h"

enum {
    MOCK_EVENT_SLOTS = 2048, /* of which one may be being written: the backlog is one less, the oldest is dropped */
    MOCK_EVENT_WORDS = 32,
    MOCK_EVENT_CONTEXTS = 2,
    MOCK_EVENT_PAYLOAD = 32, /* bytes */
};

enum mock_event_kind {
    MOCK_EVENT_GPU,         /* one of nvmlEventType* */
    MOCK_EVENT_OPERATIONAL, /* structured */
    MOCK_EVENT_SYSTEM,      /* one of nvmlSystemEventType* */
};

struct mock_event_context {
    uint32_t type; /* nvmlGpuOperationalEventContextType_t */
    uint32_t source_type;
    uint32_t size; /* of the payload */
    uint32_t version;
    unsigned char payload[MOCK_EVENT_PAYLOAD]; /* of a legacy Xid: differs, its code, since no public source shows more */
};

/* Python has the same in state/events.py. */
struct mock_event {
    uint32_t kind;
    uint32_t gpu;
    uint64_t type;
    uint64_t data;
    uint32_t gpu_instance, compute_instance;
    uint64_t time; /* of the node, in nanoseconds; filled in when it is raised, as the next */
    uint64_t wall; /* microseconds since 1970 */
    /* Of a structured event alone, as in nvmlEventSetWait_v3_t. */
    char module[16];
    uint64_t group_cursor, instance, trace;
    uint32_t severity, category, code, scope, originator, module_instance, chiplet, log_level, attributes, cper_size;
    uint32_t group_attributes;
    uint8_t group_size, group_index, unused[2];
    uint32_t context_count, unused_too;
    struct mock_event_context contexts[MOCK_EVENT_CONTEXTS];
};

/* Each slot begins with the number of its event, from 1; 0 while it is being written. */
_Static_assert(sizeof(struct mock_event) <= 8 * (MOCK_EVENT_WORDS - 1), "an event fits into its slot");

struct mock_ring {
    mock_word count;      /* of the events that were raised since the node was made */
    mock_word forgotten;  /* how many of them, the first ones, were before a reset of the node */
    _Atomic uint32_t bell; /* what waiters sleep on */
    uint32_t unused;
    mock_word slots[MOCK_EVENT_SLOTS][MOCK_EVENT_WORDS];
};

struct mock_node;

/* Raise an event; takes the node's lock. NO_PERMISSION where the file can't be written. */
nvmlReturn_t mock_event_raise(struct mock_node *node, const struct mock_event *event);

/* Under the node's lock, after a change of a block: wake whom it concerns, and raise what the change is an event of. */
void mock_events_follow(const struct mock_node *node, struct mock_block *block);

/* Copy the event at a position and move on behind it; false at the end. */
bool mock_event_next(const struct mock_node *node, uint64_t *position, struct mock_event *event);

static inline uint64_t mock_event_count(const struct mock_ring *ring)
{
    return atomic_load_explicit(&ring->count, memory_order_acquire);
}

void mock_bell_ring(const struct mock_ring *ring);

#endif
