/* SPDX-License-Identifier: Apache-2.0 */
/* A reset of a GPU, as nvidia-smi -r asks the driver for one. */
#ifndef MOCK_RESET_H
#define MOCK_RESET_H

#include "node.h"

/* IN_USE while processes run on the GPU, GPU_IS_LOST for one that is gone. Who asks must be root; that is checked before. */
nvmlReturn_t mock_gpu_reset(struct mock_node *node, struct mock_block *gpu);

#endif
