/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples of the past, of a GPU and of its processes. None is stored: a sample is the value of its field at the sampling
 * instant, which is a multiple of the period in node time. Its time stamp is the node's wall clock, in microseconds.
 */
#include "runtime.h"

/* 119 samples, 20 ms apart: the utilization buffer of an H100 PCIe with driver 535.129.03, as a monitor's authors report. */
enum {
    SAMPLES = 119,
    PERIOD_US = 20000,
    SECOND_US = 1000000,
};

struct clock {
    uint64_t node; /* microseconds */
    uint64_t epoch;
};

static struct clock read_clock(void)
{
    const struct mock_node *node = mock_node();
    const mock_word *state;
    struct clock now = {mock_node_time(node) / 1000, 0};

    MOCK_LATCH(state, node->block, MOCK_NODE_WORDS) {
        now.epoch = mock_word_at(state, MOCK_AT_NODE(time.epoch.value));
    }
    return now;
}

nvmlReturn_t native_nvmlDeviceGetSamples(nvmlDevice_t device, nvmlSamplingType_t type, unsigned long long lastSeenTimeStamp,
                                         nvmlValueType_t *sampleValType, unsigned int *sampleCount, nvmlSample_t *samples)
{
    static const uint32_t fields[] = {
        [NVML_TOTAL_POWER_SAMPLES] = MOCK_AT(power.usage),
        [NVML_GPU_UTILIZATION_SAMPLES] = MOCK_AT(utilization.gpu),
        [NVML_MEMORY_UTILIZATION_SAMPLES] = MOCK_AT(utilization.memory),
        [NVML_ENC_UTILIZATION_SAMPLES] = MOCK_AT(utilization.encoder),
        [NVML_DEC_UTILIZATION_SAMPLES] = MOCK_AT(utilization.decoder),
        [NVML_PROCESSOR_CLK_SAMPLES] = MOCK_AT(clocks.current[NVML_CLOCK_SM]),
        [NVML_MEMORY_CLK_SAMPLES] = MOCK_AT(clocks.current[NVML_CLOCK_MEM]),
        [NVML_MODULE_POWER_SAMPLES] = 0, /* differs: the draw of a module is no field. */
        [NVML_JPG_UTILIZATION_SAMPLES] = MOCK_AT(utilization.jpeg),
        [NVML_OFA_UTILIZATION_SAMPLES] = MOCK_AT(utilization.ofa),
    };
    struct clock now = read_clock();
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    unsigned room = samples != NULL ? *sampleCount : 0, found = 0;

    if ((unsigned)type >= NVML_SAMPLINGTYPE_COUNT || (samples != NULL && room == 0))
        return NVML_ERROR_INVALID_ARGUMENT;
    if (type == NVML_MODULE_POWER_SAMPLES)
        return NVML_ERROR_NOT_SUPPORTED;
    uint64_t newest = now.node / PERIOD_US * PERIOD_US + now.epoch;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, fields[type]), value = mock_word_at(state, fields[type] + 1);
        status = mock_head_status(head);
        found = 0;
        for (unsigned age = SAMPLES; age-- > 0 && status == NVML_SUCCESS;) {
            uint64_t stamp = newest - (uint64_t)age * PERIOD_US;
            if (stamp <= lastSeenTimeStamp)
                continue;
            if (found < room) {
                /* What was before the node is as it was at its start. */
                uint64_t at = stamp > now.epoch ? (stamp - now.epoch) * 1000 : 0;
                samples[found].timeStamp = stamp;
                samples[found].sampleValue.ullVal = 0;
                samples[found].sampleValue.uiVal = (unsigned)mock_signal_value(state, MOCK_GPU_SIGNALS, head, value, at);
            }
            found++;
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    if (found == 0)
        return NVML_ERROR_NOT_FOUND;
    /* nvml.h: "returned as type unsigned int"; it fetches as many as the array has room for. */
    *sampleValType = NVML_VALUE_TYPE_UNSIGNED_INT;
    *sampleCount = samples != NULL && found > room ? room : found;
    return NVML_SUCCESS;
}

#define RUNNING MOCK_AT(processes.running)
#define MEMBER(state, i, member)                                                                                         \
    ((unsigned)mock_word_at(state, RUNNING + 1 + (i) * MOCK_RECORD_WORDS(processes.running)                              \
                                       + MOCK_MEMBER(processes.running, member)))

/* The processes that used an engine in the last sampling period; `put` writes one if there is room for it. */
static nvmlReturn_t process_samples(nvmlDevice_t device, uint64_t last_seen, unsigned room, unsigned *count, void *out,
                                    void (*put)(void *out, unsigned at, nvmlProcessUtilizationInfo_v1_t sample))
{
    struct clock now = read_clock();
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    unsigned found = 0;

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        uint64_t head = mock_word_at(state, RUNNING), period = 0;
        if (mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(utilization.sampling_period), &period) != NVML_SUCCESS || period == 0)
            period = SECOND_US;
        uint64_t stamp = now.node / period * period + now.epoch;
        status = mock_head_status(head);
        uint32_t listed = status == NVML_SUCCESS ? mock_head_length(head, MOCK_CAPACITY(processes.running)) : 0;
        found = 0;
        for (uint32_t i = 0; i < listed && stamp > last_seen; i++) {
            nvmlProcessUtilizationInfo_v1_t sample = {
                .timeStamp = stamp,
                .pid = MEMBER(state, i, pid),
                .smUtil = MEMBER(state, i, sm),
                .memUtil = MEMBER(state, i, memory_utilization),
                .encUtil = MEMBER(state, i, encoder),
                .decUtil = MEMBER(state, i, decoder),
                .jpgUtil = MEMBER(state, i, jpeg),
                .ofaUtil = MEMBER(state, i, ofa),
            };
            if ((sample.smUtil | sample.memUtil | sample.encUtil | sample.decUtil | sample.jpgUtil | sample.ofaUtil) == 0)
                continue;
            if (found < room)
                put(out, found, sample);
            found++;
        }
    }
    if (status != NVML_SUCCESS)
        return status;
    if (found == 0)
        return NVML_ERROR_NOT_FOUND;
    *count = found;
    return found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

static void put_sample(void *out, unsigned at, nvmlProcessUtilizationInfo_v1_t sample)
{
    ((nvmlProcessUtilizationSample_t *)out)[at] = (nvmlProcessUtilizationSample_t){
        .pid = sample.pid,
        .timeStamp = sample.timeStamp,
        .smUtil = sample.smUtil,
        .memUtil = sample.memUtil,
        .encUtil = sample.encUtil,
        .decUtil = sample.decUtil,
    };
}

static void put_info(void *out, unsigned at, nvmlProcessUtilizationInfo_v1_t sample)
{
    ((nvmlProcessUtilizationInfo_v1_t *)out)[at] = sample;
}

nvmlReturn_t native_nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *utilization,
                                                    unsigned int *processSamplesCount, unsigned long long lastSeenTimeStamp)
{
    unsigned room = utilization != NULL ? *processSamplesCount : 0;

    return process_samples(device, lastSeenTimeStamp, room, processSamplesCount, utilization, put_sample);
}

nvmlReturn_t native_nvmlDeviceGetProcessesUtilizationInfo(nvmlDevice_t device, nvmlProcessesUtilizationInfo_t *info)
{
    unsigned room = info->procUtilArray != NULL ? info->processSamplesCount : 0;

    return process_samples(device, info->lastSeenTimeStamp, room, &info->processSamplesCount, info->procUtilArray, put_info);
}
