/* SPDX-License-Identifier: Apache-2.0 */
/* The nearness of GPUs, which follows from their places; peer access; affinity to CPUs and memory. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime.h"

enum {
    CPUS = 1024, /* nvml.h: "Currently supports up to 1024 processors" */
    BITS = 8 * sizeof(unsigned long),
    PLACES = 6,
};

struct set {
    unsigned long words[CPUS / BITS];
};

/* From the outside in; `depth` is how many of them the GPU has. */
struct place {
    uint64_t at[PLACES];
    unsigned depth;
};

static nvmlReturn_t read_place(const struct mock_block *gpu, struct place *place)
{
    static const uint32_t at[PLACES] = {
        MOCK_AT(topology.machine),   MOCK_AT(topology.numa_node), MOCK_AT(topology.host_bridge),
        MOCK_AT(topology.root_port), MOCK_AT(topology.pcie_switch), MOCK_AT(topology.board),
    };
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        for (place->depth = 0; place->depth < PLACES; place->depth++) {
            status = mock_number(state, MOCK_GPU_SIGNALS, at[place->depth], &place->at[place->depth]);
            if (status != NVML_SUCCESS)
                break;
        }
    }
    return status == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : status;
}

/* In how many places, from the outside in, two GPUs agree. */
static nvmlReturn_t agreement(const struct mock_block *one, const struct mock_block *other, unsigned *count)
{
    struct place a, b;
    nvmlReturn_t status = read_place(one, &a);

    if (status == NVML_SUCCESS)
        status = read_place(other, &b);
    if (status != NVML_SUCCESS)
        return status;
    for (*count = 0; *count < a.depth && *count < b.depth && a.at[*count] == b.at[*count]; ++*count)
        ;
    return NVML_SUCCESS;
}

nvmlReturn_t mock_common_ancestor(const struct mock_block *one, const struct mock_block *other, nvmlGpuTopologyLevel_t *level)
{
    /* By the number of places that agree. */
    static const nvmlGpuTopologyLevel_t levels[PLACES + 1] = {
        NVML_TOPOLOGY_SYSTEM,   NVML_TOPOLOGY_SYSTEM, NVML_TOPOLOGY_NODE,     NVML_TOPOLOGY_HOSTBRIDGE,
        NVML_TOPOLOGY_MULTIPLE, NVML_TOPOLOGY_SINGLE, NVML_TOPOLOGY_INTERNAL,
    };
    unsigned count = PLACES;
    nvmlReturn_t status = one == other ? NVML_SUCCESS : agreement(one, other, &count);

    if (status == NVML_SUCCESS)
        *level = levels[count];
    return status;
}

nvmlReturn_t native_nvmlDeviceGetTopologyCommonAncestor(nvmlDevice_t device1, nvmlDevice_t device2,
                                                        nvmlGpuTopologyLevel_t *pathInfo)
{
    return mock_common_ancestor(mock_gpu_of(device1), mock_gpu_of(device2), pathInfo);
}

nvmlReturn_t native_nvmlDeviceOnSameBoard(nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard)
{
    nvmlGpuTopologyLevel_t level;
    nvmlReturn_t status = mock_common_ancestor(mock_gpu_of(device1), mock_gpu_of(device2), &level);

    if (status == NVML_SUCCESS)
        *onSameBoard = level == NVML_TOPOLOGY_INTERNAL;
    return status;
}

/* Give the caller the handles that `found` counts. nvml.h: a count of 0 asks for the count; else the array is filled with
 * `count` handles, and no error is listed for one that is too short. */
static nvmlReturn_t end_list(unsigned found, unsigned *count)
{
    if (*count == 0 || found < *count)
        *count = found;
    return NVML_SUCCESS;
}

