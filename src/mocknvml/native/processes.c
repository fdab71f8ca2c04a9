/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: the detail list, and names. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime.h"

#define RUNNING MOCK_AT(processes.running)
#define CAPACITY MOCK_CAPACITY(processes.running)
#define RECORD(i) (RUNNING + 1 + (i) * MOCK_RECORD_WORDS(processes.running))
#define MEMBER(state, i, member) mock_word_at(state, RECORD(i) + MOCK_MEMBER(processes.running, member))

nvmlReturn_t native_nvmlDeviceGetRunningProcessDetailList(nvmlDevice_t device, nvmlProcessDetailList_t *list)
{
    /* By nvmlProcessMode_t; ALL takes a process without a context of these kinds too. */
    static const uint64_t contexts[] = {1, 2, 4, 7};
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint32_t count = 0, room = list->procArray != NULL ? list->numProcArrayEntries : 0;

    if (list->mode > NVML_PROCESS_MODE_ALL)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, RUNNING);
        status = mock_head_status(head);
        uint32_t listed = status == NVML_SUCCESS ? mock_head_length(head, CAPACITY) : 0;
        count = 0;
        for (uint32_t i = 0; i < listed; i++) {
            if ((MEMBER(state, i, contexts) & contexts[list->mode]) == 0)
                continue;
            if (count < room) {
                nvmlProcessDetail_v1_t *out = &list->procArray[count];
                out->pid = (unsigned)MEMBER(state, i, pid);
                out->usedGpuMemory = MEMBER(state, i, memory);
                out->gpuInstanceId = (unsigned)MEMBER(state, i, gpu_instance);
                out->computeInstanceId = (unsigned)MEMBER(state, i, compute_instance);
                out->usedGpuCcProtectedMemory = MEMBER(state, i, protected_memory);
            }
            count++;
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    list->numProcArrayEntries = count;
    return count > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

/* The name that a node gives a process, else the command of the live process; too long, it is cropped (nvml.h). */
nvmlReturn_t native_nvmlSystemGetProcessName(unsigned int pid, char *name, unsigned int length)
{
    const struct mock_node *node = mock_node();
    char bytes[4096] = "";

    if (length == 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (uint32_t index = 0; index < node->gpu_count && bytes[0] == '\0'; index++) {
        const mock_word *state;
        struct mock_text text = {0};
        MOCK_LATCH(state, mock_gpu_at(node, index), MOCK_GPU_WORDS) {
            uint32_t listed = mock_head_length(mock_word_at(state, RUNNING), CAPACITY);
            text.length = 0;
            for (uint32_t i = 0; i < listed && text.length == 0; i++)
                if (MEMBER(state, i, pid) == pid)
                    mock_record_text(state, RECORD(i) + MOCK_MEMBER(processes.running, name),
                                     MOCK_MEMBER_SIZE(processes.running, name), &text);
        }
        if (text.length != 0)
            memcpy(bytes, text.bytes, text.length + 1);
    }
    if (bytes[0] == '\0') {
        char path[32];
        snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        if (file < 0)
            return NVML_ERROR_NOT_FOUND;
        ssize_t got = read(file, bytes, sizeof bytes - 1);
        close(file);
        if (got <= 0)
            return NVML_ERROR_NOT_FOUND;
        bytes[got] = '\0';
    }
    snprintf(name, length, "%s", bytes);
    return NVML_SUCCESS;
}
