"""`nvidia-smi dmon`: readings of GPUs, a line each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TextIO

import pynvml as nvml

from mocknvml.smi.gpus import Gpu, Problem, Refusal, branch
from mocknvml.smi.monitor import Column, Layout, Request, request, scroll, shown
from mocknvml.smi.options import NEW, OPTIONAL, TEXT

HELP = """
    dmon -- readings of GPUs, one line each and round

    nvidia-smi dmon [-i GPUS] [-d SECONDS] [-c ROUNDS] [-s METRICS] [-o DT] [-f FILE]
                    [--gpm-metrics=IDS] [--gpm-options=d|m|dm|md] [--format=csv,nounit,noheader]

    -s: p power and temperature, u utilization, c clocks, v violations, m memory, e ECC and PCIe errors, t PCIe traffic
        (default puc)
    -o: D with the date, T with the time
    --gpm-metrics (since driver 525, GPUs since Hopper): means between rounds, by number: 1 graphics, 2 SMs active,
        3 occupancy, 4 integer, 5 tensor, 6 DFMA, 7 HMMA, 9 IMMA, 10 DRAM, 11 FP64, 12 FP32, 13 FP16, 20 PCIe sent,
        21 received, 30-37 NVDEC, 40-47 NVJPG, 50 NVOFA, 60 NVLink received, 61 sent, 62-97 the same of each link
    --gpm-options (550): d of GPUs (default), m of MIG devices
    --format (550): csv with commas, nounit and noheader without the line of units or titles

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
MOST_METRICS = 98  # of GPM, that a line shows
FORMATS = ("csv", "nounit", "noheader")
MIG = tuple(Column(name, "Idx") for name in ("mig_id", "gi_id", "ci_id"))
OPTIONS = {"--gpm-metrics": (NEW, OPTIONAL), "--gpm-options": (550, TEXT), "--format": (550, TEXT)}  # since when


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
    """Whether heat holds the clocks down. 550 shows 0 whatever it reads, and 555 looks at the temperature alone."""
    reasons = 0 if branch() >= 555 else gpu.ask("GetCurrentClocksThrottleReasons")
    if isinstance(reasons, Refusal) or 550 <= branch() < 555:
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


def unread(_: Gpu) -> Sequence[None]:
    """Of MIG devices that are not there."""
    return [None] * MOST_METRICS


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


def formats(asked: Request) -> list[str]:
    """What --format lists."""
    text = asked.given.get("--format", ",")
    words = [word for word in text.split(",") if word]
    unknown = [f"{word} is not a recognized format option\n" for word in words if word not in FORMATS]
    if unknown or not text:
        asked.fail(f"{''.join(unknown[:1])}Error parsing format options\n")
    return words


def run(arguments: Sequence[str], out: TextIO) -> int:
    more = {option: kind for option, (since, kind) in OPTIONS.items() if branch() >= since}
    asked = request(arguments, out, 600, HELP, more)
    sources: dict[str, Callable[[Gpu], Sequence[Any]]] = {**READINGS, "v": Violations(), "mig": unread, "gpm": unread}
    gpm: Sequence[Column] = ()
    if asked.given.get("--gpm-metrics"):
        from mocknvml.smi.gpm_metrics import Metrics

        sources["gpm"] = metrics = Metrics(asked)
        gpm = metrics.columns(asked.gpus[0])
    levels = asked.given.get("--gpm-options", "d")
    if levels not in ("d", "m", "dm", "md"):
        raise Problem(HELP, 0)
    chosen = asked.columns("puc", GROUPS)
    asked = asked._replace(formats=formats(asked))
    if "d" not in levels:
        chosen, sources["gpm"] = [], unread
    narrow = len(chosen)
    chosen += [("mig", at, column) for at, column in enumerate(MIG if "m" in levels else ())]
    chosen += [("gpm", at, column) for at, column in enumerate(gpm)]
    letters = {letter for letter, _, _ in chosen}

    def cells(texts: list[str], form: Layout) -> list[str]:
        if "csv" in asked.formats:
            return texts
        wide = (f"{text:>10}{form.wide_end}" for text in texts[narrow:])
        return [*(f"{text:>{form.metric}}" for text in texts[:narrow]), form.end, *wide]

    def row(gpu: Gpu) -> str:
        readings = {letter: sources[letter](gpu) for letter in letters}
        return asked.row(gpu, cells([shown(readings[letter][at]) for letter, at, _ in chosen], asked.layout))

    columns = [column for _, _, column in chosen]
    titles, units = ([getattr(column, name) for column in columns] for name in ("title", "unit"))
    heads = asked.heads(cells(titles, asked.head), cells(units, asked.head))
    return scroll(asked, heads, lambda gpus: [row(gpu) for gpu in gpus])
