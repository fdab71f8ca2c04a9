"""Draining GPUs, removing them and discovering them again."""

from mocknvml.table import Record, System, member, native, records, u32


class DrainedGpu(Record):
    """A GPU that takes no new work; `removed`: that the driver no longer sees."""

    gpu = member("u32")  # place in the node, from 0
    since = member("u64", "ns")  # node time
    removed = member("flag")


class Drain(System):
    gpus = records(DrainedGpu, capacity=64)
    unreachable = u32()  # on how many GPUs `health.handle` may hold an error


FUNCTIONS = (
    native("nvmlDeviceModifyDrainState", "drain.c"),
    native("nvmlDeviceQueryDrainState", "drain.c"),
    native("nvmlDeviceRemoveGpu", "drain.c"),
    native("nvmlDeviceRemoveGpu_v2", "drain.c"),
    native("nvmlDeviceDiscoverGpus", "drain.c"),
)
