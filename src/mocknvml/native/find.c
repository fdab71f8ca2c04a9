/* SPDX-License-Identifier: Apache-2.0 */
/* Counting GPUs, and finding one by index, by PCI address, or by a text that identifies it. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime.h"

nvmlReturn_t native_nvmlDeviceGetCount_v2(unsigned int *deviceCount)
{
    uint32_t hidden[MOCK_DRAINED_MAX];

    *deviceCount = mock_node()->gpu_count - mock_hidden_gpus(mock_node(), hidden);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetCount(unsigned int *deviceCount)
{
    return native_nvmlDeviceGetCount_v2(deviceCount);
}

/* The handle of a GPU that the process sees, or the error that it has instead. */
static nvmlReturn_t give(const struct mock_node *node, uint32_t index, nvmlDevice_t *device)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_at(node, index), MOCK_GPU_WORDS) {
        status = mock_head_status(mock_word_at(state, MOCK_AT(health.handle)));
    }
    if (status != NVML_SUCCESS && status != NVML_ERROR_NOT_SUPPORTED)
        return status;
    *device = mock_handle(index);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
    const struct mock_node *node = mock_node();
    uint32_t hidden[MOCK_DRAINED_MAX], count;

    if (__builtin_expect(!mock_hides(node), 1)) {
        if (index >= node->gpu_count)
            return NVML_ERROR_INVALID_ARGUMENT;
        *device = mock_handle(index);
        return NVML_SUCCESS;
    }
    count = mock_hidden_gpus(node, hidden);
    if (index >= node->gpu_count - count)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (uint32_t i = 0; i < count && hidden[i] <= index; i++)
        index++;
    return give(node, index, device);
}

/* Among the GPUs that the process sees. */
nvmlReturn_t native_nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
    uint32_t hidden[MOCK_DRAINED_MAX], count = mock_hidden_gpus(mock_node(), hidden), before = 0;
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t place = 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(identity.index), &place);
    }
    if (status != NVML_SUCCESS)
        return status;
    while (before < count && hidden[before] < place)
        before++;
    *index = (unsigned)place - before;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetHandleByIndex(unsigned int index, nvmlDevice_t *device)
{
    return native_nvmlDeviceGetHandleByIndex_v2(index, device);
}

/* The last GPU found for texts with the same ending; a hint, checked at each use. */
static _Atomic uint16_t hints[256];

static inline bool text_is(const struct mock_node *node, uint32_t index, uint32_t at, uint32_t size, const char *wanted,
                           uint32_t length)
{
    const mock_word *state;
    uint64_t eight, end = 0;
    bool same = false;

    for (uint32_t i = length % 8; i-- > 0;)
        end = end << 8 | (unsigned char)wanted[length / 8 * 8 + i];
    MOCK_LATCH(state, mock_gpu_at(node, index), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, at);
        same = mock_head_status(head) == NVML_SUCCESS && mock_head_length(head, size - 1) == length;
        for (uint32_t word = 0; same && word < length / 8; word++) {
            memcpy(&eight, &wanted[word * 8], 8);
            same = mock_word_at(state, at + 1 + word) == eight;
        }
        same = same && (mock_word_at(state, at + 1 + length / 8) & ~(UINT64_MAX << length % 8 * 8)) == end;
    }
    return same;
}

/* The first GPU that has the text, or the count of GPUs. */
static __attribute__((noinline)) uint32_t search(const struct mock_node *node, uint32_t at, uint32_t size, const char *wanted,
                                                 uint32_t length)
{
    uint32_t index = 0;

    while (index < node->gpu_count && !text_is(node, index, at, size, wanted, length))
        index++;
    return index;
}

