/* SPDX-License-Identifier: Apache-2.0 */
#include "running.h"

#define RUNNING MOCK_AT(processes.running)
#define WORDS MOCK_RECORD_WORDS(processes.running)
#define RECORD(i) (RUNNING + 1 + (i) * WORDS)
#define AT(i, member) (RECORD(i) + MOCK_MEMBER(processes.running, member))

#define ENDED MOCK_AT(accounting.ended)
#define ENDED_WORDS MOCK_RECORD_WORDS(accounting.ended)
#define ENDED_RECORD(i) (ENDED + 1 + (i) * ENDED_WORDS)
#define ENDED_AT(i, member) (ENDED_RECORD(i) + MOCK_MEMBER(accounting.ended, member))

static void copy(mock_word *state, uint32_t to, uint32_t from, uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        mock_word_put(state, to + i, mock_word_at(state, from + i));
}

/* The status stays, so that a list that holds an error goes on answering it. */
static void set_length(mock_word *state, uint32_t list, uint32_t length)
{
    mock_word_put(state, list, (mock_word_at(state, list) & UINT32_MAX) | (uint64_t)length << MOCK_LENGTH_SHIFT);
}

static uint64_t stored(const mock_word *state, uint32_t at)
{
    return mock_head_status(mock_word_at(state, at)) == NVML_SUCCESS ? mock_word_at(state, at + 1) : 0;
}

/* What no process holds; without bound for a GPU whose memory is not known. */
static uint64_t free_memory(const mock_word *state)
{
    uint64_t total = stored(state, MOCK_AT(memory.total)), held;

    if (total == 0)
        return UINT64_MAX;
    mock_records_total(state, RUNNING, MOCK_CAPACITY(processes.running), WORDS, MOCK_MEMBER(processes.running, memory), &held);
    held += stored(state, MOCK_AT(memory.reserved)) + stored(state, MOCK_AT(memory.allocated));
    return total > held ? total - held : 0;
}

struct process {
    const uint64_t *record;
    uint32_t pid;
    uint64_t now;
};

static nvmlReturn_t add(mock_word *state, const void *context)
{
    const struct process *process = context;
    const uint64_t *record = process->record;
    uint32_t count = mock_head_length(mock_word_at(state, RUNNING), MOCK_CAPACITY(processes.running));
    uint32_t pid = MOCK_MEMBER(processes.running, pid), instance = MOCK_MEMBER(processes.running, compute_instance);

    for (uint32_t i = 0; i < count; i++)
        if (mock_word_at(state, RECORD(i) + pid) == record[pid] && mock_word_at(state, RECORD(i) + instance) == record[instance])
            return NVML_ERROR_IN_USE;
    if (count == MOCK_CAPACITY(processes.running))
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    if (record[MOCK_MEMBER(processes.running, memory)] > free_memory(state))
        return NVML_ERROR_MEMORY;
    for (uint32_t i = 0; i < WORDS; i++)
        mock_word_put(state, RECORD(count) + i, record[i]);
    if (mock_word_at(state, AT(count, start)) == 0)
        mock_word_put(state, AT(count, start), process->now);
    if (mock_word_at(state, RUNNING) == 0) /* the board's profile says nothing of processes */
        mock_word_put(state, RUNNING, MOCK_HEAD_SUCCESS);
    set_length(state, RUNNING, count + 1);
    return NVML_SUCCESS;
}

nvmlReturn_t mock_process_add(struct mock_node *node, struct mock_block *gpu, const uint64_t *record)
{
    return mock_node_edit(node, gpu, add, &(struct process){.record = record, .now = mock_wall_clock(node)});
}

/* nvml.h: "kept in a circular buffer". differs: a board's buffer holds some thousands, the node's list a few. */
static void account(mock_word *state, uint32_t process, uint64_t now)
{
    uint32_t count = mock_head_length(mock_word_at(state, ENDED), MOCK_CAPACITY(accounting.ended));
    uint64_t start = mock_word_at(state, AT(process, start));

    if (stored(state, MOCK_AT(modes.accounting)) == 0)
        return;
    if (count == MOCK_CAPACITY(accounting.ended))
        copy(state, ENDED_RECORD(0), ENDED_RECORD(1), --count * ENDED_WORDS);
    mock_word_put(state, ENDED_AT(count, pid), mock_word_at(state, AT(process, pid)));
    mock_word_put(state, ENDED_AT(count, gpu), mock_word_at(state, AT(process, sm)));
    mock_word_put(state, ENDED_AT(count, memory_utilization), mock_word_at(state, AT(process, memory_utilization)));
    mock_word_put(state, ENDED_AT(count, memory_max), mock_word_at(state, AT(process, memory)));
    mock_word_put(state, ENDED_AT(count, time), now > start ? (now - start) / 1000 : 0);
    mock_word_put(state, ENDED_AT(count, start), start);
    set_length(state, ENDED, count + 1);
}

static nvmlReturn_t take_out(mock_word *state, const void *context)
{
    const struct process *process = context;
    uint32_t count = mock_head_length(mock_word_at(state, RUNNING), MOCK_CAPACITY(processes.running)), kept = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (mock_word_at(state, AT(i, pid)) == process->pid) {
            account(state, i, process->now);
            continue;
        }
        if (kept != i)
            copy(state, RECORD(kept), RECORD(i), WORDS);
        kept++;
    }
    set_length(state, RUNNING, kept);
    return kept == count ? NVML_ERROR_NOT_FOUND : NVML_SUCCESS;
}

nvmlReturn_t mock_process_remove(struct mock_node *node, struct mock_block *gpu, uint32_t pid)
{
    return mock_node_edit(node, gpu, take_out, &(struct process){.pid = pid, .now = mock_wall_clock(node)});
}
