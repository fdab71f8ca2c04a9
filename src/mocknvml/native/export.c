/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private interface of nvidia-smi: a table of function pointers behind one GUID, its size in bytes first. Which slot
 * answers what was seen with nvidia-smi 450 to 555, by changing one answer at a time. nvidia-smi takes a missing slot for
 * UNINITIALIZED, and a success with nothing written for the truth; so every slot is there, and one that is not known
 * answers NOT_SUPPORTED, which it shows as N/A, and which a trace tells. Arguments behind those of a prototype are what the registers hold.
 */
#include <stdio.h>
#include <stdlib.h>

#include "calls.h"
#include "export.h"

enum {
    SLOTS = 511,
    PROCESS_NAME = 4096,
};

static const unsigned char guid[16] = {
    0xC4, 0xFE, 0x3E, 0x6C, 0xC9, 0x8F, 0x6C, 0x4E, 0xA3, 0x27, 0xEE, 0x69, 0x6E, 0x12, 0xF7, 0xC4,
};

static __attribute__((used)) nvmlReturn_t slot(uint64_t number) __asm__("mock_export_slot");
static nvmlReturn_t slot(uint64_t number)
{
    nvmlReturn_t code = mock_attached() == NULL ? NVML_ERROR_UNINITIALIZED : NVML_ERROR_NOT_SUPPORTED;

    return mock_refuse_3(number, 0, 0, MOCK_CALL_EXPORT_SLOT, code);
}

nvmlReturn_t mock_slot_enter(nvmlDevice_t device, const struct mock_block **gpu)
{
    const struct mock_node *node = mock_attached();

    if (node == NULL)
        return NVML_ERROR_UNINITIALIZED;
    *gpu = mock_gpu(node, device);
    return *gpu != NULL ? mock_gpu_state(*gpu) : NVML_ERROR_INVALID_ARGUMENT;
}

nvmlReturn_t mock_slot_number(nvmlDevice_t device, uint32_t at, unsigned *out)
{
    const struct mock_block *gpu;
    const mock_word *state;
    uint64_t value = 0;
    nvmlReturn_t status = mock_slot_enter(device, &gpu);

    if (status != NVML_SUCCESS)
        return status;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, at, &value);
    }
    if (status == NVML_SUCCESS)
        *out = (unsigned)value;
    return status;
}

static nvmlReturn_t read_text(nvmlDevice_t device, uint32_t at, uint32_t size, char *out, uint32_t room)
{
    const struct mock_block *gpu;
    const mock_word *state;
    struct mock_text text;
    nvmlReturn_t status = mock_slot_enter(device, &gpu);

    if (status != NVML_SUCCESS)
        return status;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        status = mock_text(state, at, size, &text);
    }
    return status == NVML_SUCCESS ? mock_put_text(&text, out, room) : status;
}

#define NUMBER(name, field)                                                                                              \
    static nvmlReturn_t name(nvmlDevice_t device, unsigned *value)                                                       \
    {                                                                                                                    \
        return mock_slot_number(device, MOCK_AT(field), value);                                                               \
    }

NUMBER(enforced_power_limit, power.limit)
NUMBER(architecture, identity.architecture) /* for a reset, which goes on with any number */
NUMBER(module_id, identity.module_id)
NUMBER(voltage, power.voltage)
NUMBER(atomics_outbound, pcie.atomics[0])
NUMBER(host_generation_max, pcie.host_generation_max)
NUMBER(margin, thermal.margin)
NUMBER(numa_node, identity.numa_node)
NUMBER(addressing, identity.addressing)
NUMBER(sparse_operation, modes.sparse_operation)

static nvmlReturn_t gsp_version(nvmlDevice_t device, char *version)
{
    return read_text(device, MOCK_AT(gsp.version), MOCK_SIZE(gsp.version), version, NVML_GSP_FIRMWARE_VERSION_BUF_SIZE);
}

static nvmlReturn_t gpu_part_number(nvmlDevice_t device, char *number, unsigned room)
{
    return read_text(device, MOCK_AT(identity.gpu_part_number), MOCK_SIZE(identity.gpu_part_number), number, room);
}

