"""The stand-in beside NVIDIA's nvidia-smi, on the same node: both say the same, but for the time."""

import re
import subprocess

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import VERSIONS
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import Smi

pytestmark = pytest.mark.slow

DATE = r"^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) .{15} \d{4} {7}$"
TIMESTAMP = r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3}"
TIME = re.compile(f"{DATE}|{TIMESTAMP}", re.MULTILINE)


@pytest.fixture
def real(branch: int, env: dict[str, str]) -> RealSmi:
    return RealSmi(branch, env)


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, TIME.sub("(time)", done.stdout), done.stderr


REMAPPED = ("correctable", "uncorrectable", "pending", "failure")
COMMANDS = (
    "",
    "-L",
    "-i 1",
    "-i 0,1",
    "--query-compute-apps=timestamp,gpu_name,gpu_bus_id,gpu_serial,gpu_uuid,pid,name,used_memory --format=csv",
    "--query-compute-apps=pid,process_name,used_gpu_memory --format=csv,noheader,nounits -i 0",
    "--query-accounted-apps=gpu_name,vgpu_instance,pid,gpu_util,mem_util,max_memory_usage,time --format=csv",
    "--query-supported-clocks=gpu_uuid,memory,gr --format=csv",
    "--query-retired-pages=gpu_name,retired_pages.address,retired_pages.timestamp,retired_pages.cause --format=csv",
    f"--query-remapped-rows={','.join(f'remapped_rows.{name}' for name in REMAPPED)} --format=csv",
)


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("branch", VERSIONS, indirect=True)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_the_same(command: str, smi: Smi, real: RealSmi) -> None:
    assert said(smi(*command.split())) == said(real(*command.split()))


def fields(real: RealSmi) -> list[str]:
    """The names that --help-query-gpu tells, with the other names for the same."""
    lines = re.findall(r'^"[A-Za-z0-9_.]+"(?: or "[A-Za-z0-9_.]+")*$', real("--help-query-gpu").stdout, re.MULTILINE)
    return re.findall(r'"([^"]+)"', "\n".join(lines))


# Where the reasons that a GPU knows are refused, nvidia-smi looks for their bits in memory that it has not written.
UNWRITTEN = re.compile(r"clocks_(?:event|throttle)_reasons\.(?!supported|active)")


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("branch", VERSIONS, indirect=True)
@pytest.mark.parametrize("form", ["csv", "csv,nounits", "csv,noheader"])
def test_every_field_has_the_same_value(form: str, smi: Smi, real: RealSmi) -> None:
    names = fields(real)
    command = (f"--query-gpu={','.join(names)}", f"--format={form}")
    ours, theirs = said(smi(*command)), said(real(*command))

    assert len(names) > 110
    assert (ours[0], ours[2]) == (theirs[0], theirs[2])
    for rows in zip(ours[1].splitlines(), theirs[1].splitlines(), strict=True):
        our_cells, their_cells = (dict(zip(names, row.split(", "), strict=False)) for row in rows)
        refused = our_cells.get(
            "clocks_event_reasons.supported", our_cells.get("clocks_throttle_reasons.supported", "")
        )
        if refused.startswith("["):
            for cells in (our_cells, their_cells):
                cells.update({name: "" for name in cells if UNWRITTEN.match(name)})
        assert our_cells == their_cells


MISTAKES = (
    "--bogus",
    "bogus",
    "-i",
    "-i 9",
    "-i GPU-nosuch --query-gpu=index --format=csv",
    "-i zz:zz --query-gpu=index --format=csv",
    "-i , --query-gpu=index --format=csv",
    "-L -i 0",
    "--version",
    "-L --query-gpu=index --format=csv",
    "-L -h",
    "-l 5 -L",
    "-x",
    "-d POWER",
    "--format=csv",
    "--query-gpu=index",
    "--query-gpu --format=csv",
    "--query-gpu=index,bogus --format=csv",
    "--query-gpu=INDEX --format=csv",
    "--query-gpu=index --format=bogus",
    "--query-gpu=index --format=noheader",
    "--query-gpu=index --format=csv --bogus",
    "--query-gpu=index --format=csv bogus",
    "--query-gpu=index --format=csv -l 0",
    "--query-gpu=index --format=csv -f /nonexistent/file",
    "--query-gpu=index --query-compute-apps=pid --format=csv",
    "-f /nonexistent/file",
)


@pytest.mark.parametrize("node", ["dgx-a100"], indirect=True)
@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_refused_in_the_same_words(command: str, node: Node, smi: Smi, real: RealSmi) -> None:
    assert said(smi(*command.split())) == said(real(*command.split()))
    assert smi(*command.split()).returncode != 0


@pytest.mark.parametrize("branch", [550], indirect=True)
@pytest.mark.parametrize("node", ["dgx-a100", "none"], indirect=True)
@pytest.mark.parametrize("command", ["--version", "--version -i 0", "--version -L", "-pm 1 --version", "--version -h"])
def test_versions_are_told_alike(command: str, node: Node, smi: Smi, real: RealSmi) -> None:
    assert said(smi(*command.split())) == said(real(*command.split()))


CHOICES = ("2", "0,2", "2,0,0", "02", "0x2", "2,99", "2,", "00000000:47:00.0", "0000:47:00.0", "47:00.0", "00:47:00")


@pytest.mark.parametrize("node", ["dgx-a100"], indirect=True)
def test_gpus_are_chosen_alike(node: Node, smi: Smi, real: RealSmi) -> None:
    identity = (str(node.gpus[2].get("identity.uuid")), str(node.gpus[2].get("identity.serial")))
    for choice in (*CHOICES, *identity):
        command = ("-i", choice, "--query-gpu=index", "--format=csv,noheader")
        shown = said(smi(*command))
        assert shown == said(real(*command)), choice
        assert "2" in shown[1].splitlines()


@pytest.mark.parametrize("node", ["lost"], indirect=True)
def test_gpus_beside_a_lost_one_are_chosen_alike(node: Node, smi: Smi, real: RealSmi) -> None:
    for choice in ("3", "5", "9", "2,nosuch", str(node.gpus[4].get("identity.uuid")), "00000000:87:00.0"):
        command = ("-i", choice, "--query-gpu=index", "--format=csv,noheader")
        assert said(smi(*command)) == said(real(*command)), choice


@pytest.mark.parametrize("fault", ["no-driver", "driver-mismatch", "no-permission", "no-gpu"])
@pytest.mark.parametrize("node", ["dgx-a100"], indirect=True)
def test_nvml_that_does_not_start_is_told_alike(fault: str, node: Node, smi: Smi, real: RealSmi) -> None:
    node.faults.inject(fault)
    for command in ("", "-L", "--query-gpu=index --format=csv", "--query-gpu=bogus --format=csv"):
        assert said(smi(*command.split())) == said(real(*command.split())), command
