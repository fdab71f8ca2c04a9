"""The fields that `--query-gpu` of each driver knows, and how it shows them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.smi import fields
from mocknvml.smi.gpus import version_of
from tests.conformance.report import expectations, node_of
from tests.conformance.settings import settle
from tests.smi.conftest import Smi

CAPTURES = {name: capture for name, capture in expectations().items() if name.endswith(".multi.txt")}


# As many as --help-query-gpu of the real ones lists; 560 to 570 are between recordings.
@pytest.mark.parametrize(
    ("driver", "count"),
    [
        ("550.163.01", 144),
        ("555.58.02", 144),
        ("580.173.02", 214),
        ("590.48.01", 212),
        ("595.80", 202),
        ("610.57", 241),
    ],
)
def test_a_driver_knows_its_fields(driver: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    version = version_of(driver)
    monkeypatch.setattr(fields, "driver", lambda: version)
    monkeypatch.setattr(fields, "branch", lambda: version[0])

    known, aliases = fields.of_gpu()

    assert len(known) == count
    assert set(aliases.values()) <= set(known)
    assert ("gpu.power.draw.average" in aliases) == (version > (570,))


def query(smi: Smi, *names: str) -> dict[str, str]:
    """The cells of the first GPU."""
    shown = smi("-i", "0", f"--query-gpu={','.join(names)}", "--format=csv,noheader")
    return dict(zip(names, shown.stdout.splitlines()[0].split(", "), strict=True))


def test_a_gpu_of_a_rack_tells_its_place(path: Path, smi: Smi) -> None:
    place = {
        "chassis_serial": b"1820".ljust(16, b"\0").hex(),
        "slot_number": 12,
        "tray_index": 4,
        "host_id": 2,
        "peer_type": 1,
    }
    node = Node.create(path, "gb200-nvl72", 1, "580.173.02")
    node.gpus[0].update({f"platform.{name}": value for name, value in place.items()})
    node.gpus[0].update({"platform.ib_guid": f"07{0:030}", "fabric.clique_id": 7})

    shown = query(
        smi,
        *("fabric.state", "fabric.status", "fabric.cliqueId", "platform.chassis_serial_number", "platform.slot_number"),
        *("platform.host_id", "platform.peer_type", "platform.gpu_fabric_guid"),
    )

    assert list(shown.values()) == [
        *("Completed", "Success", "7", "1820", "12", "2", "Switch Connected", "0x0000000000000007"),
    ]


def test_a_gpu_without_a_fabric_says_so_without_brackets(path: Path, smi: Smi) -> None:
    Node.create(path, "t4", 1, "590.48.01")

    shown = query(
        smi, "fabric.state", "fabric.clusterUuid", "fabric.health.summary", "platform.slot_number", "hostname"
    )

    assert list(shown.values()) == ["N/A", "N/A", "N/A", "0", "[N/A]"]


def test_errors_of_memory_have_fields(path: Path, smi: Smi) -> None:
    node = Node.create(path, "h100-sxm5-80gb", 1, "595.71.05")
    node.faults.inject("row-remap-pending", 0)
    node.gpus[0].set("sram.parity.aggregate", 3)

    shown = query(
        smi,
        "remapped_rows.pending",
        "remapped_rows.failure",
        "ecc.errors.uncorrected.aggregate.sram.parity",
        "ecc.errors.uncorrected.aggregate.sram.thresholdExceeded",
    )

    assert list(shown.values()) == ["Yes", "No", "3", "No"]


def test_what_a_driver_no_longer_tells_is_deprecated(path: Path, smi: Smi) -> None:
    Node.create(path, "t4", 1, "590.48.01")

    shown = query(smi, "display_mode", "clocks.applications.gr", "power.management", "display_active")

    deprecated = "[Requested functionality has been deprecated]"
    assert list(shown.values()) == [deprecated, deprecated, deprecated, "Disabled"]


# What the boards of recordings answer, and ours do not.
DIFFERING = {
    "gsp.mode.current": "profiles do not have it",
    "gsp.mode.default": "profiles do not have it",
    "pcie.link.gen.hostmax": "some recordings are of guests, which do not see the host's",
}


def section(recording: str, title: str) -> str:
    """Of a recording of several commands, the output of the one whose title begins so."""
    found = re.search(rf"^# {re.escape(title)}.*\n(?:# .*\n)*#+\n((?:(?!#####).*\n)*)", recording, re.MULTILINE)
    assert found
    return found[1].strip()


@pytest.mark.parametrize("name", CAPTURES)
def test_fields_and_refusals_are_those_of_a_recording(name: str, path: Path, mock_env: dict[str, str]) -> None:
    folder = os.environ.get("MOCKNVML_CAPTURES")
    if not folder:
        pytest.skip("MOCKNVML_CAPTURES names no folder of captures")
    recording = (Path(folder) / name).read_text(encoding="utf-8")
    with node_of(str(path), CAPTURES[name]) as node:
        settle(node.gpus[0], CAPTURES[name]["values"])

    def say(*arguments: str) -> str:
        command = [sys.executable, "-m", "mocknvml", "smi", *arguments]
        env = mock_env | {"MOCK_NVML_NODE": str(path)}
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    def names(help: str) -> list[str]:
        return re.findall(r'^"[\w.]+"(?: or "[\w.]+")*$', help, re.MULTILINE)

    real = names(section(recording, "capabilities :: help-query-gpu"))
    header, row = section(recording, "idle :: query-gpu (csv").splitlines()
    asked = [it.split('"')[1] for it in real]
    our_header, our_row = say(f"--query-gpu={','.join(asked)}", "--format=csv").splitlines()

    assert names(say("--help-query-gpu")) == real
    assert our_header == header
    cells = zip(asked, our_row.split(", "), row.split(", "), strict=True)
    differ = {
        name for name, ours, theirs in cells if ("N/A" in ours or "[" in ours or "[" in theirs) and ours != theirs
    }
    assert differ - set(DIFFERING) == set()