static nvmlReturn_t parse_bus_id(const char *text, unsigned *domain, unsigned *bus, unsigned *device, unsigned *function)
{
    unsigned long address[3];

    if (!mock_parse_bus_id(text, address))
        return NVML_ERROR_INVALID_ARGUMENT;
    *domain = (unsigned)address[0];
    *bus = (unsigned)address[1];
    *device = (unsigned)address[2];
    *function = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device);
nvmlReturn_t native_nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci);
nvmlReturn_t native_nvmlSystemGetProcessName(unsigned int pid, char *name, unsigned int length);

static nvmlReturn_t address_of_index(unsigned index, unsigned *domain, unsigned *bus, unsigned *device)
{
    nvmlDevice_t handle;
    nvmlPciInfo_t pci;

    if (mock_attached() == NULL)
        return NVML_ERROR_UNINITIALIZED;
    nvmlReturn_t status = native_nvmlDeviceGetHandleByIndex_v2(index, &handle);
    if (status == NVML_SUCCESS)
        status = native_nvmlDeviceGetPciInfo_v3(handle, &pci);
    if (status != NVML_SUCCESS)
        return status;
    *domain = pci.domain;
    *bus = pci.bus;
    *device = pci.device;
    return NVML_SUCCESS;
}

/* The NUMA nodes of the CPUs that are near, as a mask. */
static nvmlReturn_t nodes_of_cpus(nvmlDevice_t device, unsigned words, unsigned long *mask)
{
    enum { BITS = 8 * sizeof *mask };
    unsigned node;
    nvmlReturn_t status = mock_slot_number(device, MOCK_AT(topology.numa_node), &node);

    if (status == NVML_SUCCESS && node / BITS >= words)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < words && status == NVML_SUCCESS; i++)
        mask[i] = i == node / BITS ? 1UL << node % BITS : 0;
    return status;
}

static const struct mock_block *at_bus_id(const struct mock_node *node, const char *text)
{
    unsigned long address[3];
    uint32_t index;

    return mock_parse_bus_id(text, address) && mock_find_address(node, address[0], address[1], address[2], &index)
               ? mock_gpu_at(node, index)
               : NULL;
}

/* 0 PIX, 1 PXB, 2 PHB, 3 NODE, 4 SYS. 4 + n would draw n NVLinks; but topo -m finds those by itself, and topo -mp shows PCI
 * only. */
static nvmlReturn_t nearness(const char *one, const char *other, unsigned *level)
{
    const struct mock_node *node = mock_attached();
    nvmlGpuTopologyLevel_t common;

    if (node == NULL)
        return NVML_ERROR_UNINITIALIZED;
    const struct mock_block *first = at_bus_id(node, one), *second = at_bus_id(node, other);
    if (first == NULL || second == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t status = mock_common_ancestor(first, second, &common);
    if (status == NVML_SUCCESS)
        *level = common <= NVML_TOPOLOGY_SINGLE ? 0 : common / 10 - 1;
    return status;
}

/* Whether dmon, pmon and vgpu may go on: not with a GPU that is lost, whose index dmon makes up. */
static nvmlReturn_t monitoring_supported(nvmlDevice_t device, unsigned *supported)
{
    const struct mock_block *gpu;
    nvmlReturn_t status = mock_slot_enter(device, &gpu);

    if (status == NVML_SUCCESS)
        *supported = 1;
    return status;
}

nvmlReturn_t native_nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long *reasons);

/* What dmon shows as tviol, "bool", up to driver 535, where the first three words change nothing; later ones show 0. */
static nvmlReturn_t thermal_violation(nvmlDevice_t device, unsigned violation[4])
{
    const unsigned long long thermal = nvmlClocksThrottleReasonSwThermalSlowdown | nvmlClocksThrottleReasonHwThermalSlowdown;
    const struct mock_block *gpu;
    unsigned long long reasons;
    nvmlReturn_t status = mock_slot_enter(device, &gpu);

    if (status == NVML_SUCCESS)
        status = native_nvmlDeviceGetCurrentClocksEventReasons(device, &reasons);
    if (status == NVML_SUCCESS)
        memcpy(violation, (const unsigned[4]){0, 0, 0, (reasons & thermal) != 0}, 4 * sizeof *violation);
    return status;
}

