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
    return mock_node_edit(node, to, exchange_words, &exchange, block != NODE_BLOCK);
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
