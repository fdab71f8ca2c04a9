"""Samples of the past and utilization of processes, through the wrappers of nvidia-ml-py."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Gpu, Node

ASK = Path(__file__).parent / "ask_nvml.py"
POWER, UTILIZATION, MODULE = 0, 1, 7
PERIOD = 20_000


class Asked:
    def __init__(self, node: Node, env: dict[str, str]) -> None:
        self.node = node
        self.env = env | {"MOCK_NVML_NODE": str(node.path)}

    def __call__(self, expression: str) -> Any:
        done = subprocess.run(
            [sys.executable, str(ASK)],
            input=json.dumps([expression]),
            env=self.env,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return json.loads(done.stdout)[expression]

    def samples(self, kind: int, last_seen: int = 0) -> Any:
        return self(
            f"(lambda kind, found: [kind, [[s.timeStamp, s.sampleValue.uiVal] for s in found]])"
            f"(*nvmlDeviceGetSamples(gpu, {kind}, {last_seen}))"
        )


@pytest.fixture
def asked(tmp_path: Path, mock_env: dict[str, str]) -> Iterator[Asked]:
    """A node whose clock stands still."""
    with Node.create(tmp_path / "node", profile="h100-sxm5-80gb", gpus=1) as node:
        node.clock.freeze()
        yield Asked(node, mock_env)


@pytest.fixture
def gpu(asked: Asked) -> Gpu:
    return asked.node.gpus[0]


def test_samples_are_the_field_at_the_instants_of_the_buffer(asked: Asked, gpu: Gpu) -> None:
    gpu.power.usage = "123 W"

    kind, samples = asked.samples(POWER)

    assert kind == 1  # unsigned int
    assert [value for _, value in samples] == [123_000] * 119
    stamps = [stamp for stamp, _ in samples]
    assert [later - earlier for earlier, later in pairwise(stamps)] == [PERIOD] * 118
    assert 0 <= asked.node.clock.now // 1000 + int(str(asked.node.get("time.epoch"))) - stamps[-1] < PERIOD


def test_only_samples_since_the_last_seen_one_are_new(asked: Asked) -> None:
    last = asked.samples(UTILIZATION)[1][-1][0]
    assert asked.samples(UTILIZATION, last) == "NVMLError_NotFound"

    asked.node.clock.step("60 ms")

    assert [stamp - last for stamp, _ in asked.samples(UTILIZATION, last)[1]] == [PERIOD, 2 * PERIOD, 3 * PERIOD]


def test_a_type_without_a_field_is_refused(asked: Asked) -> None:
    assert asked.samples(MODULE) == "NVMLError_NotSupported"
    assert asked("nvmlDeviceGetSamples(gpu, 10, 0)") == "NVMLError_InvalidArgument"


def test_an_array_that_is_too_small_gets_the_oldest_samples(asked: Asked) -> None:
    call = (
        "(lambda kind, count, room:"
        " (nvmlLib.nvmlDeviceGetSamples(gpu, 1, c_ulonglong(0), byref(kind), byref(count), room),"
        " count.value, room[1].timeStamp - room[0].timeStamp, room[2].timeStamp))"
        "(c_uint(), c_uint({}), (c_nvmlSample_t * 3)())"
    )

    assert asked(call.format(2)) == [0, 2, PERIOD, 0]
    assert asked(call.format(0)) == [2, 0, 0, 0]


PROCESSES = [
    {"pid": 11, "contexts": 1, "sm": "70 %", "memory_utilization": "20 %"},
    {"pid": 12, "contexts": 1},
    {"pid": 13, "contexts": 2, "jpeg": "5 %"},
]


def test_processes_that_used_an_engine_have_a_sample(asked: Asked, gpu: Gpu) -> None:
    gpu.set("processes.running", PROCESSES)

    samples = asked("[[s.pid, s.smUtil, s.memUtil] for s in nvmlDeviceGetProcessUtilization(gpu, 0)]")
    later = asked(
        "(lambda seen: len(nvmlDeviceGetProcessUtilization(gpu, seen)))"
        "(nvmlDeviceGetProcessUtilization(gpu, 0)[0].timeStamp)"
    )

    assert samples == [[11, 70, 20], [13, 0, 0]]
    assert later == "NVMLError_NotFound"


def test_the_newer_function_has_all_engines(asked: Asked, gpu: Gpu) -> None:
    gpu.set("processes.running", PROCESSES)
    ask = "nvmlDeviceGetProcessesUtilizationInfo(gpu, 0)"

    assert asked(f"[[s.pid, s.jpgUtil] for s in {ask}]") == [[11, 0], [13, 5]]


def test_an_idle_gpu_has_no_sample_of_a_process(asked: Asked) -> None:
    assert asked("nvmlDeviceGetProcessUtilization(gpu, 0)") == "NVMLError_NotFound"
