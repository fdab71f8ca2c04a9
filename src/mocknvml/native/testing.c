/* SPDX-License-Identifier: Apache-2.0 */
/* What mocknvml.testing calls in the library that its process has loaded: a table of its own, as nvidia-smi has one. */
#include "runtime.h"

static const unsigned char testing_guid[16] = {
    0x6D, 0x6F, 0x63, 0x6B, 0x6E, 0x76, 0x6D, 0x6C, 0x8E, 0x1B, 0x4F, 0x27, 0x9A, 0x53, 0xD0, 0x01,
};

static struct {
    size_t size;
    bool (*hide)(bool hide);
} testing;

bool mock_testing_table(const void *guid, const void **table)
{
    if (memcmp(guid, testing_guid, sizeof testing_guid) != 0)
        return false;
    mock_lock();
    testing.size = sizeof testing;
    testing.hide = mock_hide;
    mock_unlock();
    *table = &testing;
    return true;
}
