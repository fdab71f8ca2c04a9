"""The log of calls: what it holds of the calls of other processes, and what it says of those that it has lost."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.errors import UnknownKey
from mocknvml.state import calls as log_format
from mocknvml.state.calls import RECORDS, CallLog

SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, INSUFFICIENT_SIZE, GPU_IS_LOST = 0, 1, 2, 7, 15
START = """
import ctypes, os, threading
import pynvml as n
n.nvmlInit()
gpus = [n.nvmlDeviceGetHandleByIndex(index) for index in range(n.nvmlDeviceGetCount())]
def read(count):
    for _ in range(count):
        n.nvmlDeviceGetTemperature(gpus[0], 0)
"""

Run = Callable[..., int]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", gpus=2) as made:
        made.log_calls()
        yield made


@pytest.fixture
def run(node: Node, mock_env: dict[str, str]) -> Run:
    """Runs a program in a process of its own, and gives its id."""

    def run_program(program: str) -> int:
        env = mock_env | {"MOCK_NVML_NODE": str(node.path)}
        child = subprocess.Popen([sys.executable, "-c", START + program], env=env)
        assert child.wait(60) == 0
        return child.pid

    return run_program


def test_a_call_has_its_arguments_and_what_it_gave(node: Node, run: Run) -> None:
    pid = run("n.nvmlDeviceGetTemperature(gpus[1], 0)")

    (call,) = node.calls("nvmlDeviceGetTemperature")
    assert call.arguments == {"device": 1, "sensorType": 0, "temp": node.gpus[1].get("thermal.temperature.gpu")}
    assert str(call.arguments["sensorType"]) == "NVML_TEMPERATURE_GPU"
    assert (call.result, str(call.result), call.gpu, call.rule) == (SUCCESS, "NVML_SUCCESS", 1, None)
    assert (call.pid, call.tid) == (pid, pid)
    assert 0 < call.nanoseconds < 10**9


def test_a_list_is_followed_no_further_than_its_room(node: Node, run: Run) -> None:
    """nvmlDeviceGetTopologyNearestGpus succeeds without room, and says how many there are."""
    none, room = "ctypes.byref(ctypes.c_uint())", "(ctypes.c_void_p * 1)(7)"
    run(f"n.nvmlLib.nvmlDeviceGetTopologyNearestGpus(gpus[0], 50, {none}, {room})")

    (call,) = node.calls("nvmlDeviceGetTopologyNearestGpus")
    assert call.result == SUCCESS
    assert call.arguments == {"device": 0, "level": 50, "count": 1, "deviceArray": []}


def test_calls_stand_in_the_order_in_which_they_ended(node: Node, run: Run) -> None:
    run("n.nvmlSystemGetDriverVersion()\nn.nvmlShutdown()")

    names = [call.function for call in node.calls()]
    assert names[0] == "nvmlInitWithFlags"
    assert names[-2:] == ["nvmlSystemGetDriverVersion", "nvmlShutdown"]
    starts = [call.start for call in node.calls()]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("call", "function", "arguments"),
    [
        (
            "n.nvmlDeviceGetName(gpus[0])",
            "nvmlDeviceGetName",
            {"device": 0, "name": "NVIDIA A100-SXM4-40GB", "length": 96},
        ),
        ("n.nvmlSystemGetDriverVersion()", "nvmlSystemGetDriverVersion", {"version": "550.54.15", "length": 80}),
        ("n.nvmlDeviceGetHandleByIndex(1)", "nvmlDeviceGetHandleByIndex_v2", {"index": 1, "device": 1}),
        (
            "n.nvmlDeviceGetHandleByPciBusId(b'0000:0F:00.0')",
            "nvmlDeviceGetHandleByPciBusId_v2",
            {"pciBusId": "0000:0F:00.0", "device": 1},
        ),
        (
            "n.nvmlDeviceGetUtilizationRates(gpus[0])",
            "nvmlDeviceGetUtilizationRates",
            {"device": 0, "utilization": {"gpu": 3, "memory": 4}},
        ),
        (
            "n.nvmlDeviceGetMemoryInfo(gpus[0], version=n.nvmlMemory_v2)",
            "nvmlDeviceGetMemoryInfo_v2",
            {
                "device": 0,
                "memory": {"version": 2 << 24 | 40, "total": 8 << 30, "reserved": 1 << 30, "free": 7 << 30, "used": 0},
            },
        ),
        (
            "n.nvmlDeviceGetSupportedMemoryClocks(gpus[0])",
            "nvmlDeviceGetSupportedMemoryClocks",
            {"device": 0, "count": 1, "clocksMHz": [1215]},
        ),
        (
            "n.nvmlDeviceGetTopologyNearestGpus(gpus[0], n.NVML_TOPOLOGY_SYSTEM)",
            "nvmlDeviceGetTopologyNearestGpus",
            {"device": 0, "level": 50, "count": 1, "deviceArray": [1]},
        ),
    ],
)
def test_an_argument_is_shown_by_its_type(
    node: Node, run: Run, call: str, function: str, arguments: dict[str, object]
) -> None:
    node.gpus[0].update({"utilization.gpu": "3 %", "utilization.memory": "4 %"})
    node.gpus[0].update({"memory.total": "8 GiB", "memory.reserved": "1 GiB"})
    node.log_calls()
    run(call)

    assert node.calls(function)[-1].arguments == arguments


def test_values_by_field_id_are_shown_by_their_types(node: Node, run: Run) -> None:
    node.gpus[0].set("power.limit", "250 W")
    run("n.nvmlDeviceGetFieldValues(gpus[0], [n.NVML_FI_DEV_POWER_CURRENT_LIMIT, 9999])")

    (call,) = node.calls("nvmlDeviceGetFieldValues")
    known, unknown = call.arguments["values"]
    assert (known["value"], str(known["valueType"])) == (250_000, "NVML_VALUE_TYPE_UNSIGNED_INT")
    assert (unknown["fieldId"], str(unknown["nvmlReturn"])) == (9999, "NVML_ERROR_INVALID_ARGUMENT")


def test_processes_are_listed_with_their_count(node: Node, run: Run) -> None:
    processes = [{"pid": pid, "contexts": 1, "memory": "1 GiB"} for pid in range(1000, 1030)]
    node.gpus[0].set("processes.running", processes)
    run("n.nvmlDeviceGetComputeRunningProcesses(gpus[0])")

    first, second = node.calls("nvmlDeviceGetComputeRunningProcesses_v3")
    assert (first.result, first.arguments["infoCount"], first.arguments["infos"]) == (INSUFFICIENT_SIZE, 30, None)
    infos = second.arguments["infos"]
    assert infos[0] == {
        "pid": 1000,
        "usedGpuMemory": 1 << 30,
        "gpuInstanceId": 0xFFFFFFFF,
        "computeInstanceId": 0xFFFFFFFF,
    }
    assert second.arguments["infoCount"] == 30
    assert infos[-1] is ...
    assert [info["pid"] for info in infos[:-1]] == list(range(1000, 1000 + len(infos) - 1))


def test_a_refused_call_is_logged_without_a_look_behind_its_pointers(node: Node, run: Run) -> None:
    run(
        "call = n._nvmlGetFunctionPointer('nvmlDeviceGetTemperature')\n"
        "call(ctypes.c_void_p(12345), 0, ctypes.c_void_p(1))\n"
        "call(gpus[0], 0, None)\n"
        "memory = n.c_nvmlMemory_v2_t(version=77)\n"
        "n._nvmlGetFunctionPointer('nvmlDeviceGetMemoryInfo_v2')(gpus[0], ctypes.byref(memory))\n"
        "n.nvmlShutdown()\n"
        "call(gpus[0], 0, ctypes.c_void_p(1))"
    )

    handle, null, after = node.calls("nvmlDeviceGetTemperature")
    assert (handle.result, handle.gpu, handle.arguments["device"]) == (INVALID_ARGUMENT, None, "no device")
    assert (null.result, null.gpu, null.arguments["temp"]) == (INVALID_ARGUMENT, 0, None)
    assert (after.result, after.arguments["temp"]) == (UNINITIALIZED, ...)
    (mismatch,) = node.calls("nvmlDeviceGetMemoryInfo_v2")
    assert (mismatch.result, mismatch.arguments["memory"]) == (INVALID_ARGUMENT, ...)


def test_a_failed_call_shows_its_code_and_no_output(node: Node, run: Run) -> None:
    node.gpus[0].fail("health.present", GPU_IS_LOST)
    run("try: n.nvmlDeviceGetPowerUsage(gpus[0])\nexcept n.NVMLError: pass")

    (call,) = node.calls("nvmlDeviceGetPowerUsage")
    assert (call.result, call.arguments["power"]) == (GPU_IS_LOST, ...)


def test_a_call_names_the_rule_that_answered_it(node: Node, run: Run) -> None:
    rule = node.rules.add("nvmlDeviceGetPowerUsage", "UNKNOWN", times=1)
    run("for _ in range(2):\n    try: n.nvmlDeviceGetPowerUsage(gpus[0])\n    except n.NVMLError: pass")

    assert [call.rule for call in node.calls("nvmlDeviceGetPowerUsage")] == [rule, None]


def test_nothing_is_logged_before_it_is_started_or_after_it_ended(node: Node, run: Run) -> None:
    node.log_calls(False)
    run("read(3)")
    assert node.calls() == []

    node.log_calls()
    run("read(3)")
    assert len(node.calls("nvmlDeviceGetTemperature")) == 3
    node.log_calls(False)
    run("read(3)")
    assert len(node.calls("nvmlDeviceGetTemperature")) == 3
    node.log_calls()
    assert node.calls() == []


def test_each_thread_and_forked_child_is_told_apart(node: Node, run: Run) -> None:
    pid = run(
        "child = os.fork()\n"
        "threads = [threading.Thread(target=read, args=(100,)) for _ in range(3)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "if child: os.waitpid(child, 0)"
    )

    calls = node.calls("nvmlDeviceGetTemperature")
    assert (len(calls), calls.lost) == (600, 0)
    made = {(call.pid, call.tid) for call in calls}
    assert len(made) == 6
    assert {process == pid for process, _ in made} == {True, False}
    assert all(sum(call.tid == tid for call in calls) == 100 for _, tid in made)


def test_what_the_log_has_lost_is_counted_and_totals_stay_whole(node: Node, run: Run) -> None:
    many = RECORDS + 500
    run(f"read({many})")

    calls = node.calls("nvmlDeviceGetTemperature")
    assert (len(calls), calls.lost) == (RECORDS, many + 4 - RECORDS)
    with CallLog(node) as log:
        totals = log.totals()
    assert totals["nvmlDeviceGetTemperature"][:2] == (many, 0)
    assert totals["nvmlDeviceGetTemperature"][2] > many


def test_a_killed_process_harms_no_other(node: Node, run: Run, mock_env: dict[str, str]) -> None:
    env = mock_env | {"MOCK_NVML_NODE": str(node.path)}
    for _ in range(4):
        with CallLog(node) as log:
            before = log.tickets
            child = subprocess.Popen([sys.executable, "-c", START + "read(10**9)"], env=env)
            while log.tickets < before + 2000:
                assert child.poll() is None
            child.kill()
            child.wait(30)

    node.log_calls()
    run("read(100)")
    assert len(node.calls("nvmlDeviceGetTemperature")) == 100


def test_nobody_waits_for_a_follower_that_is_gone(node: Node, run: Run) -> None:
    with CallLog(node) as log:
        followed = log.follow(lambda: False, log.tickets)
        run("read(1)")
        next(followed)
        run(f"read({RECORDS} + 100)")
        followed.close()
        assert log.totals()["nvmlDeviceGetTemperature"][0] == RECORDS + 101


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_process_that_may_only_read_the_node_counts_and_logs_too(mock_env: dict[str, str], library: Path) -> None:
    program = """
