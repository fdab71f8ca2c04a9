"""Accounting: processes that run and processes that have ended, while its mode is on."""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from mocknvml import Gpu, Node

SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND, INSUFFICIENT_SIZE = 0, 2, 3, 4, 6, 7
ENDED = {"pid": 8, "gpu": "40 %", "memory_utilization": "3 %", "memory_max": "2 GiB", "time": "7 s", "start": "5 us"}
RUNNING = {"pid": 9, "contexts": 1, "sm": "60 %", "memory": "1 GiB", "start": "6 us"}


@pytest.fixture
def gpu(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gpu]:
    with Node.create(tmp_path / "node", profile="t4", gpus=1) as node:
        monkeypatch.setenv("MOCK_NVML_NODE", str(tmp_path / "node"))
        assert ctypes.CDLL(str(library)).nvmlInit_v2() == SUCCESS
        node.gpus[0].update({"modes.accounting": True, "accounting.ended": [ENDED], "processes.running": [RUNNING]})
        yield node.gpus[0]
        ctypes.CDLL(str(library)).nvmlShutdown()


@pytest.fixture
def nvml(library: Path, gpu: Gpu) -> ctypes.CDLL:
    return ctypes.CDLL(str(library))


@pytest.fixture
def handle(nvml: ctypes.CDLL) -> ctypes.c_void_p:
    device = ctypes.c_void_p()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == SUCCESS
    return device


def pids(nvml: ctypes.CDLL, handle: ctypes.c_void_p, room: int) -> tuple[int, int, list[int]]:
    count, array = ctypes.c_uint(room), (ctypes.c_uint * 4)()
    result = nvml.nvmlDeviceGetAccountingPids(handle, ctypes.byref(count), array if room else None)
    return result, count.value, list(array[:room])


def test_pids_are_those_that_ended_and_those_that_run(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    assert pids(nvml, handle, 0) == (INSUFFICIENT_SIZE, 2, [])
    assert pids(nvml, handle, 1) == (INSUFFICIENT_SIZE, 2, [8])
    assert pids(nvml, handle, 2) == (SUCCESS, 2, [8, 9])


def test_stats_are_those_of_the_process(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    stats = pynvml.c_nvmlAccountingStats_t()

    assert nvml.nvmlDeviceGetAccountingStats(handle, 8, ctypes.byref(stats)) == SUCCESS
    assert (stats.gpuUtilization, stats.memoryUtilization, stats.maxMemoryUsage) == (40, 3, 2 << 30)
    assert (stats.time, stats.startTime, stats.isRunning) == (7000, 5, 0)
    assert nvml.nvmlDeviceGetAccountingStats(handle, 9, ctypes.byref(stats)) == SUCCESS
    assert (stats.gpuUtilization, stats.maxMemoryUsage, stats.time, stats.isRunning) == (60, 1 << 30, 0, 1)
    assert nvml.nvmlDeviceGetAccountingStats(handle, 10, ctypes.byref(stats)) == NOT_FOUND


def test_the_second_version_takes_the_pid_from_its_struct(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    stats = ctypes.create_string_buffer((8).to_bytes(4, "little"), 256)

    assert nvml.nvmlDeviceGetAccountingStats_v2(handle, stats) == SUCCESS
    assert [int.from_bytes(stats.raw[at : at + 4], "little") for at in (0, 4, 8, 12)] == [8, 0, 40, 3]
    assert int.from_bytes(stats.raw[16:24], "little") == 2 << 30


def test_nothing_is_accounted_while_the_mode_is_off(nvml: ctypes.CDLL, handle: ctypes.c_void_p, gpu: Gpu) -> None:
    gpu.modes.accounting = False

    assert pids(nvml, handle, 2) == (SUCCESS, 0, [0, 0])
    assert pids(nvml, handle, 0) == (SUCCESS, 0, [])
    assert nvml.nvmlDeviceGetAccountingStats(handle, 8, ctypes.create_string_buffer(256)) == NOT_SUPPORTED


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
def test_clearing_forgets_those_that_ended(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    assert nvml.nvmlDeviceClearAccountingPids(handle) == SUCCESS
    assert pids(nvml, handle, 2) == (SUCCESS, 1, [9, 0])


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
def test_switching_it_off_forgets_them_too(nvml: ctypes.CDLL, handle: ctypes.c_void_p, gpu: Gpu) -> None:
    assert nvml.nvmlDeviceSetAccountingMode(handle, 2) == INVALID_ARGUMENT
    assert nvml.nvmlDeviceSetAccountingMode(handle, 0) == SUCCESS
    assert (gpu.modes.accounting, gpu.accounting.ended) == (0, [])
    assert nvml.nvmlDeviceSetAccountingMode(handle, 1) == SUCCESS
    assert pids(nvml, handle, 2) == (SUCCESS, 1, [9, 0])
    gpu.remove("modes.accounting")
    assert pids(nvml, handle, 2)[0] == NOT_SUPPORTED
    assert nvml.nvmlDeviceSetAccountingMode(handle, 1) == NOT_SUPPORTED
