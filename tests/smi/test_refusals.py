"""Whatever a function of NVML refuses, a command of the stand-in ends, with words and no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node

PROGRAM = Path(__file__).with_name("refuse_each.py")
COMMANDS = (
    *(
        "",
        "-L",
        "-q",
        "-q -x",
        "topo -m",
        "topo -p2p n",
        "topo -i 0 -n 5 -c 48 -C -M -gnid",
        "topo -i 0,1 -p",
        "dmon -c 1 -s pucvmet",
        "pmon -c 1 -s um",
    ),
    *("--query-compute-apps=pid,name,used_memory --format=csv", "--query-accounted-apps=pid,time --format=csv"),
    *("--query-retired-pages=retired_pages.timestamp --format=csv", "--query-supported-clocks=mem,gr --format=csv"),
    *("-pm 0", "-pl 200", "-lgc 500", "-lmc 500", "-ac 1,2", "-e 0", "-c 3", "-am 1", "-p 0", "-caa", "-rgc", "-rac"),
)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_bears_every_refusal(command: str, path: Path, env: dict[str, str]) -> None:
    node = Node.create(path, "h100-sxm5-80gb", 2, "580.105.08")
    node.gpus[0].processes.add(4242, memory="1 GiB", name="trainer")

    done = subprocess.run(
        [sys.executable, PROGRAM, path, *command.split()], env=env, capture_output=True, text=True, timeout=120
    )

    *failures, runs = done.stdout.splitlines()
    assert (failures, done.stderr) == ([], "")
    assert int(runs.split()[0]) >= 4
