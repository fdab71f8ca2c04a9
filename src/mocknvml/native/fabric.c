/* SPDX-License-Identifier: Apache-2.0 */
/* The fabric by kinds of cliques, the name of the host, and platform error records. */
#include "runtime.h"

/* nvml.h: sorted by type. In the capture of a rack with driver 615 all types have the id of the older versions. */
nvmlReturn_t native_nvmlDeviceGetGpuFabricInfo_v4(nvmlDevice_t device, nvmlGpuFabricInfo_v4_t *gpuFabricInfo)
{
    static const uint32_t at[] = {
        MOCK_AT(fabric.status),      MOCK_AT(fabric.clique_id),      MOCK_AT(fabric.state),
        MOCK_AT(fabric.health_mask), MOCK_AT(fabric.health_summary), MOCK_AT(fabric.clique_types),
    };
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    struct mock_text uuid;
    uint64_t values[6] = {0};

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_octets(state, MOCK_AT(fabric.cluster_uuid), sizeof gpuFabricInfo->clusterUuid, &uuid);
        for (unsigned i = 0; i < 6 && status == NVML_SUCCESS; i++)
            status = mock_number(state, MOCK_GPU_SIGNALS, at[i], &values[i]);
    }
    if (status != NVML_SUCCESS)
        return status;
    memcpy(gpuFabricInfo->clusterUuid, uuid.bytes, sizeof gpuFabricInfo->clusterUuid);
    gpuFabricInfo->status = (nvmlReturn_t)values[0];
    gpuFabricInfo->state = (nvmlGpuFabricState_t)values[2];
    gpuFabricInfo->healthMask = (unsigned)values[3];
    gpuFabricInfo->healthSummary = (unsigned char)values[4];
    gpuFabricInfo->numCliques = values[5] < NVML_GPU_FABRIC_CLIQUE_MAX ? (unsigned)values[5] : NVML_GPU_FABRIC_CLIQUE_MAX;
    for (unsigned i = 0; i < gpuFabricInfo->numCliques; i++)
        gpuFabricInfo->cliques[i] = (nvmlGpuFabricClique_v1_t){.type = (unsigned char)i, .id = (unsigned)values[1]};
    return NVML_SUCCESS;
}

/* nvml.h has "invalid characters" and does not list them: those that no host name has. */
static bool host_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.'))
            return false;
    }
    return length < NVML_DEVICE_HOSTNAME_BUFFER_SIZE;
}

nvmlReturn_t native_nvmlDeviceSetHostname_v1(nvmlDevice_t device, nvmlHostname_v1_t *hostname)
{
    struct mock_node *node = mock_node();
    struct mock_block *gpu = mock_gpu(node, device);
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    size_t length = strnlen(hostname->value, sizeof hostname->value);
    uint32_t at[1 + sizeof hostname->value / 8];
    uint64_t values[1 + sizeof hostname->value / 8] = {0};

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_head_status(mock_word_at(state, MOCK_AT(identity.hostname)));
    }
    if (status != NVML_SUCCESS)
        return status;
    if (gpu == NULL) /* another thread has attached to a smaller node */
        return NVML_ERROR_GPU_IS_LOST;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (!host_name(hostname->value, length))
        return NVML_ERROR_INVALID_ARGUMENT;
    values[0] = MOCK_HEAD_SUCCESS | (uint64_t)length << MOCK_LENGTH_SHIFT;
    memcpy(&values[1], hostname->value, length);
    for (uint32_t i = 0; i < sizeof at / sizeof *at; i++)
        at[i] = MOCK_AT(identity.hostname) + i;
    return mock_node_write(node, gpu, (struct mock_change){sizeof at / sizeof *at, at, values});
}

/* No error has been recorded; nvml.h: SUCCESS "with bufferSize set to 0 when there are no CPER records". */
nvmlReturn_t native_nvmlSystemGetCPER_v1(nvmlGetCPER_v1_t *cper)
{
    if (cper->buffer == NULL && cper->bufferSize != 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    cper->bufferSize = 0;
    return NVML_SUCCESS;
}
