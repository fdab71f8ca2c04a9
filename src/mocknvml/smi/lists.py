"""What a report lists: processes, pages, clocks and samples."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mocknvml.smi.gpus import VALUE_MEMBERS, Gpu, Refusal, branch
from mocknvml.smi.kinds import MHZ, MIB, NOT_AVAILABLE, PERCENT, Kind
from mocknvml.smi.processes import running
from mocknvml.smi.rows import Row

Found = str | tuple[Row, ...]  # a word in their place, or the rows
WIDTH = 42  # of the labels of a process; those of the report are wider from driver 580 on


def mig_devices(gpu: Gpu) -> Found:
    return "\n\t\t\tNone\n\t\t"


# --- processes


def used(memory: int | None) -> str:
    return NOT_AVAILABLE if memory is None else MIB.show(memory)


def processes(gpu: Gpu) -> Found:
    found = running(gpu)
    if isinstance(found, Refusal):
        return ()
    return tuple(
        Row(
            "process_info",
            "",
            None,
            (
                Row("gpu_instance_id", "GPU instance ID", process.gpu_instance),
                Row("compute_instance_id", "Compute instance ID", process.compute_instance),
                Row(
                    "pid",
                    "Process ID",
                    str(process.pid),
                    (
                        Row("type", "Type", process.type),
                        Row("process_name", "Name", str(process.name)),
                        Row("used_memory", "Used GPU Memory", used(process.memory)),
                    ),
                ),
            ),
            width=WIDTH,
        )
        for process in found
    )


def accounted(gpu: Gpu) -> Found:
    pids = gpu.ask("GetAccountingPids")
    if isinstance(pids, Refusal):
        return str(pids)
    return tuple(_accounted(gpu, pid) for pid in pids)


def _accounted(gpu: Gpu, pid: int) -> Row:
    stats = gpu.ask("GetAccountingStats", pid)

    def shown(kind: Callable[[Any], str], member: str) -> str:
        return str(stats) if isinstance(stats, Refusal) else kind(getattr(stats, member))

    return Row(
        "accounted_process_info",
        "",
        None,
        (
            Row(
                "pid",
                "Process ID",
                str(pid),
                (
                    Row("gpu_util", "GPU Utilization", shown(PERCENT.show, "gpuUtilization")),
                    Row("memory_util", "Memory Utilization", shown(PERCENT.show, "memoryUtilization")),
                    Row("max_memory_usage", "Max memory usage", shown(MIB.show, "maxMemoryUsage")),
                    Row("time", "Time", shown(lambda time: f"{time} ms", "time")),
                    Row("is_running", "Is Running", shown(str, "isRunning")),
                ),
            ),
        ),
    )


# --- pages and clocks


def retired_pages(cause: int) -> Callable[[Gpu], Found]:
    def pages(gpu: Gpu) -> Found:
        found = gpu.ask("GetRetiredPages_v2", cause)
        if isinstance(found, Refusal):
            return str(found)
        return tuple(_page(page) for page in found)

    return pages


def _page(page: dict[str, int]) -> Row:
    rows = (
        Row("retired_page_address", "", f"0x{page['address']:016x}"),
        Row("retired_page_timestamp", "", time.ctime(page["timestamp"])),
    )
    return Row("retired_page", "", None, rows)


def supported_clocks(gpu: Gpu) -> Found:
    memory = gpu.ask("GetSupportedMemoryClocks")
    if isinstance(memory, Refusal):
        return str(memory)
    return tuple(_supported(gpu, clock) for clock in memory)


def _supported(gpu: Gpu, memory: int) -> Row:
    graphics = gpu.ask("GetSupportedGraphicsClocks", memory)
    clocks = [] if isinstance(graphics, Refusal) else [MHZ.show(clock) for clock in graphics]
    # Seen of drivers 470 to 550; the 260 of a GB200 stand in a report of 580.
    if len(clocks) > 256 and branch() < 580:
        clocks = ["Unknown Error"]
    rows = tuple(Row("supported_graphics_clock", "Graphics", clock) for clock in clocks)
    return Row("supported_mem_clock", "", None, (Row("value", "Memory", MHZ.show(memory), rows),))


# --- samples


def samples(kind_of: int, kind: Kind) -> Callable[[Gpu], Found]:
    def rows(gpu: Gpu) -> Found:
        answer = gpu.ask("GetSamples", kind_of, 0)
        if isinstance(answer, Refusal):
            shown = [str(answer)] * 5
        else:
            value_type, found = answer
            values = [getattr(sample.sampleValue, VALUE_MEMBERS[value_type]) for sample in found]
            duration = (found[-1].timeStamp - found[0].timeStamp) / 10**6
            extremes = (max(values), min(values), sum(values) / len(values))
            shown = [f"{duration:.2f} sec", str(len(values)), *map(kind.show, extremes)]
        labels = ("Duration", "Number of Samples", "Max", "Min", "Avg")
        return tuple(Row("", label, text) for label, text in zip(labels, shown, strict=True))

    return rows
