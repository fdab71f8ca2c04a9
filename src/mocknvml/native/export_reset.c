/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of nvidia-smi's private table behind --gpu-reset, as far as they were seen with drivers 450 to 555: it makes a
 * group of GPUs, asks for the bus ids of all that have to be reset with them, and lets those be reset. */
#include <stdio.h>
#include <stdlib.h>

#include "export.h"
#include "reset.h"

enum {
    BUS_ID = 32,
};

/* What nvidia-smi keeps as a number. */
struct group {
    uint32_t count;
    nvmlDevice_t devices[];
};

nvmlReturn_t native_nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci);

/* No display is driven, so that no GPU is the machine's first. */
nvmlReturn_t mock_is_primary(nvmlDevice_t device, unsigned *primary)
{
    (void)device;
    *primary = 0;
    return mock_attached() != NULL ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t mock_fabric_state(unsigned *state)
{
    *state = 0;
    return mock_attached() != NULL ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t mock_reset_group_new(uint64_t *number, const nvmlDevice_t *devices, unsigned count)
{
    const struct mock_node *node = mock_attached();

    if (node == NULL)
        return NVML_ERROR_UNINITIALIZED;
    if (count > node->gpu_count)
        return NVML_ERROR_INVALID_ARGUMENT;
    struct group *group = malloc(sizeof *group + count * sizeof *devices);
    if (group == NULL)
        return NVML_ERROR_MEMORY;
    group->count = count;
    memcpy(group->devices, devices, count * sizeof *devices);
    *number = (uintptr_t)group;
    return NVML_SUCCESS;
}

/* GPUs from Ampere on are reset each by itself; nvidia-smi's manual wants older ones on NVLinks reset together. */
nvmlReturn_t mock_reset_group_list(uint64_t number, char **bus_ids, unsigned *count)
{
    const struct group *group = (const struct group *)(uintptr_t)number;
    nvmlReturn_t status = mock_attached() != NULL ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;

    for (uint32_t i = 0; i < group->count && status == NVML_SUCCESS; i++) {
        nvmlPciInfo_t pci;
        status = native_nvmlDeviceGetPciInfo_v3(group->devices[i], &pci);
        if (status == NVML_SUCCESS)
            snprintf(bus_ids[i], BUS_ID, "%s", pci.busId);
    }
    *count = group->count;
    return status;
}

nvmlReturn_t mock_reset_group_free(uint64_t number)
{
    free((void *)(uintptr_t)number);
    return NVML_SUCCESS;
}

/* Seen: nvidia-smi lists the GPUs by their statuses where the call answers UNKNOWN, and says any other error once for all. */
nvmlReturn_t mock_reset_gpus(unsigned count, const nvmlDevice_t *devices, nvmlReturn_t *statuses)
{
    struct mock_node *node = mock_attached();
    nvmlReturn_t result = NVML_SUCCESS;

    if (node == NULL)
        return NVML_ERROR_UNINITIALIZED;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    for (unsigned i = 0; i < count; i++) {
        struct mock_block *gpu = mock_gpu(node, devices[i]);
        statuses[i] = gpu != NULL ? mock_gpu_reset(node, gpu) : NVML_ERROR_INVALID_ARGUMENT;
        if (statuses[i] != NVML_SUCCESS)
            result = NVML_ERROR_UNKNOWN;
    }
    return result;
}
