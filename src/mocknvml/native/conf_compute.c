/* SPDX-License-Identifier: Apache-2.0 */
/* Confidential computing: the threshold of key rotation. */
#include "runtime.h"

nvmlReturn_t native_nvmlSystemSetConfComputeKeyRotationThresholdInfo(nvmlConfComputeSetKeyRotationThresholdInfo_t *info)
{
    struct mock_node *node = mock_node();
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t advantage = 0, accepting = 0;

    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        status = mock_number(state, MOCK_NODE_SIGNALS, MOCK_AT_NODE(conf_compute_system.attacker_advantage), &advantage);
        mock_number_or_zero(state, MOCK_NODE_SIGNALS, MOCK_AT_NODE(conf_compute_system.accepting_work), &accepting);
    }
    if (status != NVML_SUCCESS)
        return status;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    /* nvml.h: "if confidential compute GPU ready state is enabled" */
    if (accepting != 0)
        return NVML_ERROR_INVALID_STATE;
    if (info->maxAttackerAdvantage < NVML_CC_KEY_ROTATION_THRESHOLD_ATTACKER_ADVANTAGE_MIN
        || info->maxAttackerAdvantage > NVML_CC_KEY_ROTATION_THRESHOLD_ATTACKER_ADVANTAGE_MAX)
        return NVML_ERROR_INVALID_ARGUMENT;
    return mock_set_number(node, node->block, MOCK_AT_NODE(conf_compute_system.attacker_advantage),
                           info->maxAttackerAdvantage);
}
