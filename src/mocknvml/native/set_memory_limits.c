/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of memory per control group: set, changed and taken away. */
#include <fcntl.h>
#include <unistd.h>

#include "runtime.h"

#define LIMITS MOCK_AT(memory.limits)
#define WORDS MOCK_RECORD_WORDS(memory.limits)
#define MEMBER(i, member) (LIMITS + 1 + (i) * WORDS + MOCK_MEMBER(memory.limits, member))

enum {
    PATH_SIZE = MOCK_MEMBER_SIZE(memory.limits, cgroup),
};

struct limit {
    char path[PATH_SIZE]; /* zeroes behind its end */
    uint64_t soft, hard;
};

static nvmlReturn_t put_limit(mock_word *state, const void *context)
{
    const struct limit *limit = context;
    uint32_t count = mock_head_length(mock_word_at(state, LIMITS), MOCK_CAPACITY(memory.limits)), at = 0;
    /* nvml.h: "To clear the limits, set softLimit to 0, and hardLimit to NVML_DEVICE_MEMORY_LIMIT_MAX" */
    bool cleared = limit->soft == 0 && limit->hard == NVML_DEVICE_MEMORY_LIMIT_MAX;

    for (; at < count; at++) {
        struct mock_text group;
        mock_record_text(state, MEMBER(at, cgroup), PATH_SIZE, &group);
        if (strcmp(group.bytes, limit->path) == 0)
            break;
    }
    if (cleared) {
        for (uint32_t word = MEMBER(at, cgroup); at < count && word < LIMITS + 1 + (count - 1) * WORDS; word++)
            mock_word_put(state, word, mock_word_at(state, word + WORDS));
        count -= at < count;
    } else if (at == MOCK_CAPACITY(memory.limits)) {
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    } else {
        for (uint32_t word = 0; word * 8 < PATH_SIZE; word++) {
            uint64_t eight;
            memcpy(&eight, &limit->path[word * 8], 8);
            mock_word_put(state, MEMBER(at, cgroup) + word, eight);
        }
        mock_word_put(state, MEMBER(at, soft), limit->soft);
        mock_word_put(state, MEMBER(at, hard), limit->hard);
        if (at == count) {
            mock_word_put(state, MEMBER(at, used), 0);
            count++;
        }
    }
    mock_word_put(state, LIMITS, (uint64_t)count << MOCK_LENGTH_SHIFT | MOCK_HEAD_SUCCESS);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceSetMemoryLimits_v1(nvmlDevice_t device, nvmlSetMemoryLimits_v1_t *limits)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t total = 0;
    struct limit limit = {.soft = limits->softLimit, .hard = limits->hardLimit};

    if (limits->nameSpace == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_head_status(mock_word_at(state, LIMITS));
        if (status == NVML_SUCCESS)
            status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(memory.total), &total);
    }
    if (status != NVML_SUCCESS)
        return status;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    size_t length = strlen(limits->nameSpace);
    while (length > 1 && limits->nameSpace[length - 1] == '/')
        length--;
    if (length >= PATH_SIZE || limit.soft > limit.hard || limit.soft > total
        || (limit.hard > total && limit.hard != NVML_DEVICE_MEMORY_LIMIT_MAX))
        return NVML_ERROR_INVALID_ARGUMENT;
    memcpy(limit.path, limits->nameSpace, length);
    int group = open(limit.path, O_RDONLY | O_CLOEXEC);
    if (group < 0)
        return NVML_ERROR_OPERATING_SYSTEM;
    close(group);
    return mock_edit_gpu(device, put_limit, &limit);
}
