/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing and reading the ring of events. A writer, under the node's lock, marks a slot as open, fills it, gives it its
 * number and then counts it. One that is killed leaves an open slot that nobody has counted yet, which the next writer
 * fills again. A reader takes a slot only if it has the same number before and after the copy.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node.h"

/* Waking needs no right to write, nor does waiting. */
void mock_bell_ring(const struct mock_ring *ring)
{
    syscall(SYS_futex, &ring->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void wake(const struct mock_node *node)
{
    atomic_fetch_add_explicit(&node->shared->ring.bell, 1, memory_order_release);
    mock_bell_ring(&node->shared->ring);
}

/* Under the node's lock. */
static void append(const struct mock_node *node, const struct mock_event *event)
{
    struct mock_ring *ring = &node->shared->ring;
    uint64_t number = mock_event_count(ring), words[MOCK_EVENT_WORDS - 1] = {0};
    mock_word *slot = ring->slots[number % MOCK_EVENT_SLOTS];
    struct mock_event raised = *event;
    const mock_word *state;

    raised.time = mock_node_time(node);
    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        raised.wall = mock_word_at(state, MOCK_AT_NODE(time.epoch.value)) + raised.time / 1000;
    }
    /* A structured event has an identifier, and is a group of its own, unless it says otherwise. */
    if (raised.kind == MOCK_EVENT_OPERATIONAL && raised.instance == 0)
        raised.instance = number + 1;
    if (raised.kind == MOCK_EVENT_OPERATIONAL && raised.group_cursor == 0)
        raised.group_cursor = raised.instance;
    memcpy(words, &raised, sizeof raised);
    mock_word_put(slot, 0, 0);
    atomic_thread_fence(memory_order_release);
    for (uint32_t i = 0; i < MOCK_EVENT_WORDS - 1; i++)
        mock_word_put(slot, i + 1, words[i]);
    atomic_store_explicit(&slot[0], number + 1, memory_order_release);
    atomic_store_explicit(&ring->count, number + 1, memory_order_release);
}

bool mock_event_next(const struct mock_node *node, uint64_t *position, struct mock_event *event)
{
    const struct mock_ring *ring = &node->shared->ring;
    uint64_t words[MOCK_EVENT_WORDS - 1];

    for (uint32_t tries = 0; tries < MOCK_EVENT_SLOTS; tries++) {
        uint64_t count = mock_event_count(ring);
        uint64_t forgotten = mock_word_at(&ring->forgotten, 0);
        if (*position < forgotten)
            *position = forgotten;
        if (*position >= count) {
            *position = count; /* beyond it only with a hostile file */
            return false;
        }
        if (count - *position >= MOCK_EVENT_SLOTS)
            *position = count - (MOCK_EVENT_SLOTS - 1);
        const mock_word *slot = ring->slots[*position % MOCK_EVENT_SLOTS];
        uint64_t number = ++*position; /* where it was overwritten meanwhile, it is among those that are dropped */
        if (atomic_load_explicit(&slot[0], memory_order_acquire) != number)
            continue;
        for (uint32_t i = 0; i < MOCK_EVENT_WORDS - 1; i++)
            words[i] = mock_word_at(slot, i + 1);
        atomic_thread_fence(memory_order_acquire);
        if (mock_word_at(slot, 0) != number)
            continue;
        memcpy(event, words, sizeof *event);
        return true;
    }
    return false;
}

struct raise {
    const struct mock_node *node;
    const struct mock_event *event;
};

static nvmlReturn_t raise_event(mock_word *state, const void *context)
{
    const struct raise *raise = context;

    (void)state;
    append(raise->node, raise->event);
    return NVML_SUCCESS;
}

nvmlReturn_t mock_event_raise(struct mock_node *node, const struct mock_event *event)
{
    struct raise raise = {node, event};

    return mock_node_edit(node, node->block, raise_event, &raise);
}

/* What is an event when it changes. */
static const struct {
    uint32_t at, count;
    uint64_t type;
} followed[] = {
    {MOCK_AT(clocks.current), NVML_CLOCK_COUNT, nvmlEventTypeClock},
    {MOCK_AT(modes.performance_state), 1, nvmlEventTypePState},
    {MOCK_AT(power.source), 1, nvmlEventTypePowerSourceChange},
    {MOCK_AT(recovery.action), 1, nvmlEventTypeGpuRecoveryAction},
};

static bool differs(const mock_word *before, const mock_word *after, uint32_t at, uint32_t count)
{
    for (uint32_t i = at; i < at + 2 * count; i += 2)
        if (mock_head_status(mock_word_at(before, i)) == NVML_SUCCESS && mock_head_status(mock_word_at(after, i)) == NVML_SUCCESS
            && mock_word_at(before, i + 1) != mock_word_at(after, i + 1))
            return true;
    return false;
}

void mock_events_follow(const struct mock_node *node, struct mock_block *block)
{
    uint64_t copy = atomic_load_explicit(&block->sequence, memory_order_relaxed) & 1;
    const mock_word *after = &block->words[copy * MOCK_GPU_WORDS], *before = &block->words[(1 - copy) * MOCK_GPU_WORDS];
    uint64_t count = mock_event_count(&node->shared->ring), supported;

    if (block == node->block) { /* its clock, which waits may depend on */
        wake(node);
        return;
    }
    mock_number_or_zero(after, MOCK_GPU_SIGNALS, MOCK_AT(event_types.supported), &supported);
    for (uint32_t i = 0; i < sizeof followed / sizeof *followed; i++) {
        if ((supported & followed[i].type) == 0 || !differs(before, after, followed[i].at, followed[i].count))
            continue;
        append(node, &(struct mock_event){
                         .kind = MOCK_EVENT_GPU,
                         .gpu = (uint32_t)(((const char *)block - node->gpus) / MOCK_GPU_STRIDE),
                         .type = followed[i].type,
                         .gpu_instance = NVML_GPU_INSTANCE_ID_ANY,
                         .compute_instance = NVML_COMPUTE_INSTANCE_ID_ANY,
                     });
    }
    /* A GPU that gets lost ends the waits for its events. */
    if (count != mock_event_count(&node->shared->ring)
        || mock_word_at(before, MOCK_AT(health.present)) != mock_word_at(after, MOCK_AT(health.present)))
        wake(node);
}
