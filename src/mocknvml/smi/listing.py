"""What nvidia-smi lists: `-L`, `-B` and `--version`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mocknvml.smi.gpus import Problem, Refusal, ask, branch, every, status_of
from mocknvml.smi.kinds import VERSION
from mocknvml.smi.main import Call


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
        raise Problem(f"Unable to determine the number of excluded GPUs: {count.reason}\n", status_of(count.code))
    if not count:
        call.out.write("No excluded devices found.\n")
    for index in range(count):
        info = ask("nvmlGetExcludedDeviceInfoByIndex", index)
        if isinstance(info, Refusal):
            text = f"Unable to get excluded device info for index {index}: {info.reason}\n\n"
            raise Problem(text, status_of(info.code))
        place = f"{info.pci.domain:08X}:{info.pci.bus:02X}:{info.pci.device:02X}.0"
        call.out.write(f"Excluded GPU {index}: {place} (UUID: {info.uuid.decode()})\n")
    return 0


def versions(call: Call) -> int:
    if branch() < 550:
        raise Problem("ERROR: Option --version is not recognized. Please run 'nvidia-smi -h'.\n\n", 255)
    driver = _version("nvmlSystemGetDriverVersion", str)
    cuda = _version("nvmlSystemGetCudaDriverVersion_v2", VERSION.show)
    rows = {
        "NVIDIA-SMI version": driver,
        "NVML version": _version("nvmlSystemGetNVMLVersion", lambda version: ".".join(version.split(".")[1:3])),
    }
    if branch() < 610:
        rows |= {"DRIVER version": driver, "CUDA Version": cuda}
    else:  # capture of an RTX 2080 Super with 610.57.04
        rows |= {
            "DRIVER version": 'Deprecated, see "KMD version" instead',
            "CUDA version": 'Deprecated, see "CUDA UMD version" instead',
            "KMD version": driver,
            "CUDA UMD version": cuda,
        }
    for name, version in rows.items():
        call.out.write(f"{name:<20}: {version}\n")
    return 0


def _version(function: str, show: Callable[[Any], str]) -> str:
    answer = ask(function)
    return "N/A" if isinstance(answer, Refusal) else show(answer)
