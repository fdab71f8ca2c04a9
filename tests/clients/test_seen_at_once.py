"""What one process sets, clients that run already see at their next call."""

import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node

PYNVML = """
import sys, pynvml
pynvml.nvmlInit()
gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
for _ in sys.stdin:
    print(pynvml.nvmlDeviceGetPowerManagementLimit(gpu), flush=True)
"""


@pytest.fixture(params=["pynvml", pytest.param("go-nvml", marks=pytest.mark.slow)])
def client(request: pytest.FixtureRequest) -> list[str]:
    """A program that prints the power limit of GPU 0 for each line that it reads."""
    if request.param == "pynvml":
        return [sys.executable, "-c", PYNVML]
    return [str(request.getfixturevalue("programs") / "limit")]


def test_a_client_sees_each_change_at_its_next_call(
    client: list[str], mock_env: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "node"
    with (
        Node.create(path, gpus=1) as node,
        subprocess.Popen(
            client,
            env=mock_env | {"MOCK_NVML_NODE": str(path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as running,
    ):
        assert running.stdin and running.stdout
        for watts in (400, *range(100, 400)):
            node.gpus[0].set("power.limit", f"{watts} W")
            running.stdin.write("\n")
            running.stdin.flush()
            assert running.stdout.readline() == f"{watts * 1000}\n"
        running.stdin.close()
        assert running.wait(timeout=30) == 0
