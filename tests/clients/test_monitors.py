"""Monitoring tools from PyPI show the simulated GPUs, and the processes that a node lists."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.pypi import install

pytestmark = pytest.mark.slow

A100 = "NVIDIA A100-SXM4-40GB"


def run(folder: Path, env: dict[str, str], module: str, *arguments: str) -> str:
    """What a tool prints; it must succeed."""
    command = [sys.executable, "-m", module, *arguments]
    environment = env | {"PYTHONPATH": str(folder), "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def gpustat() -> Path:
    return install("gpustat", "1.1.1")


@pytest.fixture(scope="module")
def nvitop() -> Path:
    return install("nvitop", "1.7.2")


@pytest.fixture
def busy_env(tmp_path: Path, mock_env: dict[str, str]) -> dict[str, str]:
    """A node of one GPU, on which this very process computes with 8 GiB."""
    with Node.create(tmp_path / "node", gpus=1) as node:
        record = {"pid": os.getpid(), "contexts": 1, "memory": "8 GiB", "name": "trainer"}
        node.gpus[0].update({"processes.running": [record], "utilization.gpu": "97 %"})
    return mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")}


def test_gpustat_shows_eight_gpus(gpustat: Path, mock_env: dict[str, str]) -> None:
    gpus = json.loads(run(gpustat, mock_env, "gpustat", "--json"))["gpus"]

    assert [gpu["name"] for gpu in gpus] == [A100] * 8
    assert {gpu["memory.total"] for gpu in gpus} == {40960}
    assert all(gpu["enforced.power.limit"] == 400 for gpu in gpus)


def test_gpustat_shows_a_process_of_the_node(gpustat: Path, busy_env: dict[str, str]) -> None:
    gpu = json.loads(run(gpustat, busy_env, "gpustat", "--json"))["gpus"][0]

    assert gpu["utilization.gpu"] == 97
    assert [(process["pid"], process["gpu_memory_usage"]) for process in gpu["processes"]] == [(os.getpid(), 8192)]


def test_nvitop_shows_eight_gpus(nvitop: Path, mock_env: dict[str, str]) -> None:
    shown = run(nvitop, mock_env, "nvitop", "--once", "--ascii")

    assert shown.count("A100-SXM4-40GB") == 8
    assert shown.count("40.00GiB") == 8
    assert "Driver Version: 550.54.15" in shown
    assert "CUDA Driver Version: 12.4" in shown


def test_nvitop_shows_a_process_of_the_node(nvitop: Path, busy_env: dict[str, str]) -> None:
    shown = run(nvitop, busy_env, "nvitop", "--once", "--ascii")

    assert str(os.getpid()) in shown
    assert "8192MiB" in shown or "8.00GiB" in shown
