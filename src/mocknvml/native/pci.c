/* SPDX-License-Identifier: Apache-2.0 */
/* PCI information, in the layout of each version of the struct, and the board id, which follows from the address. */
#include "legacy.h"
#include "runtime.h"

struct pci {
    uint64_t domain, bus, device, device_id, subsystem_id, base_class, sub_class;
};

/* What the versions of the struct have in common, and what the extended one adds. */
enum {
    BASIC = 5,
    EXTENDED = 7,
};

/* Inlined, so that the values stay in registers: through a struct in memory the calls take a fifth longer. */
#define INLINED inline __attribute__((always_inline))

/* Read the first `fields` of an address and ids that stand at these places. */
static INLINED nvmlReturn_t read_fields(nvmlDevice_t device, const uint32_t at[], unsigned fields, struct pci *pci)
{
    uint64_t *const values[EXTENDED] = {
        &pci->domain, &pci->bus, &pci->device, &pci->device_id, &pci->subsystem_id, &pci->base_class, &pci->sub_class,
    };
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = NVML_SUCCESS;
        for (unsigned i = 0; i < fields && status == NVML_SUCCESS; i++)
            status = mock_number(state, MOCK_GPU_SIGNALS, at[i], values[i]);
    }
    return status;
}

static INLINED nvmlReturn_t read_pci(nvmlDevice_t device, unsigned fields, struct pci *pci)
{
    static const uint32_t at[EXTENDED] = {
        MOCK_AT(pci.domain),       MOCK_AT(pci.bus),        MOCK_AT(pci.device),    MOCK_AT(pci.device_id),
        MOCK_AT(pci.subsystem_id), MOCK_AT(pci.base_class), MOCK_AT(pci.sub_class),
    };

    return read_fields(device, at, fields, pci);
}

/* What an NVLink leads to. */
static nvmlReturn_t read_remote(nvmlDevice_t device, unsigned link, struct pci *pci)
{
    const uint32_t at[BASIC] = {
        MOCK_AT(nvlink.remote_domain) + 2 * link,       MOCK_AT(nvlink.remote_bus) + 2 * link,
        MOCK_AT(nvlink.remote_device) + 2 * link,       MOCK_AT(nvlink.remote_device_id) + 2 * link,
        MOCK_AT(nvlink.remote_subsystem_id) + 2 * link,
    };

    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;

    if (link >= NVML_NVLINK_MAX_LINKS)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = mock_below(state, MOCK_GPU_SIGNALS, MOCK_AT(nvlink.count), link);
    }
    /* `nvidia-smi topo -m` asks for 18 links of any GPU, and ends with an error on INVALID_ARGUMENT. */
    if (status == NVML_ERROR_INVALID_ARGUMENT)
        status = NVML_ERROR_NOT_SUPPORTED;
    return status != NVML_SUCCESS ? status : read_fields(device, at, BASIC, pci);
}

/* Eight hexadecimal digits as the bytes of a word, the last digit in the highest byte: one half-byte to each byte, then
 * '0' to each, and what lies between '9' and 'A' to those above 9. */
static uint64_t hex(uint64_t value)
{
    value &= 0xFFFFFFFF;
    value = (value | value << 16) & 0x0000FFFF0000FFFF;
    value = (value | value << 8) & 0x00FF00FF00FF00FF;
    value = (value | value << 4) & 0x0F0F0F0F0F0F0F0F;
    uint64_t letters = (value + 0x0606060606060606) >> 4 & 0x0101010101010101;
    return __builtin_bswap64(value + letters * ('A' - '9' - 1) + 0x3030303030303030);
}

/* NVML_DEVICE_PCI_BUS_ID_FMT and its legacy form, which differ in the width of the domain. */
static void put_bus_id(char *out, const struct pci *pci, unsigned domain_digits)
{
    uint64_t domain = hex(pci->domain) >> 8 * (8 - domain_digits);
    /* ":07:00.0" is "00700000" with its digits 0, 3 and 6 made ':', ':' and '.'. */
    uint64_t address = hex((pci->bus & 0xFF) << 20 | (pci->device & 0xFF) << 8) + (':' - '0') * 0x01000001u
                       - ((uint64_t)('0' - '.') << 48);

    memcpy(out, &domain, domain_digits);
    memcpy(out + domain_digits, &address, 8);
    out[domain_digits + 8] = '\0';
}

