/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private interface of nvidia-smi: a table of function pointers behind one GUID, its size in bytes first. nvidia-smi
 * takes a missing slot for UNINITIALIZED, and a success with nothing written for the truth; so every slot is there and
 * answers NOT_SUPPORTED (seen with nvidia-smi 450 to 555).
 */
#include "runtime.h"

enum {
    SLOTS = 511,
};

static const unsigned char guid[16] = {
    0xC4, 0xFE, 0x3E, 0x6C, 0xC9, 0x8F, 0x6C, 0x4E, 0xA3, 0x27, 0xEE, 0x69, 0x6E, 0x12, 0xF7, 0xC4,
};

static nvmlReturn_t not_supported(void)
{
    return mock_attached() == NULL ? NVML_ERROR_UNINITIALIZED : NVML_ERROR_NOT_SUPPORTED;
}

/* Filled when asked for: 511 constant addresses would be relocated in every process. */
static struct {
    size_t size;
    nvmlReturn_t (*slots[SLOTS])(void);
} table;

_Static_assert(sizeof table == 4096, "the size that nvidia-smi is known to accept");

nvmlReturn_t native_nvmlInternalGetExportTable(const void **table_out, const void *guid_in)
{
    /* As the real library does: an unknown GUID clears the pointer. */
    *table_out = NULL;
    if (mock_testing_table(guid_in, table_out))
        return NVML_SUCCESS;
    if (memcmp(guid_in, guid, sizeof guid) != 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    mock_lock();
    if (table.size == 0) {
        for (size_t i = 0; i < SLOTS; i++)
            table.slots[i] = not_supported;
        table.size = sizeof table;
    }
    mock_unlock();
    *table_out = &table;
    return NVML_SUCCESS;
}
