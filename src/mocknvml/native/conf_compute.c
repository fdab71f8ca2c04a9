/* SPDX-License-Identifier: Apache-2.0 */
/* Confidential computing: whether it is on, and the threshold of key rotation. */
#include "runtime.h"

/* nvml.h: "For Ampere or newer". */
static bool has_newer_gpu(const struct mock_node *node)
{
    const mock_word *state;
    uint64_t architecture = 0;

    for (uint32_t index = 0; index < node->gpu_count && architecture < NVML_DEVICE_ARCH_AMPERE; index++)
        MOCK_LATCH(state, mock_gpu_at(node, index), MOCK_GPU_WORDS) {
            mock_number_or_zero(state, MOCK_GPU_SIGNALS, MOCK_AT(identity.architecture), &architecture);
        }
    return architecture >= NVML_DEVICE_ARCH_AMPERE && architecture != NVML_DEVICE_ARCH_UNKNOWN;
}

nvmlReturn_t native_nvmlSystemGetConfComputeState(nvmlConfComputeSystemState_t *state_out)
{
    static const uint32_t at[] = {
        MOCK_AT_NODE(conf_compute_system.environment),
        MOCK_AT_NODE(conf_compute_system.feature),
        MOCK_AT_NODE(conf_compute_system.developer_tools),
    };
    const struct mock_node *node = mock_node();
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t values[3] = {0};

    if (!has_newer_gpu(node))
        return NVML_ERROR_NOT_SUPPORTED;
    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        status = NVML_SUCCESS;
        for (unsigned i = 0; i < 3 && status == NVML_SUCCESS; i++)
            status = mock_number(state, MOCK_NODE_SIGNALS, at[i], &values[i]);
    }
    if (status == NVML_SUCCESS)
        *state_out = (nvmlConfComputeSystemState_t){
            .environment = (unsigned)values[0],
            .ccFeature = (unsigned)values[1],
            .devToolsMode = (unsigned)values[2],
        };
    return status;
}

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
