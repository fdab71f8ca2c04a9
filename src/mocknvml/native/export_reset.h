/* SPDX-License-Identifier: Apache-2.0 */
/* Slots of nvidia-smi's private table that reset GPUs. */
#ifndef MOCK_EXPORT_RESET_H
#define MOCK_EXPORT_RESET_H

#include <stdint.h>

#include <nvml.h>

nvmlReturn_t mock_is_primary(nvmlDevice_t device, unsigned *primary);
nvmlReturn_t mock_fabric_state(unsigned *state);
nvmlReturn_t mock_reset_group_new(uint64_t *number, const nvmlDevice_t *devices, unsigned count);
nvmlReturn_t mock_reset_group_list(uint64_t number, char **bus_ids, unsigned *count);
nvmlReturn_t mock_reset_group_free(uint64_t number);
nvmlReturn_t mock_reset_gpus(unsigned count, const nvmlDevice_t *devices, nvmlReturn_t *statuses);

#endif
