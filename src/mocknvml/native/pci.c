/* SPDX-License-Identifier: Apache-2.0 */
/* PCI information, in the layout of each version of the struct, and the board id, which follows from the address. */
#include "legacy.h"
#include "runtime.h"

struct pci {
    uint64_t domain, bus, device, device_id, subsystem_id, base_class, sub_class;
};

static nvmlReturn_t read_pci(nvmlDevice_t device, struct pci *pci)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS, optional = NVML_SUCCESS;

    MOCK_LATCH(state, mock_gpu(mock_attached(), device), MOCK_GPU_WORDS) {
        status = NVML_SUCCESS;
        const struct {
            uint32_t at;
            uint64_t *value;
        } required[] = {
            {MOCK_AT(pci.domain), &pci->domain},       {MOCK_AT(pci.bus), &pci->bus},
            {MOCK_AT(pci.device), &pci->device},       {MOCK_AT(pci.device_id), &pci->device_id},
            {MOCK_AT(pci.subsystem_id), &pci->subsystem_id},
        };
        for (size_t i = 0; i < sizeof required / sizeof *required && status == NVML_SUCCESS; i++)
            status = mock_number(state, MOCK_GPU_SIGNALS, required[i].at, required[i].value);
        optional = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(pci.base_class), &pci->base_class);
        if (optional == NVML_SUCCESS)
            optional = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(pci.sub_class), &pci->sub_class);
    }
    return status;
}

static char *put_hex(char *out, uint64_t value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value >>= 4)
        out[i] = "0123456789ABCDEF"[value & 15];
    return out + digits;
}

/* NVML_DEVICE_PCI_BUS_ID_FMT and its legacy form, which differ in the width of the domain. */
static void put_bus_id(char *out, const struct pci *pci, unsigned domain_digits)
{
    out = put_hex(out, pci->domain, domain_digits);
    *out++ = ':';
    out = put_hex(out, pci->bus, 2);
    *out++ = ':';
    out = put_hex(out, pci->device, 2);
    memcpy(out, ".0", 3);
}

/* The members that all versions share; the caller's struct has them in a place of its own. */
#define PUT_PCI(out, pci)                                                                                                \
    do {                                                                                                                 \
        (out)->domain = (unsigned)(pci).domain;                                                                          \
        (out)->bus = (unsigned)(pci).bus;                                                                                \
        (out)->device = (unsigned)(pci).device;                                                                          \
        (out)->pciDeviceId = (unsigned)(pci).device_id;                                                                  \
    } while (0)

nvmlReturn_t native_nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *out)
{
    struct pci pci;
    nvmlReturn_t status = read_pci(device, &pci);

    if (status != NVML_SUCCESS)
        return status;
    put_bus_id(out->busIdLegacy, &pci, 4);
    PUT_PCI(out, pci);
    out->pciSubSystemId = (unsigned)pci.subsystem_id;
    put_bus_id(out->busId, &pci, 8);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t *shorter)
{
    mock_legacy_pci_info_v2_t *out = (mock_legacy_pci_info_v2_t *)shorter;
    struct pci pci;
    nvmlReturn_t status = read_pci(device, &pci);

    if (status != NVML_SUCCESS)
        return status;
    *out = (mock_legacy_pci_info_v2_t){0};
    put_bus_id(out->busId, &pci, 4);
    PUT_PCI(out, pci);
    out->pciSubSystemId = (unsigned)pci.subsystem_id;
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_t *shorter)
{
    mock_legacy_pci_info_v1_t *out = (mock_legacy_pci_info_v1_t *)shorter;
    struct pci pci;
    nvmlReturn_t status = read_pci(device, &pci);

    if (status != NVML_SUCCESS)
        return status;
    put_bus_id(out->busId, &pci, 4);
    PUT_PCI(out, pci);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetPciInfoExt(nvmlDevice_t device, nvmlPciInfoExt_t *out)
{
    struct pci pci = {0};
    nvmlReturn_t status = read_pci(device, &pci);

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
    nvmlReturn_t status = read_pci(device, &pci);

    if (status == NVML_SUCCESS)
        *boardId = (unsigned)(pci.domain << 16 | pci.bus << 8 | pci.device);
    return status;
}
