"""The commands of NVIDIA's unmodified nvidia-smi, of several branches of the driver, on several nodes."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import DRIVERS, SUITES, Smi
from tests.clients.nvidia_smi_nodes import NO_ROOM

pytestmark = pytest.mark.slow

TROUBLE = re.compile(r".*(?:ERR!|Unknown Error|Uninitialized|Not Found|Invalid|\ufffd).*")
GPU_IS_LOST = 15
OLDEST = {"h100-sxm5-80gb": 525, "gb200-nvl72": 535, "rtx-4090": 520}  # real ones want 560 for a GB200


@pytest.fixture(params=SUITES)
def branch(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node"


@pytest.fixture
def smi(branch: int, mock_env: dict[str, str], path: Path) -> Smi:
    return Smi(branch, mock_env | {"MOCK_NVML_NODE": str(path)})


def node(path: Path, branch: int, profile: str = "dgx-a100", gpus: int | None = None) -> Node:
    if branch < OLDEST.get(profile, 0):
        pytest.skip(f"driver {branch} knows no {profile}")
    return Node.create(path, profile, gpus, DRIVERS[branch])


def matrix(lines: list[str]) -> list[list[str]]:
    """The cells of `topo` between GPUs, by row."""
    rows = [re.split(r"\t", line.replace("\x1b[4m", "").replace("\x1b[0m", "")) for line in lines]
    count = sum(cell.startswith("GPU") and cell[3:].isdigit() for cell in rows[0])
    return [[cell.strip() for cell in row[1 : 1 + count]] for row in rows[1 : 1 + count]]


@pytest.mark.parametrize(
    ("profile", "first_row"),
    [
        ("dgx-a100", ["X"] + ["NV12"] * 7),
        ("hgx-a100-4", ["X", "NV4", "NV4", "NV4"]),
        ("gb200-nvl72", ["X", "NV18", "NV18", "NV18"]),
        ("workstation-2x4090", ["X", "PHB"]),
    ],
)
def test_topo_draws_the_matrix(profile: str, first_row: list[str], smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, profile) as made:
        lines = smi.lines("topo", "-m")

        cells = matrix(lines)
        assert cells[0] == first_row
        assert len(cells) == len(made.gpus)
        assert all(cells[i][i] == "X" and cells[i][0] == cells[0][i] for i in range(len(cells)))
        assert made.gpus[0].get("topology.cpus.node") in lines[1].split("\t")


def test_topo_tells_which_gpus_reach_each_other(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, gpus=3):
        assert matrix(smi.lines("topo", "-p2p", "r")) == [["X", "OK", "OK"], ["OK", "X", "OK"], ["OK", "OK", "X"]]


@pytest.fixture
def busy(branch: int, path: Path) -> None:
    """Two GPUs, of which the first runs two processes."""
    with node(path, branch, gpus=2) as made:
        trainer = {"pid": 4242, "contexts": 1, "memory": "8 GiB", "name": "/usr/bin/python3", "sm": "57 %"}
        renderer = {"pid": 4343, "contexts": 3, "memory": "1 GiB", "name": "render", "sm": "10 %", "encoder": "7 %"}
        made.gpus[0].set("processes.running", [trainer, renderer])


@pytest.mark.usefixtures("busy")
def test_processes_stand_in_the_table(smi: Smi) -> None:
    table = "\n".join(smi.lines())

    assert re.search(r"\|    0   N/A  N/A      4242      C   /usr/bin/python3 +8192MiB \|", table)
    assert re.search(r"\|    0   N/A  N/A      4343    C\+G   render +1024MiB \|", table)
    assert "No running processes" not in table


def test_a_command_that_claims_a_gpu_stands_in_its_own_table(smi: Smi, branch: int, mock_env: dict[str, str]) -> None:
    smi.env = mock_env
    smi.prefix = [sys.executable, "-m", "mocknvml", "run", "--driver", DRIVERS[branch], "--claim", "1:8GiB", "--"]

    table = "\n".join(smi.lines())

    assert re.search(r"^\| +1 +N/A +N/A +[0-9]+ +C +\S*nvidia-smi +8192MiB \|$", table, re.MULTILINE)


@pytest.mark.usefixtures("busy")
def test_processes_stand_in_the_report(smi: Smi) -> None:
    report = "\n".join(smi.lines("-q", "-d", "PIDS"))

    found = re.findall(r"Process ID +: (\d+)\n +Type +: (\S+)\n +Name +: (\S+)\n +Used GPU Memory +: (.+)\n", report)
    assert found == [("4242", "C", "/usr/bin/python3", "8192 MiB"), ("4343", "C+G", "render", "1024 MiB")]
    assert re.search(r"Processes +: None$", report)


@pytest.mark.usefixtures("busy")
def test_compute_processes_can_be_queried(smi: Smi) -> None:
    rows = smi.lines("--query-compute-apps=pid,name,used_memory", "--format=csv,noheader,nounits")

    assert rows == ["4242, /usr/bin/python3, 8192", "4343, render, 1024"]


@pytest.mark.usefixtures("busy")
def test_pmon_shows_processes_with_their_utilization(smi: Smi) -> None:
    rows = [line.split() for line in smi.lines("pmon", "-c", "1")[2:]]

    assert [(*row[:7], row[-1]) for row in rows[:2]] == [
        ("0", "4242", "C", "57", "0", "0", "0", "python3"),
        ("0", "4343", "C+G", "10", "0", "7", "0", "render"),
    ]
    assert rows[2][:3] == ["1", "-", "-"]


def test_dmon_shows_a_row_of_readings_per_gpu(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, gpus=3) as made:
        made.gpus[1].update({"power.usage": "301 W", "thermal.temperature.gpu": "71 C", "utilization.gpu": "93 %"})
        heads, units, *rows = (line.split() for line in smi.lines("dmon", "-c", "1"))

        shown = [dict(zip(heads[1:], row, strict=True)) for row in rows]
        assert [row["gpu"] for row in shown] == ["0", "1", "2"]
        assert {name: shown[1][name] for name in ("pwr", "gtemp", "sm")} == {"pwr": "301", "gtemp": "71", "sm": "93"}
        assert units[:3] == ["#", "Idx", "W"]


def test_a_gpu_is_chosen_by_its_bus_id(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch):
        query = ("--query-gpu=index,enforced.power.limit", "--format=csv,noheader,nounits")

        for bus_id in ("00000000:0F:00.0", "0000:0f:00.0", "0F:00.0"):
            assert smi.lines("-i", bus_id, *query) == ["1, 400.00"]
        assert "No devices were found" in smi("-i", "0000:ff:00.0", *query).stdout


def test_a_report_tells_what_no_public_function_does(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, "h100-sxm5-80gb", 1) as made:
        made.gpus[0].update({"identity.module_id": 3, "pcie.host_generation_max": 4})
        report = "\n".join(smi.lines("-q"))

        expected = {"Graphics": "670.000 mV", "GSP Firmware Version": DRIVERS[branch], "Module ID": "3"}
        if branch >= 525:
            expected |= {"GPU Part Number": "2330-885-A1", "Host Max": "4"}
        if branch >= 535:
            expected |= {"GPU T.Limit Temp": f"{made.gpus[0].get('thermal.margin')} C"}
            expected |= {"Sparse Operation Mode": "Disabled"}
        for name, value in expected.items():
            assert re.search(rf"^ *{re.escape(name)} +: {re.escape(value)}$", report, re.MULTILINE), name


PARTS = (
    *("MEMORY", "UTILIZATION", "ECC", "TEMPERATURE", "POWER", "CLOCK", "COMPUTE", "PIDS", "PERFORMANCE"),
    *("SUPPORTED_CLOCKS", "PAGE_RETIREMENT", "ACCOUNTING", "ENCODER_STATS", "ROW_REMAPPER", "VOLTAGE"),
)
NODES = (("dgx-a100", 2), ("h100-sxm5-80gb", 1), ("gb200-nvl72", 4), ("t4", 1), ("rtx-4090", 1))


@pytest.mark.parametrize(("profile", "gpus"), NODES)
def test_no_report_shows_trouble(profile: str, gpus: int, smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, profile, gpus) as made:
        name = made.gpus[0].get("identity.name")
        for part in PARTS:
            output = NO_ROOM.sub("", "\n".join(smi.lines("-q", "-d", part)))
            assert TROUBLE.findall(output) == [], part
            assert len(re.findall(r"^GPU 0", output, re.MULTILINE)) == gpus, part
        for command in ("", "-q", "-q -x", "topo -m"):
            assert TROUBLE.findall(NO_ROOM.sub("", "\n".join(smi.lines(*command.split())))) == [], command
        for command in ("nvlink -s", "nvlink -c", "nvlink -e", "nvlink -R"):
            shown = smi(*command.split())
            assert TROUBLE.findall(shown.stdout) == [], command
            assert shown.returncode == 0 or "Not Supported" in shown.stdout, command
        assert str(name) in "\n".join(smi.lines("-L"))


def fields_of(smi: Smi) -> list[str]:
    """The names that --help-query-gpu tells, without other names for the same."""
    return re.findall(r'^"([a-z0-9_.]+)"', "\n".join(smi.lines("--help-query-gpu")), re.MULTILINE)


@pytest.mark.parametrize(("profile", "gpus"), NODES)
def test_every_field_of_a_query_has_a_value_or_none(profile: str, gpus: int, smi: Smi, branch: int, path: Path) -> None:

    with node(path, branch, profile, gpus) as made:
        fields = fields_of(smi)
        rows = smi.lines(f"--query-gpu={','.join(fields)}", "--format=csv,noheader")

        assert len(fields) > 100
        assert len(rows) == gpus
        for index, row in enumerate(rows):
            shown = dict(zip(fields, row.split(", "), strict=True))
            assert TROUBLE.findall(row) == []
            assert shown["name"] == made.gpus[index].get("identity.name")
            assert shown["index"] == str(index)
            assert shown["driver_version"] == DRIVERS[branch]
            assert [value for value in shown.values() if value == ""] == []


# A command, what it says, and what the state is then.
SETTERS = (
    ("-pl 300", "was set to 300.00 W from 400.00 W", ("power.limit", 300_000)),
    ("-pm 0", "Disabled persistence mode for GPU", ("modes.persistence", 0)),
    ("-c 3", "Set compute mode to EXCLUSIVE_PROCESS for GPU", ("modes.compute", 3)),
    ("-e 0", "Disabled ECC support for GPU", ("ecc.mode_pending", 0)),
    ("-am 1", "Enabled Accounting Mode for GPU", ("modes.accounting", 1)),
    ("-lgc 900,1200", 'GPU clocks set to "(gpuClkMin 900, gpuClkMax 1200)"', ("clocks.locked_max.graphics", 1200)),
    ("-lmc 1215", 'Memory clocks set to "(memClkMin 1215, memClkMax 1215)"', ("clocks.locked_max.memory", 1215)),
    ("-ac 1215,1005", 'Applications clocks set to "(MEM 1215, SM 1005)"', ("clocks.application.graphics", 1005)),
    ("-p 0", "Reset volatile ECC errors to zero for GPU", ("ecc.mode", 1)),
    ("drain -p 0000:07:00.0 -m 1", "drain state to: draining", None),
)


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root")
@pytest.mark.parametrize(("command", "said", "state"), SETTERS, ids=lambda it: it if isinstance(it, str) else "")
def test_a_setter_says_what_it_did_and_does_it(
    command: str, said: str, state: tuple[str, int] | None, smi: Smi, branch: int, path: Path
) -> None:
    with node(path, branch, gpus=1) as made:
        made.gpus[0].set("modes.persistence", not command.startswith("drain"))  # the driver drains no GPU that persists
        assert said in "\n".join(smi.lines(*command.split()))
        if state:
            assert made.gpus[0].get(state[0]) == state[1]
        else:
            assert made.get("drain.gpus")


@pytest.mark.skipif(os.geteuid() != 0, reason="a reset needs root")
def test_a_reset_brings_a_pending_mode_into_force(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, gpus=2) as made:
        smi.lines("-e", "0", "-i", "1")

        assert re.search(r"^GPU \S+ was successfully reset\.$", "\n".join(smi.lines("-r", "-i", "1")), re.MULTILINE)
        assert [gpu.get("ecc.mode") for gpu in made.gpus] == [1, 0]


@pytest.mark.skipif(os.geteuid() != 0, reason="a reset needs root")
def test_a_gpu_with_processes_cannot_be_reset(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, gpus=2) as made:
        made.gpus[0].processes.add(pid=4242, memory="1 GiB")
        made.gpus[0].set("ecc.mode_pending", False)
        refused = smi("-r")

        assert refused.returncode == 255
        assert "is currently being used by one or more other processes" in refused.stdout
        assert made.gpus[0].get("ecc.mode") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root")
def test_a_new_process_shows_the_power_limit_that_another_set(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, gpus=1):
        smi.lines("-pl", "300")

        report = "\n".join(smi.lines("-q", "-d", "POWER"))
        name = "Power Limit" if branch < 535 else "Current Power Limit"
        assert re.search(rf"^ +{name} +: 300\.00 W$", report, re.MULTILINE)
        refused = smi("-pl", "9000")
        assert refused.returncode == 2
        assert "not a valid power limit which should be between 100.00 W and 400.00 W" in refused.stdout


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, to give it up")
def test_a_user_is_refused_as_by_a_driver(branch: int, mock_env: dict[str, str]) -> None:
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    smi = Smi(branch, mock_env)
    smi.prefix = user

    refused = smi("-pl", "300")

    assert refused.returncode == 4
    assert "Insufficient Permissions" in refused.stdout or "does not have permission" in refused.stdout


@pytest.mark.parametrize("command", ["", "-q", "-L", "topo -m", "dmon -c 1", "pmon -c 1", "nvlink -s", "-q -x"])
def test_a_gpu_that_is_lost_hangs_no_command(command: str, smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch) as made:
        made.gpus[3].fail("health.present", GPU_IS_LOST)
        shown = smi(*command.split())

        assert shown.returncode in (0, GPU_IS_LOST, 255)
        assert shown.stdout.count("\n") < 3000


def test_a_lost_gpu_is_told_among_seven_others(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch) as made:
        made.gpus[3].fail("health.present", GPU_IS_LOST)

        rows = smi.lines("--query-gpu=index,temperature.gpu", "--format=csv,noheader")
        assert [row.split(", ")[0] for row in rows] == ["0", "1", "2", "[GPU is lost]", "4", "5", "6", "7"]
        assert "Unable to determine the product name for gpu 3: GPU is lost" in smi("-L").stdout


def test_sixty_four_gpus_stand_in_the_table(smi: Smi, branch: int, path: Path) -> None:
    with node(path, branch, "h100-sxm5-80gb", 64):
        assert len(smi.lines("-L")) == 64
        assert len(re.findall(r"^\| +\d+ +NVIDIA H100", "\n".join(smi.lines()), re.MULTILINE)) == 64
