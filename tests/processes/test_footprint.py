"""What the library adds to a process: no thread, little memory, and nothing that stays after dlclose."""

import subprocess
import sys
from pathlib import Path

import pytest

# Each program gets the library's path; it asserts, and prints what the test looks at.
PRELUDE = """
import ctypes, os, sys
def rss():  # not statm, which lags behind by some pages per processor
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/smaps_rollup") if line.startswith("Rss:"))
def mappings():
    return len(open("/proc/self/maps").readlines())
def use(library):
    assert library.nvmlInit_v2() == 0
    count = ctypes.c_uint()
    assert library.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0
    value, device = ctypes.c_uint(), ctypes.c_void_p()
    for index in range(count.value):
        assert library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)) == 0
        assert library.nvmlDeviceGetPowerUsage(device, ctypes.byref(value)) == 0
"""


def run(program: str, library: Path, env: dict[str, str]) -> str:
    command = [sys.executable, "-c", PRELUDE + program, str(library)]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=120).stdout


def test_it_adds_less_than_a_megabyte(library: Path, mock_env: dict[str, str]) -> None:
    program = "before = rss()\nuse(ctypes.CDLL(sys.argv[1]))\nprint(rss() - before)"

    assert int(run(program, library, mock_env)) < 1 << 20
    assert library.stat().st_size < 1 << 20


def test_it_adds_no_thread(library: Path, mock_env: dict[str, str]) -> None:
    program = "use(ctypes.CDLL(sys.argv[1]))\nprint(len(os.listdir('/proc/self/task')))"

    assert int(run(program, library, mock_env)) == 1


@pytest.mark.parametrize("with_node_file", [False, True])
def test_a_hundred_loads_leave_nothing(
    with_node_file: bool, library: Path, mock_env: dict[str, str], node_path: Path
) -> None:
    program = """
import _ctypes
def cycle():
    library = ctypes.CDLL(sys.argv[1])
    use(library)
    assert library.nvmlShutdown() == 0
    _ctypes.dlclose(library._handle)
for _ in range(5):
    cycle()
assert sys.argv[1] not in open("/proc/self/maps").read()
before = rss(), mappings()
for _ in range(100):
    cycle()
print(rss() - before[0], mappings() - before[1])
"""
    env = mock_env | ({"MOCK_NVML_NODE": str(node_path)} if with_node_file else {})

    memory, mapped = map(int, run(program, library, env).split())

    assert memory < 1 << 20
    assert mapped <= 2


@pytest.mark.parametrize("with_node_file", [False, True])
def test_a_hundred_inits_leave_nothing(
    with_node_file: bool, library: Path, mock_env: dict[str, str], node_path: Path
) -> None:
    program = """
library = ctypes.CDLL(sys.argv[1])
def cycle():
    use(library)
    assert library.nvmlShutdown() == 0
cycle()
before = rss(), mappings()
for _ in range(100):
    cycle()
print(rss() - before[0], mappings() - before[1])
"""
    env = mock_env | ({"MOCK_NVML_NODE": str(node_path)} if with_node_file else {})

    memory, mapped = map(int, run(program, library, env).split())

    assert memory < 1 << 18
    assert mapped <= 1


def test_two_nodes_are_seen_in_turn(library: Path, mock_env: dict[str, str], tmp_path: Path) -> None:
    program = """
from mocknvml import Node
library = ctypes.CDLL(sys.argv[1])
handles, powers = set(), []
for turn in range(6):
    path = f"{os.environ['FOLDER']}/{turn % 2}"
    if turn < 2:
        Node.create(path, gpus=1).gpus[0].set("power.usage", f"{turn + 1} W")
    os.environ["MOCK_NVML_NODE"] = path
    assert library.nvmlInit_v2() == 0
    device, value = ctypes.c_void_p(), ctypes.c_uint()
    assert library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
    assert library.nvmlDeviceGetPowerUsage(device, ctypes.byref(value)) == 0
    handles.add(device.value)
    powers.append(value.value)
    assert library.nvmlShutdown() == 0
assert len(handles) == 1
print(powers)
"""

    shown = run(program, library, mock_env | {"FOLDER": str(tmp_path)})

    assert shown.strip() == str([1000, 2000] * 3)


def test_1024_gpus_are_told_apart(library: Path, mock_env: dict[str, str]) -> None:
    program = """
import pynvml as n
n.nvmlInit()
assert n.nvmlDeviceGetCount() == 1024
gpus = [n.nvmlDeviceGetHandleByIndex(index) for index in range(1024)]
for ask, find in (
    (n.nvmlDeviceGetUUID, n.nvmlDeviceGetHandleByUUID),
    (n.nvmlDeviceGetSerial, n.nvmlDeviceGetHandleBySerial),
    (lambda gpu: n.nvmlDeviceGetPciInfo(gpu).busId, n.nvmlDeviceGetHandleByPciBusId),
):
    answers = [ask(gpu) for gpu in gpus]
    assert len(set(answers)) == 1024
    for index, answer in enumerate(answers):
        assert n.nvmlDeviceGetIndex(find(answer)) == index
print(len({n.nvmlDeviceGetMinorNumber(gpu) for gpu in gpus}))
"""

    assert run(program, library, mock_env | {"MOCK_NVML_NUM_DEVICES": "1024"}).strip() == "1024"