/* How many errors ECC has corrected on the lanes of an NVLink: 31 bits, and one for more. */
static nvmlReturn_t lane_corrections(nvmlDevice_t device, unsigned link, unsigned counter, unsigned count, uint64_t *lanes)
{
    enum { LINKS = 12, LANES = 4 };
    unsigned found[LANES];
    nvmlReturn_t status = NVML_SUCCESS;

    if (link >= LINKS || counter != NVML_NVLINK_ERROR_DL_ECC_DATA || count != LANES)
        return NVML_ERROR_NOT_SUPPORTED;
    for (unsigned lane = 0; lane < LANES && status == NVML_SUCCESS; lane++)
        status = mock_slot_number(device, MOCK_AT(nvlink.lane_corrections) + 2 * (link * LANES + lane), &found[lane]);
    for (unsigned lane = 0; lane < LANES && status == NVML_SUCCESS; lane++)
        lanes[lane] = found[lane];
    return status;
}

/* Field values of ids that nvml.h lacks. */
static nvmlReturn_t private_field_values(nvmlDevice_t device, int count, nvmlFieldValue_t *values)
{
    enum { LANES = 2, RESET_REQUIRED = 4, DRAIN_AND_RESET = 5 };

    for (int i = 0; i < count; i++) {
        unsigned value = 0;
        if (values[i].fieldId == RESET_REQUIRED)
            values[i].nvmlReturn = mock_slot_number(device, MOCK_AT(recovery.reset_required), &value);
        else if (values[i].fieldId == DRAIN_AND_RESET)
            values[i].nvmlReturn = mock_slot_number(device, MOCK_AT(recovery.drain_and_reset), &value);
        else if (values[i].fieldId == LANES)
            values[i].nvmlReturn = mock_slot_number(device, MOCK_AT(nvlink.lanes), &value);
        else
            values[i].nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
        values[i].valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
        values[i].value.ullVal = value;
    }
    return NVML_SUCCESS;
}

#define RUNNING MOCK_AT(processes.running)
#define MEMBER(state, i, member)                                                                                         \
    mock_word_at(state, RUNNING + 1 + (i) * MOCK_RECORD_WORDS(processes.running) + MOCK_MEMBER(processes.running, member))

/* An entry, whose name follows; from driver 535 on with the protected memory. */
struct process {
    unsigned pid;
    unsigned long long memory;
    unsigned gpu_instance, compute_instance;
};

/* pmon runs for ever on an error, so that a GPU that is lost has no processes. */
static nvmlReturn_t list_processes(nvmlDevice_t device, unsigned *count, char *entries, uint64_t contexts, bool has_protected)
{
    struct process found[MOCK_CAPACITY(processes.running)];
    uint64_t protected[MOCK_CAPACITY(processes.running)];
    size_t head_size = sizeof *found + (has_protected ? sizeof *protected : 0);
    const struct mock_block *gpu;
    const mock_word *state;
    unsigned room = *count, total = 0;

    *count = 0;
    if (mock_slot_enter(device, &gpu) != NVML_SUCCESS)
        return NVML_SUCCESS;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        uint32_t listed = mock_head_length(mock_word_at(state, RUNNING), MOCK_CAPACITY(processes.running));
        total = 0;
        for (uint32_t i = 0; i < listed && total < room; i++) {
            if ((MEMBER(state, i, contexts) & contexts) == 0)
                continue;
            protected[total] = MEMBER(state, i, protected_memory);
            found[total++] = (struct process){
                .pid = (unsigned)MEMBER(state, i, pid),
                .memory = MEMBER(state, i, memory),
                .gpu_instance = (unsigned)MEMBER(state, i, gpu_instance),
                .compute_instance = (unsigned)MEMBER(state, i, compute_instance),
            };
        }
    }
    for (unsigned i = 0; i < total; i++) {
        char *entry = &entries[i * (head_size + PROCESS_NAME)], *name = entry + head_size;
        memcpy(entry, &found[i], sizeof found[i]);
        if (has_protected)
            memcpy(entry + sizeof found[i], &protected[i], sizeof protected[i]);
        if (native_nvmlSystemGetProcessName(found[i].pid, name, PROCESS_NAME) != NVML_SUCCESS)
            *name = '\0';
    }
    *count = total;
    return NVML_SUCCESS;
}

