"""Slots of nvidia-smi's private table: what they read and change, without nvidia-smi."""

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mocknvml import Gpu, Node

SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, INSUFFICIENT_SIZE, GPU_IS_LOST = 0, 2, 3, 7, 15
GUID = bytes.fromhex("c4fe3e6cc98f6c4ea327ee696e12f7c4")
UINT = ctypes.c_uint32
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="setters need root")

Slot = Callable[..., int]


@pytest.fixture(params=["535.261.03"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", "h100-sxm5-80gb", 1, request.param) as created:
        yield created


@pytest.fixture
def gpu(node: Node) -> Gpu:
    return node.gpus[0]


@pytest.fixture
def slot(node: Node, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slot]:
    """Calls a slot, by number, on the GPU of the node."""
    nvml, device, table = ctypes.CDLL(str(library)), ctypes.c_void_p(), ctypes.POINTER(ctypes.c_void_p)()
    monkeypatch.setenv("MOCK_NVML_NODE", str(node.path))
    assert nvml.nvmlInit_v2() == SUCCESS
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == SUCCESS
    assert nvml.nvmlInternalGetExportTable(ctypes.byref(table), GUID) == SUCCESS

    def call(number: int, *arguments: int) -> int:
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * (1 + len(arguments)))
        return int(prototype(table[number])(device, *arguments))

    yield call
    assert nvml.nvmlShutdown() == SUCCESS


def words(*values: int) -> ctypes.Array[UINT]:
    return (UINT * len(values))(*values)


def at(values: ctypes.Array[UINT]) -> int:
    return ctypes.addressof(values)


@as_root
@pytest.mark.parametrize(
    ("setter", "argument", "wrong", "getter", "shown", "key"),
    [
        (192, (0, 2), (0, 4), 193, (1, 0, 2), "modes.time_slice"),
        (196, (1, 0, 3), (1, 0, 5), 195, (1, 0, 3), "modes.boost"),
    ],
)
def test_what_is_set_is_listed(
    setter: int,
    argument: tuple[int, ...],
    wrong: tuple[int, ...],
    getter: int,
    shown: tuple[int, ...],
    key: str,
    slot: Slot,
    gpu: Gpu,
) -> None:
    listed = words(9, 9, 9, 77)

    assert slot(setter, at(words(*argument))) == SUCCESS
    assert slot(setter, at(words(*wrong))) == INVALID_ARGUMENT
    assert slot(getter, at(listed)) == SUCCESS
    assert tuple(listed) == (*shown, 77)
    gpu.remove(key)
    assert slot(setter, at(words(*argument))) == slot(getter, at(listed)) == NOT_SUPPORTED


def test_a_kind_that_is_not_known_is_refused(slot: Slot) -> None:
    assert slot(192, at(words(1, 2))) == NOT_SUPPORTED
    assert slot(196, at(words(1, 1, 2))) == slot(196, at(words(2, 0, 2))) == NOT_SUPPORTED


def test_a_slider_has_one_position_more_than_its_highest(slot: Slot) -> None:
    listed = words(0, 9, 0)

    assert slot(194, at(listed)) == SUCCESS
    assert tuple(listed) == (1, 0, 5)


@as_root
def test_the_sparse_operation_mode_is_on_or_off(slot: Slot, gpu: Gpu) -> None:
    assert slot(244, 1) == SUCCESS
    assert gpu.get("modes.sparse_operation") == 1
    assert slot(244, 2) == INVALID_ARGUMENT
    gpu.remove("modes.sparse_operation")
    assert slot(244, 1) == NOT_SUPPORTED


@pytest.mark.parametrize(("reasons", "violates"), [(0x1, 0), (0x20, 1), (0x40, 1), (0x8, 0)])
def test_a_gpu_that_heat_slows_down_violates(reasons: int, violates: int, slot: Slot, gpu: Gpu) -> None:
    shown = words(9, 9, 9, 9, 77)
    gpu.set("clocks.event_reasons", reasons)

    assert slot(138, at(shown)) == SUCCESS
    assert tuple(shown) == (0, 0, 0, violates, 77)


def test_the_nodes_of_the_near_cpus_are_a_mask(slot: Slot, gpu: Gpu) -> None:
    mask = (ctypes.c_uint64 * 3)(9, 9, 9)

    assert slot(223, 2, ctypes.addressof(mask)) == NOT_SUPPORTED
    gpu.set("topology.numa_node", 66)
    assert slot(223, 2, ctypes.addressof(mask)) == SUCCESS
    assert list(mask) == [0, 4, 9]
    assert slot(223, 1, ctypes.addressof(mask)) == INSUFFICIENT_SIZE


def test_corrections_are_counted_by_lane(slot: Slot, gpu: Gpu) -> None:
    ecc_data, lanes = 4, (ctypes.c_uint64 * 5)(9, 9, 9, 9, 9)

    assert slot(208, 11, ecc_data, 4, ctypes.addressof(lanes)) == NOT_SUPPORTED
    gpu.update({f"nvlink.lane_corrections.11.{lane}": 7 * (lane == 2) for lane in range(4)})
    assert slot(208, 11, ecc_data, 4, ctypes.addressof(lanes)) == SUCCESS
    assert list(lanes) == [0, 0, 7, 0, 9]
    assert [
        slot(208, *wrong, ctypes.addressof(lanes)) for wrong in ((12, ecc_data, 4), (0, 0, 4), (0, ecc_data, 5))
    ] == [NOT_SUPPORTED] * 3


@pytest.mark.parametrize("number", [138, 192, 193, 194, 195, 196, 244])
def test_a_lost_gpu_answers_nothing(number: int, slot: Slot, gpu: Gpu) -> None:
    gpu.fail("health.present", GPU_IS_LOST)

    assert slot(number, at(words(0, 0, 0, 0))) == GPU_IS_LOST


def test_a_slot_that_is_not_known_refuses(slot: Slot) -> None:
    assert [slot(number, 0) for number in (1, 208, 233, 511)] == [NOT_SUPPORTED] * 4


@as_root
@pytest.mark.parametrize("node", ["555.58.02"], indirect=True)
def test_persistence_is_set_without_a_daemon(slot: Slot, gpu: Gpu) -> None:
    by_daemon = words(9)

    for mode in (0, 1):
        assert slot(251, mode, at(by_daemon)) == SUCCESS
        assert gpu.modes.persistence == bool(mode)
    assert by_daemon[0] == 0
