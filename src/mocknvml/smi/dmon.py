"""`nvidia-smi dmon`: readings of GPUs, a line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TextIO

import pynvml as nvml

from mocknvml.smi.gpus import Gpu, Refusal, branch
from mocknvml.smi.monitor import Column, columns, request, scroll, shown

HELP = """
    dmon -- readings of GPUs, one line each and round

    nvidia-smi dmon [-i GPUS] [-d SECONDS] [-c ROUNDS] [-s METRICS] [-o DT] [-f FILE]

    -s: p power and temperature, u utilization, c clocks, v violations, m memory, e ECC and PCIe errors, t PCIe traffic
        (default puc)
    -o: D with the date, T with the time

"""

HOT = nvml.nvmlClocksThrottleReasonSwThermalSlowdown | nvml.nvmlClocksThrottleReasonHwThermalSlowdown
GROUPS = {
    "p": (Column("pwr", "W"), Column("gtemp", "C"), Column("mtemp", "C")),
    "u": (
        Column("sm", "%"),
        Column("mem", "%"),
        Column("enc", "%"),
        Column("dec", "%"),
        Column("jpg", "%", 535),
        Column("ofa", "%", 535),
    ),
    "c": (Column("mclk", "MHz"), Column("pclk", "MHz")),
    "v": (Column("pviol", "%"), Column("tviol", "bool")),
    "m": (Column("fb", "MB"), Column("bar1", "MB"), Column("ccpm", "MB", 535)),
    "e": (Column("sbecc", "errs"), Column("dbecc", "errs"), Column("pci", "errs")),
    "t": (Column("rxpci", "MB/s"), Column("txpci", "MB/s")),
}


def part(answer: Any, at: str | int, divisor: int = 1) -> Any:
    """A member of an answer, in a coarser unit."""
    if isinstance(answer, Refusal):
        return answer
    value = answer[at] if isinstance(at, int) else getattr(answer, at)
    return int(value) // divisor


def whole(answer: Any, divisor: int = 1) -> Any:
    return answer if isinstance(answer, Refusal) else int(answer) // divisor


def errors(gpu: Gpu, kind: int) -> Any:
    mode = gpu.ask("GetEccMode")
    return gpu.ask("GetTotalEccErrors", kind, 0) if not isinstance(mode, Refusal) and mode[0] else None


def heat(gpu: Gpu) -> Any:
    """Whether heat holds the clocks down."""
    reasons = gpu.ask("GetCurrentClocksThrottleReasons")
    if isinstance(reasons, Refusal) or branch() >= 550:  # which shows 0 whatever it reads
        return reasons if isinstance(reasons, Refusal) else 0
    limit = gpu.ask("GetTemperatureThreshold", nvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)
    temperature = gpu.ask("GetTemperature", nvml.NVML_TEMPERATURE_GPU)
    refusals = [answer for answer in (limit, temperature) if isinstance(answer, Refusal)]
    return refusals[0] if refusals else int(reasons & HOT != 0 or temperature >= limit)


class Violations:
    """How much of the time since the last round the power limit held the clocks down, and whether heat does now."""

    def __init__(self) -> None:
        self.last: dict[int, Any] = {}

    def __call__(self, gpu: Gpu) -> tuple[Any, Any]:
        return self.power(gpu), heat(gpu)

    def power(self, gpu: Gpu) -> Any:
        times = gpu.ask("GetViolationStatus", nvml.NVML_PERF_POLICY_POWER)
        if isinstance(times, Refusal):
            return times
        last = self.last.get(gpu.index, times)
        self.last[gpu.index] = times
        passed = times.referenceTime - last.referenceTime  # microseconds; violations are in nanoseconds
        return (times.violationTime - last.violationTime) // 10 // passed if passed else 0


READINGS: dict[str, Callable[[Gpu], Sequence[Any]]] = {
    "p": lambda gpu: (
        whole(gpu.ask("GetPowerUsage"), 1000),
        gpu.ask("GetTemperature", 0),
        gpu.field(nvml.NVML_FI_DEV_MEMORY_TEMP),
    ),
    "u": lambda gpu: (
        part(gpu.ask("GetUtilizationRates"), "gpu"),
        part(gpu.ask("GetUtilizationRates"), "memory"),
        *(part(gpu.ask(f"Get{engine}Utilization"), 0) for engine in ("Encoder", "Decoder", "Jpg", "Ofa")),
    ),
    "c": lambda gpu: (gpu.ask("GetClockInfo", 2), gpu.ask("GetClockInfo", 0)),
    "m": lambda gpu: (
        part(gpu.memory(), "used", 2**20),
        part(gpu.ask("GetBAR1MemoryInfo"), "bar1Used", 2**20),
        part(gpu.ask("GetConfComputeProtectedMemoryUsage"), "used", 2**20),
    ),
    "e": lambda gpu: (errors(gpu, 0), errors(gpu, 1), gpu.ask("GetPcieReplayCounter")),
    "t": lambda gpu: (whole(gpu.ask("GetPcieThroughput", 1), 1000), whole(gpu.ask("GetPcieThroughput", 0), 1000)),
}


def run(arguments: Sequence[str], out: TextIO) -> int:
    asked = request(arguments, out, "puc", 600, HELP)
    chosen = columns(asked.select, GROUPS)
    width, end = asked.layout.metric, asked.layout.end
    sources: dict[str, Callable[[Gpu], Sequence[Any]]] = {**READINGS, "v": Violations()}
    letters = {letter for letter, _, _ in chosen}

    def cells(texts: Sequence[str]) -> list[str]:
        return [*(f"{text:>{width}}" for text in texts), end]

    def row(gpu: Gpu) -> str:
        readings = {letter: sources[letter](gpu) for letter in letters}
        return asked.row(gpu, "".join(cells([shown(readings[letter][at]) for letter, at, _ in chosen])))

    heads = asked.heads(
        cells([column.title for _, _, column in chosen]), cells([column.unit for _, _, column in chosen])
    )
    return scroll(asked, heads, lambda gpus: [row(gpu) for gpu in gpus])
