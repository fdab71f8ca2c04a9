"""`topo` of the stand-in: beside the real one, and what no test of it needs the real one for."""

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import Smi

COMMANDS = (
    *("topo -m", "topo -mp", *(f"topo -p2p {letter}" for letter in "rwnap")),
    *("topo -p2p x", "topo -p2p", "topo --bogus"),
)


@pytest.mark.slow
@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("branch", [470, 535, 550], indirect=True)
def test_it_says_what_the_real_one_says(branch: int, env: dict[str, str], smi: Smi) -> None:
    real = RealSmi(branch, env)

    for command in COMMANDS:
        ours, theirs = smi(*command.split()), real(*command.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr), command


@pytest.mark.parametrize("node", ["gb200"], indirect=True)
def test_each_row_has_links_and_the_nearest_cpus(node: Node, smi: Smi) -> None:
    lines = smi("topo", "-m").stdout.splitlines()

    assert lines[0].split("\t")[1:5] == ["\033[4mGPU0", "GPU1", "GPU2", "GPU3"]
    assert lines[1].split("\t") == ["GPU0", " X ", "NV18", "NV18", "NV18", "0-71", "0", "", "N/A"]
    assert lines[4].split("\t") == ["GPU3", "NV18", "NV18", "NV18", " X ", "72-143", "1", "", "N/A"]


@pytest.mark.parametrize("node", ["none", "lost"], indirect=True)
def test_without_all_gpus_there_is_no_matrix(node: Node, smi: Smi) -> None:
    done = smi("topo", "-m")

    assert (done.returncode, done.stdout) == (255, "Failed to run topology matrix\n\n")


@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_without_an_option_it_explains_itself(node: Node, smi: Smi) -> None:
    assert "nvidia-smi topo -m" in smi("topo").stdout
    assert smi("topo", "-h").stdout == smi("topo").stdout


@pytest.mark.parametrize(("node", "branch"), [("dgx-a100", 550)], indirect=True)
@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("-c 48", "The GPUs that have an affinity with CPU 48 are:\n0, 1\n\n"),
        ("-i 0 -n 2", "Device 0 is connected by way of potentially multiple PCIe switches to device(s): 1\n\n"),
        ("-i 0 -n 0", "Device 0 is not connected to other devices by way of an single on-board PCIe switch.\n\n"),
        ("-i 0,1 -p", "Device 0 is connected to device 1 by way of multiple PCIe switches.\n\n"),
        ("-i 7 -C -M -gnid", "NUMA IDs of closest CPU: 5\nNUMA IDs of closest memory: 5\nN/A\n"),
    ],
)
def test_what_is_near_is_told(command: str, text: str, node: Node, smi: Smi) -> None:
    done = smi("topo", *command.split())

    assert (done.returncode, done.stdout) == (0, text)