/* The other GPUs that are reached without leaving `level`: in nvml.h SYSTEM is "all devices in the system". */
nvmlReturn_t native_nvmlDeviceGetTopologyNearestGpus(nvmlDevice_t device, nvmlGpuTopologyLevel_t level, unsigned int *count,
                                                     nvmlDevice_t *deviceArray)
{
    const struct mock_node *node = mock_node();
    const struct mock_block *self = mock_gpu_of(device);
    unsigned found = 0;

    if (level > NVML_TOPOLOGY_SYSTEM || level % 10 != 0 || (*count != 0 && deviceArray == NULL))
        return NVML_ERROR_INVALID_ARGUMENT;
    for (uint32_t index = 0; index < node->gpu_count; index++) {
        const struct mock_block *gpu = mock_gpu_at(node, index);
        nvmlGpuTopologyLevel_t common;
        if (gpu == self || mock_gpu_state(gpu) != NVML_SUCCESS)
            continue;
        nvmlReturn_t status = mock_common_ancestor(self, gpu, &common);
        if (status != NVML_SUCCESS)
            return status;
        if (common > level)
            continue;
        if (found < *count)
            deviceArray[found] = mock_handle(index);
        found++;
    }
    return end_list(found, count);
}

/* A list such as "0-3,8"; what is none is NVML's error "in underlying topology discovery". */
static nvmlReturn_t parse_list(const char *list, struct set *set)
{
    memset(set, 0, sizeof *set);
    while (*list != '\0') {
        char *end;
        unsigned long first = strtoul(list, &end, 10), last = first;
        if (end != list && *end == '-')
            last = strtoul(list = end + 1, &end, 10);
        if (end == list || (*end != ',' && *end != '\0'))
            return NVML_ERROR_UNKNOWN;
        for (unsigned long at = first; at <= last && at < CPUS; at++)
            set->words[at / BITS] |= 1ul << at % BITS;
        list = *end == ',' ? end + 1 : end;
    }
    return NVML_SUCCESS;
}

static bool is_of_host(void)
{
    const struct mock_node *node = mock_node();
    const mock_word *state;
    uint64_t host = 0;

    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        mock_number_or_zero(state, MOCK_NODE_SIGNALS, MOCK_AT_NODE(affinity.cpus), &host);
    }
    return host != 0;
}

/* The CPUs of this machine that are online; those that the thread may use, where the kernel does not say. */
static void read_online(struct set *online)
{
    char list[4096];
    int file = open("/sys/devices/system/cpu/online", O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, list, sizeof list - 1);

    if (file >= 0)
        close(file);
    list[got > 0 ? got : 0] = '\0';
    list[strcspn(list, "\n")] = '\0';
    if (got <= 0 || parse_list(list, online) != NVML_SUCCESS)
        sched_getaffinity(0, sizeof *online, (cpu_set_t *)online);
}

/* Each CPU of a set becomes one that is online: the first again after the last. */
static void fold(struct set *set)
{
    struct set online = {{0}}, folded = {{0}};
    unsigned present[CPUS], count = 0;

    read_online(&online);
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        if ((online.words[cpu / BITS] >> cpu % BITS & 1) != 0)
            present[count++] = cpu;
    for (unsigned cpu = 0; cpu < CPUS && count != 0; cpu++) {
        unsigned to = present[cpu % count];
        if ((set->words[cpu / BITS] >> cpu % BITS & 1) != 0)
            folded.words[to / BITS] |= 1ul << to % BITS;
    }
    *set = folded;
}

/* The set of a scope. nvml.h: a scope that is "not applicable to the target topology" falls back to the nearer one. */
static nvmlReturn_t read_set(const struct mock_block *gpu, uint32_t at, uint32_t size, nvmlAffinityScope_t scope, struct set *set)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    struct mock_text text;

    if (scope > NVML_AFFINITY_SCOPE_SOCKET)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        status = mock_text(state, at + scope * (1 + size / 8), size, &text);
        if (status == NVML_ERROR_NOT_SUPPORTED)
            status = mock_text(state, at, size, &text);
    }
    return status == NVML_SUCCESS ? parse_list(text.bytes, set) : status;
}

static nvmlReturn_t read_cpus(const struct mock_block *gpu, nvmlAffinityScope_t scope, struct set *set)
{
    nvmlReturn_t status = read_set(gpu, MOCK_AT(topology.cpus[0]), MOCK_SIZE(topology.cpus[0]), scope, set);

    if (status == NVML_SUCCESS && is_of_host())
        fold(set);
    return status;
}

/* No error is listed for a caller's set that is too small. */
static nvmlReturn_t put_set(nvmlReturn_t status, const struct set *set, unsigned size, unsigned long *out)
{
    if (status == NVML_SUCCESS)
        for (unsigned i = 0; i < size; i++)
            out[i] = i < CPUS / BITS ? set->words[i] : 0;
    return status;
}

