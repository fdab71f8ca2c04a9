/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private interface of nvidia-smi: a table of function pointers behind one GUID, its size in bytes first. nvidia-smi
 * takes a missing slot for UNINITIALIZED, and a success with nothing written for the truth; so every slot is there and
 * answers NOT_SUPPORTED (seen with nvidia-smi 450 to 555). What it was called with is not known; which slot it was, a trace
 * of the calls tells.
 */
#include "calls.h"
#include "runtime.h"

enum {
    SLOTS = 511,
};

static const unsigned char guid[16] = {
    0xC4, 0xFE, 0x3E, 0x6C, 0xC9, 0x8F, 0x6C, 0x4E, 0xA3, 0x27, 0xEE, 0x69, 0x6E, 0x12, 0xF7, 0xC4,
};

static __attribute__((used)) nvmlReturn_t slot(uint64_t number) __asm__("mock_export_slot");
static nvmlReturn_t slot(uint64_t number)
{
    nvmlReturn_t code = mock_attached() == NULL ? NVML_ERROR_UNINITIALIZED : NVML_ERROR_NOT_SUPPORTED;

    return mock_refuse_3(number, 0, 0, MOCK_CALL_EXPORT_SLOT, code);
}

/* One entry for each slot, all of one size, which passes the slot's number on. */
#ifdef __x86_64__
#define PASS_ON "movl $number, %edi; jmp mock_export_slot"
#else
#define PASS_ON "mov x0, #number; b mock_export_slot"
#endif
extern const char entries[SLOTS][16] __asm__("mock_export_entries");
__asm__(".text; .balign 16; .hidden mock_export_entries; mock_export_entries: .set number, 0;"
        ".rept 511; .balign 16; " PASS_ON "; .set number, number + 1; .endr; .previous");

/* Filled when asked for: 511 constant addresses would be relocated in every process. */
static struct {
    size_t size;
    const void *slots[SLOTS];
} table;

_Static_assert(sizeof table == 4096, "the size that nvidia-smi is known to accept");

nvmlReturn_t native_nvmlInternalGetExportTable(const void **table_out, const void *guid_in)
{
    /* As the real library does: an unknown GUID clears the pointer. */
    *table_out = NULL;
    if (memcmp(guid_in, guid, sizeof guid) != 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    mock_lock();
    if (table.size == 0) {
        for (size_t i = 0; i < SLOTS; i++)
            table.slots[i] = entries[i];
        table.size = sizeof table;
    }
    mock_unlock();
    *table_out = &table;
    return NVML_SUCCESS;
}
