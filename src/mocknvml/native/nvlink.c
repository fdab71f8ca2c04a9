/* SPDX-License-Identifier: Apache-2.0 */
/* NVLink beyond single readings: error counters, the low-power threshold, bandwidth modes, firmware. */
#include <stdlib.h>

#include "runtime.h"

#define ERRORS(link, counter) (MOCK_AT(nvlink.errors) + 2 * ((link) * NVML_NVLINK_ERROR_COUNT + (counter)))
#define NODE_MODE MOCK_AT(nvlink.node_bandwidth_mode)
#define MODES MOCK_AT(nvlink.bandwidth_modes)
#define MODE(state, i) mock_word_at(state, MODES + 1 + (i) * MOCK_RECORD_WORDS(nvlink.bandwidth_modes))
#define FIRMWARE MOCK_AT(nvlink.firmware)
#define VERSION(state, i, member)                                                                                        \
    mock_word_at(state, FIRMWARE + 1 + (i) * MOCK_RECORD_WORDS(nvlink.firmware) + MOCK_MEMBER(nvlink.firmware, member))

/* Modes of nvmlSystemSetNvlinkBwMode: NV0000_CTRL_CMD_GPU_NVLINK_BW_MODE_* of NVIDIA's open kernel modules. */
enum {
    MODE_FULL = 0,
    MODE_3QUARTER = 4,
};

static nvmlReturn_t read_number(const mock_word *state, uint32_t at, uint64_t *value)
{
    return mock_number(state, MOCK_GPU_SIGNALS, at, value);
}

static nvmlReturn_t write_values(nvmlDevice_t device, uint32_t count, const uint32_t at[], const uint64_t values[])
{
    struct mock_node *node = mock_node();
    struct mock_block *gpu = mock_gpu(node, device);

    if (gpu == NULL) /* another thread has attached to a smaller node */
        return NVML_ERROR_GPU_IS_LOST;
    return mock_node_write(node, gpu, (struct mock_change){count, at, values});
}

/* All counters that the link has; nvml.h: "Resets all error counters to zero". */
nvmlReturn_t native_nvmlDeviceResetNvLinkErrorCounters(nvmlDevice_t device, unsigned int link)
{
    static const uint64_t zeroes[NVML_NVLINK_ERROR_COUNT];
    uint32_t at[NVML_NVLINK_ERROR_COUNT], found = 0;
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS, counted = NVML_SUCCESS;
    uint64_t value;

    if (link >= NVML_NVLINK_MAX_LINKS)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_below(state, MOCK_GPU_SIGNALS, MOCK_AT(nvlink.count), link);
        counted = NVML_SUCCESS;
        found = 0;
        for (uint32_t counter = 0; counter < NVML_NVLINK_ERROR_COUNT; counter++) {
            nvmlReturn_t one = read_number(state, ERRORS(link, counter), &value);
            if (one == NVML_SUCCESS)
                at[found++] = ERRORS(link, counter) + 1;
            else
                counted = one;
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    if (found == 0)
        return counted;
    return mock_privileged() ? write_values(device, found, at, zeroes) : NVML_ERROR_NO_PERMISSION;
}

nvmlReturn_t native_nvmlDeviceSetNvLinkDeviceLowPowerThreshold(nvmlDevice_t device, nvmlNvLinkPowerThres_t *info)
{
    static const uint32_t at[] = {
        MOCK_AT(nvlink.power_threshold),
        MOCK_AT(nvlink.power_threshold_min),
        MOCK_AT(nvlink.power_threshold_max),
        MOCK_AT(nvlink.power_threshold_default),
    };
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t values[4] = {0};

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = NVML_SUCCESS;
        for (unsigned i = 0; i < 4 && status == NVML_SUCCESS; i++)
            status = read_number(state, at[i], &values[i]);
    }
    if (status != NVML_SUCCESS)
        return status;
    uint64_t wanted = info->lowPwrThreshold == NVML_NVLINK_LOW_POWER_THRESHOLD_RESET ? values[3] : info->lowPwrThreshold;
    if (wanted < values[1] || wanted > values[2])
        return NVML_ERROR_INVALID_ARGUMENT;
    const uint32_t threshold = MOCK_AT(nvlink.power_threshold) + 1;
    return write_values(device, 1, &threshold, &wanted);
}

/* The mode that the node's GPUs have in common, from the first that has one. */
static nvmlReturn_t node_mode(const struct mock_node *node, uint64_t *mode)
{
    nvmlReturn_t status = NVML_ERROR_NOT_SUPPORTED;

    for (uint32_t i = 0; i < node->gpu_count && status == NVML_ERROR_NOT_SUPPORTED; i++) {
        const mock_word *state;
        MOCK_LATCH(state, mock_gpu_at(node, i), MOCK_GPU_WORDS) {
            status = read_number(state, NODE_MODE, mode);
        }
    }
    if (status == NVML_SUCCESS && !mock_privileged())
        return NVML_ERROR_NO_PERMISSION; /* nvml.h: "if not root user", of reading too */
    return status;
}

