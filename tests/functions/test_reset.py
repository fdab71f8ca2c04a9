"""What a reset of a GPU applies, ends and keeps."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml import Gpu, Node, NodeError
from mocknvml.state.layout import Place, layout
from mocknvml.table.blocks import Cleared, Field, Number, Records
from tests.functions.asking import Ask, asker

RESETS = [(place, reset) for place in layout().gpu.places.values() for reset in place.field.reset]
STANDING = [(place, reset) for place, reset in RESETS if place not in layout().gpu.integrals]
PROCESS = {"pid": 4242, "contexts": 1, "memory": "1 GiB"}


@pytest.fixture
def gpu(tmp_path: Path) -> Iterator[Gpu]:
    with Node.create(tmp_path / "node", gpus=2) as node:
        yield node.gpus[0]


@pytest.fixture
def ask(gpu: Gpu, mock_env: dict[str, str]) -> Ask:
    return asker(gpu._node.path, mock_env)


def keys_of(place: Place, reset: Field | Cleared) -> list[str]:
    keys = [".".join((place.field.key, *name)) for name in place.element_names()]
    wanted = reset.key if isinstance(reset, Cleared) else ""
    return [key for key in keys if not wanted or wanted in key.split(".")]


def store(gpu: Gpu, key: str, place: Place, number: int) -> None:
    field = place.field
    if isinstance(field, Records):
        gpu.set(key, [{}])
    elif isinstance(field, Number) and field.names is not None:
        gpu.set(key, field.names.keys[number])
    elif isinstance(field, Number):
        gpu.set(key, bool(number) if field.kind == "flag" else f"{number} {field.unit}" if field.unit else number)
    else:
        gpu.set(key, f"changed-{number}")


@pytest.mark.parametrize(("place", "reset"), STANDING, ids=[place.field.key for place, _ in STANDING])
def test_a_reset_leaves_what_its_field_says(place: Place, reset: Field | Cleared, gpu: Gpu) -> None:
    for key in keys_of(place, reset):
        store(gpu, key, place, 1)
        if isinstance(reset, Field):
            store(gpu, key.replace(place.field.key, reset.key), layout().gpu.places[reset.key], 0)
    left = 0 if isinstance(reset, Field) else reset.value
    empty = [] if isinstance(place.field, Records) else ""

    gpu.reset_device()

    for key in keys_of(place, reset):
        assert gpu.get(key) == (left if isinstance(place.field, Number) else empty)


def test_a_reset_touches_nothing_else(gpu: Gpu) -> None:
    touched = {key for place, reset in RESETS for key in keys_of(place, reset)}
    kept = [key for key in gpu.field_keys() if key not in touched and gpu.status(key) == 0]
    gpu.update({"ecc.total.corrected.aggregate": 7, "remap.uncorrected": 3, "modes.persistence": True})
    before = {key: gpu.get(key) for key in kept}
    statuses = {key: gpu.status(key) for key in gpu.field_keys()}

    gpu.reset_device()

    assert {key: gpu.get(key) for key in kept} == before
    assert {key: gpu.status(key) for key in gpu.field_keys()} == statuses


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
def test_pending_modes_come_into_force(gpu: Gpu, ask: Ask) -> None:
    gpu.set("modes.mig_pending", 1)

    assert ask("nvmlDeviceSetEccMode(gpu, 0)", "nvmlDeviceGetEccMode(gpu)")[1] == [1, 0]
    gpu.reset_device()
    assert ask("nvmlDeviceGetEccMode(gpu)", "nvmlDeviceGetMigMode(gpu)") == [[0, 0], [1, 1]]


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
def test_limits_and_modes_that_were_set_end(gpu: Gpu, ask: Ask) -> None:
    calls = ["nvmlDeviceSetComputeMode(gpu, 2)", "nvmlDeviceSetAccountingMode(gpu, 1)", "set_limit(300_000)"]
    assert ask(*calls, "nvmlDeviceSetGpuLockedClocks(gpu, 300, 900)") == [None] * 4

    gpu.reset_device()

    read = [
        "nvmlDeviceGetComputeMode(gpu)",
        "nvmlDeviceGetAccountingMode(gpu)",
        "nvmlDeviceGetPowerManagementLimit(gpu)",
    ]
    assert ask(*read) == [0, 0, 400_000]
    assert gpu.get("clocks.locked_max.graphics") == 0


def test_memory_repairs_are_done_and_a_reboot_is_not(gpu: Gpu, ask: Ask) -> None:
    gpu.update({"remap.uncorrected": 1, "remap.pending": True, "ecc.total.uncorrected.volatile": 5})

    for action, left in (("gpu_reset", 0), ("drain_and_reset", 0), ("node_reboot", 2), ("bus_reset", 6)):
        gpu.set("recovery.action", action)
        gpu.reset_device()
        assert gpu.get("recovery.action") == left
    errors = "nvmlDeviceGetTotalEccErrors(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC)"
    assert ask("nvmlDeviceGetRemappedRows(gpu)", errors) == [[0, 1, 0, 0], 0]


def test_energy_counts_from_the_reset_on(gpu: Gpu) -> None:
    gpu.set("power.usage", "100 W")
    gpu._node.clock.step("100 s")
    gpu.reset_device()

    gpu._node.clock.step("10 s")

    energy = gpu.get("power.energy")
    assert isinstance(energy, int)
    assert 1_000_000 <= energy < 10_000_000


def test_a_gpu_in_use_is_not_reset(gpu: Gpu) -> None:
    gpu.update({"processes.running": [PROCESS], "ecc.mode_pending": False})

    with pytest.raises(NodeError, match="GPU 0 cannot be reset: in use by another client"):
        gpu.reset_device()
    assert gpu.get("ecc.mode") == 1


def test_a_gpu_that_requires_a_reset_works_after_it_and_a_lost_one_does_not(gpu: Gpu, ask: Ask) -> None:
    gpu.fail("health.present", 16)
    assert ask("nvmlDeviceGetTemperature(gpu, 0)") == ["NVMLError_ResetRequired"]

    gpu.reset_device()

    assert isinstance(ask("nvmlDeviceGetTemperature(gpu, 0)")[0], int)
    gpu.fail("health.present", 15)
    with pytest.raises(NodeError, match="NVML error 15"):
        gpu.reset_device()
    assert gpu.status("health.present") == 15
