/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that start and end on a GPU. Each is one step, so that none is lost among those that come and go at once. */
#ifndef MOCK_RUNNING_H
#define MOCK_RUNNING_H

#include "node.h"

/* List a process, as words of its record; without a start it starts now. IN_USE: it is listed already; MEMORY: more than the
 * GPU has left; INSUFFICIENT_RESOURCES: no room in the list. */
nvmlReturn_t mock_process_add(struct mock_node *node, struct mock_block *gpu, const uint64_t *record);

/* End a process, in whatever instances it runs. While accounting is on, its statistics stay. NOT_FOUND: none has the id. */
nvmlReturn_t mock_process_remove(struct mock_node *node, struct mock_block *gpu, uint32_t pid);

#endif
