"""`-q` of the stand-in beside that of NVIDIA's nvidia-smi, on the same node: both say the same, but for the time."""

import re
import subprocess
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import VERSIONS
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import Smi

pytestmark = pytest.mark.slow

TIME = re.compile(r"(?<=Timestamp {33}: ).{24}|(?<=<timestamp>).{24}")
PARTS = (
    *("MEMORY", "UTILIZATION", "ECC", "TEMPERATURE", "POWER", "CLOCK", "COMPUTE", "PIDS", "PERFORMANCE"),
    *("SUPPORTED_CLOCKS", "PAGE_RETIREMENT", "ACCOUNTING", "ENCODER_STATS", "SUPPORTED_GPU_TARGET_TEMP", "VOLTAGE"),
    *("FBC_STATS", "ROW_REMAPPER", "RESET_STATUS", "GSP_FIRMWARE_VERSION", "MEMORY,FBC_STATS,ECC", "power", "NOTHING"),
)


@pytest.fixture
def real(branch: int, env: dict[str, str]) -> RealSmi:
    return RealSmi(branch, env)


@pytest.fixture
def still(node: Node) -> Node:
    """The node while its clock stands: both programs see one moment."""
    node.clock.freeze()
    return node


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, TIME.sub("(time)", done.stdout), done.stderr


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("branch", VERSIONS, indirect=True)
@pytest.mark.parametrize("command", ["-q", "-q -x", "-q -i 1", "-x -q -i 1"])
def test_the_whole_report_is_the_same(command: str, smi: Smi, real: RealSmi) -> None:
    assert said(smi(*command.split())) == said(real(*command.split()))


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("branch", [470, 535, 550], indirect=True)
@pytest.mark.parametrize("node", ["worn", "paged", "odd", "gb200"], indirect=True)
def test_each_part_of_the_report_is_the_same(smi: Smi, real: RealSmi) -> None:
    for part in PARTS:
        assert said(smi("-q", "-d", part)) == said(real("-q", "-d", part)), part


MISTAKES = (
    *("-x", "-d ECC", "-q -x -d ECC", "-q -d", "-q -d ,", "-q -d NOTHING", "-q -d NOTHING -i 9", "-q -i 9"),
    *("-q -f /nonexistent/file", "-q bogus", "-q --bogus"),
)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_told_in_the_same_words(command: str, smi: Smi, real: RealSmi) -> None:
    assert said(smi(*command.split())) == said(real(*command.split()))


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_a_file_gets_the_same_report(smi: Smi, real: RealSmi, tmp_path: Path) -> None:
    path = tmp_path / "report"
    reports = []
    for program in (smi, real):
        done = program("-q", "-x", "-f", str(path))
        reports.append((done.stdout, TIME.sub("(time)", path.read_text(encoding="utf-8"))))

    assert reports[0] == reports[1]
    assert "<gpu id=" in reports[0][1]
