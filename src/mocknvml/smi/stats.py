"""`nvidia-smi stats`, which 525 and newer no longer have: samples of readings, a line each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

import pynvml as nvml

from mocknvml.smi.dmon import heat
from mocknvml.smi.gpus import Gpu, Problem, Refusal, ask, branch, chosen
from mocknvml.smi.main import log
from mocknvml.smi.options import TEXT, number, read

HELP = """
    stats -- samples of readings, one line each

    nvidia-smi stats [-i GPUS] [-d METRIC,...] [-c ROUNDS] [-f FILE]

    -d: pwrDraw (W), temp (C), memUtil, gpuUtil, encUtil, decUtil (%), procClk, memClk (MHz), violPwr (ns), violThm,
        xidEvent; all of them without it
    A line has the GPU, the metric, the time in microseconds and the value.

"""
DEPRECATED = (  # what 525 says
    'ERROR: "nvidia-smi stats" is deprecated and will be removed in CUDA 12.1; '
    'consider using "nvidia-smi dmon" instead.\n'
)
SECOND = 1_000_000
NOT_FOUND, TIMEOUT = 6, 10


class Watched:
    """A GPU, with what its metrics need from one round to the next."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.seen: dict[int, int] = {}  # until when, by the kind of samples
        self.violations: int | None = None  # at first
        if isinstance(gpu.ask("GetIndex"), Refusal):
            raise Problem("Failed to find any device\n", 255)
        self.events = ask("nvmlEventSetCreate")
        asked = [gpu.ask("GetSupportedEventTypes"), self.events]
        if not isinstance(self.events, Refusal):
            xids = nvml.nvmlEventTypeXidCriticalError
            asked.append(ask("nvmlDeviceRegisterEvents", gpu.handle, xids, self.events))
        if any(isinstance(answer, Refusal) for answer in asked):
            raise Problem("Failed to Register events\n", 255)


Reading = Iterator[tuple[Any, Any]]  # times and values


def _now() -> int:
    return time.time_ns() // 1000


def samples(kind: int, divisor: int = 1) -> Callable[[Watched], Reading]:
    def read(watched: Watched) -> Reading:
        since = watched.seen.setdefault(kind, _now() - SECOND)
        found = ask("nvmlDeviceGetSamples", watched.gpu.handle, kind, since)
        if isinstance(found, Refusal):
            yield "N/A", found
            return
        _, values = found
        for value in values:
            watched.seen[kind] = value.timeStamp
            yield value.timeStamp, value.sampleValue.uiVal // divisor

    return read


def temperature(watched: Watched) -> Reading:
    answer = ask("nvmlDeviceGetTemperature", watched.gpu.handle, 0)
    yield "N/A" if isinstance(answer, Refusal) else _now(), answer


def power_violations(watched: Watched) -> Reading:
    answer = ask("nvmlDeviceGetViolationStatus", watched.gpu.handle, nvml.NVML_PERF_POLICY_POWER)
    if isinstance(answer, Refusal):
        yield "N/A", answer
        return
    if watched.violations is None:
        watched.violations = answer.violationTime
    yield answer.referenceTime, answer.violationTime - watched.violations


def thermal_violations(watched: Watched) -> Reading:
    is_hot = heat(Gpu(watched.gpu.index, watched.gpu.handle))  # asked again in each round
    yield "N/A" if isinstance(is_hot, Refusal) else _now(), is_hot


def xids(watched: Watched) -> Reading:
    event = ask("nvmlEventSetWait_v2", watched.events, 0)
    if not isinstance(event, Refusal):
        yield _now(), event.eventData
    elif event.code != TIMEOUT:
        yield "N/A", event


METRICS = {
    "pwrDraw": samples(nvml.NVML_TOTAL_POWER_SAMPLES, 1000),
    "temp": temperature,
    "memUtil": samples(nvml.NVML_MEMORY_UTILIZATION_SAMPLES),
    "gpuUtil": samples(nvml.NVML_GPU_UTILIZATION_SAMPLES),
    "encUtil": samples(nvml.NVML_ENC_UTILIZATION_SAMPLES),
    "decUtil": samples(nvml.NVML_DEC_UTILIZATION_SAMPLES),
    "procClk": samples(nvml.NVML_PROCESSOR_CLK_SAMPLES),
    "memClk": samples(nvml.NVML_MEMORY_CLK_SAMPLES),
    "violPwr": power_violations,
    "violThm": thermal_violations,
    "xidEvent": xids,
}


def run(arguments: Sequence[str], out: TextIO) -> int:
    if branch() >= 525:
        raise Problem(DEPRECATED, 26)
    given = read(arguments, dict.fromkeys(("-i --id", "-d --display", "-c --count", "-f --filename"), TEXT))
    if "--help" in given:
        out.write(HELP)
        return 0
    rounds = number(given["--count"]) or 0 if "--count" in given else None
    if rounds is not None and rounds < 1:
        raise Problem("Failed to parse iteration count. Must be greater than zero\n", 2)
    if "--filename" in given:
        out = log(given["--filename"])
    gpus = [Watched(gpu) for gpu in chosen(given.get("--id"))]
    names = {name for name in given.get("--display", ",".join(METRICS)).split(",") if name}
    if names - METRICS.keys():
        raise Problem("Failed to parse --display/-d flags\n", 2)
    while True:
        for watched in gpus:
            for name, read_metric in METRICS.items():
                if name in names:
                    for when, value in read_metric(watched):
                        if not (isinstance(value, Refusal) and value.code == NOT_FOUND):
                            out.write(f"{watched.gpu.ask('GetIndex')}, {name:<8}, {when}, {value}\n")
        out.flush()
        if rounds is not None:
            rounds -= 1
            if not rounds:
                return 0
        time.sleep(1)