#define PROCESSES(name, contexts, has_protected)                                                                         \
    static nvmlReturn_t name(nvmlDevice_t device, unsigned *count, void *entries)                                        \
    {                                                                                                                    \
        return list_processes(device, count, entries, contexts, has_protected);                                          \
    }

PROCESSES(compute_525, 1, false)
PROCESSES(graphics_525, 2, false)
PROCESSES(mps_525, 4, false)
PROCESSES(compute, 1, true)
PROCESSES(graphics, 2, true)
PROCESSES(mps, 4, true)

/* What pmon draws: samples, each of one process, whose engines stand in blocks of 80 bytes. It shows the mean over all
 * samples, so that each of n processes has n times its share in its one. */
static nvmlReturn_t list_samples(nvmlDevice_t device, unsigned *count, char *samples, unsigned engines)
{
    enum { ENGINE = 80, PID = 8 };
    size_t stride = sizeof(uint64_t) + engines * ENGINE;
    const struct mock_block *gpu;
    const mock_word *state;
    unsigned room = *count, total = 0;

    *count = 0;
    if (mock_slot_enter(device, &gpu) != NVML_SUCCESS)
        return NVML_SUCCESS;
    uint64_t now = mock_now() / 1000;
    MOCK_LATCH(state, gpu, MOCK_GPU_WORDS) {
        uint32_t listed = mock_head_length(mock_word_at(state, RUNNING), MOCK_CAPACITY(processes.running));
        listed = listed < room ? listed : room;
        for (total = 0; total < listed; total++) {
            const uint32_t i = total;
            const unsigned used[] = {
                (unsigned)MEMBER(state, i, sm),      (unsigned)MEMBER(state, i, memory_utilization),
                (unsigned)MEMBER(state, i, encoder), (unsigned)MEMBER(state, i, decoder),
                (unsigned)MEMBER(state, i, jpeg),    (unsigned)MEMBER(state, i, ofa),
            };
            const unsigned pid = (unsigned)MEMBER(state, i, pid);
            char *sample = &samples[i * stride];
            memset(sample, 0, stride);
            memcpy(sample, &now, sizeof now);
            for (unsigned engine = 0; engine < engines; engine++) {
                char *block = &sample[sizeof now + engine * ENGINE];
                const unsigned share = used[engine] * listed;
                memcpy(block, &share, sizeof share);
                memcpy(block + PID, &pid, sizeof pid);
            }
        }
    }
    *count = total;
    return NVML_SUCCESS;
}

#define SAMPLES(name, engines)                                                                                           \
    static nvmlReturn_t name(nvmlDevice_t device, unsigned long long last_seen, unsigned *unknown, unsigned *count,      \
                             void *samples)                                                                              \
    {                                                                                                                    \
        return list_samples(device, count, samples, engines);                                                            \
    }

SAMPLES(samples_of_four, 4)
SAMPLES(samples_of_six, 6)

/* nvmlDeviceSetPersistenceMode, which also says who keeps the GPU: the driver's own, legacy way or a daemon. */
static nvmlReturn_t set_persistence(nvmlDevice_t device, nvmlEnableState_t mode, unsigned *by_daemon)
{
    *by_daemon = 0;
    return nvmlDeviceSetPersistenceMode(device, mode);
}