nvmlReturn_t native_nvmlDeviceGetCpuAffinityWithinScope(nvmlDevice_t device, unsigned int cpuSetSize, unsigned long *cpuSet,
                                                        nvmlAffinityScope_t scope)
{
    struct set set;

    if (cpuSetSize == 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    return put_set(read_cpus(mock_gpu_of(device), scope, &set), &set, cpuSetSize, cpuSet);
}

nvmlReturn_t native_nvmlDeviceGetCpuAffinity(nvmlDevice_t device, unsigned int cpuSetSize, unsigned long *cpuSet)
{
    return native_nvmlDeviceGetCpuAffinityWithinScope(device, cpuSetSize, cpuSet, NVML_AFFINITY_SCOPE_NODE);
}

nvmlReturn_t native_nvmlDeviceGetMemoryAffinity(nvmlDevice_t device, unsigned int nodeSetSize, unsigned long *nodeSet,
                                                nvmlAffinityScope_t scope)
{
    struct set set;

    if (nodeSetSize == 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t status = read_set(mock_gpu_of(device), MOCK_AT(topology.memory_nodes[0]),
                                   MOCK_SIZE(topology.memory_nodes[0]), scope, &set);
    return put_set(status, &set, nodeSetSize, nodeSet);
}

nvmlReturn_t native_nvmlSystemGetTopologyGpuSet(unsigned int cpuNumber, unsigned int *count, nvmlDevice_t *deviceArray)
{
    const struct mock_node *node = mock_node();
    nvmlReturn_t result = NVML_ERROR_NOT_SUPPORTED; /* where no GPU has an affinity */
    unsigned found = 0;

    if (cpuNumber >= CPUS || (*count != 0 && deviceArray == NULL))
        return NVML_ERROR_INVALID_ARGUMENT;
    for (uint32_t index = 0; index < node->gpu_count; index++) {
        const struct mock_block *gpu = mock_gpu_at(node, index);
        struct set set;
        if (mock_gpu_state(gpu) != NVML_SUCCESS)
            continue;
        nvmlReturn_t status = read_cpus(gpu, NVML_AFFINITY_SCOPE_NODE, &set);
        if (status == NVML_ERROR_NOT_SUPPORTED)
            continue;
        if (status != NVML_SUCCESS)
            return status;
        result = NVML_SUCCESS;
        if ((set.words[cpuNumber / BITS] >> cpuNumber % BITS & 1) == 0)
            continue;
        if (found < *count)
            deviceArray[found] = mock_handle(index);
        found++;
    }
    return result == NVML_SUCCESS ? end_list(found, count) : result;
}

/* The kernel takes those of the CPUs that this machine has and the thread may use; where there is none, nothing is bound. */
static nvmlReturn_t bind(const struct set *set)
{
    if (sched_setaffinity(0, sizeof *set, (const cpu_set_t *)set) == 0 || errno == EINVAL)
        return NVML_SUCCESS;
    return NVML_ERROR_UNKNOWN;
}

nvmlReturn_t native_nvmlDeviceSetCpuAffinity(nvmlDevice_t device)
{
    struct set set;
    nvmlReturn_t status = read_cpus(mock_gpu_of(device), NVML_AFFINITY_SCOPE_NODE, &set);

    return status == NVML_SUCCESS ? bind(&set) : status;
}

nvmlReturn_t native_nvmlDeviceClearCpuAffinity(nvmlDevice_t device)
{
    struct set all;

    (void)device;
    memset(&all, 0xFF, sizeof all);
    return bind(&all);
}

/* What peer access depends on. */
struct peer {
    uint64_t address[3], device_id, pcie_peers;
    nvmlReturn_t pcie_status;
    bool switched;
};

static void read_peer(const struct mock_block *gpu, struct peer *peer)
{
    static const uint32_t at[] = {MOCK_AT(pci.domain), MOCK_AT(pci.bus), MOCK_AT(pci.device)};
    const mock_word *state;

    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        for (unsigned i = 0; i < 3; i++)
            mock_number(state, MOCK_GPU_SIGNALS, at[i], &peer->address[i]);
        mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(pci.device_id), &peer->device_id);
        peer->pcie_status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(topology.pcie_peers), &peer->pcie_peers);
        peer->switched = false;
        for (uint32_t link = 0; link < 2 * NVML_NVLINK_MAX_LINKS; link += 2) {
            uint64_t type;
            nvmlReturn_t status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(nvlink.remote_type) + link, &type);
            peer->switched |= status == NVML_SUCCESS && type == NVML_NVLINK_DEVICE_TYPE_SWITCH;
        }
    }
}