import ctypes, os, sys
library = ctypes.CDLL(sys.argv[1])
os.setuid(65534)
assert library.nvmlInit_v2() == 0
count = ctypes.c_uint()
print([library.nvmlDeviceGetCount_v2(ctypes.byref(count)) for _ in range(2)])
"""
    with tempfile.TemporaryDirectory() as folder, Node.create(Path(folder) / "node", gpus=2) as node:
        Path(folder).chmod(0o755)
        node.log_calls()
        node.rules.add("nvmlDeviceGetCount_v2", "NO_DATA", after=3)
        env = mock_env | {"MOCK_NVML_NODE": str(node.path)}
        command = [sys.executable, "-c", program, str(library)]
        shown = [subprocess.run(command, env=env, check=True, timeout=60, capture_output=True).stdout for _ in range(2)]

        assert shown == [b"[0, 0]\n", b"[0, 21]\n"]
        calls = node.calls("nvmlDeviceGetCount_v2")
    assert [call.arguments["deviceCount"] for call in calls] == [2, 2, 2, ...]


def test_nothing_that_stands_in_the_file_breaks_a_reader(node: Node, run: Run) -> None:
    run("read(50)")
    number = random.Random(1)
    kinds = [
        lambda: number.getrandbits(64),
        lambda: number.getrandbits(8),
        lambda: 8 << 32 | 8,
        lambda: 0,
        lambda: 2**64 - 2,
    ]

    for _ in range(5000):
        words = [number.choice(kinds)() for _ in range(log_format.WORDS)]
        words[4] = words[4] & ~0xFFFF | number.randrange(500)
        call = log_format._call(words)
        assert json.dumps(call.arguments, default=str)


def test_nothing_that_stands_in_the_file_breaks_a_caller(node: Node, run: Run) -> None:
    run("read(50)")
    path = node.path.with_name("node.calls")
    header, noise = path.read_bytes()[:64], random.Random(2)

    for _ in range(3):
        with path.open("r+b") as file:
            file.seek(len(header))
            file.write(noise.randbytes(path.stat().st_size - len(header)))
        run("read(2000)")
        assert isinstance(node.calls(), list)


def test_an_unknown_function_is_no_question(node: Node) -> None:
    with pytest.raises(UnknownKey, match="did you mean nvmlDeviceGetTemperature"):
        node.calls("nvmlDeviceGetTemprature")