/* What stands for slots that are not known: entries of one size, which pass the slot's number on. */
#ifdef __x86_64__
#define PASS_ON "movl $number, %edi; jmp mock_export_slot"
#else
#define PASS_ON "mov x0, #number; b mock_export_slot"
#endif
extern const char entries[SLOTS][16] __asm__("mock_export_entries");
__asm__(".text; .balign 16; .hidden mock_export_entries; mock_export_entries: .set number, 1;"
        ".rept 511; .balign 16; " PASS_ON "; .set number, number + 1; .endr; .previous");

/* Filled when asked for, by the node's driver: constant addresses would be relocated in every process. */
static struct {
    size_t size;
    const void *slots[SLOTS];
} table;
static unsigned filled_for;

_Static_assert(sizeof table == 4096, "the size that nvidia-smi is known to accept");

#define SLOT(number, function) table.slots[(number)-1] = (const void *)(function)

/* A branch between two that were seen has the table of the older one. */
static void fill(unsigned branch)
{
    for (size_t i = 0; i < SLOTS; i++)
        table.slots[i] = entries[i];
    table.size = sizeof table;
    SLOT(12, parse_bus_id);
    SLOT(20, mock_is_primary);
    SLOT(23, nearness);
    SLOT(72, monitoring_supported);
    SLOT(75, address_of_index);
    SLOT(108, enforced_power_limit);
    SLOT(138, thermal_violation);
    SLOT(145, branch < 550 ? samples_of_four : samples_of_six);
    SLOT(165, private_field_values);
    SLOT(168, mock_reset_gpus);
    SLOT(169, mock_fabric_state);
    SLOT(182, mock_reset_group_new);
    SLOT(183, mock_reset_group_list);
    SLOT(184, mock_reset_group_free);
    if (branch >= 470) {
        SLOT(192, mock_set_policy);
        SLOT(193, mock_list_policies);
        SLOT(194, mock_list_sliders);
        SLOT(195, mock_get_sliders);
        SLOT(196, mock_set_sliders);
        SLOT(208, lane_corrections);
        SLOT(209, voltage);
    }
    if (branch >= 470 && branch < 535) {
        SLOT(65, architecture);
        SLOT(207, module_id);
    }
    if (branch >= 470 && branch < 525)
        SLOT(211, gsp_version);
    if (branch >= 525) {
        SLOT(213, branch < 535 ? compute_525 : compute);
        SLOT(214, branch < 535 ? mps_525 : mps);
        SLOT(215, branch < 535 ? graphics_525 : graphics);
        SLOT(226, atomics_outbound);
        SLOT(230, host_generation_max);
        SLOT(231, gpu_part_number);
    }
    if (branch >= 525 && branch < 535)
        SLOT(237, margin);
    if (branch >= 535) {
        SLOT(223, nodes_of_cpus);
        SLOT(240, margin);
        SLOT(241, numa_node);
        SLOT(242, addressing);
        SLOT(branch < 550 ? 243 : 249, sparse_operation);
        SLOT(branch < 550 ? 244 : 250, mock_set_sparse_operation);
    }
    if (branch >= 555)
        SLOT(251, set_persistence);
    filled_for = branch;
}

static unsigned branch_of(const struct mock_node *node)
{
    const mock_word *state;
    struct mock_text version;

    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        mock_text(state, MOCK_AT_NODE(driver.version), MOCK_SIZE_NODE(driver.version), &version);
    }
    return (unsigned)strtoul(version.bytes, NULL, 10);
}

nvmlReturn_t native_nvmlInternalGetExportTable(const void **table_out, const void *guid_in)
{
    const struct mock_node *node = mock_attached();

    /* As the real library does: an unknown GUID clears the pointer. */
    *table_out = NULL;
    if (mock_testing_table(guid_in, table_out))
        return NVML_SUCCESS;
    if (memcmp(guid_in, guid, sizeof guid) != 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    unsigned branch = node != NULL ? branch_of(node) : 0;
    mock_lock();
    if (table.size == 0 || (node != NULL && branch != filled_for))
        fill(branch);
    mock_unlock();
    *table_out = &table;
    return NVML_SUCCESS;
}
