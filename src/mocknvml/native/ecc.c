/* SPDX-License-Identifier: Apache-2.0 */
/* Retired pages, by the cause of their retirement, and SRAM errors one by one. */
#include "runtime.h"

#define RETIRED MOCK_AT(ecc.retired)
#define PAGE(state, i, member)                                                                                           \
    mock_word_at(state, RETIRED + 1 + (i) * MOCK_RECORD_WORDS(ecc.retired) + MOCK_MEMBER(ecc.retired, member))

/* `timestamps` may be NULL. */
static nvmlReturn_t retired_pages(nvmlDevice_t device, nvmlPageRetirementCause_t cause, unsigned int *count,
                                  unsigned long long *addresses, unsigned long long *timestamps)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    unsigned found = 0, room = addresses != NULL ? *count : 0;

    if ((unsigned)cause >= NVML_PAGE_RETIREMENT_CAUSE_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, RETIRED);
        uint32_t pages = mock_head_length(head, MOCK_CAPACITY(ecc.retired));
        status = mock_head_status(head);
        found = 0;
        for (uint32_t i = 0; i < pages && status == NVML_SUCCESS; i++) {
            if (PAGE(state, i, cause) != (uint64_t)cause)
                continue;
            if (found < room) {
                addresses[found] = PAGE(state, i, address);
                if (timestamps != NULL)
                    timestamps[found] = PAGE(state, i, time);
            }
            found++;
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    *count = found;
    return found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceGetRetiredPages(nvmlDevice_t device, nvmlPageRetirementCause_t cause, unsigned int *pageCount,
                                              unsigned long long *addresses)
{
    return retired_pages(device, cause, pageCount, addresses, NULL);
}

nvmlReturn_t native_nvmlDeviceGetRetiredPages_v2(nvmlDevice_t device, nvmlPageRetirementCause_t cause, unsigned int *pageCount,
                                                 unsigned long long *addresses, unsigned long long *timestamps)
{
    return retired_pages(device, cause, pageCount, addresses, timestamps);
}

#define UNIQUE MOCK_AT(sram.unique)
#define ERROR(state, i, member)                                                                                          \
    ((unsigned)mock_word_at(state, UNIQUE + 1 + (i) * MOCK_RECORD_WORDS(sram.unique) + MOCK_MEMBER(sram.unique, member)))

/* nvml.h: asked for the size without entries, and "the latest number" comes back in every case; "only supported when ECC
 * mode is enabled". */
nvmlReturn_t native_nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts(nvmlDevice_t device,
                                                                     nvmlEccSramUniqueUncorrectedErrorCounts_t *counts)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    nvmlEccSramUniqueUncorrectedErrorEntry_v1_t *entries = counts->entries;
    unsigned found = 0, room = entries != NULL ? counts->entryCount : 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, UNIQUE);
        status = mock_supported(state, MOCK_GPU_SIGNALS, MOCK_AT(ecc.mode));
        if (status == NVML_SUCCESS)
            status = mock_head_status(head);
        found = status == NVML_SUCCESS ? mock_head_length(head, MOCK_CAPACITY(sram.unique)) : 0;
        for (uint32_t i = 0; i < found && i < room; i++) {
            entries[i] = (nvmlEccSramUniqueUncorrectedErrorEntry_v1_t){
                .unit = ERROR(state, i, unit),
                .location = ERROR(state, i, location),
                .sublocation = ERROR(state, i, sublocation),
                .extlocation = ERROR(state, i, extlocation),
                .address = ERROR(state, i, address),
                .isParity = ERROR(state, i, parity),
                .count = ERROR(state, i, count),
            };
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    counts->entryCount = found;
    return entries != NULL && found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

/* nvml.h: "Reports zero for unsupported ECC error counters when a subset of ECC error counters are supported." */
nvmlReturn_t native_nvmlDeviceGetDetailedEccErrors(nvmlDevice_t device, nvmlMemoryErrorType_t errorType,
                                                   nvmlEccCounterType_t counterType, nvmlEccErrorCounts_t *eccCounts)
{
    static const uint32_t locations[] = {
        NVML_MEMORY_LOCATION_L1_CACHE,
        NVML_MEMORY_LOCATION_L2_CACHE,
        NVML_MEMORY_LOCATION_DRAM,
        NVML_MEMORY_LOCATION_REGISTER_FILE,
    };
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t counts[4] = {0};

    if ((unsigned)errorType >= NVML_MEMORY_ERROR_TYPE_COUNT || (unsigned)counterType >= NVML_ECC_COUNTER_TYPE_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    uint32_t first = ((unsigned)errorType * NVML_ECC_COUNTER_TYPE_COUNT + (unsigned)counterType) * NVML_MEMORY_LOCATION_COUNT;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        bool found = false;
        status = mock_supported(state, MOCK_GPU_SIGNALS, MOCK_AT(ecc.mode));
        for (uint32_t i = 0; i < 4 && status == NVML_SUCCESS; i++) {
            nvmlReturn_t one = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(ecc.location) + 2 * (first + locations[i]),
                                           &counts[i]);
            if (one == NVML_SUCCESS)
                found = true;
            else if (one == NVML_ERROR_NOT_SUPPORTED)
                counts[i] = 0;
            else
                status = one;
        }
        if (status == NVML_SUCCESS && !found)
            status = NVML_ERROR_NOT_SUPPORTED;
    }
    if (status != NVML_SUCCESS)
        return status;
    eccCounts->l1Cache = counts[0];
    eccCounts->l2Cache = counts[1];
    eccCounts->deviceMemory = counts[2];
    eccCounts->registerFile = counts[3];
    return NVML_SUCCESS;
}
