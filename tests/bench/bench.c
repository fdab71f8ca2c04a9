/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times two libraries side by side.
 *
 *   bench calls MOCK EMPTY             one line per call: its name, nanoseconds in the mock, nanoseconds in the empty library
 *   bench base MOCK NODE OLDER NODE    the same of two mocks, each with a node of its own
 *   bench load LIBRARY                 nanoseconds that dlopen and nvmlInit_v2 take, in this fresh process
 *
 * Every call goes through a pointer from dlsym, as those of real clients do. Rounds alternate between the libraries, and the
 * fastest round of each counts: what else the machine does can only slow a round down.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nvml.h>

enum { ROUNDS = 1000, CALLS = 2000 };

/* What is passed to the calls. The empty library ignores it; two mocks have handles of their own. */
static nvmlDevice_t device, busy_device;
static struct handles {
    nvmlDevice_t device, busy;
} mock_handles, other_handles;
static char uuid[NVML_DEVICE_UUID_V2_BUFFER_SIZE];

/* What the calls write. */
static nvmlDevice_t found;
static unsigned number, count;
static char text[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
static nvmlMemory_t memory;
static nvmlPciInfo_t pci;
static nvmlUtilization_t utilization;
static nvmlEnableState_t active;
static nvmlProcessInfo_t processes[16];
static nvmlFieldValue_t fields[] = {
    {.fieldId = NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION}, {.fieldId = NVML_FI_DEV_MEMORY_TEMP},
    {.fieldId = NVML_FI_DEV_POWER_INSTANT},            {.fieldId = NVML_FI_DEV_PCIE_REPLAY_COUNTER},
    {.fieldId = NVML_FI_DEV_NVLINK_LINK_COUNT},        {.fieldId = NVML_FI_DEV_ECC_SBE_VOL_TOTAL},
    {.fieldId = NVML_FI_DEV_ECC_DBE_VOL_TOTAL},        {.fieldId = NVML_FI_DEV_POWER_CURRENT_LIMIT},
};

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void *open_library(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        fprintf(stderr, "bench: %s\n", dlerror());
        exit(2);
    }
    return library;
}

static void check(nvmlReturn_t result, const char *what)
{
    if (result != NVML_SUCCESS) {
        fprintf(stderr, "bench: %s: error %d\n", what, (int)result);
        exit(2);
    }
}

/* `call` with the type that nvml.h gives the function. */
#define CALL(library, function) __typeof__(&function) call = (__typeof__(&function))dlsym(library, #function)

