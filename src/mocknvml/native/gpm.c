/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPM. A sample is an entry of a static table of this process, and its handle the entry's address; it holds the sum of each
 * counter over node time, so that the difference of two samples is the mean between them.
 */
#include "runtime.h"

enum {
    GPM_SAMPLES = 512,
    CELLS = (MOCK_AT(gpm.active_sum) - MOCK_AT(gpm.active)) / 2,
    PCIE = (MOCK_AT(gpm.pcie) - MOCK_AT(gpm.active)) / 2,
    NVLINK = (MOCK_AT(gpm.nvlink) - MOCK_AT(gpm.active)) / 2,
    C2C = (MOCK_AT(gpm.c2c) - MOCK_AT(gpm.active)) / 2,
    LINKS = 72,
    C2C_LINKS = 14,
};

_Static_assert(C2C - NVLINK == 2 * LINKS && CELLS - C2C == 4 * C2C_LINKS, "the fields of nvml/gpm.py, in order");

struct nvmlGpmSample_st {
    _Atomic uint32_t used;
    bool taken;
    nvmlDevice_t device;
    uint64_t time;
    struct {
        uint64_t sum, rate;
        nvmlReturn_t status;
    } cells[CELLS];
};

/* Behind what an init touches, as the other large arrays. */
__attribute__((section(".bss.gpm"))) static struct nvmlGpmSample_st gpm_samples[GPM_SAMPLES];

bool mock_gpm_sample_valid(nvmlGpmSample_t sample)
{
    uintptr_t distance = (uintptr_t)sample - (uintptr_t)gpm_samples;

    return distance < sizeof gpm_samples && distance % sizeof *gpm_samples == 0
           && atomic_load_explicit(&gpm_samples[distance / sizeof *gpm_samples].used, memory_order_acquire);
}

nvmlReturn_t native_nvmlGpmSampleAlloc(nvmlGpmSample_t *gpmSample)
{
    for (size_t i = 0; i < GPM_SAMPLES; i++) {
        uint32_t unused = 0;
        if (atomic_compare_exchange_strong_explicit(&gpm_samples[i].used, &unused, 1, memory_order_acq_rel,
                                                    memory_order_relaxed)) {
            gpm_samples[i].taken = false;
            *gpmSample = &gpm_samples[i];
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_MEMORY;
}

nvmlReturn_t native_nvmlGpmSampleFree(nvmlGpmSample_t gpmSample)
{
    atomic_store_explicit(&gpmSample->used, 0, memory_order_release);
    return NVML_SUCCESS;
}

static nvmlReturn_t supported(const mock_word *state, uint64_t *value)
{
    return mock_number(state, MOCK_GPU_SIGNALS, MOCK_AT(gpm.supported), value);
}

/* GPM structs have plain numbers for versions. */
nvmlReturn_t native_nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *gpmSupport)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t value = 0;

    if (gpmSupport->version != NVML_GPM_SUPPORT_VERSION)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = supported(state, &value);
    }
    if (status == NVML_SUCCESS)
        gpmSupport->isSupportedDevice = (unsigned)value;
    return status;
}

nvmlReturn_t native_nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample)
{
    const mock_word *state;
    nvmlReturn_t status = NVML_SUCCESS;
    uint64_t value = 0, now = mock_node_time(mock_node());

    MOCK_LATCH(state, mock_gpu_of(device), MOCK_GPU_WORDS) {
        status = supported(state, &value);
        uint64_t since = mock_word_at(state, MOCK_AT(gpm.since.value));
        for (uint32_t i = 0; i < CELLS && status == NVML_SUCCESS; i++) {
            uint32_t at = MOCK_AT(gpm.active) + 2 * i;
            sample->cells[i].status = mock_number(state, MOCK_GPU_SIGNALS, at, &sample->cells[i].rate);
            sample->cells[i].sum = mock_word_at(state, MOCK_AT(gpm.active_sum) + 2 * i + 1);
            if (now > since)
                sample->cells[i].sum += mock_billionth(now - since, sample->cells[i].rate);
        }
    }
    if (status != NVML_SUCCESS || value == 0)
        return status != NVML_SUCCESS ? status : NVML_ERROR_NOT_SUPPORTED;
    sample->time = now;
    sample->device = device;
    sample->taken = true;
    return NVML_SUCCESS;
}

