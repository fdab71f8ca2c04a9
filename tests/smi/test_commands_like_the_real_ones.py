"""Commands of the stand-in beside those of NVIDIA's nvidia-smi: two equal nodes hear the same, and say the same."""

import os
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import VERSIONS
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import NODES, Smi
from tests.smi.test_like_the_real_one import said
from tests.smi.test_setters_like_the_real_ones import changed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="setters need root"),
]

SETTINGS = (
    *("-gtt 80", "-gtt x", "-gtt", "-cc 0", "-cc 2", "-cc OVERRIDE", "-lmcd 1215", "-lmcd x", "-rmcd", "-rmcd 1"),
    *("--gom=0", "--gom=5", "--gom=x", "--gom 0", "-dm 1", "-dm 5", "-fdm WDDM", "-acp 0", "--auto-boost-default=0"),
    *("--auto-boost-default=x", "--auto-boost-permission=1", "-m 0", "-lgc 900 -m 1", "-lgc 900 -m x", "-rgc -m 1"),
    *("-lgc unlimited", "-lgc tdp,base", "-rgc", "-rgc=1", "-pl 300 -sc 0", "-pl 300 -sc 1", "-pl 300 -sc 2", "-sc 0"),
    *("-vm 3", "-vm x", "-mig 1", "-mig x", "-mig DISABLED", "-pm 1 -eow", "--gom=0 -eow", "-cc 0 -cc 1", "-pm -1"),
    *("-pl 1e2", "-pl 0x100", "-c 0x3", "-e -5", "-pm 1 -L", "-t 0", "-t x", "-t 0 -i 0", "-t 0 -pm 1", "-B", "-L -B"),
    *("--version", "-B -B", "-r", "-i 0 -r", "-i 0 -e 0", "-i 0 -r", "-r 0", "-r -pm 1", "-r -l 1", "-i 9 -r"),
)
DRAIN = (
    *("-p", "-p 0000:07:00.0", "-q", "-p 0:7:0.0 -q", "-p 07:00.0 -q", "-p 00000000:07:00.0 -q", "-p 0000:07:00.1 -q"),
    *("-p 0000:ff:00.0 -q", "-p 0000:07:00.0 -m", "-p 0000:07:00.0 -m 2", "-m 1", "-p 0000:07:00.0 -m 1", "bogus"),
)
DRAINED = (
    *("-pm 0", "drain -p 0000:07:00.0 -m 1 -q", "-L", "drain -p 0000:07:00.0 -r", "-L", "drain -d", "-L"),
    *("drain -p 0000:07:00.0 -m 1 -r", "drain -p 0000:07:00.0 -r -q", "drain -d -p zz", "drain -p 0000:07:00.0 -d"),
)
MIG = (
    *("-lgip", "-lgipp", "-lcip", "-lcipp", "-lgi", "-lci", "-cgi 9", "-cgi", "-cgi 9,9 -C", "-cci", "-cci 0", "-dgi"),
    *("-dci", "-C", "-i", "-i 9 -lgip", "-i 0 -lgi", "-gi 1", "bogus", "-lgip -lgi", "-cgi ,"),
)
VGPU = (
    *("", "-q", "-s -v", "-c", "-m", "-ss", "-i 0 -q", "-i 9", "-i", "-shm 1", "-shm", "bogus", "topo", "topo x"),
    *("topo 1 -tm", "-p2p r", "set-scheduler-state", "set-scheduler-state -p 1", "-l 0", "-x", "-q -x"),
    *("--query-accounted-apps=gpu_name,pid --format=csv", "--query-accounted-apps=pid"),
)
CONF_COMPUTE = (
    *("-gc", "-gg", "-d", "-e", "-f", "-gm", "-grs", "-gkr", "-mgm", "-sm 1024", "-sm", "-sm x", "-srs 1", "-srs 2"),
    *("-skr 5", "-i 0 -gm", "-i 9 -gm", "bogus", "-gc -gg", "-f -f", "--get-cc-feature=1", "-sm=5"),
)
GPM = ("-g", "-s 1", "-g", "-s 0", "-s", "-s x", "-s 2", "-i 1 -g", "-i 9 -g", "-g -s 1")
PCI = ("-gErrCnt", "-cErrCnt", "-i 0 -gErrCnt -cErrCnt", "-i 9 -gErrCnt", "-i 0", "bogus")
PRIVATE = (
    *("compute-policy -l", "compute-policy -i", "compute-policy --set-timeslice 1", "compute-policy --set-timeslice=x"),
    *("compute-policy --set-timeslice=9", "compute-policy -l -l", "boost-slider -l", "boost-slider --vboost 1"),
    *("boost-slider -l --vboost 1", "boost-slider -i 9 -l", "power-hint -l", "power-hint -gc 1000", "power-hint -t x"),
    *("power-hint -gc 1000 -mc 1000 -t n5 -p 0", "power-hint -gc x -t 50 -p 0", "power-hint -l -gc 1000"),
    *("base-clocks", "base-clocks -i 0", "base-clocks bogus"),
)
TOPO = (
    *("-c 48", "-c 0", "-c 9999", "-c -1", "-c x", "-c 1 -i 0", "-c 0 -m", "-i 0 -n 0", "-i 0 -n 2", "-i 0 -n 5"),
    *("-i 0 -n 6", "-i 0 -n x", "-i 0,1 -n 5", "-n 5", "-i 0", "-i 0,1 -p", "-i 2,0 -p", "-i 0 -p", "-p", "-mp -m"),
    *("-i 0 -n 5 -c 48 -p2p n -mp", "-i 0 -C -M -gnid", "-C", "-M", "-i 0,1 -gnid", "-i 9 -m", "-p2p x -n 5"),
)
# How options are read.
OPTIONS = (
    *("drain -p -5x -m 1", "drain -p - -m 1", "drain -p a=b -m 1", "drain --foo=3", "drain -p=", "drain -q=3"),
    *("drain -p 0000:07:00.0 -m=", "drain -q -p 0000:07:00.0 -p 0000:0F:00.0", "nvlink -s -i -", "nvlink -s -i a=b"),
    *("nvlink --foo=3", "nvlink -s -i a=b=c", "nvlink -s=3", "nvlink -s -i 0 -i 1", "nvlink -s -l", "nvlink -s -l="),
    *("compute-policy -l -i a=b", "compute-policy -l -i 0 -i 1", "compute-policy -l -i 1 -l", "boost-slider --vboost="),
    *("compute-policy --set-timeslice 1 -l", "compute-policy --set-timeslice 1 --set-timeslice 2", "compute-policy -i"),
    *("mig -lgip -i 0 -i 9", "mig -lgip=3", "mig -lgip -i a=b", "mig -cci -5 -i 9", "mig -cci=3 -i 9", "mig -gi= -lgi"),
    *("vgpu -i 9 -i 0", "vgpu -q foo", "vgpu -q=3", "vgpu -v foo", "vgpu --foo=3", "clocks --foo=3", "clocks -som x"),
    *(
        "clocks --sync-boost-remove=",
        "clocks --sync-boost-remove=x",
        "power-hint -gc= -t 1 -p 0",
        "base-clocks -i 0 -i 1",
    ),
)


