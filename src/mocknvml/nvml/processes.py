"""Processes that run on a GPU, with the memory that they hold.

One list: a process may have a compute and a graphics context at once. Outside MIG the instance ids are 0xFFFFFFFF.
"""

from mocknvml.table import Block, Record, list_getter, member, native, records

COMPUTE = 1
GRAPHICS = 2
MPS = 4


class Process(Record):
    pid = member("u32")
    contexts = member("u32")  # bits: COMPUTE, GRAPHICS, MPS
    memory = member("u64", "B")
    gpu_instance = member("u32", default=0xFFFFFFFF)
    compute_instance = member("u32", default=0xFFFFFFFF)
    protected_memory = member("u64", "B")
    # Utilization of the engines in the last sampling period; a process that used none has no sample.
    sm = member("u32", "%")
    memory_utilization = member("u32", "%")
    encoder = member("u32", "%")
    decoder = member("u32", "%")
    jpeg = member("u32", "%")
    ofa = member("u32", "%")
    start = member("u64", "us")  # since 1970
    name = member("text", size=200)


class Processes(Block):
    running = records(Process, capacity=128)


V1 = {"pid": "pid", "usedGpuMemory": "memory"}
V2 = {**V1, "gpuInstanceId": "gpu_instance", "computeInstanceId": "compute_instance"}

FUNCTIONS = (
    list_getter("nvmlDeviceGetComputeRunningProcesses", Processes.running.having("contexts", COMPUTE), **V1),
    list_getter("nvmlDeviceGetComputeRunningProcesses_v2", Processes.running.having("contexts", COMPUTE), **V2),
    list_getter("nvmlDeviceGetComputeRunningProcesses_v3", Processes.running.having("contexts", COMPUTE), **V2),
    list_getter("nvmlDeviceGetGraphicsRunningProcesses", Processes.running.having("contexts", GRAPHICS), **V1),
    list_getter("nvmlDeviceGetGraphicsRunningProcesses_v2", Processes.running.having("contexts", GRAPHICS), **V2),
    list_getter("nvmlDeviceGetGraphicsRunningProcesses_v3", Processes.running.having("contexts", GRAPHICS), **V2),
    list_getter("nvmlDeviceGetMPSComputeRunningProcesses", Processes.running.having("contexts", MPS), **V1),
    list_getter("nvmlDeviceGetMPSComputeRunningProcesses_v2", Processes.running.having("contexts", MPS), **V2),
    list_getter("nvmlDeviceGetMPSComputeRunningProcesses_v3", Processes.running.having("contexts", MPS), **V2),
    native("nvmlDeviceGetRunningProcessDetailList", "processes.c"),
    native("nvmlDeviceGetProcessUtilization", "samples.c"),
    native("nvmlDeviceGetProcessesUtilizationInfo", "samples.c"),
    native("nvmlSystemGetProcessName", "processes.c"),
)
