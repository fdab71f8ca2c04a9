"""NVIDIA's unmodified nvidia-smi, from Debian's package, believes in the mock."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.clients.nvidia_smi import Smi
from tests.conformance.extract import facts
from tests.conformance.lines import REFUSED
from tests.conformance.report import expectations, node_of
from tests.conformance.settings import settle

pytestmark = pytest.mark.slow

NAME = "NVIDIA A100-SXM4-40GB"
UUID = r"GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
BUS_ID = r"[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-7]"


@pytest.fixture
def smi(mock_env: dict[str, str]) -> Smi:
    return Smi(535, mock_env)


def test_the_list_has_eight_gpus_with_name_and_uuid(smi: Smi) -> None:
    lines = smi.lines("-L")

    found = [re.fullmatch(rf"GPU (\d): (.+) \(UUID: ({UUID})\)", line) for line in lines]
    assert [match and match.group(1, 2) for match in found] == [(str(index), NAME) for index in range(8)]
    assert len(set(lines)) == 8


def test_the_table_shows_driver_names_and_memory(smi: Smi) -> None:
    table = "\n".join(smi.lines())

    assert re.search(r"Driver Version: 550\.54\.15 +CUDA Version: 12\.4 ", table)
    assert re.findall(rf"^\| +(\d) +{NAME} ", table, re.MULTILINE) == [str(index) for index in range(8)]
    assert re.findall(r"\| +\d+MiB / +(\d+)MiB \|", table) == ["40960"] * 8
    assert "No running processes found" in table
    assert "ERR!" not in table


def test_a_query_answers_with_the_values_of_each_gpu(smi: Smi) -> None:
    properties = "index,name,uuid,memory.total,power.limit,temperature.gpu,pci.bus_id"

    rows = smi.lines(f"--query-gpu={properties}", "--format=csv,noheader")

    expected = rf"(\d), {NAME}, {UUID}, 40960 MiB, 400\.00 W, \d\d, {BUS_ID}"
    found = [re.fullmatch(expected, row) for row in rows]
    assert [match and match.group(1) for match in found] == [str(index) for index in range(8)]


def test_list_and_query_name_the_same_uuids(smi: Smi) -> None:
    listed = [re.findall(UUID, line) for line in smi.lines("-L")]

    assert [[uuid] for uuid in smi.lines("--query-gpu=uuid", "--format=csv,noheader")] == listed


@pytest.mark.parametrize("key", ["index", "uuid"])
def test_one_gpu_can_be_chosen(smi: Smi, key: str) -> None:
    query = [f"--query-gpu={key}", "--format=csv,noheader"]
    chosen = smi.lines(*query)[5]

    assert smi.lines("-i", chosen, *query) == [chosen]


def test_the_full_report_is_xml_of_eight_gpus(smi: Smi) -> None:
    report = ElementTree.fromstring("\n".join(smi.lines("-q", "-x")))

    assert report.findtext("driver_version") == "550.54.15"
    assert report.findtext("attached_gpus") == "8"
    assert [gpu.findtext("product_name") for gpu in report.iter("gpu")] == [NAME] * 8
    assert [gpu.findtext("fb_memory_usage/total") for gpu in report.iter("gpu")] == ["40960 MiB"] * 8
    assert "Unknown Error" not in {element.text for element in report.iter()}


@pytest.mark.parametrize("command", ["-q", "nvlink -s", "nvlink -c", "nvlink -e"])
def test_a_report_shows_no_error(smi: Smi, command: str) -> None:
    output = "\n".join(smi.lines(*command.split()))

    assert re.findall(r".*(?:ERR!|Unknown Error|Invalid|Uninitialized|Not Found|\ufffd).*", output) == []


def test_the_environment_chooses_count_and_driver(smi: Smi) -> None:
    environment = {"MOCK_NVML_NUM_DEVICES": "2", "MOCK_NVML_DRIVER_VERSION": "535.161.08"}

    rows = smi.lines("--query-gpu=index,driver_version", "--format=csv,noheader", **environment)

    assert rows == ["0, 535.161.08", "1, 535.161.08"]


@pytest.mark.parametrize(
    ("command", "text", "status"),
    [
        ("", "No devices were found\n", 6),
        ("-q", "No devices were found\n", 6),
        ("--query-gpu=name --format=csv", "No devices were found\n", 6),
        ("-L", "No devices found.\n", 0),
        ("topo -m", "Failed to run topology matrix", 255),
    ],
)
def test_a_node_without_gpus_is_said_to_be_one(smi: Smi, command: str, text: str, status: int) -> None:
    result = smi(*command.split(), MOCK_NVML_NUM_DEVICES="0")

    assert text in result.stdout
    assert result.returncode == status


# What the program prints under other names than the driver of the capture.
RENAMED = ("ecc_errors/volatile/sram_uncorrectable", "ecc_errors/aggregate/sram_uncorrectable")


@pytest.mark.parametrize("capture", [name for name in expectations() if "driver535" in name and name.endswith(".txt")])
def test_query_has_a_value_where_the_capture_has_one(capture: str, smi: Smi, tmp_path: Path) -> None:
    real = expectations()[capture]
    log = tmp_path / "ours.smi-q.txt"
    with node_of(str(tmp_path / "node"), real) as node:
        settle(node.gpus[0], real["values"])
    log.write_text("\n".join(smi.lines("-q", MOCK_NVML_NODE=str(tmp_path / "node"))))

    ours = facts(log)["values"]
    told = [key for key, value in real["values"].items() if value != REFUSED]
    assert [key for key in told if ours.get(key, REFUSED) == REFUSED and not key.startswith(RENAMED)] == []
    assert len(told) > 60
