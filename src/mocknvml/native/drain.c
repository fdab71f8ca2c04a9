/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPUs that drain or are removed: the node lists them. nvml.h: a new process does not see a draining GPU, one that
 * initialised before still does; nobody sees a removed one, whose handles are lost.
 *
 * Callers pass PCI infos of 52 and of 68 bytes under one symbol: only the address at their start is read.
 */
#include "runtime.h"

#define LIST MOCK_AT_NODE(drain.gpus)
#define WORDS MOCK_RECORD_WORDS_NODE(drain.gpus)
#define AT(i, member) (LIST + 1 + (i) * WORDS + MOCK_MEMBER_NODE(drain.gpus, member))

static uint32_t length(const mock_word *state)
{
    return mock_head_length(mock_word_at(state, LIST), MOCK_DRAINED_MAX);
}

static void set_length(mock_word *state, uint32_t count)
{
    mock_word_put(state, LIST, MOCK_HEAD_SUCCESS | (uint64_t)count << MOCK_LENGTH_SHIFT);
}

/* The place of a GPU in the list, or its end. */
static uint32_t find(const mock_word *state, uint32_t gpu)
{
    uint32_t i = 0;

    while (i < length(state) && mock_word_at(state, AT(i, gpu)) != gpu)
        i++;
    return i;
}

static void take_out(mock_word *state, uint32_t i)
{
    uint32_t last = length(state) - 1;

    for (uint32_t word = 0; word < WORDS; word++)
        mock_word_put(state, LIST + 1 + i * WORDS + word, mock_word_at(state, LIST + 1 + last * WORDS + word));
    set_length(state, last);
}

uint32_t mock_hidden_gpus(const struct mock_node *node, uint32_t hidden[MOCK_DRAINED_MAX])
{
    uint64_t initialised = atomic_load_explicit(&mock_initialised_at, memory_order_relaxed);
    const mock_word *state;
    uint32_t count = 0;

    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        uint32_t listed = length(state);
        count = 0;
        for (uint32_t i = 0; i < listed; i++) {
            uint64_t gpu = mock_word_at(state, AT(i, gpu));
            uint32_t at = count;
            if (gpu >= node->gpu_count
                || (mock_word_at(state, AT(i, removed)) == 0 && mock_word_at(state, AT(i, since)) > initialised))
                continue;
            while (at > 0 && hidden[at - 1] >= gpu)
                at--;
            if (at < count && hidden[at] == gpu)
                continue;
            memmove(&hidden[at + 1], &hidden[at], (count - at) * sizeof *hidden);
            hidden[at] = (uint32_t)gpu;
            count++;
        }
    }
    return count;
}

bool mock_sees(const struct mock_node *node, uint32_t index)
{
    uint32_t hidden[MOCK_DRAINED_MAX], count = mock_hidden_gpus(node, hidden);

    for (uint32_t i = 0; i < count; i++)
        if (hidden[i] == index)
            return false;
    return true;
}

struct change {
    uint32_t gpu;
    bool removed;
    uint64_t now;
};

static nvmlReturn_t begin(mock_word *state, const void *context)
{
    const struct change *change = context;
    uint32_t i = find(state, change->gpu);

    if (i == MOCK_DRAINED_MAX)
        return NVML_ERROR_INSUFFICIENT_RESOURCES;
    if (i == length(state)) {
        set_length(state, i + 1);
        mock_word_put(state, AT(i, gpu), change->gpu);
        mock_word_put(state, AT(i, since), change->now);
        mock_word_put(state, AT(i, removed), 0);
    }
    if (change->removed)
        mock_word_put(state, AT(i, removed), 1);
    return NVML_SUCCESS;
}

static nvmlReturn_t end(mock_word *state, const void *context)
{
    const struct change *change = context;
    uint32_t i = find(state, change->gpu);

    if (i < length(state) && (mock_word_at(state, AT(i, removed)) != 0) == change->removed)
        take_out(state, i);
    return NVML_SUCCESS;
}

static nvmlReturn_t lose(mock_word *state, const void *unused)
{
    mock_word_put(state, MOCK_AT(health.present), NVML_ERROR_GPU_IS_LOST ^ NVML_ERROR_NOT_SUPPORTED);
    return NVML_SUCCESS;
}

static nvmlReturn_t find_again(mock_word *state, const void *unused)
{
    mock_word_put(state, MOCK_AT(health.present), MOCK_HEAD_SUCCESS);
    return NVML_SUCCESS;
}

static nvmlReturn_t tell(struct mock_node *node, uint32_t gpu, uint64_t type)
{
    return mock_event_raise(node, &(struct mock_event){.kind = MOCK_EVENT_SYSTEM, .gpu = gpu, .type = type});
}

