"""Processes that start and end on a GPU, as NVML and accounting show them."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from mocknvml import Gpu, Node, NodeError, ValueMismatch
from tests.functions.asking import Ask, asker

GIB = 1 << 30


@pytest.fixture
def gpu(tmp_path: Path) -> Iterator[Gpu]:
    with Node.create(tmp_path / "node", gpus=2) as node:
        yield node.gpus[0]


@pytest.fixture
def ask(gpu: Gpu, mock_env: dict[str, str]) -> Ask:
    return asker(gpu._node.path, mock_env)


def running(kind: str) -> str:
    return f"[(p.pid, p.usedGpuMemory) for p in nvmlDevice{kind}RunningProcesses(gpu)]"


def test_a_process_is_listed_with_its_memory_until_it_ends(gpu: Gpu, ask: Ask) -> None:
    used = "nvmlDeviceGetMemoryInfo(gpu).used"
    (before,) = ask(used)
    assert isinstance(before, int)

    gpu.processes.add(pid=4242, memory="8 GiB", name="trainer")
    assert ask(running("GetCompute"), used, "nvmlSystemGetProcessName(4242)") == [
        [[4242, 8 * GIB]],
        before + 8 * GIB,
        "trainer",
    ]
    gpu.processes.remove(4242)
    assert ask(running("GetCompute"), used) == [[], before]


@pytest.mark.parametrize(("kind", "lists"), [("C", "100"), ("G", "010"), ("C+G", "110"), ("M+C", "101")])
def test_the_type_says_which_lists_a_process_is_in(kind: str, lists: str, gpu: Gpu, ask: Ask) -> None:
    gpu.processes.add(pid=7, type=kind)

    found = ask(*(f"len(nvmlDeviceGet{name}RunningProcesses(gpu))" for name in ("Compute", "Graphics", "MPSCompute")))

    assert found == [int(digit) for digit in lists]
    assert [process.type for process in gpu.processes] == [kind]


def test_a_process_is_iterated_as_it_was_added(gpu: Gpu) -> None:
    gpu.processes.add(pid=7, memory="1 GiB", sm_utilization="60 %", decoder_utilization="5 %", start="9 s", name="a")
    gpu.processes.add(pid=8)

    first, second = gpu.processes
    assert (first.pid, first.memory, first.sm_utilization, first.decoder_utilization) == (7, GIB, 60, 5)
    assert (first.type, first.start, first.name, first.gpu_instance) == ("C", 9_000_000, "a", 0xFFFFFFFF)
    assert (second.pid, second.memory, second.name) == (8, 0, "")
    assert (len(gpu.processes), 7 in gpu.processes, 9 in gpu.processes) == (2, True, False)


def test_utilization_is_sampled_per_process(gpu: Gpu, ask: Ask) -> None:
    gpu.processes.add(pid=7, sm_utilization="60 %", memory_utilization="20 %", encoder_utilization="1 %")
    gpu.processes.add(pid=8)
    gpu._node.clock.step("10 s")

    samples = "[(s.pid, s.smUtil, s.memUtil, s.encUtil) for s in nvmlDeviceGetProcessUtilization(gpu, 0)]"

    assert ask(samples) == [[[7, 60, 20, 1]]]


STATS = "(lambda s: (s.gpuUtilization, s.maxMemoryUsage, s.time, s.isRunning))(nvmlDeviceGetAccountingStats(gpu, {}))"


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
def test_accounting_follows_a_process_beyond_its_end(gpu: Gpu, ask: Ask) -> None:
    ask("nvmlDeviceSetAccountingMode(gpu, 1)")
    gpu.processes.add(pid=7, memory="2 GiB", sm_utilization="60 %")

    assert ask("nvmlDeviceGetAccountingPids(gpu)", STATS.format(7)) == [[7], [60, 2 * GIB, 0, 1]]
    gpu._node.clock.step("90 s")
    gpu.processes.remove(7)

    pids, stats = ask("nvmlDeviceGetAccountingPids(gpu)", STATS.format(7))
    assert pids == [7]
    assert isinstance(stats, list)
    utilization, memory, time, is_running = stats
    assert (utilization, memory, is_running) == (60, 2 * GIB, 0)
    assert 90_000 <= time < 150_000


def test_without_accounting_an_ended_process_leaves_nothing(gpu: Gpu) -> None:
    gpu.processes.add(pid=7)
    gpu.processes.remove(7)

    assert gpu.get("accounting.ended") == []


def test_the_oldest_that_ended_is_forgotten_first(gpu: Gpu) -> None:
    gpu.set("modes.accounting", True)
    for pid in range(1, 67):
        gpu.processes.add(pid=pid)
        gpu.processes.remove(pid)

    ended = gpu.get("accounting.ended")
    assert isinstance(ended, list)
    assert [record["pid"] for record in ended] == list(range(3, 67))


def test_the_others_stay_when_one_ends(gpu: Gpu) -> None:
    for pid in (1, 2, 3):
        gpu.processes.add(pid=pid, memory=f"{pid} GiB", name=f"process-{pid}")

    gpu.processes.remove(1)

    assert [(process.pid, process.memory, process.name) for process in gpu.processes] == [
        (2, 2 * GIB, "process-2"),
        (3, 3 * GIB, "process-3"),
    ]


def test_what_cannot_be_is_refused(gpu: Gpu) -> None:
    gpu.processes.add(pid=7, memory="30 GiB")

    for arguments, message in (
        ({"pid": 7}, "process 7 cannot run on GPU 0: it runs there already"),
        ({"pid": 8, "memory": "30 GiB"}, "less than 30 GiB is free"),
    ):
        with pytest.raises(NodeError, match=message):
            gpu.processes.add(**arguments)  # type: ignore[arg-type]
    for arguments, message in (
        ({"pid": 0}, "pid=0"),
        ({"pid": -1}, "pid: -1"),
        ({"pid": 2**32}, "pid: 4294967296"),
        ({"pid": 8, "memory": "8"}, "memory: '8': give a number with a unit"),
        ({"pid": 8, "type": "X"}, "type='X': give one of C, G"),
        ({"pid": 8, "sm_utilization": "101 %"}, "101 %"),
        ({"pid": 8, "name": "n" * 200}, "at most 199 bytes"),
    ):
        with pytest.raises(ValueMismatch, match=message):
            gpu.processes.add(**arguments)  # type: ignore[arg-type]
    for pid in (8, 0, 2**32 + 7):
        with pytest.raises(NodeError, match=f"process {pid} does not run on GPU 0"):
            gpu.processes.remove(pid)
    assert [process.pid for process in gpu.processes] == [7]


def test_a_gpu_takes_no_more_processes_than_it_can_list(gpu: Gpu) -> None:
    for pid in range(1, 129):
        gpu.processes.add(pid=pid)

    with pytest.raises(NodeError, match="it has 128 processes"):
        gpu.processes.add(pid=129)
    assert len(gpu.processes) == 128


def come_and_go(path: Path, first: int) -> None:
    with Node.open(path) as node:
        for pid in range(first, first + 50):
            node.gpus[0].processes.add(pid=pid)
            if pid % 2:
                node.gpus[0].processes.remove(pid)


def test_none_is_lost_among_those_that_come_and_go_at_once(gpu: Gpu) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        list(pool.map(come_and_go, [gpu._node.path] * 4, (1000, 2000, 3000, 4000)))

    found = sorted(process.pid for process in gpu.processes)
    assert found == [pid for first in (1000, 2000, 3000, 4000) for pid in range(first, first + 50, 2)]
