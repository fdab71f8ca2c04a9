"""`mocknvml run --claim`: the command as a process of GPUs, until it ends."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml import Node
from tests.cli.conftest import Cli
from tests.cli.test_run import REAP

# Prints the command's pid and what NVML lists on each GPU.
LOOK = """
import json, os, pynvml as n
n.nvmlInit()
gpus = [n.nvmlDeviceGetHandleByIndex(index) for index in range(n.nvmlDeviceGetCount())]
listed = [[(p.pid, p.usedGpuMemory >> 20) for p in n.nvmlDeviceGetComputeRunningProcesses(gpu)] for gpu in gpus]
print(json.dumps([os.getpid(), listed, n.nvmlSystemGetProcessName(os.getpid())]))
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", gpus=2) as made:
        yield made


def test_the_command_itself_is_the_process(cli: Cli) -> None:
    result = cli("run", "--gpus", "2", "--claim", "1:8GiB", "--", sys.executable, "-c", LOOK)

    pid, listed, name = json.loads(result.stdout)
    assert (listed, name, result.stderr) == ([[], [[pid, 8192]]], sys.executable, "")


def test_gpus_are_claimed_by_selectors(cli: Cli, node: Node) -> None:
    look = ("--node", str(node.path), "--", sys.executable, "-c", LOOK)
    uuid = str(node.gpus[1].get("identity.uuid"))

    for claims, wanted in (
        (["all:1GiB"], (1024, 1024)),
        (["0:8 GiB", f"{uuid}:512MiB:60%"], (8192, 512)),
        (["0-1:1.5 GiB"], (1536, 1536)),
    ):
        options = [part for claim in claims for part in ("--claim", claim)]
        pid, listed, _ = json.loads(cli("run", *options, *look).stdout)
        assert listed == [[[pid, wanted[0]]], [[pid, wanted[1]]]]


def test_a_claim_has_its_utilization(cli: Cli, node: Node) -> None:
    show = "import mocknvml, sys; print(*(p.sm_utilization for p in mocknvml.Node.open(sys.argv[1]).gpus[0].processes))"

    result = cli(
        "run", "--node", str(node.path), "--claim", "0:1GiB:60%", "--", sys.executable, "-c", show, str(node.path)
    )

    assert result.stdout == "60\n"


@pytest.mark.parametrize("ending", ["exit 0", "kill -KILL $$", "kill -TERM 0", "exec no-such-program 2>&-"])
def test_a_claim_ends_with_the_command_and_stays_in_accounting(
    mock_env: dict[str, str], node: Node, ending: str
) -> None:
    node.gpus[0].set("modes.accounting", True)
    command = [sys.executable, "-m", "mocknvml", "run", "--node", str(node.path), "--claim", "all:1GiB:60%"]

    done = subprocess.run(
        [sys.executable, "-c", REAP, *command, "--", "sh", "-c", f"echo $$; {ending}"],
        env=mock_env,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    pid = int(done.stdout.split()[0])
    assert [len(gpu.processes) for gpu in node.gpus] == [0, 0]
    ended = node.gpus[0].get("accounting.ended")
    assert isinstance(ended, list)
    assert [(record["pid"], record["memory_max"], record["gpu"]) for record in ended] == [(pid, 1 << 30, 60)]


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        (["0"], "--claim 0: write GPU:MEMORY"),
        (["0:8"], "--claim 0:8: write GPU:MEMORY"),
        (["0:8GiB:5"], "write GPU:MEMORY"),
        ([""], "write GPU:MEMORY"),
        (["0:8XiB"], "memory: '8XiB': give a number with a unit"),
        (["0:8GiB:101%"], "101%: no process uses more than 100 %"),
        (["2:8GiB"], "'2': no such GPU"),
        (["two:8GiB"], "'two': no such GPU"),
        (["0:100GiB"], "less than 100GiB is free"),
        (["1:1GiB", "0:100GiB"], "less than 100GiB is free"),
        (["0:1GiB", "all:1GiB"], "--claim all:1GiB: GPU 0 is claimed already"),
    ],
)
def test_a_claim_that_cannot_be_is_one_line_and_no_command_runs(
    mock_env: dict[str, str], node: Node, claims: list[str], message: str
) -> None:
    options = [part for claim in claims for part in ("--claim", claim)]
    command = [sys.executable, "-m", "mocknvml", "run", "--node", str(node.path), *options, "--", "echo", "ran"]

    done = subprocess.run(
        [sys.executable, "-c", REAP, *command], env=mock_env, check=True, capture_output=True, text=True, timeout=60
    )

    assert done.stdout.split() == ["2"]
    assert done.stderr.startswith("mocknvml: error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert [len(gpu.processes) for gpu in node.gpus] == [0, 0]
