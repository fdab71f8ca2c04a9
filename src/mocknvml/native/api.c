/* SPDX-License-Identifier: Apache-2.0 */
/* What Python calls: the same node files, latch and signals as in the library, through ctypes. */
#include <stdlib.h>

#include "node.h"

#define API __attribute__((visibility("default")))

/* Block numbers: GPUs from 0, and this for the node's own. */
enum {
    NODE_BLOCK = 0xFFFFFFFF,
};

static _Thread_local const struct mock_node *reading;

uint64_t mock_now(void)
{
    return mock_node_time(reading);
}

API uint64_t mock_api_layout_hash(void)
{
    return MOCK_LAYOUT_HASH;
}

API bool mock_api_driver_known(const char *version)
{
    return mock_driver_known(version);
}

API nvmlReturn_t mock_api_create(const char *path, const struct mock_profile *profile, uint32_t gpu_count, const char *driver,
                                 char error[MOCK_ERROR_MAX])
{
    return mock_node_create(path, profile, gpu_count, driver, error);
}

API size_t mock_api_size(uint32_t gpu_count)
{
    return mock_node_size(gpu_count);
}

/* Of a profile that is compiled in, NOT_FOUND if none has the name. A negative count: as many GPUs as the profile says. */
API nvmlReturn_t mock_api_create_builtin(const char *path, const char *name, int32_t gpu_count, const char *driver,
                                         char error[MOCK_ERROR_MAX])
{
    const struct mock_profile *profile = mock_profile_named(name);

    if (profile == NULL)
        return NVML_ERROR_NOT_FOUND;
    return mock_node_create(path, profile, gpu_count < 0 ? profile->default_count : (uint32_t)gpu_count, driver, error);
}

API struct mock_node *mock_api_open(const char *path, char error[MOCK_ERROR_MAX])
{
    struct mock_node *node = malloc(sizeof *node);

    if (node != NULL && mock_node_open(node, path, NULL, error) == NVML_SUCCESS)
        return node;
    free(node);
    return NULL;
}

API void mock_api_close(struct mock_node *node)
{
    mock_node_close(node);
    free(node);
}

API uint32_t mock_api_gpu_count(const struct mock_node *node)
{
    return node->gpu_count;
}

API uint64_t mock_api_time(const struct mock_node *node)
{
    return mock_node_time(node);
}

static struct mock_block *block_of(const struct mock_node *node, uint32_t block)
{
    if (block == NODE_BLOCK)
        return node->block;
    return block < node->gpu_count ? mock_node_gpu(node, block) : NULL;
}

/* Copy `count` words from `at` of the published copy. */
API bool mock_api_read(const struct mock_node *node, uint32_t block, uint32_t at, uint32_t count, uint64_t *words)
{
    const struct mock_block *from = block_of(node, block);
    uint32_t size = block == NODE_BLOCK ? MOCK_NODE_WORDS : MOCK_GPU_WORDS;
    const mock_word *state;

    if (from == NULL || at > size || count > size - at)
        return false;
    MOCK_LATCH(state, from, size) {
        for (uint32_t i = 0; i < count; i++)
            words[i] = mock_word_at(state, at + i);
    }
    return true;
}

/* Status and value of a number, its signal evaluated. */
API nvmlReturn_t mock_api_number(const struct mock_node *node, uint32_t block, uint32_t at, uint64_t *value)
{
    const struct mock_block *from = block_of(node, block);
    uint32_t size = block == NODE_BLOCK ? MOCK_NODE_WORDS : MOCK_GPU_WORDS;
    uint32_t signals = block == NODE_BLOCK ? MOCK_NODE_SIGNALS : MOCK_GPU_SIGNALS;
    const mock_word *state;
    nvmlReturn_t status = NVML_ERROR_INVALID_ARGUMENT;

    if (from == NULL || at + 1 >= signals)
        return status;
    reading = node;
    MOCK_LATCH(state, from, size) {
        status = mock_number(state, signals, at, value);
    }
    return status;
}

API nvmlReturn_t mock_api_write(struct mock_node *node, uint32_t block, uint32_t count, const uint32_t *offsets,
                                const uint64_t *values)
{
    struct mock_block *to = block_of(node, block);

    if (to == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_node_write(node, to, (struct mock_change){count, offsets, values}, block != NODE_BLOCK);
}

/* Back to the baseline: the words that were there when the node was made. */
API nvmlReturn_t mock_api_reset(struct mock_node *node, uint32_t block)
{
    struct mock_block *to = block_of(node, block);
    uint32_t size = block == NODE_BLOCK ? MOCK_NODE_WORDS : MOCK_GPU_WORDS;

    if (to == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    uint64_t *baseline = malloc(size * sizeof *baseline);
    if (baseline == NULL)
        return NVML_ERROR_MEMORY;
    for (uint32_t i = 0; i < size; i++)
        baseline[i] = mock_word_at(to->words, 2 * size + i);
    nvmlReturn_t result = mock_node_write(node, to, (struct mock_change){size, NULL, baseline}, block != NODE_BLOCK);
    free(baseline);
    return result;
}

API size_t mock_api_event_size(void)
{
    return sizeof(struct mock_event);
}

API nvmlReturn_t mock_api_event_raise(struct mock_node *node, const struct mock_event *event)
{
    return mock_event_raise(node, event);
}

API bool mock_api_event_next(const struct mock_node *node, uint64_t *position, struct mock_event *event)
{
    return mock_event_next(node, position, event);
}

struct clock_change {
    const struct mock_node *node;
    const uint64_t *rate; /* NULL: as before */
    uint64_t step;
};

/* What the clock showed until now stays true. */
static nvmlReturn_t change_clock(mock_word *state, const void *context)
{
    const struct clock_change *change = context;
    uint64_t now = mock_node_time(change->node);

    if (now + change->step < now)
        return NVML_ERROR_INVALID_ARGUMENT;
    mock_word_put(state, MOCK_AT_NODE(time.host.value), mock_monotonic());
    mock_word_put(state, MOCK_AT_NODE(time.node.value), now + change->step);
    if (change->rate != NULL)
        mock_word_put(state, MOCK_AT_NODE(time.rate.value), *change->rate);
    return NVML_SUCCESS;
}

/* Let the clock run on at a rate, in billionths (NULL: as before), and move it forward by a number of nanoseconds. */
API nvmlReturn_t mock_api_clock(struct mock_node *node, const uint64_t *rate, uint64_t step)
{
    struct clock_change change = {node, rate, step};

    return mock_node_edit(node, node->block, change_clock, &change, false);
}
