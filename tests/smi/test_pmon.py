"""`pmon` of the stand-in: beside the real one, and what no test of it needs the real one for."""

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import Smi

COMMANDS = ("-c 1", "-c 1 -s um", "-c 1 -s mu", "-c 1 -s m", "-c 1 -i 0", "-c 1 -s x")


@pytest.mark.slow
@pytest.mark.parametrize("branch", [470, 535, 550], indirect=True)
def test_it_says_what_the_real_one_says(branch: int, node: Node, env: dict[str, str], smi: Smi) -> None:
    node.clock.freeze()
    real = RealSmi(branch, env)

    for options in COMMANDS:
        ours, theirs = smi("pmon", *options.split()), real("pmon", *options.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr), options


@pytest.mark.parametrize("node", ["busy"], indirect=True)
def test_each_process_has_a_row(node: Node, smi: Smi) -> None:
    rows = [line.split() for line in smi("pmon", "-c", "1", "-s", "um").stdout.splitlines()]
    titles = rows[0][1:]

    trainer, desktop, idle, served = (dict(zip(titles, row, strict=False)) for row in rows[2:])
    assert (trainer["pid"], trainer["type"], trainer["sm"], trainer["fb"]) == ("4242", "C", "57", "8192")
    assert (desktop["pid"], desktop["type"], desktop["command"]) == ("4343", "C+G", "column")
    assert set(idle.values()) == {"1", "-"}
    assert (served["gpu"], served["pid"], served["type"]) == ("2", "44", "M+C")


@pytest.mark.parametrize("node", ["lost"], indirect=True)
def test_a_lost_gpu_is_not_monitored(node: Node, smi: Smi) -> None:
    done = smi("pmon", "-c", "1")

    assert (done.returncode, done.stdout.splitlines()[0]) == (255, "Not supported on the device(s)")