#define MEASURE(name, function, statement)                                                                               \
    static uint64_t name(void *library)                                                                                  \
    {                                                                                                                    \
        CALL(library, function);                                                                                         \
        nvmlReturn_t result = NVML_SUCCESS;                                                                              \
        uint64_t start = now();                                                                                          \
        for (int i = 0; i < CALLS; i++)                                                                                  \
            result |= (statement);                                                                                       \
        uint64_t end = now();                                                                                            \
        check(result, #function);                                                                                        \
        return end - start;                                                                                              \
    }

MEASURE(temperature, nvmlDeviceGetTemperature, call(device, NVML_TEMPERATURE_GPU, &number))
MEASURE(memory_info, nvmlDeviceGetMemoryInfo, call(device, &memory))
MEASURE(name, nvmlDeviceGetName, call(device, text, sizeof text))
MEASURE(own_uuid, nvmlDeviceGetUUID, call(device, text, sizeof text))
MEASURE(pci_info, nvmlDeviceGetPciInfo_v3, call(device, &pci))
MEASURE(utilization_rates, nvmlDeviceGetUtilizationRates, call(device, &utilization))
MEASURE(clock_info, nvmlDeviceGetClockInfo, call(device, NVML_CLOCK_SM, &number))
MEASURE(nvlink_state, nvmlDeviceGetNvLinkState, call(device, 0, &active))
MEASURE(power_usage, nvmlDeviceGetPowerUsage, call(device, &number))
MEASURE(by_index, nvmlDeviceGetHandleByIndex_v2, call(0, &found))
MEASURE(by_uuid, nvmlDeviceGetHandleByUUID, call(uuid, &found))
MEASURE(no_process, nvmlDeviceGetComputeRunningProcesses_v3, (count = 16, call(device, &count, processes)))
MEASURE(one_process, nvmlDeviceGetComputeRunningProcesses_v3, (count = 16, call(busy_device, &count, processes)))
MEASURE(field_values, nvmlDeviceGetFieldValues, call(device, sizeof fields / sizeof *fields, fields))

static const struct {
    const char *name;
    uint64_t (*time)(void *library);
} benchmarks[] = {
    {"GetTemperature", temperature},
    {"GetMemoryInfo", memory_info},
    {"GetName", name},
    {"GetUUID", own_uuid},
    {"GetPciInfo_v3", pci_info},
    {"GetUtilizationRates", utilization_rates},
    {"GetClockInfo", clock_info},
    {"GetNvLinkState", nvlink_state},
    {"GetPowerUsage", power_usage},
    {"GetHandleByIndex_v2", by_index},
    {"GetHandleByUUID", by_uuid},
    {"GetComputeRunningProcesses_v3, none", no_process},
    {"GetComputeRunningProcesses_v3, one", one_process},
    {"GetFieldValues, 8 values", field_values},
};

static void init(void *library)
{
    CALL(library, nvmlInit_v2);

    check(call(), "nvmlInit_v2");
}

static nvmlDevice_t device_at(void *library, unsigned index)
{
    CALL(library, nvmlDeviceGetHandleByIndex_v2);

    check(call(index, &found), "nvmlDeviceGetHandleByIndex_v2");
    return found;
}

static struct handles handles_of(void *library)
{
    return (struct handles){device_at(library, 0), device_at(library, 1)};
}

static uint64_t time_of(size_t benchmark, void *library, const struct handles *handles)
{
    device = handles->device;
    busy_device = handles->busy;
    return benchmarks[benchmark].time(library);
}

static void compare_calls(void *mock, void *other)
{
    CALL(mock, nvmlDeviceGetUUID);

    check(call(mock_handles.device, uuid, sizeof uuid), "nvmlDeviceGetUUID");
    for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++) {
        uint64_t best_mock = UINT64_MAX, best_other = UINT64_MAX;
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t time = time_of(i, mock, &mock_handles);
            best_mock = time < best_mock ? time : best_mock;
            time = time_of(i, other, &other_handles);
            best_other = time < best_other ? time : best_other;
        }
        printf("%s\t%.3f\t%.3f\n", benchmarks[i].name, (double)best_mock / CALLS, (double)best_other / CALLS);
    }
}

static void *attached(const char *path, const char *node)
{
    void *library = open_library(path);

    if (node != NULL)
        setenv("MOCK_NVML_NODE", node, 1);
    init(library);
    return library;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "calls") == 0) {
        void *mock = attached(argv[2], NULL);
        mock_handles = handles_of(mock);
        compare_calls(mock, attached(argv[3], NULL));
    } else if (argc == 6 && strcmp(argv[1], "base") == 0) {
        void *mock = attached(argv[2], argv[3]), *older = attached(argv[4], argv[5]);
        mock_handles = handles_of(mock);
        other_handles = handles_of(older);
        compare_calls(mock, older);
    } else if (argc == 3 && strcmp(argv[1], "load") == 0) {
        uint64_t start = now();
        init(open_library(argv[2]));
        printf("%llu\n", (unsigned long long)(now() - start));
    } else {
        fprintf(stderr, "usage: bench calls MOCK EMPTY | bench base MOCK NODE OLDER NODE | bench load LIBRARY\n");
        return 2;
    }
    return 0;
}
