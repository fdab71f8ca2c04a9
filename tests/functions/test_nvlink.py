"""NVLink and fabric functions with a body of their own."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Gpu, Node

SUCCESS, INVALID, NOT_SUPPORTED, NO_PERMISSION = 0, 2, 3, 4
CANARY = b"\xa5"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")


@pytest.fixture
def node(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    created = Node.create(tmp_path / "node", profile="gb200", gpus=2)
    monkeypatch.setenv("MOCK_NVML_NODE", str(tmp_path / "node"))
    loaded = ctypes.CDLL(str(library))
    assert loaded.nvmlInit_v2() == SUCCESS
    yield created
    loaded.nvmlShutdown()
    created.close()


@pytest.fixture
def gpu(node: Node) -> Gpu:
    return node.gpus[0]


@pytest.fixture
def nvml(library: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(library))


@pytest.fixture
def device(node: Node, nvml: ctypes.CDLL) -> ctypes.c_void_p:
    handle = ctypes.c_void_p()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)) == SUCCESS
    return handle


@contextmanager
def nobody() -> Iterator[None]:
    """As a user without rights."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def room(size: int, word: int = 0) -> Any:
    """A struct of `size` bytes whose first word is `word`, and canaries behind it."""
    buffer = ctypes.create_string_buffer(CANARY * (size + 64), size + 64)
    ctypes.memmove(buffer, word.to_bytes(4, "little"), 4)
    return buffer


def numbers(buffer: Any, *places: int) -> list[int]:
    return [int.from_bytes(buffer.raw[at : at + 4], "little") for at in places]


def state(nvml: ctypes.CDLL, device: ctypes.c_void_p, link: int) -> int:
    return int(nvml.nvmlDeviceGetNvLinkState(device, link, ctypes.byref(ctypes.c_uint())))


def test_a_link_beyond_those_of_the_board_is_an_invalid_argument(
    gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p
) -> None:
    assert [state(nvml, device, link) for link in (0, 17, 18, 35, 36)] == [SUCCESS, SUCCESS, INVALID, INVALID, INVALID]
    pci = room(68)
    assert nvml.nvmlDeviceGetNvLinkRemotePciInfo_v2(device, 18, pci) == NOT_SUPPORTED
    gpu.remove("nvlink.count")
    assert [state(nvml, device, link) for link in (0, 18)] == [NOT_SUPPORTED, NOT_SUPPORTED]
    assert nvml.nvmlDeviceGetNvLinkRemotePciInfo_v2(device, 0, pci) == NOT_SUPPORTED


@as_root
def test_a_reset_clears_all_error_counters_of_one_link(gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p) -> None:
    reset = nvml.nvmlDeviceResetNvLinkErrorCounters
    assert reset(device, 0) == NOT_SUPPORTED
    gpu.update({"nvlink.errors.0.replay": 5, "nvlink.errors.0.crc_data": 6, "nvlink.errors.1.replay": 7})

    assert reset(device, 0) == SUCCESS
    keys = ("0.replay", "0.crc_data", "1.replay")
    assert [gpu.get(f"nvlink.errors.{key}") for key in keys] == [0, 0, 7]
    assert reset(device, 18) == INVALID


@as_root
def test_without_rights_nothing_is_set(gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p) -> None:
    gpu.update({"nvlink.errors.0.replay": 5, "nvlink.bandwidth_mode": 0, "nvlink.node_bandwidth_mode": 0})
    gpu.set("identity.hostname", "here")
    mode = ctypes.c_uint()

    with nobody():
        assert nvml.nvmlDeviceResetNvLinkErrorCounters(device, 0) == NO_PERMISSION
        assert nvml.nvmlDeviceSetNvlinkBwMode(device, set_mode(0, best=1)) == NO_PERMISSION
        assert nvml.nvmlSystemGetNvlinkBwMode(ctypes.byref(mode)) == NO_PERMISSION
        assert nvml.nvmlSystemSetNvlinkBwMode(1) == NO_PERMISSION
        assert nvml.nvmlDeviceSetHostname_v1(device, ctypes.create_string_buffer(b"there", 64)) == NO_PERMISSION
        assert nvml.nvmlSystemGetCPER_v1(cper(0)) == NO_PERMISSION
    assert gpu.get("nvlink.errors.0.replay") == 5


@as_root
@pytest.mark.parametrize(
    ("wanted", "status", "stored"),
    [(1, SUCCESS, 1), (1023, SUCCESS, 1023), (0xFFFFFFFF, SUCCESS, 1000), (0, INVALID, 7), (1024, INVALID, 7)],
)
def test_the_low_power_threshold_stays_within_its_range(
    wanted: int, status: int, stored: int, gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p
) -> None:
    gpu.set("nvlink.power_threshold", 7)

    assert nvml.nvmlDeviceSetNvLinkDeviceLowPowerThreshold(device, ctypes.byref(ctypes.c_uint(wanted))) == status
    assert gpu.get("nvlink.power_threshold") == stored
    gpu.remove("nvlink.power_threshold_max")
    assert nvml.nvmlDeviceSetNvLinkDeviceLowPowerThreshold(device, ctypes.byref(ctypes.c_uint(1))) == NOT_SUPPORTED


@as_root
def test_the_mode_of_the_node_is_set_on_all_its_gpus(node: Node, nvml: ctypes.CDLL) -> None:
    mode = ctypes.c_uint(9)
    assert nvml.nvmlSystemGetNvlinkBwMode(ctypes.byref(mode)) == NOT_SUPPORTED
    assert nvml.nvmlSystemSetNvlinkBwMode(3) == NOT_SUPPORTED
    for each in node.gpus:
        each.set("nvlink.node_bandwidth_mode", 0)

    assert nvml.nvmlSystemSetNvlinkBwMode(3) == SUCCESS
    assert nvml.nvmlSystemGetNvlinkBwMode(ctypes.byref(mode)) == SUCCESS
    assert (mode.value, [each.get("nvlink.node_bandwidth_mode") for each in node.gpus]) == (3, [3, 3])
    assert nvml.nvmlSystemSetNvlinkBwMode(5) == INVALID


