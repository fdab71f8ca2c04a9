"""The metrics of GPM that `nvidia-smi dmon` shows: means over the time between the samples of two rounds."""

from __future__ import annotations

import re
from typing import Any

import pynvml as nvml

from mocknvml.smi.dmon import MOST_METRICS
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal, ask, branch
from mocknvml.smi.monitor import Column, Request

TOO_HIGH = 98  # of 535 and 550


def numbers(asked: Request) -> list[int]:
    """The ids that --gpm-metrics lists."""
    bad = "Could not parse GPM metrics\n"
    found = []
    for word in filter(None, asked.given["--gpm-metrics"].split(",")):
        if strange := re.search("[^0-9]", word):
            asked.fail(f"Found offending character: {strange[0]}\n{bad}")
        found.append(int(word))
        if found[-1] >= (TOO_HIGH if branch() < 570 else nvml.NVML_GPM_METRIC_MAX):
            asked.fail(f"Metric value too high: {found[-1]}\n{bad}")
        if len(found) > MOST_METRICS:
            asked.fail(f"Too many metrics\n{bad}")
    return found


class Metrics:
    def __init__(self, asked: Request) -> None:
        self.numbers = numbers(asked)
        self.samples: dict[int, list[Any]] = {}  # of a GPU, the later one last

    def columns(self, gpu: Gpu) -> list[Column]:
        """What NVML calls the metrics, which it tells of samples without data too."""
        infos = [metric.metricInfo for metric in self._get(gpu)]
        return [
            Column(
                info.shortName.decode() if info.shortName else f"id={number}",
                f"GPM:{info.unit.decode()}" if info.unit else "GPM",
            )
            for info, number in zip(infos, self.numbers, strict=True)
        ]

    def __call__(self, gpu: Gpu) -> list[int | None]:
        samples = self._samples(gpu)
        samples.reverse()
        refusal = ask("nvmlGpmSampleGet", gpu.handle, samples[1])
        if isinstance(refusal, Refusal):
            return [None] * len(self.numbers)
        return [None if metric.nvmlReturn else int(metric.value) for metric in self._get(gpu)]

    def _samples(self, gpu: Gpu) -> list[Any]:
        if gpu.index not in self.samples:
            self.samples[gpu.index] = [ask("nvmlGpmSampleAlloc") for _ in range(2)]
        return self.samples[gpu.index]

    def _get(self, gpu: Gpu) -> Any:
        samples = self._samples(gpu)
        wanted = nvml.c_nvmlGpmMetricsGet_t(nvml.NVML_GPM_METRICS_GET_VERSION, len(self.numbers), *samples)
        for metric, number in zip(wanted.metrics, self.numbers, strict=False):
            metric.metricId, metric.nvmlReturn = number, NOT_SUPPORTED
        ask("nvmlGpmMetricsGet", wanted)
        return wanted.metrics[: len(self.numbers)]
