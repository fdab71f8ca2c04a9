"""A node file that is moved, removed or replaced while a process is attached to it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node, NodeError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")

SUCCESS, UNKNOWN = 0, 999
PROGRAM = """
import ctypes, os, sys
library, value, device = ctypes.CDLL(sys.argv[1]), ctypes.c_uint(), ctypes.c_void_p()
def init():
    assert library.nvmlInit_v2() == 0
    assert library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
def read():
    assert library.nvmlDeviceGetPowerManagementLimit(device, ctypes.byref(value)) == 0
    return value.value
init()
exec(sys.argv[2])
print(library.nvmlDeviceSetPowerManagementLimit(device, 250000), read(), end=" ")
assert library.nvmlShutdown() == 0
if os.path.exists(os.environ["MOCK_NVML_NODE"]):
    init()
    print(library.nvmlDeviceSetPowerManagementLimit(device, 350000), read(), end=" ")
"""


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    for name, limit in (("node", "300 W"), ("other", "200 W")):
        with Node.create(tmp_path / name, gpus=1) as node:
            node.gpus[0].set("power.limit", limit)
    return tmp_path / "node", tmp_path / "other"


@pytest.mark.parametrize(
    ("change", "afterwards"),
    [
        ("os.rename('{node}', '{node}-moved')", []),
        ("os.unlink('{node}')", []),
        ("os.rename('{other}', '{node}')", [SUCCESS, 350_000]),
    ],
)
def test_a_node_that_is_gone_is_read_on_and_not_written(
    change: str, afterwards: list[int], paths: tuple[Path, Path], library: Path, mock_env: dict[str, str]
) -> None:
    node, other = paths
    command = [sys.executable, "-c", PROGRAM, str(library), change.format(node=node, other=other)]
    env = mock_env | {"MOCK_NVML_NODE": str(node)}
    done = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=60)

    assert list(map(int, done.stdout.split())) == [UNKNOWN, 300_000, *afterwards]
    assert "moved or replaced" in done.stderr
    assert done.stderr.count("\n") == 1


def test_python_does_not_write_to_a_node_in_the_place_of_its_own(paths: tuple[Path, Path]) -> None:
    node, other = paths
    with Node.open(node) as opened:
        other.rename(node)
        with pytest.raises(NodeError, match="open it again"):
            opened.gpus[0].set("power.limit", "250 W")
        assert opened.gpus[0].get("power.limit") == 300_000
    with Node.open(node) as opened:
        assert opened.gpus[0].get("power.limit") == 200_000
