"""GPM, the performance counters of Hopper and newer: a metric is the mean of its field between two samples.

The counters are hardware of their own: nothing here follows from `utilization`, `pcie.throughput` or `nvlink`. Totals
over links are the sums of the links. The `*_sum` fields are the integrals over node time (`native/node.c`).
"""

from mocknvml.table import ROOT, Block, Domain, flag, getter, native, refuses, setter, u32, u64

Engine = Domain(
    (
        *("graphics", "sm", "occupancy", "integer", "tensor", "dfma", "hmma", "dmma", "imma", "dram"),
        *("fp64", "fp32", "fp16"),
        *("nvdec0", "nvdec1", "nvdec2", "nvdec3", "nvdec4", "nvdec5", "nvdec6", "nvdec7"),
        *("nvjpg0", "nvjpg1", "nvjpg2", "nvjpg3", "nvjpg4", "nvjpg5", "nvjpg6", "nvjpg7"),
        *("nvofa0", "nvofa1"),
        *("hostmem_hit", "hostmem_miss", "peermem_hit", "peermem_miss", "dram_hit", "dram_miss"),
        *("nvenc0", "nvenc1", "nvenc2", "nvenc3"),
    )
)
Transfer = Domain(("tx", "rx"))
LinkTransfer = Domain(("rx", "tx"))
Link = Domain.count(72)
C2cLink = Domain.count(14)
C2cTransfer = Domain(("total_tx", "total_rx", "data_tx", "data_rx"))


class Gpm(Block):
    supported = flag()
    streaming = flag()
    # In the order of native/gpm.c, which counts these elements through.
    active = u32("ppb", per=Engine)
    pcie = u64("B/s", per=Transfer)
    nvlink = u64("B/s", per=(Link, LinkTransfer))
    c2c = u64("B/s", per=(C2cLink, C2cTransfer))
    active_sum = u64("ns", per=Engine)
    pcie_sum = u64("B", per=Transfer)
    nvlink_sum = u64("B", per=(Link, LinkTransfer))
    c2c_sum = u64("B", per=(C2cLink, C2cTransfer))
    since = u64("ns")  # when the sums were last carried on


FUNCTIONS = (
    getter("nvmlGpmQueryIfStreamingEnabled", Gpm.streaming),
    setter("nvmlGpmSetStreamingEnabled", Gpm.streaming, needs=ROOT),
    native("nvmlGpmQueryDeviceSupport", "gpm.c"),
    native("nvmlGpmSampleAlloc", "gpm.c"),
    native("nvmlGpmSampleFree", "gpm.c"),
    native("nvmlGpmSampleGet", "gpm.c"),
    native("nvmlGpmMetricsGet", "gpm.c"),
    # As nvmlDeviceGetGpuInstanceById, of which nvml.h says so, where MIG mode is off.
    *refuses("No GPU instance exists", "nvmlGpmMigSampleGet"),
)