nvmlReturn_t mock_find_text(const struct mock_node *node, uint32_t at, uint32_t size, const char *wanted, nvmlDevice_t *device)
{
    uint32_t length = (uint32_t)strnlen(wanted, size);
    _Atomic uint16_t *hint = &hints[length < 2 ? 0 : (uint8_t)(wanted[length - 1] * 16 + wanted[length - 2])];
    uint32_t index = atomic_load_explicit(hint, memory_order_relaxed);

    if (__builtin_expect(index >= node->gpu_count || !text_is(node, index, at, size, wanted, length), 0)) {
        index = search(node, at, size, wanted, length);
        if (index == node->gpu_count)
            return NVML_ERROR_NOT_FOUND;
        atomic_store_explicit(hint, (uint16_t)index, memory_order_relaxed);
    }
    if (mock_hides(node))
        return mock_sees(node, index) ? give(node, index, device) : NVML_ERROR_NOT_FOUND;
    *device = mock_handle(index);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetHandleByUUIDV(const nvmlUUID_t *uuid, nvmlDevice_t *device)
{
    char text[NVML_DEVICE_UUID_ASCII_LEN + 1];
    char *out = text;

    switch (uuid->type) {
    case NVML_UUID_TYPE_ASCII:
        memcpy(text, uuid->value.str, NVML_DEVICE_UUID_ASCII_LEN);
        text[NVML_DEVICE_UUID_ASCII_LEN] = '\0';
        break;
    case NVML_UUID_TYPE_BINARY:
        out += snprintf(out, sizeof text, "GPU-");
        for (unsigned i = 0; i < NVML_DEVICE_UUID_BINARY_LEN; i++)
            out += sprintf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid->value.bytes[i]);
        break;
    default:
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    return mock_find_text(mock_node(), MOCK_AT(identity.uuid), MOCK_SIZE(identity.uuid), text, device);
}

/* A field of hexadecimal digits that ends with `end`; any width. */
static bool parse_hex(const char **text, char end, unsigned long *value)
{
    char *rest;

    if (strchr("0123456789abcdefABCDEF", **text) == NULL || **text == '\0')
        return false;
    *value = strtoul(*text, &rest, 16);
    if (*rest != end || *value > 0xFFFFFFFF)
        return false;
    *text = end == '\0' ? rest : rest + 1;
    return true;
}

/* `domain:bus:device.function` or `bus:device.function`; the function may be left out, and is 0. */
bool mock_parse_bus_id(const char *text, unsigned long address[3])
{
    unsigned long function = 0;
    bool has_domain = strchr(text, ':') != strrchr(text, ':');

    address[0] = 0;
    if (has_domain && !parse_hex(&text, ':', &address[0]))
        return false;
    if (!parse_hex(&text, ':', &address[1]))
        return false;
    if (strchr(text, '.') == NULL)
        return parse_hex(&text, '\0', &address[2]);
    return parse_hex(&text, '.', &address[2]) && parse_hex(&text, '\0', &function) && function == 0;
}

bool mock_find_address(const struct mock_node *node, uint64_t domain, uint64_t bus, uint64_t device, uint32_t *found)
{
    for (uint32_t index = 0; index < node->gpu_count; index++) {
        const mock_word *state;
        uint64_t at[3] = {0};
        MOCK_LATCH(state, mock_gpu_at(node, index), MOCK_GPU_WORDS) {
            mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(pci.domain), &at[0]);
            mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(pci.bus), &at[1]);
            mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(pci.device), &at[2]);
        }
        if (at[0] == domain && at[1] == bus && at[2] == device) {
            *found = index;
            return true;
        }
    }
    return false;
}

/* An id that isn't one is NOT_FOUND too: nvml.h, "if pciBusId does not match a valid device on the system". */
nvmlReturn_t native_nvmlDeviceGetHandleByPciBusId_v2(const char *pciBusId, nvmlDevice_t *device)
{
    const struct mock_node *node = mock_node();
    unsigned long wanted[3];
    uint32_t index;

    if (!mock_parse_bus_id(pciBusId, wanted) || !mock_find_address(node, wanted[0], wanted[1], wanted[2], &index)
        || !mock_sees(node, index))
        return NVML_ERROR_NOT_FOUND;
    return give(node, index, device);
}

nvmlReturn_t native_nvmlDeviceGetHandleByPciBusId(const char *pciBusId, nvmlDevice_t *device)
{
    return native_nvmlDeviceGetHandleByPciBusId_v2(pciBusId, device);
}

nvmlReturn_t native_nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *isMigDevice)
{
    (void)device;
    *isMigDevice = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlUnitGetCount(unsigned int *unitCount)
{
    *unitCount = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlSystemGetHicVersion(unsigned int *hwbcCount, nvmlHwbcEntry_t *hwbcEntries)
{
    (void)hwbcEntries;
    *hwbcCount = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlGetExcludedDeviceCount(unsigned int *deviceCount)
{
    *deviceCount = 0;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlGetExcludedDeviceInfoByIndex(unsigned int index, nvmlExcludedDeviceInfo_t *info)
{
    (void)index;
    (void)info;
    return NVML_ERROR_INVALID_ARGUMENT;
}

/* The names before driver 470. */
nvmlReturn_t native_nvmlGetBlacklistDeviceCount(unsigned int *deviceCount)
{
    return native_nvmlGetExcludedDeviceCount(deviceCount);
}

nvmlReturn_t native_nvmlGetBlacklistDeviceInfoByIndex(unsigned int index, nvmlExcludedDeviceInfo_t *info)
{
    return native_nvmlGetExcludedDeviceInfoByIndex(index, info);
}
