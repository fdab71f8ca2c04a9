"""GPM: means of the counters between two samples, in a node whose clock stands still and is moved."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pynvml as n
import pytest

from mocknvml import Gpu, Node

GRAPHICS, SM, DMMA, PCIE_TX, NVDEC_7 = 1, 2, 8, 20, 37
TOTAL_RX, LINK_0_RX, LINK_1_RX, LINK_35_RX, LINK_71_TX, LINK_1_BYTES = 60, 62, 64, 246, 476, 263
MIB = 1 << 20
SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, VERSION_MISMATCH = 0, 2, 3, 25


@pytest.fixture
def nvml(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    monkeypatch.setenv("MOCK_NVML_NODE", str(tmp_path / "node"))
    Node.create(tmp_path / "node", profile="h100-sxm5-80gb", gpus=2).close()
    loaded = ctypes.CDLL(str(library))
    assert loaded.nvmlInit_v2() == SUCCESS
    yield loaded
    loaded.nvmlShutdown()


@pytest.fixture
def node(nvml: ctypes.CDLL, tmp_path: Path) -> Iterator[Node]:
    with Node.open(tmp_path / "node") as node:
        node.clock.freeze()
        yield node


@pytest.fixture
def gpu(node: Node) -> Gpu:
    return node.gpus[0]


@pytest.fixture
def handle(nvml: ctypes.CDLL, node: Node) -> ctypes.c_void_p:
    device = ctypes.c_void_p()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == SUCCESS
    return device


class Samples:
    def __init__(self, nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
        self.nvml = nvml
        self.handle = handle
        self.taken = [ctypes.c_void_p(), ctypes.c_void_p()]
        for sample in self.taken:
            assert nvml.nvmlGpmSampleAlloc(ctypes.byref(sample)) == SUCCESS

    def take(self, number: int) -> None:
        assert self.nvml.nvmlGpmSampleGet(self.handle, self.taken[number]) == SUCCESS

    def ask(self, *metrics: int, version: int = 1) -> tuple[int, n.c_nvmlGpmMetricsGet_t]:
        asked = n.c_nvmlGpmMetricsGet_t(version=version, numMetrics=len(metrics))
        asked.sample1, asked.sample2 = (ctypes.cast(sample, n.c_nvmlGpmSample_t) for sample in self.taken)
        for number, metric in enumerate(metrics):
            asked.metrics[number].metricId = metric
        return self.nvml.nvmlGpmMetricsGet(ctypes.byref(asked)), asked

    def values(self, *metrics: int) -> list[float | str]:
        """The values, rounded; the code where a metric has none."""
        result, asked = self.ask(*metrics)
        assert result == SUCCESS
        got = asked.metrics[: len(metrics)]
        return [f"code {metric.nvmlReturn}" if metric.nvmlReturn else round(metric.value, 3) for metric in got]


@pytest.fixture
def samples(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> Iterator[Samples]:
    made = Samples(nvml, handle)
    yield made
    for sample in made.taken:
        nvml.nvmlGpmSampleFree(sample)


def test_an_idle_gpu_has_done_nothing(samples: Samples, node: Node) -> None:
    samples.take(0)
    node.clock.step("1 s")
    samples.take(1)

    assert samples.values(GRAPHICS, SM, DMMA, PCIE_TX, NVDEC_7) == [0, 0, "code 3", 0, "code 3"]


def test_a_metric_is_the_mean_of_what_was_between_the_samples(samples: Samples, node: Node, gpu: Gpu) -> None:
    gpu.set("gpm.active.sm", "90 %")
    node.clock.step("5 s")
    samples.take(0)
    node.clock.step("1 s")
    gpu.set("gpm.active.sm", "10.5 %")
    node.clock.step("3 s")
    samples.take(1)

    assert samples.values(SM) == [round((90 + 3 * 10.5) / 4, 3)]
    samples.taken.reverse()
    assert samples.values(SM) == [round((90 + 3 * 10.5) / 4, 3)]


def test_two_samples_of_one_instant_show_what_is_then(samples: Samples, gpu: Gpu) -> None:
    gpu.set("gpm.active.graphics", "25 %")
    samples.take(0)
    samples.take(1)

    assert samples.values(GRAPHICS) == [25]


def test_traffic_is_in_mib_per_second_and_totals_add_the_links(samples: Samples, node: Node, gpu: Gpu) -> None:
    gpu.update({"gpm.nvlink.0.rx": "10 MiB/s", "gpm.nvlink.1.rx": "5 MiB/s", "gpm.pcie.tx": "3 MiB/s"})
    gpu.update({"gpm.nvlink.35.rx": "1 MiB/s", "gpm.nvlink.71.tx": "2 MiB/s"})
    samples.take(0)
    node.clock.step("2 s")
    samples.take(1)

    assert samples.values(TOTAL_RX, LINK_0_RX, LINK_1_RX, PCIE_TX) == [16, 10, 5, 3]
    assert samples.values(LINK_35_RX, LINK_71_TX, LINK_1_BYTES) == [1, 2, 10 * MIB]


def test_names_and_units_are_told_and_a_code_of_a_field_is_passed_on(samples: Samples, node: Node, gpu: Gpu) -> None:
    gpu.fail("gpm.active.sm", 27)
    samples.take(0)
    node.clock.step("1 s")
    samples.take(1)

    result, asked = samples.ask(GRAPHICS, SM, PCIE_TX, 0)

    assert result == SUCCESS
    assert [metric.nvmlReturn for metric in asked.metrics[:4]] == [0, 27, 0, INVALID_ARGUMENT]
    assert [metric.metricInfo.shortName for metric in asked.metrics[:3]] == [b"gract", b"smutil", b"pcitx"]
    assert [metric.metricInfo.unit for metric in asked.metrics[:3]] == [b"%", b"%", b"MiB/s"]


def test_what_is_no_sample_is_refused(samples: Samples, nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    refusal, asked = samples.ask(SM)  # nothing was sampled yet
    assert refusal == INVALID_ARGUMENT
    assert (asked.metrics[0].metricInfo.shortName, asked.metrics[0].metricInfo.unit) == (b"smutil", b"%")
    samples.take(0)
    samples.take(1)
    assert samples.ask(SM, version=2)[0] == VERSION_MISMATCH
    assert nvml.nvmlGpmSampleFree(samples.taken[1]) == SUCCESS

    assert samples.ask(SM)[0] == INVALID_ARGUMENT
    assert nvml.nvmlGpmSampleFree(samples.taken[1]) == INVALID_ARGUMENT
    assert nvml.nvmlGpmSampleGet(handle, samples.taken[1]) == INVALID_ARGUMENT


def test_samples_of_two_gpus_have_no_mean(samples: Samples, nvml: ctypes.CDLL) -> None:
    samples.take(0)
    assert nvml.nvmlDeviceGetHandleByIndex_v2(1, ctypes.byref(samples.handle)) == SUCCESS
    samples.take(1)

    assert samples.ask(SM)[0] == INVALID_ARGUMENT


def test_boards_before_hopper_say_so(samples: Samples, nvml: ctypes.CDLL, handle: ctypes.c_void_p, gpu: Gpu) -> None:
    support = (ctypes.c_uint * 2)(1, 7)
    assert nvml.nvmlGpmQueryDeviceSupport(handle, support) == SUCCESS
    assert support[1] == 1

    gpu.gpm.supported = False

    assert nvml.nvmlGpmQueryDeviceSupport(handle, support) == SUCCESS
    assert support[1] == 0
    assert nvml.nvmlGpmSampleGet(handle, samples.taken[0]) == NOT_SUPPORTED
    support[0] = 2
    assert nvml.nvmlGpmQueryDeviceSupport(handle, support) == VERSION_MISMATCH


WRAPPERS = """
import pynvml as n
n.nvmlInit()
gpu = n.nvmlDeviceGetHandleByIndex(0)
assert n.nvmlGpmQueryDeviceSupport(gpu).isSupportedDevice == 1
asked = n.c_nvmlGpmMetricsGet_t(version=n.NVML_GPM_METRICS_GET_VERSION, numMetrics=1)
asked.metrics[0].metricId = n.NVML_GPM_METRIC_SM_UTIL
asked.sample1, asked.sample2 = n.nvmlGpmSampleAlloc(), n.nvmlGpmSampleAlloc()
n.nvmlGpmSampleGet(gpu, asked.sample1)
n.nvmlGpmSampleGet(gpu, asked.sample2)
print(n.nvmlGpmMetricsGet(asked).metrics[0].value)
n.nvmlGpmSampleFree(asked.sample1)
n.nvmlDeviceSetAccountingMode(gpu, 1)
print(n.nvmlDeviceGetAccountingPids(gpu), n.nvmlDeviceGetAccountingStats(gpu, 9).gpuUtilization)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
def test_the_wrappers_of_pynvml_get_the_same(tmp_path: Path, mock_env: dict[str, str]) -> None:
    with Node.create(tmp_path / "node", profile="h100-sxm5-80gb", gpus=1) as node:
        node.clock.freeze()
        node.gpus[0].update({"gpm.active.sm": "12.5 %", "processes.running": [{"pid": 9, "sm": "30 %"}]})

    env = mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")}
    command = [sys.executable, "-c", WRAPPERS]
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == ("12.5\n[9] 30\n", "")
