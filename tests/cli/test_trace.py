"""`mocknvml trace`: what it prints of the calls of an unmodified client."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.state.calls import RECORDS, CallLog
from tests.cli.conftest import Cli

CLIENT = """
import os, sys
import pynvml as n
n.nvmlInit()
gpu = n.nvmlDeviceGetHandleByIndex(0)
print(n.nvmlDeviceGetName(gpu))
n.nvmlDeviceGetMemoryInfo(gpu)
try: n.nvmlDeviceGetHandleByIndex(99)
except n.NVMLError: pass
sys.exit(3)
"""
COMMAND = ("--", sys.executable, "-c", CLIENT)


def test_each_call_is_a_line_on_stderr(cli: Cli) -> None:
    done = cli("trace", "--profile", "t4", "--gpus", "1", *COMMAND)

    assert (done.returncode, done.stdout) == (3, "Tesla T4\n")
    lines = done.stderr.splitlines()
    parts = [re.fullmatch(r"\d\d:\d\d:\d\d\.\d{6} \[\d+\] (.*) <\d\.\d{7}>", line) for line in lines]
    memory = parts.pop(3)
    assert [part and part[1] for part in parts] == [
        "nvmlInitWithFlags(flags=0) = NVML_SUCCESS",
        "nvmlDeviceGetHandleByIndex_v2(index=0, device=gpu 0) = NVML_SUCCESS",
        'nvmlDeviceGetName(device=gpu 0, name="Tesla T4", length=96) = NVML_SUCCESS',
        "nvmlDeviceGetHandleByIndex_v2(index=99, device=...) = NVML_ERROR_INVALID_ARGUMENT",
    ]
    assert memory is not None
    assert re.fullmatch(
        r"nvmlDeviceGetMemoryInfo\(device=gpu 0, memory={total=\d+, free=\d+, used=\d+}\) .*", memory[1]
    )


def test_calls_are_json_in_a_file(cli: Cli, tmp_path: Path) -> None:
    done = cli("trace", "--profile", "t4", "--json", "-o", str(tmp_path / "trace"), *COMMAND)

    assert (done.returncode, done.stdout, done.stderr) == (3, "Tesla T4\n", "")
    calls = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    assert calls[2]["arguments"] == {"device": 0, "name": "Tesla T4", "length": 96}
    assert (calls[-1]["arguments"], calls[-1]["result"], calls[-1]["code"]) == (
        {"index": 99},
        "NVML_ERROR_INVALID_ARGUMENT",
        2,
    )
    assert {call["pid"] for call in calls} == {calls[0]["tid"]}
    assert all(call["nanoseconds"] > 0 for call in calls)


def test_a_summary_counts_calls_and_errors(cli: Cli) -> None:
    done = cli("trace", "--summary", *COMMAND)

    rows = {line.split()[-1]: line.split()[:3] for line in done.stderr.splitlines()}
    assert done.returncode == 3
    assert rows["function"] == ["calls", "errors", "ns"]
    assert rows["nvmlDeviceGetHandleByIndex_v2"][:2] == ["2", "1"]
    assert rows["total"][:2] == ["5", "1"]
    assert int(rows["total"][2]) == sum(int(row[2]) for name, row in rows.items() if name not in ("total", "function"))


def test_all_processes_of_the_command_are_traced(cli: Cli) -> None:
    program = "import os, pynvml as n\nchild = os.fork()\nn.nvmlInit()\nchild and os.waitpid(child, 0)"
    done = cli("trace", "--json", "--", sys.executable, "-c", program)

    calls = [json.loads(line) for line in done.stderr.splitlines()]
    assert [call["function"] for call in calls] == ["nvmlInitWithFlags"] * 2
    assert len({call["pid"] for call in calls}) == 2


def test_a_command_waits_until_its_calls_are_read(cli: Cli) -> None:
    many = RECORDS + 3000
    program = f"import pynvml as n\nn.nvmlInit()\nfor _ in range({many}): n.nvmlDeviceGetCount()"
    done = cli("trace", "--", sys.executable, "-c", program)

    assert done.stderr.count("nvmlDeviceGetCount_v2(deviceCount=8) = NVML_SUCCESS") == many
    assert len(done.stderr.splitlines()) == many + 1


def test_a_rule_is_named_in_the_call_that_it_answered(cli: Cli, tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", profile="t4") as node:
        rule = node.rules.add("nvmlDeviceGetMemoryInfo", "GPU_IS_LOST")
    done = cli("trace", "--node", str(tmp_path / "node"), *COMMAND)

    assert f"memory=...) = NVML_ERROR_GPU_IS_LOST (rule {rule}) <" in done.stderr


def test_a_slot_of_the_private_table_is_seen(cli: Cli) -> None:
    program = """