/* How many active NVLinks of a GPU lead to the peer, or to a switch. */
static unsigned count_links(const struct mock_block *gpu, const struct peer *peer)
{
    static const uint32_t at[] = {MOCK_AT(nvlink.remote_domain), MOCK_AT(nvlink.remote_bus), MOCK_AT(nvlink.remote_device)};
    const mock_word *state;
    unsigned found = 0;

    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        found = 0;
        for (uint32_t link = 0; link < 2 * NVML_NVLINK_MAX_LINKS; link += 2) {
            uint64_t active, type, value;
            if (mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(nvlink.state) + link, &active) != NVML_SUCCESS || active == 0
                || mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(nvlink.remote_type) + link, &type) != NVML_SUCCESS)
                continue;
            bool leads = type == NVML_NVLINK_DEVICE_TYPE_GPU;
            for (unsigned i = 0; i < 3 && leads; i++)
                leads = mock_number(state, MOCK_GPU_SIGNALS, at[i] + link, &value) == NVML_SUCCESS
                        && value == peer->address[i];
            found += leads || type == NVML_NVLINK_DEVICE_TYPE_SWITCH;
        }
    }
    return found;
}

/* The rules of NVIDIA/open-gpu-kernel-modules (p2p_caps.c, and who asks it): over NVLink everything but PCI; a GPU of an
 * NVSwitch system has no other way; over PCIe only GPUs of one chip, as far as the machine lets them, and no atomics. Seen:
 * `nvidia-smi topo -p2p` of H200s has NS for PCI, that of two GPUs without a link NS for NVLink and atomics. */
nvmlReturn_t native_nvmlDeviceGetP2PStatus(nvmlDevice_t device1, nvmlDevice_t device2, nvmlGpuP2PCapsIndex_t p2pIndex,
                                           nvmlGpuP2PStatus_t *p2pStatus)
{
    const struct mock_block *one = mock_gpu_of(device1), *other = mock_gpu_of(device2);
    struct peer first, second;
    unsigned places;
    nvmlReturn_t status = agreement(one, other, &places);

    if (p2pIndex >= NVML_P2P_CAPS_INDEX_UNKNOWN)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (status != NVML_SUCCESS)
        return status;
    read_peer(one, &first);
    read_peer(other, &second);
    *p2pStatus = NVML_P2P_STATUS_NOT_SUPPORTED;
    if (places > 0 && count_links(one, &second) > 0 && count_links(other, &first) > 0) {
        if (p2pIndex != NVML_P2P_CAPS_INDEX_PCI)
            *p2pStatus = NVML_P2P_STATUS_OK;
        return NVML_SUCCESS;
    }
    /* The ids of the boards of one chip begin alike: 20xx is GA100, 23xx GH100. */
    if (places == 0 || first.switched || second.switched || first.device_id >> 24 != second.device_id >> 24
        || p2pIndex == NVML_P2P_CAPS_INDEX_NVLINK || p2pIndex == NVML_P2P_CAPS_INDEX_ATOMICS)
        return NVML_SUCCESS;
    const struct peer *decides = first.pcie_status != NVML_SUCCESS || first.pcie_peers != NVML_P2P_STATUS_OK ? &first : &second;
    if (decides->pcie_status == NVML_ERROR_NOT_SUPPORTED)
        *p2pStatus = NVML_P2P_STATUS_UNKNOWN; /* nvml.h has no NOT_SUPPORTED for this function */
    else if (decides->pcie_status != NVML_SUCCESS)
        return decides->pcie_status;
    else if (p2pIndex != NVML_P2P_CAPS_INDEX_PCI || decides->pcie_peers == NVML_P2P_STATUS_OK)
        *p2pStatus = (nvmlGpuP2PStatus_t)decides->pcie_peers;
    return NVML_SUCCESS;
}
