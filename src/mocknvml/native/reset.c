/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reset initialises a GPU anew: what the driver keeps for it ends (NVIDIA, "Data Persistence"), what is pending comes into
 * force. Which field does what stands in the blocks.
 */
#include "reset.h"

#include "clock_limits.h"
#include "faults.h"
#include "resets.h"

static void apply(mock_word *state, const struct mock_reset *reset)
{
    uint64_t head = mock_word_at(state, reset->at), held = mock_word_at(state, reset->at + 1);

    /* What the board lacks, or an error that is injected, stays. */
    if (mock_head_status(head) != NVML_SUCCESS)
        return;
    if (reset->is_list)
        mock_word_put(state, reset->at, MOCK_HEAD_SUCCESS);
    else if (reset->from == reset->at && (reset->only == 0 || (held < 32 && (reset->only >> held & 1) != 0)))
        mock_word_put(state, reset->at + 1, reset->value);
    else if (reset->from != reset->at && mock_head_status(mock_word_at(state, reset->from)) == NVML_SUCCESS)
        mock_word_put(state, reset->at + 1, mock_word_at(state, reset->from + 1));
}

static nvmlReturn_t reset(mock_word *state, const void *context)
{
    nvmlReturn_t health = mock_head_status(mock_word_at(state, MOCK_AT(health.present)));
    uint64_t running = mock_word_at(state, MOCK_AT(processes.running));

    (void)context;
    if (health != NVML_SUCCESS && health != NVML_ERROR_RESET_REQUIRED)
        return health;
    if (mock_head_status(running) == NVML_SUCCESS && mock_head_length(running, MOCK_CAPACITY(processes.running)) != 0)
        return NVML_ERROR_IN_USE;
    struct mock_clocks unlimited = mock_clocks_unlimited(state);
    mock_faults_end_with_reset(state);
    mock_word_put(state, MOCK_AT(health.present), MOCK_HEAD_SUCCESS);
    for (size_t i = 0; i < sizeof mock_resets / sizeof *mock_resets; i++)
        apply(state, &mock_resets[i]);
    mock_clocks_limit(state, &unlimited);
    return NVML_SUCCESS;
}

nvmlReturn_t mock_gpu_reset(struct mock_node *node, struct mock_block *gpu)
{
    return mock_node_edit(node, gpu, reset, NULL);
}