enum kind {
    PERCENT, /* of the time between the samples */
    MIB_PER_SECOND,
    BYTES, /* up to the later sample */
};

/* Metrics whose ids count through cells; a total is one metric over a cell of each link. */
static const struct range {
    uint16_t first, last, cell;
    uint8_t kind, count, stride;
} ranges[] = {
    {NVML_GPM_METRIC_GRAPHICS_UTIL, NVML_GPM_METRIC_FP16_UTIL, 0, PERCENT, 1, 0},
    {NVML_GPM_METRIC_PCIE_TX_PER_SEC, NVML_GPM_METRIC_PCIE_RX_PER_SEC, PCIE, MIB_PER_SECOND, 1, 0},
    {NVML_GPM_METRIC_NVDEC_0_UTIL, NVML_GPM_METRIC_NVDEC_7_UTIL, 13, PERCENT, 1, 0},
    {NVML_GPM_METRIC_NVJPG_0_UTIL, NVML_GPM_METRIC_NVJPG_7_UTIL, 21, PERCENT, 1, 0},
    {NVML_GPM_METRIC_NVOFA_0_UTIL, NVML_GPM_METRIC_NVOFA_1_UTIL, 29, PERCENT, 1, 0},
    {NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC, NVML_GPM_METRIC_NVLINK_TOTAL_TX_PER_SEC, NVLINK, MIB_PER_SECOND, LINKS, 2},
    {NVML_GPM_METRIC_NVLINK_L0_RX_PER_SEC, NVML_GPM_METRIC_NVLINK_L17_TX_PER_SEC, NVLINK, MIB_PER_SECOND, 1, 0},
    {NVML_GPM_METRIC_C2C_TOTAL_TX_PER_SEC, NVML_GPM_METRIC_C2C_DATA_RX_PER_SEC, C2C, MIB_PER_SECOND, C2C_LINKS, 4},
    {NVML_GPM_METRIC_C2C_LINK0_TOTAL_TX_PER_SEC, NVML_GPM_METRIC_C2C_LINK13_DATA_RX_PER_SEC, C2C, MIB_PER_SECOND, 1, 0},
    {NVML_GPM_METRIC_HOSTMEM_CACHE_HIT, NVML_GPM_METRIC_NVENC_3_UTIL, 31, PERCENT, 1, 0},
    {NVML_GPM_METRIC_NVLINK_L18_RX_PER_SEC, NVML_GPM_METRIC_NVLINK_L35_TX_PER_SEC, NVLINK + 36, MIB_PER_SECOND, 1, 0},
    {NVML_GPM_METRIC_PCIE_TX, NVML_GPM_METRIC_PCIE_RX, PCIE, BYTES, 1, 0},
    {NVML_GPM_METRIC_NVLINK_L0_RX, NVML_GPM_METRIC_NVLINK_L71_TX, NVLINK, BYTES, 1, 0},
    {NVML_GPM_METRIC_NVLINK_L36_RX_PER_SEC, NVML_GPM_METRIC_NVLINK_L71_TX_PER_SEC, NVLINK + 72, MIB_PER_SECOND, 1, 0},
};

static double mean(const struct nvmlGpmSample_st *one, const struct nvmlGpmSample_st *two, uint32_t cell)
{
    /* Nothing lies between two samples of one instant: then the rate at it. A reset sets the sums back. */
    if (two->time <= one->time || two->cells[cell].sum < one->cells[cell].sum)
        return (double)two->cells[cell].rate;
    return (double)(two->cells[cell].sum - one->cells[cell].sum) * 1e9 / (double)(two->time - one->time);
}

