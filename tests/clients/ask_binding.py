"""Ask an NVML binding what a monitor asks, and print the answers as JSON: `ask_binding.py pynvml`.

A program of its own, because bindings of several versions share one module name.
"""

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

nvml = importlib.import_module(sys.argv[1])


def plain(value: Any) -> Any:
    """Old bindings answer bytes, new ones str."""
    return value.decode() if isinstance(value, bytes) else value


def members(struct: Any) -> dict[str, Any]:
    return {name: plain(getattr(struct, name)) for name, *_ in struct._fields_}


def attempt(function: str, *arguments: Any, read: Callable[[Any], Any] = plain) -> Any:
    """What the function answers; None where the binding lacks it, the error's text where it fails."""
    if not hasattr(nvml, function):
        return None
    try:
        return read(getattr(nvml, function)(*arguments))
    except nvml.NVMLError as error:
        return f"{type(error).__name__}: {error}"


def processes(running: list[Any]) -> list[dict[str, Any]]:
    names = ("pid", "usedGpuMemory", "gpuInstanceId", "computeInstanceId")
    return [{name: getattr(process, name) for name in names if hasattr(process, name)} for process in running]


def ask_gpu(index: int) -> dict[str, Any]:
    gpu = nvml.nvmlDeviceGetHandleByIndex(index)
    return {
        "name": attempt("nvmlDeviceGetName", gpu),
        "uuid": attempt("nvmlDeviceGetUUID", gpu),
        "memory": attempt("nvmlDeviceGetMemoryInfo", gpu, read=members),
        "pci": attempt("nvmlDeviceGetPciInfo", gpu, read=members),
        "temperature": attempt("nvmlDeviceGetTemperature", gpu, nvml.NVML_TEMPERATURE_GPU),
        "power": attempt("nvmlDeviceGetPowerUsage", gpu),
        "power limit": attempt("nvmlDeviceGetPowerManagementLimit", gpu),
        "utilization": attempt("nvmlDeviceGetUtilizationRates", gpu, read=members),
        "clock": attempt("nvmlDeviceGetClockInfo", gpu, nvml.NVML_CLOCK_SM),
        "compute processes": attempt("nvmlDeviceGetComputeRunningProcesses", gpu, read=processes),
        "graphics processes": attempt("nvmlDeviceGetGraphicsRunningProcesses", gpu, read=processes),
        "nvlink": attempt("nvmlDeviceGetNvLinkState", gpu, 0),
        "nvlink remote": attempt("nvmlDeviceGetNvLinkRemotePciInfo", gpu, 0, read=members),
    }


nvml.nvmlInit()
answers = {
    "driver": attempt("nvmlSystemGetDriverVersion"),
    "gpus": [ask_gpu(index) for index in range(nvml.nvmlDeviceGetCount())],
}
nvml.nvmlShutdown()
json.dump(answers, sys.stdout)
