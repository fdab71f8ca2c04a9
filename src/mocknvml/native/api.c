/* SPDX-License-Identifier: Apache-2.0 */
/* What Python calls: the same node files, latch and signals as in the library, through ctypes. */
#include <stdlib.h>

#include "reset.h"
#include "running.h"

#define API __attribute__((visibility("default")))

/* Block numbers: GPUs from 0, and this for the node's own. */
enum {
    NODE_BLOCK = 0xFFFFFFFF,
};

/* That a thread is in. Each function below that looks at a block says so, by block_of or itself. */
static _Thread_local const struct mock_node *current;

uint64_t mock_now(void)
{
    return mock_reading_time(current).node;
}

const struct mock_node *mock_node_of(const struct mock_block *block)
{
    return mock_node_holds(current, block) ? current : NULL;
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
                                 uint32_t count, const uint32_t *offsets, const uint64_t *values, char error[MOCK_ERROR_MAX])
{
    return mock_node_create(path, profile, gpu_count, driver, (struct mock_change){count, offsets, values}, error);
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
    return mock_node_create(path, profile, gpu_count < 0 ? profile->default_count : (uint32_t)gpu_count, driver,
                            (struct mock_change){0}, error);
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
    current = node;
    return mock_node_time(node);
}

static struct mock_block *block_of(const struct mock_node *node, uint32_t block)
{
    current = node;
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

/* Copy the baseline: the words that were there when the node was made. */
API bool mock_api_baseline(const struct mock_node *node, uint32_t block, uint64_t *words)
{
    const struct mock_block *from = block_of(node, block);
    uint32_t size = block == NODE_BLOCK ? MOCK_NODE_WORDS : MOCK_GPU_WORDS;

    if (from == NULL)
        return false;
    for (uint32_t i = 0; i < size; i++)
        words[i] = mock_word_at(from->words, 2 * size + i);
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
    return mock_node_write(node, to, (struct mock_change){count, offsets, values});
}

/* Words of any blocks in one step. */
API nvmlReturn_t mock_api_write_all(struct mock_node *node, uint32_t count, const uint32_t *blocks, const uint32_t *offsets,
                                    const uint64_t *values)
{
    if (count == 0)
        return NVML_SUCCESS;
    struct mock_part *parts = malloc(count * sizeof *parts);
    struct mock_words *words = malloc(count * sizeof *words);
    nvmlReturn_t result = parts != NULL && words != NULL ? NVML_SUCCESS : NVML_ERROR_MEMORY;
    uint32_t made = 0;

    for (uint32_t i = 0; i < count && result == NVML_SUCCESS; made++) {
        uint32_t start = i, block = blocks[i];
        while (i < count && blocks[i] == block)
            i++;
        words[made] = (struct mock_words){{i - start, &offsets[start], &values[start]},
                                          block == NODE_BLOCK ? MOCK_NODE_WORDS : MOCK_GPU_WORDS};
        parts[made] = (struct mock_part){block_of(node, block), mock_put_words, &words[made]};
        if (parts[made].block == NULL)
            result = NVML_ERROR_INVALID_ARGUMENT;
    }
    if (result == NVML_SUCCESS)
        result = mock_node_edit_all(node, parts, made);
    free(words);
    free(parts);
    return result;
}

struct exchange {
    uint32_t count, limit;
    const uint32_t *offsets;
    const uint64_t *expected, *values;
};

static nvmlReturn_t exchange_words(mock_word *state, const void *context)
{
    const struct exchange *exchange = context;

    for (uint32_t i = 0; i < exchange->count; i++)
        if (exchange->offsets[i] >= exchange->limit || mock_word_at(state, exchange->offsets[i]) != exchange->expected[i])
            return NVML_ERROR_IN_USE;
    for (uint32_t i = 0; i < exchange->count; i++)
        mock_word_put(state, exchange->offsets[i], exchange->values[i]);
    return NVML_SUCCESS;
}

/* Write words if all of them are still what the caller has read; else IN_USE, and it reads again. */
API nvmlReturn_t mock_api_exchange(struct mock_node *node, uint32_t block, uint32_t count, const uint32_t *offsets,
                                   const uint64_t *expected, const uint64_t *values)
{
    struct mock_block *to = block_of(node, block);
    struct exchange exchange = {count, block == NODE_BLOCK ? MOCK_NODE_WORDS : MOCK_GPU_WORDS, offsets, expected, values};

    if (to == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_node_edit(node, to, exchange_words, &exchange);
}

/* Back to the baseline: the words that were there when the node was made. */
static nvmlReturn_t restore_node(mock_word *state, const void *block)
{
    for (uint32_t i = 0; i < MOCK_NODE_WORDS; i++)
        mock_word_put(state, i, mock_word_at(((const struct mock_block *)block)->words, 2 * MOCK_NODE_WORDS + i));
    return NVML_SUCCESS;
}

static nvmlReturn_t restore_gpu(mock_word *state, const void *block)
{
    for (uint32_t i = 0; i < MOCK_GPU_WORDS; i++)
        mock_word_put(state, i, mock_word_at(((const struct mock_block *)block)->words, 2 * MOCK_GPU_WORDS + i));
    return NVML_SUCCESS;
}

API nvmlReturn_t mock_api_reset(struct mock_node *node, uint32_t block)
{
    struct mock_block *to = block_of(node, block);

    if (to == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_node_edit(node, to, block == NODE_BLOCK ? restore_node : restore_gpu, to);
}

API nvmlReturn_t mock_api_reset_all(struct mock_node *node)
{
    struct mock_part *parts = malloc((node->gpu_count + 1) * sizeof *parts);

    if (parts == NULL)
        return NVML_ERROR_MEMORY;
    parts[0] = (struct mock_part){block_of(node, NODE_BLOCK), restore_node, node->block};
    for (uint32_t i = 0; i < node->gpu_count; i++)
        parts[i + 1] = (struct mock_part){mock_node_gpu(node, i), restore_gpu, mock_node_gpu(node, i)};
    nvmlReturn_t result = mock_node_edit_all(node, parts, node->gpu_count + 1);
    free(parts);
    if (result == NVML_SUCCESS)
        mock_word_put(&node->shared->ring.forgotten, 0, mock_event_count(&node->shared->ring));
    return result;
}

/* As nvidia-smi -r does; IN_USE while processes run on the GPU. */
API nvmlReturn_t mock_api_reset_gpu(struct mock_node *node, uint32_t gpu)
{
    return gpu < node->gpu_count ? mock_gpu_reset(node, block_of(node, gpu)) : NVML_ERROR_INVALID_ARGUMENT;
}

API nvmlReturn_t mock_api_process_add(struct mock_node *node, uint32_t gpu, const uint64_t *record)
{
    return gpu < node->gpu_count ? mock_process_add(node, block_of(node, gpu), record) : NVML_ERROR_INVALID_ARGUMENT;
}

API nvmlReturn_t mock_api_process_remove(struct mock_node *node, uint32_t gpu, uint32_t pid)
{
    return gpu < node->gpu_count ? mock_process_remove(node, block_of(node, gpu), pid) : NVML_ERROR_INVALID_ARGUMENT;
}

API size_t mock_api_event_size(void)
{
    return sizeof(struct mock_event);
}

API nvmlReturn_t mock_api_event_raise(struct mock_node *node, const struct mock_event *event)
{
    current = node;
    return mock_event_raise(node, event);
}

API bool mock_api_event_next(const struct mock_node *node, uint64_t *position, struct mock_event *event)
{
    current = node;
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

    return mock_node_edit(node, block_of(node, NODE_BLOCK), change_clock, &change);
}
