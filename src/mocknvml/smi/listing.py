"""`nvidia-smi -L`, `-B` and `--version`."""

from __future__ import annotations

from mocknvml.smi.calls import driver_version
from mocknvml.smi.gpus import Problem, Refusal, ask, branch, every, status_of
from mocknvml.smi.main import Call, unknown_option


def gpus(call: Call) -> int:
    found = every()
    if not found:
        call.out.write("No devices found.\n")
    status = 0
    for gpu in found:
        name, uuid = gpu.ask("GetName"), gpu.ask("GetUUID")
        if isinstance(name, Refusal):
            call.out.write(f"Unable to determine the product name for gpu {gpu.index}: {name}\n")
            status = status_of(name.code)
        else:
            call.out.write(f"GPU {gpu.index}: {name} (UUID: {uuid})\n")
    return status


def excluded(call: Call) -> int:
    count = ask("nvmlGetExcludedDeviceCount")
    if isinstance(count, Refusal):
        raise Problem(f"Unable to get excluded device count: {count.reason}\n", status_of(count.code))
    for index in range(count):
        info = ask("nvmlGetExcludedDeviceInfoByIndex", index)
        if isinstance(info, Refusal):
            text = f"Unable to get excluded device info for index {index}: {info.reason}"
            raise Problem(f"{text}\n", status_of(info.code))
        call.out.write(f"Excluded GPU {index}: {info.pci.busId} (UUID: {info.uuid})\n")
    if not count:
        call.out.write("No excluded devices found.\n")
    return 0


def versions(call: Call) -> int:
    """nvidia-smi's own version is taken for that of the driver."""
    if branch() < 550:
        raise unknown_option(call.words["--version"])
    nvml, cuda = ask("nvmlSystemGetNVMLVersion"), ask("nvmlSystemGetCudaDriverVersion")
    driver = ask("nvmlSystemGetDriverVersion")
    for name, version in {
        "NVIDIA-SMI version  ": driver_version(),
        "NVML version        ": nvml if isinstance(nvml, Refusal) else ".".join(nvml.split(".")[1:3]),
        "DRIVER version      ": driver,
        "CUDA Version        ": cuda if isinstance(cuda, Refusal) else f"{cuda // 1000}.{cuda % 1000 // 10}",
    }.items():
        call.out.write(f"{name}: {version}\n")
    return 0
