"""Draining, removal and discovery, as two processes see them: one that was there before, one that comes later."""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from mocknvml import Node

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="draining needs root, as in the driver")

LATER = """
import json

import pynvml as n

n.nvmlInit()
handles = [n.nvmlDeviceGetHandleByIndex(index) for index in range(n.nvmlDeviceGetCount())]
print(json.dumps([(n.nvmlDeviceGetIndex(handle), n.nvmlDeviceGetPciInfo(handle).bus) for handle in handles]))
"""


@pytest.fixture
def node(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setenv("MOCK_NVML_NODE", str(tmp_path / "node"))
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library.parent))
    with Node.create(tmp_path / "node", profile="h100-sxm5-80gb", gpus=3) as made:
        yield made


@pytest.fixture
def nvml(node: Node, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What a process that was there before knows: the handles of all GPUs."""
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(library)))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    pynvml.nvmlInit()
    yield [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(3)]
    pynvml.nvmlShutdown()


def later() -> list[tuple[int, int]]:
    """Index and bus of the GPUs that a new process sees."""
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=True, timeout=60)
    return [(index, bus) for index, bus in json.loads(done.stdout)]


def modify(pci: object, state: int) -> int:
    return int(pynvml._nvmlGetFunctionPointer("nvmlDeviceModifyDrainState")(pynvml.byref(pci), state))


def test_draining_gpu_is_hidden_from_new_processes_only(node: Node, nvml: list[object]) -> None:
    pci = pynvml.nvmlDeviceGetPciInfo(nvml[1])
    buses = [pynvml.nvmlDeviceGetPciInfo(handle).bus for handle in nvml]

    assert modify(pci, 1) == pynvml.NVML_ERROR_IN_USE, "persistence mode is on"
    pynvml.nvmlDeviceSetPersistenceMode(nvml[1], 0)
    assert modify(pci, 1) == 0
    assert pynvml.nvmlDeviceQueryDrainState(pci) == 1
    assert pynvml.nvmlDeviceGetCount() == 3
    assert later() == [(0, buses[0]), (1, buses[2])]
    assert modify(pci, 0) == 0
    assert pynvml.nvmlDeviceQueryDrainState(pci) == 0
    assert later() == list(enumerate(buses))


def test_removed_gpu_is_gone_for_all_until_it_is_discovered(node: Node, nvml: list[object]) -> None:
    pci = pynvml.nvmlDeviceGetPciInfo(nvml[0])
    uuid = pynvml.nvmlDeviceGetUUID(nvml[0])
    pynvml.nvmlDeviceSetPersistenceMode(nvml[0], 0)
    node.gpus[0].set("processes.running", [{"pid": 4242, "contexts": 1, "memory": "1 GiB"}])

    with pytest.raises(pynvml.NVMLError_InUse):
        pynvml.nvmlDeviceRemoveGpu(pci)
    node.gpus[0].set("processes.running", [])
    pynvml.nvmlDeviceRemoveGpu(pci)
    assert pynvml.nvmlDeviceGetCount() == 2
    assert pynvml.nvmlDeviceGetIndex(nvml[2]) == 1
    for lost in (
        lambda: pynvml.nvmlDeviceGetHandleByUUID(uuid),
        lambda: pynvml.nvmlDeviceGetHandleByPciBusId(pci.busId),
    ):
        with pytest.raises(pynvml.NVMLError_NotFound):
            lost()
    with pytest.raises(pynvml.NVMLError_GpuIsLost):
        pynvml.nvmlDeviceGetName(nvml[0])
    assert len(later()) == 2

    pynvml.nvmlDeviceDiscoverGpus(pci)
    assert pynvml.nvmlDeviceGetCount() == 3
    assert pynvml.nvmlDeviceGetName(nvml[0]) == "NVIDIA H100 80GB HBM3"


def test_address_of_no_gpu_is_refused(nvml: list[object]) -> None:
    pci = pynvml.nvmlDeviceGetPciInfo(nvml[0])
    pci.bus += 1

    assert modify(pci, 1) == pynvml.NVML_ERROR_INVALID_ARGUMENT
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        pynvml.nvmlDeviceQueryDrainState(pci)
