"""The fields that `--query-gpu` of each driver knows, and how it shows them."""

from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.smi import fields
from mocknvml.smi.gpus import version_of
from tests.smi.conftest import Smi


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
