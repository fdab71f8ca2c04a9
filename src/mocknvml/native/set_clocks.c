/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks that get locked to a range, and the clocks of applications. */
#include "clock_limits.h"
#include "runtime.h"

struct lock {
    nvmlClockType_t type;
    uint64_t least, greatest; /* 0: no bound */
};

static nvmlReturn_t put_lock(mock_word *state, const void *context)
{
    const struct lock *lock = context;
    struct mock_clocks unlimited = mock_clocks_unlimited(state);

    mock_word_put(state, MOCK_CLOCK(clocks.locked_min, lock->type) + 1, lock->least);
    mock_word_put(state, MOCK_CLOCK(clocks.locked_max, lock->type) + 1, lock->greatest);
    mock_clocks_limit(state, &unlimited);
    return NVML_SUCCESS;
}

/* Any numbers in order are a range, also beyond what the board can do. */
static nvmlReturn_t set_lock(nvmlDevice_t device, struct lock lock, bool symbols)
{
    nvmlReturn_t status = mock_may_write(device, MOCK_CLOCK(clocks.locked_min, lock.type));

    if (status == NVML_SUCCESS)
        status = mock_may_write(device, MOCK_CLOCK(clocks.locked_max, lock.type));
    if (status != NVML_SUCCESS)
        return status;
    if (mock_clock_is_symbol(lock.least) || mock_clock_is_symbol(lock.greatest)) {
        /* nvml.h: "Mixed numeric and symbolic calls return NVML_ERROR_INVALID_ARGUMENT." */
        if (!symbols || lock.least > NVML_CLOCK_LIMIT_ID_UNLIMITED || lock.greatest > NVML_CLOCK_LIMIT_ID_UNLIMITED
            || !mock_clock_is_symbol(lock.least) || !mock_clock_is_symbol(lock.greatest))
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

#define SUPPORTED MOCK_AT(clocks.supported)
#define RANGE(state, i, member)                                                                                          \
    mock_word_at(state,                                                                                                  \
                 SUPPORTED + 1 + (i) * MOCK_RECORD_WORDS(clocks.supported) + MOCK_MEMBER(clocks.supported, member))

static bool is_supported(const mock_word *state, uint64_t memory, uint64_t graphics)
{
    uint32_t ranges = mock_head_length(mock_word_at(state, SUPPORTED), MOCK_CAPACITY(clocks.supported));

    for (uint32_t i = 0; i < ranges; i++) {
        uint64_t below = RANGE(state, i, highest) - 1000 * graphics, step = RANGE(state, i, step);
        if (RANGE(state, i, memory) != memory || (int64_t)below < 0 || graphics < RANGE(state, i, lowest) / 1000)
            continue;
        /* The clocks are in kHz, and listed in whole MHz. */
        if ((step == 0 ? below : below % step) < 1000)
            return true;
    }
    return false;
}

/* Root's alone, unless root has lifted the restriction. */
static nvmlReturn_t may_set_application(nvmlDevice_t device, uint32_t needed)
{
    const uint32_t fields[] = {MOCK_CLOCK(clocks.application, NVML_CLOCK_GRAPHICS), MOCK_CLOCK(clocks.application, NVML_CLOCK_MEM), needed};
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    bool open = false;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t restricted;
        open = mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(modes.restricted), &restricted) == NVML_SUCCESS && restricted == 0;
        status = NVML_SUCCESS;
        for (uint32_t i = 0; i < sizeof fields / sizeof *fields && status == NVML_SUCCESS; i++)
            status = mock_head_status(mock_word_at(state, fields[i]));
    }
    return status != NVML_SUCCESS || open || mock_privileged() ? status : NVML_ERROR_NO_PERMISSION;
}

static void put_application(mock_word *state, uint64_t memory, uint64_t graphics)
{
    struct mock_clocks unlimited = mock_clocks_unlimited(state);

    mock_word_put(state, MOCK_CLOCK(clocks.application, NVML_CLOCK_MEM) + 1, memory);
    mock_word_put(state, MOCK_CLOCK(clocks.application, NVML_CLOCK_GRAPHICS) + 1, graphics);
    mock_word_put(state, MOCK_CLOCK(clocks.application, NVML_CLOCK_SM) + 1, graphics);
    mock_clocks_limit(state, &unlimited);
}

struct pair {
    unsigned memory, graphics;
};

static nvmlReturn_t set_application(mock_word *state, const void *context)
{
    const struct pair *pair = context;

    if (!is_supported(state, pair->memory, pair->graphics))
        return NVML_ERROR_INVALID_ARGUMENT;
    put_application(state, pair->memory, pair->graphics);
    return NVML_SUCCESS;
}

nvmlReturn_t native_nvmlDeviceSetApplicationsClocks(nvmlDevice_t device, unsigned int memClockMHz,
                                                    unsigned int graphicsClockMHz)
{
    struct pair pair = {memClockMHz, graphicsClockMHz};
    nvmlReturn_t status = may_set_application(device, SUPPORTED);

    return status != NVML_SUCCESS ? status : mock_edit_gpu(device, set_application, &pair);
}

static nvmlReturn_t reset_application(mock_word *state, const void *context)
{
    uint64_t memory, graphics;
    nvmlReturn_t status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_CLOCK(clocks.application_default, NVML_CLOCK_MEM), &memory);

    (void)context;
    if (status == NVML_SUCCESS)
        status = mock_number(state, MOCK_GPU_SIGNALS, MOCK_CLOCK(clocks.application_default, NVML_CLOCK_GRAPHICS), &graphics);
    if (status == NVML_SUCCESS)
        put_application(state, memory, graphics);
    return status;
}

nvmlReturn_t native_nvmlDeviceResetApplicationsClocks(nvmlDevice_t device)
{
    nvmlReturn_t status = may_set_application(device, MOCK_CLOCK(clocks.application_default, NVML_CLOCK_GRAPHICS));

    return status != NVML_SUCCESS ? status : mock_edit_gpu(device, reset_application, NULL);
}