def set_mode(mode: int, best: int = 0) -> Any:
    buffer = room(12, 1 << 24 | 12)
    ctypes.memmove(ctypes.addressof(buffer) + 4, best.to_bytes(4, "little") + bytes([mode]), 5)
    return buffer


@as_root
def test_a_gpu_takes_the_modes_of_its_list_and_the_best(gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p) -> None:
    listed = room(28, 1 << 24 | 28)
    assert nvml.nvmlDeviceGetNvlinkSupportedBwModes(device, listed) == NOT_SUPPORTED
    assert nvml.nvmlDeviceSetNvlinkBwMode(device, set_mode(0)) == NOT_SUPPORTED
    gpu.update({"nvlink.bandwidth_mode": 0, "nvlink.bandwidth_best": True})
    gpu.set("nvlink.bandwidth_modes", [{"mode": 37}, {"mode": 69}])

    assert nvml.nvmlDeviceGetNvlinkSupportedBwModes(device, listed) == SUCCESS
    assert listed.raw[4:] == bytes([37, 69]) + CANARY * 21 + bytes([2]) + CANARY * 64
    assert nvml.nvmlDeviceSetNvlinkBwMode(device, set_mode(69)) == SUCCESS
    assert (gpu.get("nvlink.bandwidth_mode"), gpu.get("nvlink.bandwidth_best")) == (69, False)
    assert nvml.nvmlDeviceSetNvlinkBwMode(device, set_mode(70)) == NOT_SUPPORTED
    assert nvml.nvmlDeviceSetNvlinkBwMode(device, set_mode(70, best=1)) == SUCCESS
    assert (gpu.get("nvlink.bandwidth_mode"), gpu.get("nvlink.bandwidth_best")) == (0, True)


def test_link_info_of_version_1_leaves_what_stands_behind_it(
    gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p
) -> None:
    info = room(8, 1 << 24 | 8)
    gpu.set("nvlink.encryption", True)

    assert nvml.nvmlDeviceGetNvLinkInfo(device, info) == SUCCESS
    assert numbers(info, 4) == [1]
    assert info.raw[8:] == CANARY * 64


@pytest.mark.parametrize("version", [2, 3])
def test_link_info_lists_the_firmware(version: int, gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p) -> None:
    start, size = {2: (8, 1612), 3: (4, 1612)}[version]
    info = room(size, 2 << 24 | size)
    ask = {2: nvml.nvmlDeviceGetNvLinkInfo, 3: nvml.nvmlDeviceGetNvLinkInfo_v3}[version]

    assert ask(device, info) == SUCCESS
    assert numbers(info, start + 4, start + 8, start + 12, start + 1600) == [14, 4, 0, 5]
    assert [info.raw[start + 16 * i] for i in range(5)] == [1, 2, 3, 4, 5]
    assert info.raw[size:] == CANARY * 64
    gpu.remove("nvlink.firmware")
    assert ask(device, info) == NOT_SUPPORTED


def test_the_fabric_has_an_entry_for_each_type_of_clique(gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p) -> None:
    info = room(16 + 4 + 64 * 8 + 16)
    ask = nvml.nvmlDeviceGetGpuFabricInfo_v4

    assert ask(device, info) == SUCCESS
    assert info.raw[:16].hex() == "00000001000000000000000000000001"
    assert [(info.raw[20 + 8 * i], *numbers(info, 24 + 8 * i)) for i in range(4)] == [(i, 2) for i in range(4)]
    assert numbers(info, 532, 540) == [4, 0xAA]
    assert (info.raw[536], info.raw[544], info.raw[548:]) == (3, 1, CANARY * 64)
    gpu.set("fabric.clique_types", 4096)
    assert ask(device, info) == SUCCESS
    assert numbers(info, 532) == [64]
    gpu.remove("fabric.clique_types")
    assert ask(device, info) == NOT_SUPPORTED


@as_root
def test_a_host_name_is_read_back_and_has_the_characters_of_one(
    gpu: Gpu, nvml: ctypes.CDLL, device: ctypes.c_void_p
) -> None:
    read = ctypes.create_string_buffer(64)

    def put(name: bytes) -> int:
        return int(nvml.nvmlDeviceSetHostname_v1(device, ctypes.create_string_buffer(name, 64)))

    assert put(b"tray-1.rack") == NOT_SUPPORTED
    gpu.set("identity.hostname", "a-longer-name-than-the-next-one")
    assert put(b"tray-1.rack") == SUCCESS
    assert nvml.nvmlDeviceGetHostname_v1(device, read) == SUCCESS
    assert read.value == b"tray-1.rack"
    assert [put(name) for name in (b"tray 1", b"tray_1", b"x" * 64)] == [INVALID] * 3
    assert gpu.get("identity.hostname") == "tray-1.rack"


def cper(size: int) -> Any:
    """Of a caller without a buffer."""
    buffer = ctypes.create_string_buffer(112)
    ctypes.memmove(ctypes.addressof(buffer) + 104, size.to_bytes(4, "little"), 4)
    return buffer


@as_root
def test_no_error_record_is_there(node: Node, nvml: ctypes.CDLL) -> None:
    assert nvml.nvmlSystemGetCPER_v1(cper(64)) == INVALID
    asked = cper(0)
    assert nvml.nvmlSystemGetCPER_v1(asked) == SUCCESS
    assert numbers(asked, 104) == [0]
