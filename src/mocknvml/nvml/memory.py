"""Frame buffer and BAR1 memory, in bytes.

`allocated` is what no listed process holds; the driver's `used` adds the memory of the running processes.
"""

from mocknvml.nvml.processes import Processes
from mocknvml.table import Block, Record, getter, member, native, records, u32, u64


class CgroupLimit(Record):
    """Limits of the processes of a control group, and of those below it that have none of their own."""

    cgroup = member("text", size=256)  # path
    soft = member("u64", "B")
    hard = member("u64", "B")
    used = member("u64", "B")


class Memory(Block):
    total = u64("B")
    reserved = u64("B")
    allocated = u64("B")
    bus_width = u32("bits")
    limits = records(CgroupLimit, capacity=16)
    used = u64("B", derived=allocated + Processes.running.total("memory"))
    free = u64("B", derived=total - reserved - used)
    used_with_reserved = u64("B", derived=reserved + used)


class Bar1(Block):
    total = u64("B")
    used = u64("B")
    free = u64("B", derived=total - used)


FUNCTIONS = (
    # nvml.h, nvmlMemory_t: v1's used is "Sum of Reserved and Allocated device memory"; v2 gives both apart.
    getter("nvmlDeviceGetMemoryInfo", total=Memory.total, free=Memory.free, used=Memory.used_with_reserved),
    getter(
        "nvmlDeviceGetMemoryInfo_v2",
        total=Memory.total,
        reserved=Memory.reserved,
        free=Memory.free,
        used=Memory.used,
    ),
    getter("nvmlDeviceGetMemoryBusWidth", Memory.bus_width),
    native("nvmlDeviceGetMemoryLimits_v1", "memory_limits.c"),
    getter("nvmlDeviceGetBAR1MemoryInfo", bar1Total=Bar1.total, bar1Free=Bar1.free, bar1Used=Bar1.used),
    native("nvmlDeviceSetMemoryLimits_v1", "set_memory_limits.c"),
)
