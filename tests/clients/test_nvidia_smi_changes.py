"""What NVIDIA's unmodified nvidia-smi 535 changes on each kind of node, as another command shows, and refuses."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import Smi
from tests.clients.nvidia_smi_nodes import BRANCH, TROUBLE, make

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="setters need root")]

REAL = ("a100", "h100", "gb200", "t4")
CSV = "--format=csv,noheader,nounits"
WATTS = {"a100": 300, "h100": 500, "gb200": 900, "t4": 65}
FREQUENCIES = {"a100": (1215, 1005), "h100": (2619, 1500), "gb200": (3996, 2055), "t4": (5001, 1005)}

# A command, what it says, a command that shows what is then, and that; or what it says where it is refused.
CHANGES: tuple[tuple[str, str, str, str, Mapping[str, str]], ...] = (
    ("-pm 0", "Disabled persistence mode for GPU", "persistence_mode", "Disabled", {}),
    ("-pm 1", "Persistence mode is already Enabled for GPU", "persistence_mode", "Enabled", {}),
    ("-c 0", "Compute mode is already set to DEFAULT for GPU", "compute_mode", "Default", {}),
    ("-c 2", "Set compute mode to PROHIBITED for GPU", "compute_mode", "Prohibited", {}),
    ("-c 3", "Set compute mode to EXCLUSIVE_PROCESS for GPU", "compute_mode", "Exclusive_Process", {}),
    ("-e 0", "Disabled ECC support for GPU", "ecc.mode.current,ecc.mode.pending", "Enabled, Disabled", {}),
    ("-e 1", "ECC support is already Enabled for GPU", "ecc.mode.pending", "Enabled", {}),
    ("-am 1", "Enabled Accounting Mode for GPU", "accounting.mode", "Enabled", {}),
    ("-caa", "Cleared Accounted PIDs for GPU", "accounting.mode", "Disabled", {}),
    ("-pl {watts}", "was set to {watts}.00 W from", "power.limit,enforced.power.limit", "{watts}.00, {watts}.00", {}),
    ("-lgc 900", 'GPU clocks set to "(gpuClkMin 900, gpuClkMax 900)"', "clocks.gr,clocks.sm", "900, 900", {}),
    (
        *("-lmc 810", 'Memory clocks set to "(memClkMin 810, memClkMax 810)"', "clocks.mem", "810"),
        {"t4": "Setting locked Memory clocks is not supported for GPU"},
    ),
    (
        *("-ac {memory},{graphics}", 'Applications clocks set to "(MEM {memory}, SM {graphics})"'),
        *("clocks.applications.mem,clocks.applications.gr", "{memory}, {graphics}"),
        {},
    ),
    ("-p 0", "Reset volatile ECC errors to zero", "ecc.errors.corrected.volatile.total", "0", {}),
    ("-p 1", "Reset aggregate ECC errors to zero", "ecc.errors.corrected.aggregate.total", "0", {}),
    (
        "compute-policy --set-timeslice=1",
        "timeslice policy with value Short",
        "compute-policy -l",
        "Timeslice +Short",
        {},
    ),
    (
        *("boost-slider --vboost 2", "Successfully set vboost slider with value 2", "boost-slider -l", "vboost +4 +2 "),
        dict.fromkeys(("a100", "gb200", "t4"), "is not supporting this feature: Not Supported"),
    ),
    (
        *("clocks -som 1", "Operation Mode set to 'Enabled' for GPU 0"),
        *("-q -d PERFORMANCE", "Sparse Operation Mode +: Enabled"),
        dict.fromkeys(
            ("a100", "gb200", "t4"), "Unable to set Sparse Operation Mode to 'Enabled' for GPU 0: Not Supported"
        ),
    ),
    (
        *("-gtt 80", "", "", ""),
        dict.fromkeys(REAL, "GPU Target Temperature Threshold not supported for GPU"),
    ),
    ("--gom=1", "", "", "", dict.fromkeys(REAL, "GOM mode cannot be changed on GPU")),
    ("-vm 3", "", "", "", dict.fromkeys(REAL, "Setting virtualization mode is not supported for GPU")),
    ("-pl 99999", "", "", "", dict.fromkeys(REAL, "is not a valid power limit which should be between")),
    ("-ac 9,9", "", "", "", dict.fromkeys(REAL, "is not supported for GPU")),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node"


@pytest.fixture
def node(kind: str, path: Path) -> Iterator[Node]:
    with make(kind, path) as made:
        yield made


@pytest.fixture
def smi(mock_env: dict[str, str], path: Path) -> Smi:
    return Smi(BRANCH, mock_env | {"MOCK_NVML_NODE": str(path)})


def shown(smi: Smi, asked: str) -> str:
    """What a command shows of the first GPU; without a word that is one, what a query of these properties does."""
    is_query = re.fullmatch(r"[a-z_.,]+", asked) is not None
    command = [f"--query-gpu={asked}", CSV] if is_query else asked.split()
    return "\n".join(smi.lines(*command, "-i", "0"))


@pytest.mark.parametrize("kind", REAL)
@pytest.mark.parametrize(("command", "says", "asked", "then", "refusals"), CHANGES, ids=[row[0] for row in CHANGES])
def test_what_a_command_changes_another_one_shows(
    command: str, says: str, asked: str, then: str, refusals: Mapping[str, str], kind: str, node: Node, smi: Smi
) -> None:
    memory, graphics = FREQUENCIES[kind]
    command, says, then = (
        text.format(watts=WATTS[kind], memory=memory, graphics=graphics) for text in (command, says, then)
    )
    for counter in ("volatile", "aggregate"):
        node.gpus[0].set(f"ecc.total.corrected.{counter}", 5)
    before = node.gpus[0].overrides()
    done = smi(*command.split(), "-i", "0")

    assert TROUBLE.findall(done.stdout) == []
    if kind in refusals:
        assert refusals[kind] in done.stdout
        assert node.gpus[0].overrides() == before
        return
    assert says in done.stdout
    assert done.returncode == 0
    assert re.search(then, shown(smi, asked)), shown(smi, asked)


@pytest.mark.parametrize("kind", REAL)
def test_clocks_that_are_set_can_be_reset(kind: str, node: Node, smi: Smi) -> None:
    before = shown(smi, "clocks.gr,clocks.mem,clocks.applications.gr")
    for command in ("-lgc 900", "-lmc 810", "-rgc", "-rmc", "-rac"):
        assert smi(*command.split(), "-i", "0").returncode == 0

    assert shown(smi, "clocks.gr,clocks.mem,clocks.applications.gr") == before


@pytest.mark.parametrize("kind", ["gb200"])
def test_a_module_has_a_power_limit_of_its_own(kind: str, node: Node, smi: Smi) -> None:
    assert "was set to 1000.00 W from" in "\n".join(smi.lines("-pl", "1000", "-sc", "1", "-i", "0"))

    limits = re.findall(r"Current Power Limit +: ([0-9.]+) W", shown(smi, "-q -d POWER"))
    assert limits == ["1200.00", "1000.00"]


@pytest.mark.parametrize("kind", ["a100", "h100"])
def test_error_counters_of_links_are_reset(kind: str, node: Node, smi: Smi) -> None:
    node.gpus[0].set("nvlink.errors.4.replay", 7)
    assert re.search(r"Link 4: Replay Errors: 7$", shown(smi, "nvlink -e"), re.MULTILINE)

    assert "Link 4: error counters reset" in shown(smi, "nvlink -re")
    assert set(re.findall(r"Errors: (.+)$", shown(smi, "nvlink -e"), re.MULTILINE)) == {"0"}


@pytest.mark.parametrize("kind", ["h100", "gb200"])
def test_streaming_of_metrics_is_switched_on(kind: str, node: Node, smi: Smi) -> None:
    smi.lines("gpm", "-s", "1")

    assert "GPM stream state: ENABLED" in smi.lines("gpm", "-g")


@pytest.mark.parametrize("kind", REAL)
def test_a_gpu_drains_is_removed_and_comes_back(kind: str, node: Node, smi: Smi) -> None:
    address = smi.lines("--query-gpu=pci.bus_id", "--format=csv,noheader")[0][4:]  # the domain has four digits here

    def drain(*options: str) -> str:
        return smi("drain", "-p", address, *options).stdout

    assert "drain state of GPU" in drain("-q") and "is: not draining." in drain("-q")
    assert "Failed to modify" in drain("-m", "1")  # it persists
    smi.lines("-pm", "0")
    assert "drain state to: draining." in drain("-m", "1")
    assert "is: draining." in drain("-q")
    assert len(node.gpus) - 1 == smi("-L").stdout.count("GPU-")
    assert "drain state to: not draining." in drain("-m", "0")
    assert len(node.gpus) == smi("-L").stdout.count("GPU-")

    drain("-m", "1")
    assert "successfully removed." in drain("-r")
    assert address not in smi("--query-gpu=pci.bus_id", "--format=csv").stdout
    assert "Discovery completed successfully." in smi("drain", "-d").stdout
    assert smi.lines("--query-gpu=pci.bus_id", "--format=csv,noheader")[0].endswith(address)


@pytest.mark.parametrize("kind", REAL)
def test_a_reset_brings_a_pending_mode_into_force(kind: str, node: Node, smi: Smi) -> None:
    smi.lines("-e", "0", "-i", "0")

    assert "was successfully reset." in shown(smi, "-r")
    assert shown(smi, "ecc.mode.current") == "Disabled"


ON_ALL = ("-pm 0", "-c 3", "-e 0", "-am 1", "-pl 300", "-lgc 900", "-ac 1215,1005")


@pytest.mark.parametrize("kind", ["lost"])
@pytest.mark.parametrize("command", ON_ALL)
def test_a_lost_gpu_stops_a_change_of_all(command: str, kind: str, node: Node, smi: Smi) -> None:
    done = smi(*command.split())

    assert done.returncode == 15
    assert "GPU is lost\nTerminating early due to previous errors." in done.stdout
    assert len(re.findall(r"for GPU 0|Power limit for GPU 0", done.stdout)) == 3  # those before it


@pytest.mark.parametrize("kind", ["none"])
@pytest.mark.parametrize("command", [*ON_ALL, "-r", "clocks -som 1", "-p 0", "-caa", "-rgc"])
def test_without_gpus_nothing_is_changed(command: str, kind: str, node: Node, smi: Smi) -> None:
    done = smi(*command.split())

    assert (done.stdout, done.returncode) == ("No devices were found\n", 6)