/* What keeps a GPU attached: persistence mode, and its processes. */
static bool in_use(const struct mock_node *node, uint32_t gpu, bool processes_too)
{
    const mock_word *state;
    uint64_t persistence = 0;
    uint32_t processes = 0;

    MOCK_LATCH(state, mock_gpu_at(node, gpu), MOCK_GPU_WORDS) {
        mock_number_or_zero(state, MOCK_GPU_SIGNALS, MOCK_AT(modes.persistence), &persistence);
        processes = mock_head_length(mock_word_at(state, MOCK_AT(processes.running)), MOCK_CAPACITY(processes.running));
    }
    return persistence != 0 || (processes_too && processes != 0);
}

static bool find_gpu(const struct mock_node *node, const nvmlPciInfo_t *pci, uint32_t *gpu)
{
    return mock_find_address(node, pci->domain, pci->bus, pci->device, gpu);
}

nvmlReturn_t native_nvmlDeviceModifyDrainState(nvmlPciInfo_t *pciInfo, nvmlEnableState_t newState)
{
    struct mock_node *node = mock_node();
    struct change change = {.now = mock_node_time(node)};

    if (!find_gpu(node, pciInfo, &change.gpu) || (unsigned)newState > NVML_FEATURE_ENABLED)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (newState == NVML_FEATURE_ENABLED && in_use(node, change.gpu, false))
        return NVML_ERROR_IN_USE;
    return mock_node_edit(node, node->block, newState == NVML_FEATURE_ENABLED ? begin : end, &change);
}

nvmlReturn_t native_nvmlDeviceQueryDrainState(nvmlPciInfo_t *pciInfo, nvmlEnableState_t *currentState)
{
    const struct mock_node *node = mock_node();
    const mock_word *state;
    bool draining = false;
    uint32_t gpu;

    if (!find_gpu(node, pciInfo, &gpu))
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        draining = find(state, gpu) < length(state);
    }
    *currentState = draining ? NVML_FEATURE_ENABLED : NVML_FEATURE_DISABLED;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceRemoveGpu_v2(nvmlPciInfo_t *pciInfo, nvmlDetachGpuState_t gpuState, nvmlPcieLinkState_t linkState)
{
    struct mock_node *node = mock_node();
    struct change change = {.removed = true, .now = mock_node_time(node)};

    if (!find_gpu(node, pciInfo, &change.gpu) || (unsigned)gpuState > NVML_DETACH_GPU_REMOVE
        || (unsigned)linkState > NVML_PCIE_LINK_SHUT_DOWN)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (in_use(node, change.gpu, true))
        return NVML_ERROR_IN_USE;
    const struct mock_part parts[] = {{node->block, begin, &change}, {mock_gpu_at(node, change.gpu), lose, NULL}};
    nvmlReturn_t status = mock_node_edit_all(node, parts, 2);
    return status == NVML_SUCCESS ? tell(node, change.gpu, nvmlSystemEventTypeGpuDriverUnbind) : status;
}

nvmlReturn_t native_nvmlDeviceRemoveGpu(nvmlPciInfo_t *pciInfo)
{
    return native_nvmlDeviceRemoveGpu_v2(pciInfo, NVML_DETACH_GPU_KEEP, NVML_PCIE_LINK_KEEP);
}

/* nvml.h: all zeroes search the whole tree. */
nvmlReturn_t native_nvmlDeviceDiscoverGpus(nvmlPciInfo_t *pciInfo)
{
    struct mock_node *node = mock_node();
    bool all = pciInfo == NULL || (pciInfo->domain | pciInfo->bus | pciInfo->device) == 0;
    struct change changes[MOCK_DRAINED_MAX];
    struct mock_part parts[2 * MOCK_DRAINED_MAX];
    uint32_t count = 0, wanted, found = 0;
    const mock_word *state;

    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        uint32_t listed = length(state);
        count = 0;
        for (uint32_t i = 0; i < listed; i++) {
            uint64_t gpu = mock_word_at(state, AT(i, gpu));
            if (mock_word_at(state, AT(i, removed)) != 0 && gpu < node->gpu_count)
                changes[count++] = (struct change){.gpu = (uint32_t)gpu, .removed = true};
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!all && (!find_gpu(node, pciInfo, &wanted) || wanted != changes[i].gpu))
            continue;
        parts[found++] = (struct mock_part){mock_gpu_at(node, changes[i].gpu), find_again, NULL};
        parts[found++] = (struct mock_part){node->block, end, &changes[i]};
    }
    nvmlReturn_t status = found != 0 ? mock_node_edit_all(node, parts, found) : NVML_SUCCESS;
    for (uint32_t i = 1; i < found && status == NVML_SUCCESS; i += 2)
        status = tell(node, ((const struct change *)parts[i].context)->gpu, nvmlSystemEventTypeGpuDriverBind);
    return status;
}