/* What nvidia-smi dmon --gpm-metrics heads its columns with, and driver 535 names. differs: long names are left out. */
static char short_names[][8] = {
    [NVML_GPM_METRIC_GRAPHICS_UTIL] = "gract", "smutil", "smocc", "intutil", "mmaact",
    "dfmat", "hmmat", "", "immat", "dram", "fp64", "fp32", "fp16",
    [NVML_GPM_METRIC_PCIE_TX_PER_SEC] = "pcitx", "pcirx",
    [NVML_GPM_METRIC_NVDEC_0_UTIL] = "nvdec0", "nvdec1", "nvdec2", "nvdec3", "nvdec4",
    "nvdec5", "nvdec6", "nvdec7",
    [NVML_GPM_METRIC_NVJPG_0_UTIL] = "nvjpg0", "nvjpg1", "nvjpg2", "nvjpg3", "nvjpg4",
    "nvjpg5", "nvjpg6", "nvjpg7",
    [NVML_GPM_METRIC_NVOFA_0_UTIL] = "nvofa0",
    [NVML_GPM_METRIC_NVLINK_TOTAL_RX_PER_SEC] = "nvlrx", "nvltx",
    "nvl0rx", "nvl0tx", "nvl1rx", "nvl1tx", "nvl2rx", "nvl2tx", "nvl3rx", "nvl3tx", "nvl4rx",
    "nvl4tx", "nvl5rx", "nvl5tx", "nvl6rx", "nvl6tx", "nvl7rx", "nvl7tx", "nvl8rx", "nvl8tx",
    "nvl9rx", "nvl9tx", "nvl10rx", "nvl10tx", "nvl11rx", "nvl11tx", "nvl12rx", "nvl12tx", "nvl13rx",
    "nvl13tx", "nvl14rx", "nvl14tx", "nvl15rx", "nvl15tx", "nvl16rx", "nvl16tx", "nvl17rx", "nvl17tx",
};

/* Names and unit, and behind them the value unless `valueless`. */
static void put_metric(const struct nvmlGpmSample_st *one, const struct nvmlGpmSample_st *two, bool valueless,
                       nvmlGpmMetric_t *metric)
{
    static char percent[] = "%", rate[] = "MiB/s"; /* as nvidia-smi dmon --gpm-metrics has them, behind "GPM:" */
    nvmlReturn_t status = NVML_ERROR_NOT_SUPPORTED; /* also for metrics without a cell: cycles and context switches */
    double sum = 0;

    metric->metricInfo.shortName = metric->metricInfo.longName = metric->metricInfo.unit = NULL;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct range *range = &ranges[i];
        if (metric->metricId < range->first || metric->metricId > range->last)
            continue;
        metric->metricInfo.unit = range->kind == PERCENT ? percent : range->kind == MIB_PER_SECOND ? rate : NULL;
        uint32_t cell = range->cell + metric->metricId - range->first;
        for (uint32_t link = 0; link < range->count && !valueless; link++, cell += range->stride) {
            nvmlReturn_t got = two->cells[cell].status != NVML_SUCCESS ? two->cells[cell].status : one->cells[cell].status;
            if (got == NVML_SUCCESS)
                sum += range->kind == BYTES ? (double)two->cells[cell].sum
                       : mean(one, two, cell) / (range->kind == PERCENT ? 1e7 : 1048576.0);
            if (got == NVML_SUCCESS || status == NVML_ERROR_NOT_SUPPORTED)
                status = got;
        }
    }
    if (metric->metricId < sizeof short_names / sizeof *short_names && short_names[metric->metricId][0] != '\0')
        metric->metricInfo.shortName = short_names[metric->metricId];
    if (valueless)
        return;
    metric->nvmlReturn = metric->metricId == 0 || metric->metricId >= NVML_GPM_METRIC_MAX ? NVML_ERROR_INVALID_ARGUMENT : status;
    metric->value = status == NVML_SUCCESS ? sum : 0;
}

/* The struct has grown under its one version: what an older caller owns ends with the metrics that it asks for. */
nvmlReturn_t native_nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *metricsGet)
{
    if (metricsGet->version != NVML_GPM_METRICS_GET_VERSION)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    const struct nvmlGpmSample_st *one = metricsGet->sample1, *two = metricsGet->sample2;
    if (metricsGet->numMetrics > NVML_GPM_METRIC_MAX || !mock_gpm_sample_valid(metricsGet->sample1)
        || !mock_gpm_sample_valid(metricsGet->sample2))
        return NVML_ERROR_INVALID_ARGUMENT;
    /* nvidia-smi dmon takes its titles from samples that it has only allocated, also of GPUs without GPM. */
    bool valueless = !one->taken || !two->taken || one->device != two->device;
    if (one->time > two->time) {
        one = metricsGet->sample2;
        two = metricsGet->sample1;
    }
    for (unsigned i = 0; i < metricsGet->numMetrics; i++)
        put_metric(one, two, valueless, &metricsGet->metrics[i]);
    return valueless ? NVML_ERROR_INVALID_ARGUMENT : NVML_SUCCESS;
}
