"""Memory."""

from __future__ import annotations

from typing import Any

import pynvml as nvml

from mocknvml.smi.calls import Ask, Call, call
from mocknvml.smi.elements.shape import Item, element, section
from mocknvml.smi.gpus import Gpu, Refusal
from mocknvml.smi.kinds import MIB


def memory(member: str) -> Call:
    """Drivers before 510 have no version 2, which tells reserved memory too."""
    return call("nvmlDeviceGetMemoryInfo", nvml.nvmlMemory_v2, at=member)


def free_memory(gpu: Gpu) -> Any:
    """What nvidia-smi counts itself, in MiB and without a sign."""
    info = gpu.ask("GetMemoryInfo")
    return info if isinstance(info, Refusal) else ((info.total >> 20) - (info.used >> 20)) % 2**64 << 20


MEMORY_V1: dict[str, Ask] = {
    "total": call("nvmlDeviceGetMemoryInfo", at="total"),
    "used": call("nvmlDeviceGetMemoryInfo", at="used"),
    "free": free_memory,
}


MEMORY_OF_GPU: tuple[Item, ...] = (
    section(
        "fb_memory_usage",
        "FB Memory Usage",
        *(
            it
            for name in ("total", "reserved", "used", "free")
            for it in (
                *([element(name, name.title(), MIB, MEMORY_V1[name], "-510")] if name in MEMORY_V1 else []),
                element(name, name.title(), MIB, memory(name), "510-"),
            )
        ),
        parts="MEMORY",
    ),
    section(
        "bar1_memory_usage",
        "BAR1 Memory Usage",
        *(
            element(name, name.title(), MIB, call("nvmlDeviceGetBAR1MemoryInfo", at=f"bar1{name.title()}"))
            for name in ("total", "used", "free")
        ),
        parts="MEMORY",
    ),
    section(
        "cc_protected_memory_usage",
        "Conf Compute Protected Memory Usage",
        *(
            element(name, name.title(), MIB, call("nvmlDeviceGetConfComputeProtectedMemoryUsage", at=name))
            for name in ("total", "used", "free")
        ),
        drivers="535-",
        parts="MEMORY",
    ),
)