import ctypes
library = ctypes.CDLL("libnvidia-ml.so.1")
guid = bytes([0xC4, 0xFE, 0x3E, 0x6C, 0xC9, 0x8F, 0x6C, 0x4E, 0xA3, 0x27, 0xEE, 0x69, 0x6E, 0x12, 0xF7, 0xC4])
table = ctypes.POINTER(ctypes.c_void_p)()
library.nvmlInit_v2()
assert library.nvmlInternalGetExportTable(ctypes.byref(table), guid) == 0
print([ctypes.CFUNCTYPE(ctypes.c_int)(table[slot])() for slot in (1, 42, 511)])
"""
    done = cli("trace", "--json", "--", sys.executable, "-c", program)

    assert done.stdout == "[3, 3, 3]\n"
    calls = [json.loads(line) for line in done.stderr.splitlines()]
    assert calls[1]["arguments"]["table"].startswith("0x")
    slots = [call["arguments"]["slot"] for call in calls if call["function"] == "exportTable"]
    assert slots == [1, 42, 511]


def test_a_node_that_was_there_is_left_as_it_was(cli: Cli, tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", profile="t4") as node:
        cli("trace", "--node", str(tmp_path / "node"), *COMMAND)
        assert not node.logs_calls

        node.log_calls()
        cli("trace", "--node", str(tmp_path / "node"), "--summary", *COMMAND)
        assert node.logs_calls
        assert len(node.calls()) == 5


def test_without_a_command_it_follows_a_node_until_it_is_interrupted(mock_env: dict[str, str], tmp_path: Path) -> None:
    env = mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")}
    command = [sys.executable, "-m", "mocknvml", "trace", "--node", str(tmp_path / "node")]
    with Node.create(tmp_path / "node", profile="t4") as node:
        tracer = subprocess.Popen(command, env=mock_env, stderr=subprocess.PIPE, text=True)
        while not node.logs_calls:
            assert tracer.poll() is None
        with CallLog(node) as log:
            subprocess.run([sys.executable, "-c", CLIENT], env=env, capture_output=True)
            assert log.tickets == 5
        assert tracer.stderr is not None
        seen = [tracer.stderr.readline() for _ in range(5)]
        tracer.send_signal(signal.SIGINT)
        rest = tracer.communicate(timeout=30)[1]

    assert "nvmlDeviceGetName" in seen[2]
    assert (tracer.returncode, rest) == (0, "")


def test_the_status_tells_of_the_signal_that_ended_the_command(cli: Cli) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"

    assert cli("trace", "--", sys.executable, "-c", program).returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "nothing to trace"),
        (("--", "no-such-command"), 127, "cannot run 'no-such-command'"),
        (("--node", "/nonexistent/node", "--", "true"), 2, "no such node file"),
        (("--json", "--summary", "--", "true"), 2, "not allowed with"),
        (("-o", "/nonexistent/trace", "--", "true"), 2, "/nonexistent/trace: No such file"),
    ],
)
def test_a_mistake_is_one_line(cli: Cli, arguments: tuple[str, ...], status: int, message: str) -> None:
    done = cli("trace", *arguments)

    assert (done.returncode, done.stdout) == (status, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