nvmlReturn_t native_nvmlSystemGetNvlinkBwMode(unsigned int *nvlinkBwMode)
{
    uint64_t mode;
    nvmlReturn_t status = node_mode(mock_node(), &mode);

    if (status == NVML_SUCCESS)
        *nvlinkBwMode = (unsigned)mode;
    return status;
}

static nvmlReturn_t put_mode(mock_word *state, const void *mode)
{
    mock_word_put(state, NODE_MODE + 1, *(const unsigned *)mode);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlSystemSetNvlinkBwMode(unsigned int nvlinkBwMode)
{
    struct mock_node *node = mock_node();
    uint64_t mode;
    nvmlReturn_t status = node_mode(node, &mode);

    if (status == NVML_SUCCESS && nvlinkBwMode > MODE_3QUARTER)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (status != NVML_SUCCESS)
        return status;
    struct mock_part *parts = malloc(node->gpu_count * sizeof *parts);
    if (parts == NULL)
        return NVML_ERROR_MEMORY;
    for (uint32_t i = 0; i < node->gpu_count; i++)
        parts[i] = (struct mock_part){mock_gpu_at(node, i), put_mode, &nvlinkBwMode};
    status = mock_node_edit_all(node, parts, node->gpu_count);
    free(parts);
    return status;
}

nvmlReturn_t native_nvmlDeviceGetNvlinkSupportedBwModes(nvmlDevice_t device, nvmlNvlinkSupportedBwModes_t *supportedBwMode)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, MODES);
        status = mock_head_status(head);
        uint32_t count = mock_head_length(head, MOCK_CAPACITY(nvlink.bandwidth_modes));
        for (uint32_t i = 0; i < count && status == NVML_SUCCESS; i++)
            supportedBwMode->bwModes[i] = (unsigned char)MODE(state, i);
        if (status == NVML_SUCCESS)
            supportedBwMode->totalBwModes = (unsigned char)count;
    }
    return status;
}

/* The full mode is the best, and is always there; another has to be in the list (knvlinkIsBwModeSupported in NVIDIA's open
 * kernel modules). */
nvmlReturn_t native_nvmlDeviceSetNvlinkBwMode(nvmlDevice_t device, nvmlNvlinkSetBwMode_t *setBwMode)
{
    static const uint32_t at[] = {MOCK_AT(nvlink.bandwidth_mode) + 1, MOCK_AT(nvlink.bandwidth_best) + 1};
    uint64_t wanted = setBwMode->bSetBest ? MODE_FULL : setBwMode->bwMode, value;
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    bool listed = false;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = read_number(state, MOCK_AT(nvlink.bandwidth_mode), &value);
        uint32_t count = mock_head_length(mock_word_at(state, MODES), MOCK_CAPACITY(nvlink.bandwidth_modes));
        listed = wanted == MODE_FULL;
        for (uint32_t i = 0; i < count; i++)
            listed |= MODE(state, i) == wanted;
    }
    if (status != NVML_SUCCESS)
        return status;
    if (!mock_privileged())
        return NVML_ERROR_NO_PERMISSION;
    if (!listed)
        return NVML_ERROR_NOT_SUPPORTED;
    return write_values(device, 2, at, (const uint64_t[]){wanted, wanted == MODE_FULL});
}

/* Whether links are encrypted, and the versions of their firmware; `info` and `ready` may be NULL. */
static nvmlReturn_t link_info(nvmlDevice_t device, unsigned *encrypted, nvmlNvlinkFirmwareInfo_t *info, unsigned *ready)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t on = 0, set = 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, FIRMWARE);
        uint32_t count = mock_head_length(head, MOCK_CAPACITY(nvlink.firmware));
        status = read_number(state, MOCK_AT(nvlink.encryption), &on);
        if (status == NVML_SUCCESS && ready != NULL)
            status = read_number(state, MOCK_AT(nvlink.encryption_ready), &set);
        if (status == NVML_SUCCESS && info != NULL)
            status = mock_head_status(head);
        if (status != NVML_SUCCESS || info == NULL)
            continue;
        for (uint32_t i = 0; i < count; i++)
            info->firmwareVersion[i] = (nvmlNvlinkFirmwareVersion_t){
                .ucodeType = (unsigned char)VERSION(state, i, kind),
                .major = (unsigned)VERSION(state, i, major),
                .minor = (unsigned)VERSION(state, i, minor),
                .subMinor = (unsigned)VERSION(state, i, sub_minor),
            };
        info->numValidEntries = count;
    }
    if (status != NVML_SUCCESS)
        return status;
    *encrypted = on != 0;
    if (ready != NULL)
        *ready = set != 0;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetNvLinkInfo(nvmlDevice_t device, nvmlNvLinkInfo_t *info)
{
    return link_info(device, &info->isNvleEnabled, info->version == nvmlNvLinkInfo_v1 ? NULL : &info->firmwareInfo, NULL);
}

nvmlReturn_t native_nvmlDeviceGetNvLinkInfo_v3(nvmlDevice_t device, nvmlNvLinkInfo_v3_t *info)
{
    return link_info(device, &info->isNvleEnabled, &info->firmwareInfo, &info->isNvleReady);
}
