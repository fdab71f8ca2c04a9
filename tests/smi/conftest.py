"""Runs the stand-in, on nodes of every kind."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import VERSIONS


class Smi(Protocol):
    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node"


@pytest.fixture
def env(mock_env: dict[str, str], path: Path) -> dict[str, str]:
    return mock_env | {"MOCK_NVML_NODE": str(path), "TZ": "UTC"}


@pytest.fixture
def smi(env: dict[str, str]) -> Smi:
    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mocknvml", "smi", *arguments]
        return subprocess.run(command, env=env | more, check=False, capture_output=True, text=True, timeout=60)

    return run


TRAINER = {"pid": 4242, "contexts": 1, "memory": "8 GiB", "name": "/usr/bin/python3", "sm": "57 %"}
DESKTOP = {"pid": 4343, "contexts": 3, "memory": "1 GiB", "name": "/opt/a/desktop/with/a/name/longer/than/its/column"}
SERVED = {"pid": 44, "contexts": 5, "memory": "999999 MiB", "name": "served"}


def busy(node: Node) -> None:
    node.gpus[0].set("processes.running", [TRAINER, DESKTOP])
    node.gpus[2].set("processes.running", [SERVED])


def lost(node: Node) -> None:
    node.gpus[1].set("processes.running", [TRAINER])
    node.faults.inject("lost", 3)


def odd(node: Node) -> None:
    """Readings with other words, or wider than their columns."""
    first, second = node.gpus[:2]
    first.update(
        {
            "identity.name": "NVIDIA GeForce RTX 3080 12GB",
            "modes.persistence": False,
            "modes.display_active": True,
            "modes.compute": "exclusive_process",
            "modes.performance_state": 12,
            "modes.mig_pending": 1,
            "ecc.mode_pending": False,
            "thermal.temperature.gpu": "105 C",
            "power.usage": "9999 W",
            "power.limit": "99.9 W",
            "utilization.gpu": "100 %",
            "memory.total": "800 GiB",
            "clocks.event_reasons": 0x1FF,
        }
    )
    for key, code in {
        "identity.name": 3,
        "modes.persistence": 3,
        "modes.display_active": 4,
        "modes.compute": 3,
        "modes.performance_state": 4,
        "modes.mig": 999,
        "ecc.mode": 3,
        "thermal.temperature.gpu": 4,
        "power.usage": 13,
        "utilization.gpu": 3,
        "memory.total": 17,
        "clocks.event_reasons_supported": 4,
    }.items():
        second.fail(key, code)


def worn(node: Node) -> None:
    """Memory that has failed, and accounting of a process that has ended and one that runs."""
    for gpu in node.gpus:
        gpu.set("modes.accounting", True)
        gpu.processes.add(4242, memory="1 GiB", name="trainer", sm_utilization="50 %")
        gpu.processes.add(4243, memory="2 GiB", name="server")
    node.clock.step("3 s")
    node.gpus[0].processes.remove(4242)
    node.faults.inject("row-remap-pending", 0)
    node.faults.inject("row-remap-failure", 1)


def paged(node: Node) -> None:
    node.faults.inject("retired-page", cause="double_bit", address=0x12345000)
    node.faults.inject("retired-page", cause="single_bit", address=0xFFFFFFF000)


def mig(node: Node) -> None:
    node.gpus[0].update({"modes.mig": 1, "modes.mig_pending": 1})
    node.gpus[1].update({"modes.mig": 1, "modes.mig_pending": 0})


def nothing(node: Node) -> None:
    pass


# By name: the profile, the number of GPUs, and what has become of them.
NODES: dict[str, tuple[str, int | None, Callable[[Node], None]]] = {
    "dgx-a100": ("dgx-a100", None, nothing),
    "h100": ("h100-sxm5-80gb", 2, nothing),
    "t4": ("t4", 1, nothing),
    "gb200": ("gb200-nvl72", None, nothing),
    "rtx-4090": ("rtx-4090", 2, nothing),
    "none": ("dgx-a100", 0, nothing),
    "lost": ("dgx-a100", None, lost),
    "busy": ("dgx-a100", 3, busy),
    "odd": ("dgx-a100", 2, odd),
    "worn": ("h100-sxm5-80gb", 2, worn),
    "paged": ("t4", 1, paged),
    "mig": ("dgx-a100", 2, mig),
}


@pytest.fixture(params=[535])
def branch(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(params=NODES)
def node(request: pytest.FixtureRequest, branch: int, path: Path) -> Node:
    profile, gpus, change = NODES[request.param]
    node = Node.create(path, profile, gpus, VERSIONS[branch])
    change(node)
    return node
