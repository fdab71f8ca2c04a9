"""The library and the node: init, versions, error strings, counting and finding GPUs.

The driver version is set when a node is made; the NVML and CUDA versions follow from it (`native/driver.c`).
"""

from mocknvml.table import Domain, System, choice, getter, native, text, u32, u64

Privileges = Domain(("root", "any"))


class Driver(System):
    version = text(80)
    branch = text(80)
    nvml_version = text(80)
    cuda_version = u32()


class Time(System):
    """Node time is `node + (CLOCK_MONOTONIC - host) * rate / 1e9`."""

    host = u64("ns")
    node = u64("ns")
    rate = u64("ppb")
    epoch = u64("us")  # the wall clock, since 1970, at node time 0


class Access(System):
    """Who may do through NVML what a driver lets root alone do; `any`: all who may write to the node's file."""

    privileges = choice(Privileges)


class Clock(System):
    waits = choice(Domain(("host", "node")))  # the clock by which timeouts pass


FUNCTIONS = (
    native("nvmlInit", "init.c", before_init=True),
    native("nvmlInit_v2", "init.c", before_init=True),
    native("nvmlInitWithFlags", "init.c", before_init=True),
    native("nvmlShutdown", "init.c", before_init=True),
    native("nvmlErrorString", "errors.c", before_init=True),
    native("nvmlSystemGetNVMLVersion", "init.c", before_init=True),
    getter("nvmlSystemGetDriverVersion", Driver.version),
    getter("nvmlSystemGetDriverBranch", branch=Driver.branch),
    getter("nvmlSystemGetCudaDriverVersion", Driver.cuda_version),
    getter("nvmlSystemGetCudaDriverVersion_v2", Driver.cuda_version),
    native("nvmlDeviceGetCount", "find.c"),
    native("nvmlDeviceGetCount_v2", "find.c"),
    native("nvmlDeviceGetHandleByIndex", "find.c"),
    native("nvmlDeviceGetHandleByIndex_v2", "find.c"),
    native("nvmlDeviceGetHandleByPciBusId", "find.c"),
    native("nvmlDeviceGetHandleByPciBusId_v2", "find.c"),
    # No unit, no host interface card and no excluded GPU is simulated: their counts are 0.
    native("nvmlUnitGetCount", "find.c"),
    native("nvmlSystemGetHicVersion", "find.c"),
    native("nvmlGetExcludedDeviceCount", "find.c"),
    native("nvmlGetExcludedDeviceInfoByIndex", "find.c"),
    native("nvmlGetBlacklistDeviceCount", "find.c"),
    native("nvmlGetBlacklistDeviceInfoByIndex", "find.c"),
    native("nvmlInternalGetExportTable", "export.c", before_init=True),
)