/* The members that all versions share; the caller's struct has them in a place of its own. */
#define PUT_PCI(out, pci)                                                                                                \
    do {                                                                                                                 \
        (out)->domain = (unsigned)(pci).domain;                                                                          \
        (out)->bus = (unsigned)(pci).bus;                                                                                \
        (out)->device = (unsigned)(pci).device;                                                                          \
        (out)->pciDeviceId = (unsigned)(pci).device_id;                                                                  \
    } while (0)

static INLINED void put_v3(nvmlPciInfo_t *out, const struct pci *pci)
{
    put_bus_id(out->busIdLegacy, pci, 4);
    PUT_PCI(out, *pci);
    out->pciSubSystemId = (unsigned)pci->subsystem_id;
    put_bus_id(out->busId, pci, 8);
}

static void put_v2(mock_legacy_pci_info_v2_t *out, const struct pci *pci)
{
    *out = (mock_legacy_pci_info_v2_t){.pciSubSystemId = (unsigned)pci->subsystem_id};
    put_bus_id(out->busId, pci, 4);
    PUT_PCI(out, *pci);
}

nvmlReturn_t native_nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *out)
{
    struct pci pci;
    nvmlReturn_t status = read_pci(device, BASIC, &pci);

    if (status == NVML_SUCCESS)
        put_v3(out, &pci);
    return status;
}

nvmlReturn_t native_nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t *shorter)
{
    struct pci pci;
    nvmlReturn_t status = read_pci(device, BASIC, &pci);

    if (status == NVML_SUCCESS)
        put_v2((mock_legacy_pci_info_v2_t *)shorter, &pci);
    return status;
}

nvmlReturn_t native_nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *out)
{
    struct pci pci;
    nvmlReturn_t status = read_remote(device, link, &pci);

    if (status == NVML_SUCCESS)
        put_v3(out, &pci);
    return status;
}

nvmlReturn_t native_nvmlDeviceGetNvLinkRemotePciInfo(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *shorter)
{
    struct pci pci;
    nvmlReturn_t status = read_remote(device, link, &pci);

    if (status == NVML_SUCCESS)
        put_v2((mock_legacy_pci_info_v2_t *)shorter, &pci);
    return status;
}

nvmlReturn_t native_nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_t *shorter)
{
    mock_legacy_pci_info_v1_t *out = (mock_legacy_pci_info_v1_t *)shorter;
    struct pci pci;
    nvmlReturn_t status = read_pci(device, BASIC, &pci);

    if (status != NVML_SUCCESS)
        return status;
    put_bus_id(out->busId, &pci, 4);
    PUT_PCI(out, pci);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetPciInfoExt(nvmlDevice_t device, nvmlPciInfoExt_t *out)
{
    struct pci pci;
    nvmlReturn_t status = read_pci(device, EXTENDED, &pci);

    if (status != NVML_SUCCESS)
        return status;
    PUT_PCI(out, pci);
    out->pciSubSystemId = (unsigned)pci.subsystem_id;
    out->baseClass = (unsigned)pci.base_class;
    out->subClass = (unsigned)pci.sub_class;
    put_bus_id(out->busId, &pci, 8);
    return NVML_SUCCESS;
}

/* Bus 06 has board id 0x600 in the capture of an A100; a domain goes above the bus. */
nvmlReturn_t native_nvmlDeviceGetBoardId(nvmlDevice_t device, unsigned int *boardId)
{
    struct pci pci;
    nvmlReturn_t status = read_pci(device, BASIC, &pci);

    if (status == NVML_SUCCESS)
        *boardId = (unsigned)(pci.domain << 16 | pci.bus << 8 | pci.device);
    return status;
}
