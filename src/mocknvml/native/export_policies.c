/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of nvidia-smi's private table behind its compute-policy, boost-slider and clocks -som, as far as they were seen
 * with drivers 470 to 550: of policies and of sliders one kind is known each, which its output names. */
#include "export.h"

enum {
    TIME_SLICE_LONG = 3,
};

static nvmlReturn_t write_number(nvmlDevice_t device, uint32_t at, uint64_t value, uint64_t highest)
{
    unsigned present;
    nvmlReturn_t status = mock_slot_number(device, at, &present);

    if (status != NVML_SUCCESS)
        return status;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (value > highest)
        return NVML_ERROR_INVALID_ARGUMENT;
    struct mock_node *node = mock_node();
    return mock_set_number(node, mock_gpu(node, device), at, value);
}

nvmlReturn_t mock_list_policies(nvmlDevice_t device, struct mock_policies *list)
{
    unsigned slice;
    nvmlReturn_t status = mock_slot_number(device, MOCK_AT(modes.time_slice), &slice);

    if (status == NVML_SUCCESS) {
        list->count = 1;
        list->policies[0] = (struct mock_policy){.value = slice};
    }
    return status;
}

nvmlReturn_t mock_set_policy(nvmlDevice_t device, const struct mock_policy *policy)
{
    if (policy->kind != 0)
        return NVML_ERROR_NOT_SUPPORTED;
    return write_number(device, MOCK_AT(modes.time_slice), policy->value, TIME_SLICE_LONG);
}

nvmlReturn_t mock_list_sliders(nvmlDevice_t device, struct mock_sliders *list)
{
    unsigned highest;
    nvmlReturn_t status = mock_slot_number(device, MOCK_AT(modes.boost_max), &highest);

    if (status == NVML_SUCCESS) {
        list->count = 1;
        list->sliders[0] = (struct mock_slider){.value = highest + 1};
    }
    return status;
}

nvmlReturn_t mock_get_sliders(nvmlDevice_t device, struct mock_sliders *list)
{
    unsigned value;
    nvmlReturn_t status = mock_slot_number(device, MOCK_AT(modes.boost), &value);

    if (status == NVML_SUCCESS) {
        list->count = 1;
        list->sliders[0] = (struct mock_slider){.value = value};
    }
    return status;
}

nvmlReturn_t mock_set_sliders(nvmlDevice_t device, const struct mock_sliders *list)
{
    unsigned highest;
    nvmlReturn_t status = mock_slot_number(device, MOCK_AT(modes.boost_max), &highest);

    if (status != NVML_SUCCESS)
        return status;
    if (list->count != 1 || list->sliders[0].kind != 0)
        return NVML_ERROR_NOT_SUPPORTED;
    return write_number(device, MOCK_AT(modes.boost), list->sliders[0].value, highest);
}

nvmlReturn_t mock_set_sparse_operation(nvmlDevice_t device, unsigned mode)
{
    return write_number(device, MOCK_AT(modes.sparse_operation), mode, NVML_FEATURE_ENABLED);
}
