/* SPDX-License-Identifier: Apache-2.0 */
/* Which metrics the driver polls for its shared data (RUSD). Any bits are a mask: NVML_RUSD_POLL_ALL sets them all. */
#include "runtime.h"

nvmlReturn_t native_nvmlDeviceSetRusdSettings_v1(nvmlDevice_t device, nvmlRusdSettings_v1_t *settings)
{
    struct mock_node *node = mock_node();
    struct mock_block *gpu = mock_gpu(node, device);
    nvmlReturn_t status = mock_may_write(device, MOCK_AT(modes.shared_data_polling));

    if (status != NVML_SUCCESS)
        return status;
    return gpu != NULL ? mock_set_number(node, gpu, MOCK_AT(modes.shared_data_polling), settings->pollMask) : NVML_ERROR_UNKNOWN;
}
