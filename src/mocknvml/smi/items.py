"""What nvidia-smi's queries may ask for of what a GPU has several of: processes, clocks, pages, remapped rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from mocknvml.smi.fields import FIELDS, MIB, Fields, Read, now
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal, ask, branch
from mocknvml.smi.processes import listed

# The fields that tell whose it is stand before the others.
OWNER = {
    "timestamp": ("", now),
    "gpu_name": FIELDS["name"],
    "gpu_bus_id": FIELDS["pci.bus_id"],
    "gpu_serial": FIELDS["serial"],
    "gpu_uuid": FIELDS["uuid"],
}
CAUSES = ("Single Bit ECC", "Double Bit ECC")


class Items(NamedTuple):
    list_them: Callable[[Gpu], list[Any]]  # a refusal stands for a row whose fields show it
    fields: Fields
    aliases: dict[str, str]


def attribute(name: str, form: Callable[[Any], str] = str) -> Read:
    """An attribute of an item; None is what NVML does not tell."""

    def reader(item: Any) -> Any:
        value = item if isinstance(item, Refusal) else getattr(item, name)
        if value is None:
            return Refusal(NOT_SUPPORTED)
        return value if isinstance(value, Refusal) else form(value)

    return reader


def mib(size: int) -> str:
    return str(size // MIB)


def compute_apps(gpu: Gpu) -> list[Any]:
    processes = listed(gpu, "C")
    if isinstance(processes, Refusal):
        return [processes] if branch() < 525 else []
    return list(processes)


def process_name(process: Any) -> Any:
    return process if isinstance(process, Refusal) else ask("nvmlSystemGetProcessName", process.pid)


class Clocks(NamedTuple):
    memory: int
    graphics: int


def supported_clocks(gpu: Gpu) -> list[Any]:
    memory = gpu.ask("GetSupportedMemoryClocks")
    if isinstance(memory, Refusal):
        return [memory]
    rows: list[Any] = []
    for clock in memory:
        graphics = gpu.ask("GetSupportedGraphicsClocks", clock)
        rows += [graphics] if isinstance(graphics, Refusal) else [Clocks(clock, other) for other in graphics]
    return rows


class Accounted(NamedTuple):
    pid: int
    stats: Any


def accounted_apps(gpu: Gpu) -> list[Any]:
    pids = gpu.ask("GetAccountingPids")
    if isinstance(pids, Refusal):
        return [pids]
    return [Accounted(pid, gpu.ask("GetAccountingStats", pid)) for pid in pids]


def accounted(name: str, form: Callable[[Any], str] = str) -> Read:
    def reader(item: Any) -> Any:
        return item if isinstance(item, Refusal) else attribute(name, form)(item.stats)

    return reader


class Page(NamedTuple):
    address: Any
    time: Any
    cause: str


def retired_pages(gpu: Gpu) -> list[Any]:
    rows = []
    for number, cause in enumerate(CAUSES):
        pages = gpu.ask("GetRetiredPages_v2", number)
        if isinstance(pages, Refusal):
            rows.append(Page(pages, pages, cause))
        else:
            rows += [Page(f"0x{page['address']:016x}", date(page["timestamp"]), cause) for page in pages]
    return rows


def date(seconds: int) -> Any:
    try:
        return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return Refusal(NOT_SUPPORTED)


def remapped_rows(gpu: Gpu) -> list[Any]:
    rows = gpu.ask("GetRemappedRows")
    return [rows]


def remapped(place: int) -> Read:
    return lambda rows: rows if isinstance(rows, Refusal) else str(rows[place])


ITEMS = {
    "--query-compute-apps": Items(
        compute_apps,
        {
            "pid": ("", attribute("pid")),
            "process_name": ("", process_name),
            "used_gpu_memory": ("MiB", attribute("usedGpuMemory", mib)),
        },
        {"name": "process_name", "used_memory": "used_gpu_memory"},
    ),
    "--query-accounted-apps": Items(
        accounted_apps,
        {
            "vgpu_instance": ("", lambda item: item if isinstance(item, Refusal) else "N/A"),
            "pid": ("", attribute("pid")),
            "gpu_utilization": ("%", accounted("gpuUtilization")),
            "mem_utilization": ("%", accounted("memoryUtilization")),
            "max_memory_usage": ("MiB", accounted("maxMemoryUsage", mib)),
            "time": ("ms", accounted("time")),
        },
        {"gpu_util": "gpu_utilization", "mem_util": "mem_utilization"},
    ),
    "--query-supported-clocks": Items(
        supported_clocks,
        {"memory": ("MHz", attribute("memory")), "graphics": ("MHz", attribute("graphics"))},
        {"mem": "memory", "gr": "graphics"},
    ),
    "--query-retired-pages": Items(
        retired_pages,
        {
            "retired_pages.address": ("", attribute("address")),
            "retired_pages.timestamp": ("", attribute("time")),
            "retired_pages.cause": ("", attribute("cause")),
        },
        {},
    ),
    "--query-remapped-rows": Items(
        remapped_rows,
        {
            "remapped_rows.correctable": ("", remapped(0)),
            "remapped_rows.uncorrectable": ("", remapped(1)),
            "remapped_rows.pending": ("", remapped(2)),
            "remapped_rows.failure": ("", remapped(3)),
        },
        {},
    ),
}
