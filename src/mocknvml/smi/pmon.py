"""`nvidia-smi pmon`: what processes take of GPUs, a line each."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any, TextIO

from mocknvml.smi.gpus import Gpu, Refusal, ask_slot, branch
from mocknvml.smi.monitor import Column, Request, request, scroll
from mocknvml.smi.processes import Process, running

HELP = """
    pmon -- what processes take of GPUs, one line each and round

    nvidia-smi pmon [-i GPUS] [-d SECONDS] [-c ROUNDS] [-s METRICS] [-o DT] [-f FILE]

    -s: u utilization, m memory (default u)
    -o: D with the date, T with the time

"""

GROUPS = {
    "u": (
        Column("sm", "%"),
        Column("mem", "%"),
        Column("enc", "%"),
        Column("dec", "%"),
        Column("jpg", "%", 550),
        Column("ofa", "%", 550),
    ),
    "m": (Column("fb", "MB"), Column("ccpm", "MB", 535)),
}
ENGINES = ("smUtil", "memUtil", "encUtil", "decUtil")
NAME = 15  # letters
SAMPLES, ENTRY = 100, 80  # as many samples as nvidia-smi asks for; bytes of an engine in one


def run(arguments: Sequence[str], out: TextIO) -> int:
    asked = request(arguments, out, 10, HELP, {})
    chosen = asked.columns("u", GROUPS)
    form = asked.head

    def titles(pid: str, kind: str, texts: Sequence[str], name: str) -> list[str]:
        pid_width = 11 if branch() < 530 else 12
        end = form.end if branch() >= 550 else ""
        widths = [form.title, *[form.metric] * (len(texts) - 1)]
        cells = (f"{text:>{width}}" for text, width in zip(texts, widths, strict=True))
        return [f"{pid:>{pid_width}}{kind:>{form.type}}", *cells, f"{form.room}{name}{end}"]

    heads = asked.heads(
        titles("pid", "type", [column.title for _, _, column in chosen], "command"),
        titles("#", "C/G", [column.unit for _, _, column in chosen], "name"),
    )
    seen: dict[int, int] = {}
    return scroll(asked, heads, lambda gpus: [line for gpu in gpus for line in rows(gpu, asked, chosen, seen)])


def rows(gpu: Gpu, asked: Request, chosen: Sequence[tuple[str, int, Column]], seen: dict[int, int]) -> list[str]:
    """The lines of a GPU. `seen`: at what place each process was first shown; nvidia-smi keeps to that order."""
    form = asked.layout

    def line(pid: str, kind: str, cells: Sequence[str], name: str) -> str:
        metrics = (f"{cell:>{form.metric}}" for cell in cells)
        return asked.row(gpu, [f"{pid:>11}{kind:>6}", *metrics, f"{form.room}{name[:NAME]:<{NAME}}"])

    used = utilization(gpu)
    listed = running(gpu)
    found = [] if isinstance(listed, Refusal) else listed
    for process in found:
        seen.setdefault(process.pid, len(seen))
    found.sort(key=lambda process: seen[process.pid])
    if not found:
        return [line("-", "-", ["-"] * len(chosen), "-")]
    return [
        line(
            str(process.pid),
            process.type,
            [_cell(letter, at, process, used) for letter, at, _ in chosen],
            str(process.name).rsplit("/", 1)[-1],
        )
        for process in found
    ]


def utilization(gpu: Gpu) -> dict[int, tuple[int, ...]]:
    """What each process takes of the engines."""
    found = _private_utilization(gpu)
    if not isinstance(found, Refusal):
        return found
    samples: Any = gpu.ask("GetProcessUtilization", 0)
    if isinstance(samples, Refusal):
        return {}
    return {sample.pid: tuple(getattr(sample, engine) for engine in ENGINES) for sample in samples}


def _private_utilization(gpu: Gpu) -> dict[int, tuple[int, ...]] | Refusal:
    """The same from the table that nvidia-smi asks: samples of a time and an entry for each engine, of which each has a
    process and its share. What is shown is the mean over the samples."""
    engines = 4 if branch() < 550 else 6
    buffer = ctypes.create_string_buffer(SAMPLES * (8 + engines * ENTRY))
    count, unknown = ctypes.c_uint(SAMPLES), ctypes.c_uint()
    since, counted = ctypes.c_ulonglong(0), ctypes.byref(count)
    refusal = ask_slot(145, gpu.handle, since, ctypes.byref(unknown), counted, buffer)
    if refusal is not None:
        return refusal
    sums: dict[int, list[int]] = {}
    for sample in range(count.value):
        for engine in range(engines):
            at = sample * (8 + engines * ENTRY) + 8 + engine * ENTRY
            share, _, pid = struct.unpack_from("<III", buffer, at)
            sums.setdefault(pid, [0] * engines)[engine] += share
    return {pid: tuple(share // count.value for share in shares) for pid, shares in sums.items()}


def _cell(letter: str, at: int, process: Process, used: dict[int, tuple[int, ...]]) -> str:
    if letter == "m":
        amounts = (process.memory, process.protected_memory)
        return "-" if amounts[at] is None else str(amounts[at] // 2**20)
    engines = used.get(process.pid)
    return "-" if engines is None or at >= len(engines) else str(engines[at])
