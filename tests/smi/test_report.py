"""`-q` of the stand-in: what it holds, and that it has the elements of captures of real GPUs, in their order."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.smi import elements
from mocknvml.smi.gpus import Gpu, is_of, version_of
from mocknvml.smi.report import rows_of
from mocknvml.smi.rows import Row, as_text, as_xml
from tests.conformance.extract import excluded, is_log
from tests.conformance.lines import key_of, lines
from tests.conformance.report import expectations, gpu_of, node_of
from tests.conformance.settings import settle
from tests.smi.conftest import Smi

CAPTURES = expectations()


def test_an_interval_of_drivers_lacks_its_end() -> None:
    drivers = "535.154-550 555-"

    assert [
        it
        for it in ("535.86.05", "535.154.05", "535.261.03", "550.54", "555.42.02", "610.1")
        if not is_of(version_of(it), drivers)
    ] == ["535.86.05", "550.54"]
    assert is_of(version_of("1"), "")


ROWS = (
    Row("outer", "Outer", None, (Row("value", "Value", "1", (Row("below", "Below", "2"),)), Row("hidden", "", "3"))),
    Row("", "Text only", "a < b", text_prefix="0x"),
    Row("empty", "Empty", None),
    Row("inline", "", None, (Row("name", "Name", "N/A", text_prefix="0x"),)),
)


def test_rows_below_a_value_are_further_in_in_text_and_behind_it_in_xml() -> None:
    assert "".join(as_xml(ROWS, 0)) == (
        "<outer>\n\t<value>1</value>\n\t<below>2</below>\n\t<hidden>3</hidden>\n</outer>\n"
        "<empty>\n</empty>\n<inline>\n\t<name>N/A</name>\n</inline>\n"
    )
    assert "".join(as_text(ROWS, 0, 16)) == (
        "Outer\n    Value       : 1\n        Below   : 2\nText only       : 0xa < b\nEmpty           : None\n"
        "Name            : N/A\n"
    )


def test_xml_escapes_names_of_processes() -> None:
    assert list(as_xml([Row("process_name", "", "a & <b>")], 0)) == ["<process_name>a &amp; &lt;b&gt;</process_name>\n"]


@pytest.mark.parametrize("node", ["busy"], indirect=True)
def test_the_report_is_xml_of_all_gpus(node: Node, smi: Smi) -> None:
    report = ElementTree.fromstring(smi("-q", "-x").stdout)

    assert [gpu.get("id") for gpu in report.iter("gpu")] == ["00000000:07:00.0", "00000000:0F:00.0", "00000000:47:00.0"]
    assert report.findtext("attached_gpus") == "3"
    assert [it.text for it in report.iter("process_name")] == [
        "/usr/bin/python3",
        "/opt/a/desktop/with/a/name/longer/than/its/column",
        "served",
    ]


def test_a_wide_report_has_processes_with_labels_as_in_others(path: Path, smi: Smi) -> None:
    node = Node.create(path, "t4", 1, "595.71.05")
    node.gpus[0].processes.add(4242, name="python3")

    report = smi("-q", "-d", "PIDS,COMPUTE").stdout

    assert f"\n    {'Compute Mode':51}: Default\n    Processes\n" in report
    assert f"\n        {'Process ID':34}: 4242\n            {'Type':30}: C\n" in report


@pytest.mark.parametrize(
    ("driver", "clocks"), [("550.163.01", ["Unknown Error"]), ("580.173.02", ["2062 MHz", "120 MHz"])]
)
def test_older_drivers_have_no_room_for_more_than_256_clocks(
    driver: str, clocks: list[str], path: Path, smi: Smi
) -> None:
    Node.create(path, "gb200", 1, driver).close()

    lines = [line for line in smi("-q", "-d", "SUPPORTED_CLOCKS").stdout.splitlines() if "Graphics" in line]

    assert [line.partition(": ")[2] for line in (lines[0], lines[-1])][-len(clocks) :] == clocks
    assert len(lines) == (1 if len(clocks) == 1 else 260)


@pytest.mark.parametrize("node", ["h100"], indirect=True)
def test_a_part_has_its_sections_alone(node: Node, smi: Smi) -> None:
    done = smi("-q", "-d", "COMPUTE,ROW_REMAPPER", "-i", "1").stdout

    assert re.findall(r"^    (\S.*?) *(?::.*)?$", done, re.MULTILINE) == ["Compute Mode", "Remapped Rows"]
    assert smi("-q", "-d", "NOTHING").returncode == 2


def test_capabilities_that_are_refused_are_not_taken_for_none(path: Path, smi: Smi) -> None:
    """nvidia-ml-py gives the code of nvmlDeviceGetCapabilities back and raises nothing."""
    node = Node.create(path, "t4", 1, "555.58.02")
    assert "EGM                               : disabled" in smi("-q").stdout

    node.rules.add("nvmlDeviceGetCapabilities", code="NOT_SUPPORTED")

    assert "EGM                               : N/A" in smi("-q").stdout


@pytest.mark.parametrize("node", ["lost"], indirect=True)
def test_a_lost_gpu_has_a_line_among_the_others(node: Node, smi: Smi) -> None:
    done = smi("-q", "-d", "MEMORY")

    assert done.returncode == 15
    assert done.stdout.count("\nGPU 0000") == 7
    assert "Unable to determine the PCI bus id for the target device: GPU is lost\n\nGPU 0000" in done.stdout


# --- captures


@pytest.fixture
def gpu(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gpu]:
    capture = CAPTURES[request.param]
    path = str(tmp_path / "node")
    with node_of(path, capture) as node, gpu_of(path) as handle:
        settle(node.gpus[0], capture["values"])
        yield Gpu(0, handle)


def leaves(rows: tuple[Row, ...], path: str, names: str) -> Iterator[str]:
    """The paths of the rows with values: in XML or in text."""
    for row in rows:
        name = getattr(row, names).strip()
        below = f"{path}{name}/" if name and (row.value is None or names == "text") else path
        if name and row.value is not None:
            yield path + name
        yield from leaves(row.rows, below, names)


@pytest.mark.parametrize(("gpu", "name"), [(name, name) for name in CAPTURES], indirect=["gpu"])
def test_the_report_has_the_elements_of_a_capture(gpu: Gpu, name: str) -> None:
    capture = CAPTURES[name]
    names = "xml" if name.endswith(".xml") else "text"
    shown = tuple(rows_of(elements.GPU, gpu, version_of(capture["driver"])))
    paths = set(leaves(shown, "", names))

    keys = {line.key for line in lines(capture["driver"]) if getattr(line, names) in paths}
    assert set(capture["values"]) - keys == set()
    assert len(keys) > 100


SKIPPED = ("supported_clocks", "processes", "accounted_processes")


def structure(report: str) -> list[str]:
    """The names of the first GPU's elements in their order, in text with the column of the value."""
    if report.startswith("<?xml"):
        root = ElementTree.fromstring(report)
        for name in SKIPPED:
            for found in root.iter(name):
                found.clear()
        gpu = root.find("gpu")
        assert gpu is not None
        above = [it.tag for it in root if it.tag not in ("gpu", "hic_info", "vgpu_driver_capability")]
        return [*report.splitlines()[1:2], *above, *(it.tag for it in gpu.iter())]
    log = report[report.index("==============NVSMI LOG") :]
    log = re.split(r"^#{20,}", log, maxsplit=1, flags=re.MULTILINE)[0]
    first = re.split(r"^GPU .*$|^    Processes", log, flags=re.MULTILINE)[1]
    labels = re.findall(r"^( +[^:\n]+?) *(:?)(?: .*)?$", first, re.MULTILINE)
    columns = {line.index(": ") for line in first.splitlines() if ": " in line}
    return [*(label + colon for label, colon in labels), *map(str, columns)]


@pytest.mark.parametrize("name", [name for name in CAPTURES if not excluded(name)])
def test_the_report_has_the_structure_of_a_capture(name: str, tmp_path: Path, mock_env: dict[str, str]) -> None:
    folder = os.environ.get("MOCKNVML_CAPTURES")
    if not folder:
        pytest.skip("MOCKNVML_CAPTURES names no folder of captures")
    capture = Path(folder) / name
    with node_of(str(tmp_path / "node"), CAPTURES[name]) as node:
        settle(node.gpus[0], CAPTURES[name]["values"])
    command = [sys.executable, "-m", "mocknvml", "smi", "-q", *(["-x"] if name.endswith(".xml") else [])]
    ours = subprocess.run(
        command, env=mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")}, check=True, capture_output=True, text=True
    ).stdout

    assert is_log(capture)
    assert structure(ours) == structure(capture.read_text(encoding="utf-8", errors="replace"))
    assert len(structure(ours)) > 150


def test_a_name_of_another_driver_is_compared_under_one_name() -> None:
    assert key_of("power_readings/power_limit") == "gpu_power_readings/requested_power_limit"
    assert key_of("fan_speed") == "fan_speed"
