/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that get locked to a range. */
#include "runtime.h"

struct lock {
    nvmlClockType_t type;
    uint64_t least, greatest; /* 0: no bound */
};

#define AT(field, type) (MOCK_AT(field) + 2 * (uint32_t)(type))

static bool is_symbol(uint64_t clock)
{
    return clock > NVML_CLOCK_LIMIT_ID_RANGE_START;
}

/* Move a clock into the range. A board runs no faster than its maximum, and what varies with time goes on doing so. */
static void clamp(mock_word *state, nvmlClockType_t type, const struct lock *lock)
{
    uint32_t at = AT(clocks.current, type);
    uint64_t clock = mock_word_at(state, at + 1), least = lock->least, fastest;

    if (mock_word_at(state, at) != MOCK_HEAD_SUCCESS)
        return;
    if (mock_number(state, MOCK_GPU_SIGNALS, AT(clocks.max, type), &fastest) == NVML_SUCCESS && least > fastest)
        least = fastest;
    if (clock < least)
        clock = least;
    if (lock->greatest != 0 && clock > lock->greatest)
        clock = lock->greatest;
    mock_word_put(state, at + 1, clock);
}

static nvmlReturn_t put_lock(mock_word *state, const void *context)
{
    const struct lock *lock = context;

    mock_word_put(state, AT(clocks.locked_min, lock->type) + 1, lock->least);
    mock_word_put(state, AT(clocks.locked_max, lock->type) + 1, lock->greatest);
    /* differs: the clock at TDP is not known, so a bound of TDP moves no clock. */
    if (is_symbol(lock->least) || is_symbol(lock->greatest))
        return NVML_SUCCESS;
    clamp(state, lock->type, lock);
    if (lock->type == NVML_CLOCK_GRAPHICS)
        clamp(state, NVML_CLOCK_SM, lock);
    return NVML_SUCCESS;
}

/* Any numbers in order are a range, also beyond what the board can do. */
static nvmlReturn_t set_lock(nvmlDevice_t device, struct lock lock, bool symbols)
{
    nvmlReturn_t status = mock_may_write(device, AT(clocks.locked_min, lock.type));

    if (status == NVML_SUCCESS)
        status = mock_may_write(device, AT(clocks.locked_max, lock.type));
    if (status != NVML_SUCCESS)
        return status;
    if (is_symbol(lock.least) || is_symbol(lock.greatest)) {
        /* nvml.h: "Mixed numeric and symbolic calls return NVML_ERROR_INVALID_ARGUMENT." */
        if (!symbols || lock.least > NVML_CLOCK_LIMIT_ID_UNLIMITED || lock.greatest > NVML_CLOCK_LIMIT_ID_UNLIMITED
            || !is_symbol(lock.least) || !is_symbol(lock.greatest))
            return NVML_ERROR_INVALID_ARGUMENT;
        lock.least = lock.least == NVML_CLOCK_LIMIT_ID_UNLIMITED ? 0 : lock.least;
        lock.greatest = lock.greatest == NVML_CLOCK_LIMIT_ID_UNLIMITED ? 0 : lock.greatest;
    } else if (lock.least > lock.greatest) {
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    return mock_edit_gpu(device, put_lock, &lock);
}

nvmlReturn_t native_nvmlDeviceSetGpuLockedClocks(nvmlDevice_t device, unsigned int minGpuClockMHz, unsigned int maxGpuClockMHz)
{
    return set_lock(device, (struct lock){NVML_CLOCK_GRAPHICS, minGpuClockMHz, maxGpuClockMHz}, true);
}

/* differs: a clock stays where the lock moved it, because the model knows no load. */
nvmlReturn_t native_nvmlDeviceResetGpuLockedClocks(nvmlDevice_t device)
{
    return set_lock(device, (struct lock){NVML_CLOCK_GRAPHICS, 0, 0}, true);
}

nvmlReturn_t native_nvmlDeviceSetMemoryLockedClocks(nvmlDevice_t device, unsigned int minMemClockMHz,
                                                    unsigned int maxMemClockMHz)
{
    return set_lock(device, (struct lock){NVML_CLOCK_MEM, minMemClockMHz, maxMemClockMHz}, false);
}

nvmlReturn_t native_nvmlDeviceResetMemoryLockedClocks(nvmlDevice_t device)
{
    return set_lock(device, (struct lock){NVML_CLOCK_MEM, 0, 0}, false);
}
