"""Settings of the stand-in beside those of NVIDIA's nvidia-smi: two equal nodes hear the same, and say the same."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import DRIVERS
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import NODES, Smi

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="setters need root"),
]

COMMANDS = (
    *("-i 0 -pl 300", "-pm 0", "-pm 0", "-i 0 -pm ENABLED", "-i 0,1 -pm 1", "-pm 0", "-pm foo", "-pm 2", "-pm"),
    *("-pl 65", "-pl 9000", "-i 0 -pl 300.5", "-i 1 -pl=399.999", "-pl 300W", "-pl abc", "-pl 0"),
    *(
        "-i 0 -c 3",
        "-i 0 -c EXCLUSIVE_PROCESS",
        "-c 1",
        "-c EXCLUSIVE_THREAD",
        "-c 9",
        "-c exclusive_process",
        "-c DEFAULT",
    ),
    *("-i 0 -e 0", "-e 0", "-e ENABLED", "-e 7", "-p 0", "-p AGGREGATE", "-p 3"),
    *("-am 1", "-am 1", "-caa", "-am DISABLED", "-am x", "-am 5"),
    *("-lgc 900,1200", "-lgc 1000", "-rgc", "-lgc 1200,900", "-lgc a", "-lgc 900,a", "-lgc 900,1000,1100", "-rgc 1"),
    *("-lmc 1215", "-rmc", "-lmc 5,6", "-lmc a", "-ac 1215,1005", "-rac", "-ac 1,2", "-ac 1215", "-ac 1215,a"),
    *("-i 9 -pm 1", "-pm 1 -L", "-pm 1 -q", "-pm 1 -pl 300", "-pm 1 -l 5", "-i 0 -pm 1 --bogus", "-pm 1 bogus"),
)


@pytest.fixture(params=["dgx-a100", "h100", "t4", "rtx-4090", "lost", "odd", "none"])
def nodes(request: pytest.FixtureRequest, path: Path) -> Iterator[tuple[Node, Node]]:
    """That of the stand-in, and the other one."""
    profile, gpus, change = NODES[request.param]
    made = [Node.create(place, profile, gpus, DRIVERS[535]) for place in (path, path.with_name("other"))]
    for node in made:
        change(node)
    yield made[0], made[1]


def changed(node: Node) -> list[list[tuple[str, object]]]:
    return [[(now.key, now.written) for now, _ in gpu.overrides()] for gpu in node.gpus]


def test_settings_are_told_alike_and_the_same_after_it(
    nodes: tuple[Node, Node], smi: Smi, env: dict[str, str], path: Path
) -> None:
    real = RealSmi(535, env | {"MOCK_NVML_NODE": str(path.with_name("other"))})
    for command in COMMANDS:
        if "-pl" in command and "-i" not in command and len(nodes[0].faults):
            continue  # of the lost GPU nvidia-smi takes the limits for those of the one before
        ours, theirs = smi(*command.split()), real(*command.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, ""), command
        assert changed(nodes[0]) == changed(nodes[1]), command


@pytest.mark.parametrize("nodes", ["dgx-a100"], indirect=True)
@pytest.mark.parametrize("code", [2, 3, 999])
def test_refused_settings_are_told_alike(
    code: int, nodes: tuple[Node, Node], smi: Smi, env: dict[str, str], path: Path
) -> None:
    real = RealSmi(535, env | {"MOCK_NVML_NODE": str(path.with_name("other"))})
    for node in nodes:
        for function in ("nvmlDeviceSet*", "nvmlDeviceReset*", "nvmlDeviceClear*"):
            node.rules.add(function, code)
    plain = ("-pm 0", "-pl 300", "-c 3", "-e 0", "-am 1", "-caa", "-p 0")
    for command in (*plain, "-lgc 900", "-rgc", "-lmc 1215", "-rmc", "-ac 1215,1005", "-rac"):
        ours, theirs = smi("-i", "0", *command.split()), real("-i", "0", *command.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, ""), command
