"""The processes on a GPU."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from mocknvml.smi.gpus import Gpu, Refusal, ask

# The letters of the lists, in the order in which the type of a process names them.
LISTS = {"M": "MPSCompute", "C": "Compute", "G": "Graphics"}
NO_INSTANCE = 0xFFFFFFFF


class Process:
    def __init__(self, entry: Any) -> None:
        self.pid = int(entry.pid)
        self.memory = entry.usedGpuMemory
        self.protected_memory = getattr(entry, "usedGpuCcProtectedMemory", 0)
        self.gpu_instance, self.compute_instance = _instance(entry.gpuInstanceId), _instance(entry.computeInstanceId)
        self.letters: list[str] = []

    @property
    def type(self) -> str:
        return "+".join(self.letters)

    @property
    def shown_pid(self) -> int:
        """As nvidia-smi prints and sorts it: signed."""
        return self.pid - (1 << 32) if self.pid >> 31 else self.pid

    @cached_property
    def name(self) -> Any:
        return ask("nvmlSystemGetProcessName", self.pid)


def _instance(number: int) -> str:
    return "N/A" if number == NO_INSTANCE else str(number)


def listed(gpu: Gpu, letter: str) -> Any:
    """The entries of one list, or its refusal. Drivers before 510 have the second version of the function only."""
    found = gpu.ask(f"Get{LISTS[letter]}RunningProcesses_v3")
    if isinstance(found, Refusal) and found.is_absent:
        found = gpu.ask(f"Get{LISTS[letter]}RunningProcesses_v2")
    return found


def running(gpu: Gpu) -> list[Process] | Refusal:
    """All processes but those that MPS alone lists, or the first list's refusal."""
    found: dict[int, Process] = {}
    for letter in LISTS:
        entries = listed(gpu, letter)
        if isinstance(entries, Refusal):
            return entries
        for entry in entries:
            found.setdefault(entry.pid, Process(entry)).letters.append(letter)
    shown = (process for process in found.values() if process.letters != ["M"])
    return sorted(shown, key=lambda process: process.shown_pid)
