/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of memory per control group, which the state knows by path. */
#include <fcntl.h>
#include <unistd.h>

#include "runtime.h"

#define LIMITS MOCK_AT(memory.limits)
#define RECORD(i) (LIMITS + 1 + (i) * MOCK_RECORD_WORDS(memory.limits))
#define MEMBER(state, i, member) mock_word_at(state, RECORD(i) + MOCK_MEMBER(memory.limits, member))

/* A group, or one that it lies in. */
static bool covers(const struct mock_text *group, const char *path)
{
    return group->length != 0 && strncmp(path, group->bytes, group->length) == 0
           && (path[group->length] == '\0' || path[group->length] == '/');
}

/* The limits of the nearest group that has any (NVIDIA, MPS v3 Memory Partitioning: "nearest limited ancestor"). */
nvmlReturn_t native_nvmlDeviceGetMemoryLimits_v1(nvmlDevice_t device, nvmlGetMemoryLimits_v1_t *limits)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint32_t nearest = 0;
    uint64_t soft = 0, hard = 0, used = 0;

    if (limits->nameSpace == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, LIMITS);
        status = mock_head_status(head);
        uint32_t listed = status == NVML_SUCCESS ? mock_head_length(head, MOCK_CAPACITY(memory.limits)) : 0;
        nearest = 0;
        for (uint32_t i = 0; i < listed; i++) {
            struct mock_text group;
            mock_record_text(state, RECORD(i) + MOCK_MEMBER(memory.limits, cgroup), MOCK_MEMBER_SIZE(memory.limits, cgroup),
                             &group);
            if (group.length <= nearest || !covers(&group, limits->nameSpace))
                continue;
            nearest = group.length;
            soft = MEMBER(state, i, soft);
            hard = MEMBER(state, i, hard);
            used = MEMBER(state, i, used);
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    int group = open(limits->nameSpace, O_RDONLY | O_CLOEXEC);
    if (group < 0)
        return NVML_ERROR_OPERATING_SYSTEM;
    close(group);
    if (nearest == 0)
        return NVML_ERROR_NOT_FOUND;
    limits->softLimit = soft;
    limits->hardLimit = hard;
    limits->currentUsed = used;
    return NVML_SUCCESS;
}
