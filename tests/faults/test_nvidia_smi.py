"""What NVIDIA's unmodified nvidia-smi, from Debian's package, says of faults."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mocknvml import Node
from tests.debian import fetch_or_skip

pytestmark = pytest.mark.slow

Smi = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node.create(tmp_path / "node", profile="dgx-h100", gpus=2)


@pytest.fixture
def smi(mock_env: dict[str, str]) -> Smi:
    program = fetch_or_skip("nvidia-smi") / "usr/lib/nvidia/current/nvidia-smi"

    def run(node: Node, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *arguments],
            env=mock_env | {"MOCK_NVML_NODE": str(node.path)},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def query(smi: Smi, node: Node, properties: str) -> list[str]:
    return smi(node, f"--query-gpu={properties}", "--format=csv,noheader").stdout.splitlines()


def test_a_gpu_that_fell_off_the_bus_gives_no_handle(smi: Smi, node: Node) -> None:
    node.faults.inject("fallen-off-bus", gpu=1)

    assert "Unable to determine the device handle for GPU" in smi(node).stdout
    assert "Unknown Error" in smi(node).stdout
    node.faults.clear()
    assert smi(node).returncode == 0


def test_an_older_driver_says_that_the_gpu_is_lost(smi: Smi, node: Node) -> None:
    node.faults.inject("fallen-off-bus", gpu=1, handle="gpu_is_lost")

    assert "GPU is lost.  Reboot the system to recover this GPU" in smi(node).stdout


def test_a_lost_gpu_is_lost_in_every_cell(smi: Smi, node: Node) -> None:
    node.faults.inject("lost", gpu=1)

    rows = query(smi, node, "temperature.gpu,power.draw,memory.used")

    assert rows[0].startswith("29, 68.57 W")
    assert rows[1] == "[GPU is lost], [GPU is lost], [GPU is lost]"


def test_a_gpu_that_requires_a_reset_says_so(smi: Smi, node: Node) -> None:
    node.faults.inject("reset-required", gpu=1)

    rows = query(smi, node, "name,utilization.gpu,memory.used")

    assert rows[1] == "NVIDIA H100 80GB HBM3, [GPU requires reset], [GPU requires reset]"


@pytest.mark.skipif(os.geteuid() != 0, reason="a reset needs root, as in the driver")
def test_nvidia_smi_resets_a_gpu_that_requires_it(smi: Smi, node: Node) -> None:
    node.faults.inject("reset-required", gpu=1)

    reset = smi(node, "--gpu-reset", "-i", "1")

    assert "was successfully reset" in reset.stdout
    assert query(smi, node, "utilization.gpu") == ["0 %", "0 %"]
    assert list(node.faults) == []


def test_errors_and_remapped_rows_are_counted(smi: Smi, node: Node) -> None:
    node.faults.inject("ecc-uncorrectable", gpu=1, count=3)
    node.faults.inject("row-remap-pending", gpu=1)

    assert query(smi, node, "ecc.errors.uncorrected.volatile.dram") == ["0", "3"]
    report = smi(node, "-q", "-i", "1", "-d", "ROW_REMAPPER").stdout
    assert [line.split(":")[1].strip() for line in report.splitlines() if "Uncorrectable" in line] == ["1"]
    assert [line.split(":")[1].strip() for line in report.splitlines() if "Pending" in line] == ["Yes"]


def test_a_link_that_is_down_is_inactive(smi: Smi, node: Node) -> None:
    node.faults.inject("nvlink-down", gpu=1, link=3)

    lines = [line.strip() for line in smi(node, "nvlink", "-s").stdout.splitlines()]

    assert [line for line in lines if line.startswith("Link 3:")] == ["Link 3: 26.562 GB/s", "Link 3: <inactive>"]


def test_throttling_shows_its_reasons(smi: Smi, node: Node) -> None:
    node.faults.inject("thermal-throttle", gpu=1)

    reasons = "clocks_throttle_reasons.hw_thermal_slowdown,clocks_throttle_reasons.hw_slowdown,temperature.gpu"

    assert query(smi, node, reasons) == ["Not Active, Not Active, 29", "Active, Active, 89"]


def test_a_failed_fan_is_an_error(smi: Smi, tmp_path: Path) -> None:
    node = Node.create(tmp_path / "node", profile="rtx-4090", gpus=1)
    node.faults.inject("fan-failure")

    assert query(smi, node, "fan.speed") == ["[Unknown Error]"]
    assert "ERR!" in smi(node).stdout


def test_a_zombie_has_no_name(smi: Smi, node: Node) -> None:
    node.faults.inject("zombie-process", gpu=1)

    listed = smi(node, "--query-compute-apps=pid,name,used_memory", "--format=csv,noheader").stdout

    assert listed.strip() == "4194304, [Not Found], 1024 MiB"


@pytest.mark.parametrize(
    ("fault", "text", "status"),
    [
        ("no-driver", "couldn't communicate with the NVIDIA driver", 9),
        ("driver-mismatch", "Failed to initialize NVML: Driver/library version mismatch", 18),
        ("no-permission", "Failed to initialize NVML: Insufficient Permissions", 4),
        ("no-gpu", "No devices were found", 6),
    ],
)
def test_a_broken_driver_ends_nvidia_smi(fault: str, text: str, status: int, smi: Smi, node: Node) -> None:
    node.faults.inject(fault)

    result = smi(node)

    assert text in result.stdout + result.stderr
    assert result.returncode == status
