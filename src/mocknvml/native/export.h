/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of nvidia-smi's private table that stand in files of their own, and what slots have in common. */
#ifndef MOCK_EXPORT_H
#define MOCK_EXPORT_H

#include "runtime.h"

/* What every slot of a device begins with. */
nvmlReturn_t mock_slot_enter(nvmlDevice_t device, const struct mock_block **gpu);
nvmlReturn_t mock_slot_number(nvmlDevice_t device, uint32_t at, unsigned *out);

/* Behind --gpu-reset. */
nvmlReturn_t mock_is_primary(nvmlDevice_t device, unsigned *primary);
nvmlReturn_t mock_fabric_state(unsigned *state);
nvmlReturn_t mock_reset_group_new(uint64_t *number, const nvmlDevice_t *devices, unsigned count);
nvmlReturn_t mock_reset_group_list(uint64_t number, char **bus_ids, unsigned *count);
nvmlReturn_t mock_reset_group_free(uint64_t number);
nvmlReturn_t mock_reset_gpus(unsigned count, const nvmlDevice_t *devices, nvmlReturn_t *statuses);

/* Behind compute-policy, boost-slider and clocks -som. Lists have room for more than the one that is known. */
struct mock_policy {
    unsigned kind; /* 0: time slice */
    unsigned value;
};
struct mock_policies {
    unsigned count;
    struct mock_policy policies[];
};
struct mock_slider {
    unsigned kind; /* 0: vboost */
    unsigned value; /* where there are sliders, how many positions this one has */
};
struct mock_sliders {
    unsigned count;
    struct mock_slider sliders[];
};
nvmlReturn_t mock_list_policies(nvmlDevice_t device, struct mock_policies *list);
nvmlReturn_t mock_set_policy(nvmlDevice_t device, const struct mock_policy *policy);
nvmlReturn_t mock_list_sliders(nvmlDevice_t device, struct mock_sliders *list);
nvmlReturn_t mock_get_sliders(nvmlDevice_t device, struct mock_sliders *list);
nvmlReturn_t mock_set_sliders(nvmlDevice_t device, const struct mock_sliders *list);
nvmlReturn_t mock_set_sparse_operation(nvmlDevice_t device, unsigned mode);

#endif
