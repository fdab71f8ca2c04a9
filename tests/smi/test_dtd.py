"""The report in XML is valid: by the document type that `--dtd` prints, and by NVIDIA's own."""

import os
import re
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from mocknvml import Node
from mocknvml.profiles import builtin
from mocknvml.smi import elements
from mocknvml.smi.dtd import document_type
from mocknvml.smi.gpus import Gpu, version_of
from mocknvml.smi.report import rows_of
from mocknvml.smi.rows import as_xml
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.conformance.report import gpu_of
from tests.smi.conftest import Smi

DRIVERS = ("460.39", "470.256.02", "510.47.03", "525.147.05", "535.54.03", "535.261.03", "550.54.14", "550.163.01")
DRIVERS += ("560.35.03", "565.57.01", "570.124.06", "580.105.08", "580.173.02", "590.48.01", "595.71.05", "610.57.04")


@cache
def type_of(driver: str) -> Any:
    return etree.DTD(StringIO(document_type(version_of(driver))))


def problems(driver: str, report: Any) -> list[str]:
    dtd = type_of(driver)
    return [] if dtd.validate(report) else [error.message for error in dtd.error_log]


def report_of(path: Path, driver: str) -> Any:
    """What the first GPU of a node adds to the report, with the elements above it."""
    version = version_of(driver)
    with gpu_of(str(path)) as handle:
        gpu = Gpu(0, handle)
        rows = "".join(as_xml(rows_of(elements.SYSTEM, gpu, version), 1))
        inner = "".join(as_xml(rows_of(elements.GPU, gpu, version), 2))
    return etree.fromstring(f'<nvidia_smi_log><timestamp/>{rows}<gpu id="0">{inner}</gpu></nvidia_smi_log>')


@pytest.mark.parametrize("profile", builtin())
def test_the_report_of_a_board_is_valid(profile: str, path: Path) -> None:
    Node.create(path, profile, 1).close()
    for driver in ("470.256.02", "550.163.01", "595.71.05"):
        assert problems(driver, report_of(path, driver)) == []


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("profile", ["v100-sxm2-32gb", "t4", "gb200"])
def test_the_report_of_a_driver_is_valid(profile: str, driver: str, path: Path) -> None:
    Node.create(path, profile, 1, driver).close()
    report = report_of(path, driver)

    assert problems(driver, report) == []
    removed = report.find("gpu/temperature")
    removed.remove(removed[0])
    assert "temperature content does not follow the DTD" in problems(driver, report)[0]


@pytest.mark.parametrize("node", ["busy", "lost", "worn", "paged", "mig"], indirect=True)
def test_the_report_with_its_type_is_valid_by_itself(node: Node, smi: Smi) -> None:
    shown = smi("-q", "-x", "--dtd").stdout

    report = etree.fromstring(shown.encode(), etree.XMLParser(dtd_validation=True))
    assert len(report.findall("gpu")) + len(report.findall("error_string")) == len(node.gpus)
    assert shown.startswith('<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log [\n<!-- nvsmi_device_v12.dtd -->\n')


@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_the_type_alone_goes_to_a_file(node: Node, smi: Smi, tmp_path: Path) -> None:
    assert smi("--dtd", "-f", str(tmp_path / "type")).stdout == ""
    assert (tmp_path / "type").read_text() == smi("--dtd").stdout == document_type((535, 261, 3))


# What the boards of captures have, and no node of ours.
ELSEWHERE = {
    "grid-p4-1q-vgpu.driver513.46.xml": "the licence of a vGPU's guest",
    "t4.driver512.78.xml": "the licence of a vGPU's guest",
    "rtx3080.driver536.40.xml": "a Windows driver, whose number is not that of Linux's",
}


def captures() -> list[Path]:
    folder = os.environ.get("MOCKNVML_CAPTURES")
    return sorted(Path(folder).glob("*.xml")) if folder else []


@pytest.mark.skipif(not captures(), reason="MOCKNVML_CAPTURES names no folder of captures")
@pytest.mark.parametrize("capture", captures(), ids=lambda path: path.name)
def test_captures_of_real_boards_are_valid(capture: Path) -> None:
    if capture.name in ELSEWHERE:
        pytest.skip(ELSEWHERE[capture.name])
    driver = re.search(r"driver([\d.]+)\.xml", capture.name)
    assert driver
    assert problems(driver[1], etree.parse(capture)) == []


# --- by NVIDIA's type


def pattern(content: Any) -> str:
    """A content of a document type, over names that each have a blank behind them."""
    if content.type == "pcdata":
        return ""
    if content.type == "element":
        inner = f"{content.name} "
    else:
        inner = {"seq": "", "or": "|"}[content.type].join(map(pattern, (content.left, content.right)))
    return f"(?:{inner})" + {"once": "", "opt": "?", "mult": "*", "plus": "+"}[content.occur]


# What does not follow NVIDIA's type in what NVIDIA's program itself prints: the error in the place of a lost GPU, and
# the limits of 535 for temperatures.
UNFOLLOWED = {"nvidia_smi_log", "temperature"}


@pytest.mark.slow
@pytest.mark.parametrize("branch", [470, 535, 550], indirect=True)
def test_the_report_follows_nvidias_type_as_nvidias_own_does(
    node: Node, branch: int, smi: Smi, env: dict[str, str]
) -> None:
    """Not by lxml's validation: the types of 535 and 550 are not deterministic, which it refuses."""
    real = RealSmi(branch, env)
    contents = {it.name: re.compile(pattern(it.content)) for it in etree.DTD(StringIO(real("--dtd").stdout)).elements()}

    def unfollowed(report: str) -> set[str]:
        inner = ((it.tag, "".join(f"{below.tag} " for below in it)) for it in etree.fromstring(report).iter())
        return {name for name, names in inner if not contents[name].fullmatch(names)}

    if node.gpus:
        found = unfollowed(smi("-q", "-x").stdout)
        assert found == unfollowed(real("-q", "-x").stdout)
        assert found <= UNFOLLOWED


MISTAKES = (
    "-q --dtd",
    "-q -x -d ECC --dtd",
    "--dtd -i 0",
    "--dtd -x",
    "--dtd -L",
    "--dtd bogus",
    "--dtd -f /nonexistent/x",
)


@pytest.mark.slow
@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_a_mistake_is_refused_in_the_same_words(node: Node, branch: int, smi: Smi, env: dict[str, str]) -> None:
    for command in MISTAKES:
        ours, theirs = smi(*command.split()), RealSmi(branch, env)(*command.split())
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout), command