def of(command: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{command} {rest}" for rest in arguments)


COMMANDS = {
    "settings": SETTINGS,
    "drain": of("drain", DRAIN) + DRAINED,
    "mig": of("mig", MIG),
    "vgpu": of("vgpu", VGPU),
    "conf-compute": of("conf-compute", CONF_COMPUTE),
    "gpm": of("gpm", GPM) + of("pci", PCI),
    "private": PRIVATE,
    "options": OPTIONS,
    "topo": of("topo", TOPO),
}
# What each branch is asked on which nodes. In 470 the words for an option that is not there are others.
RUNS = (
    *((470, "t4", kind) for kind in ("settings", "mig", "vgpu", "private", "options")),
    *((branch, "dgx-a100", "topo") for branch in (470, 535)),
    *((525, "t4", kind) for kind in ("mig", "private", "options", "topo")),
    *((555, "h100", kind) for kind in COMMANDS),
    *((535, node, "topo") for node in ("lost", "none")),
    *((535, "h100", kind) for kind in ("conf-compute", "gpm", "private", "options")),
    *((535, node, "settings") for node in ("t4", "lost")),
    *((535, node, "mig") for node in ("dgx-a100", "mig", "none")),
    *((535, node, "drain") for node in ("dgx-a100", "lost")),
    *((535, "lost", kind) for kind in ("conf-compute", "private")),
    *((550, "h100", kind) for kind in COMMANDS),
    (550, "mig", "mig"),
    (550, "lost", "vgpu"),
    *((550, "none", kind) for kind in ("private", "conf-compute")),
)


@pytest.mark.parametrize(("branch", "name", "kind"), RUNS, ids=lambda it: str(it))
def test_commands_say_and_do_the_same(
    branch: int, name: str, kind: str, smi: Smi, env: dict[str, str], path: Path
) -> None:
    profile, gpus, change = NODES[name]
    nodes = [Node.create(place, profile, gpus, VERSIONS[branch]) for place in (path, path.with_name("other"))]
    for node in nodes:
        change(node)
    real = RealSmi(branch, env | {"MOCK_NVML_NODE": str(path.with_name("other"))})
    for command in COMMANDS[kind]:
        if "-pl" in command and len(nodes[0].faults):
            continue  # of the lost GPU nvidia-smi takes the limits for those of the one before
        assert said(smi(*command.split())) == said(real(*command.split())), command
        assert changed(nodes[0]) == changed(nodes[1]), command


@pytest.mark.parametrize("branch", [535])
def test_refusals_end_with_the_same_status(branch: int, smi: Smi, env: dict[str, str], path: Path) -> None:
    node = Node.create(path, "t4", 1, VERSIONS[branch])
    real = RealSmi(branch, env)
    for code in (*range(1, 31), 999):
        node.rules.clear()
        node.rules.add("nvmlDeviceSetComputeMode", code)
        assert said(smi("-c", "3")) == said(real("-c", "3")), code


@pytest.mark.parametrize(("branch", "value"), [(535, 1), (535, 3), (550, 0), (550, 1), (550, 2), (550, 3)])
def test_confidential_computing_is_told_alike(
    branch: int, value: int, smi: Smi, env: dict[str, str], path: Path
) -> None:
    nodes = [Node.create(place, "h100-sxm5-80gb", 2, VERSIONS[branch]) for place in (path, path.with_name("other"))]
    for node in nodes:
        keys = ("cpu_capabilities", "gpu_capabilities", "environment", "feature", "developer_tools", "multi_gpu")
        node.update({f"conf_compute_system.{key}": value for key in keys})
        node.update(
            {"conf_compute_system.accepting_work": value == 1, "conf_compute_system.attacker_advantage": 50 + value}
        )
        node.gpus[0].update({"conf_compute.protected_size": "9 KiB", "conf_compute.unprotected_size": "7 KiB"})
    real = RealSmi(branch, env | {"MOCK_NVML_NODE": str(path.with_name("other"))})
    setters = ("-i 0 -sm 2048", "-i 0 -gm", "-skr 55", "-gkr", "-srs 0", "-grs", "-skr 99999999999", "-sm 0x10")
    for command in of("conf-compute", CONF_COMPUTE[:9] + setters):
        assert said(smi(*command.split())) == said(real(*command.split())), command
