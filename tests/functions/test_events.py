"""Event sets of GPUs and of the system while nothing happens, and what refuses vGPU ids."""

import ctypes
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from mocknvml import Node

SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, TIMEOUT = 0, 2, 3, 6, 10
UUID_SIZE = 96
CREATE = FREE = 1 << 24 | 16
REGISTER = 1 << 24 | 24
WAIT = 1 << 24 | 32


class Request(ctypes.Structure):
    """nvmlSystemEventSetCreateRequest_v1_t and nvmlSystemEventSetFreeRequest_v1_t."""

    _fields_ = (("version", ctypes.c_uint), ("set", ctypes.c_void_p))


class Register(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint), ("types", ctypes.c_ulonglong), ("set", ctypes.c_void_p))


class Wait(ctypes.Structure):
    _fields_ = (
        *(("version", ctypes.c_uint), ("timeout", ctypes.c_uint), ("set", ctypes.c_void_p)),
        *(("data", ctypes.c_void_p), ("size", ctypes.c_uint), ("count", ctypes.c_uint)),
    )


@pytest.fixture
def nvml(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    node = Node.create(tmp_path / "node", gpus=1)
    monkeypatch.setenv("MOCK_NVML_NODE", str(tmp_path / "node"))
    loaded = ctypes.CDLL(str(library))
    assert loaded.nvmlInit_v2() == SUCCESS
    yield loaded
    loaded.nvmlShutdown()
    node.close()


def test_system_event_set_lives_from_create_to_free(nvml: ctypes.CDLL) -> None:
    created = Request(CREATE)
    assert nvml.nvmlSystemEventSetCreate(ctypes.byref(created)) == SUCCESS
    register = Register(REGISTER, 3, created.set)
    wait = Wait(WAIT, 0, created.set, None, 0, 77)

    assert nvml.nvmlSystemRegisterEvents(ctypes.byref(register)) == SUCCESS
    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == TIMEOUT
    assert wait.count == 0
    register.types = 4
    assert nvml.nvmlSystemRegisterEvents(ctypes.byref(register)) == NOT_SUPPORTED
    free = Request(FREE, created.set)
    assert nvml.nvmlSystemEventSetFree(ctypes.byref(free)) == SUCCESS
    assert nvml.nvmlSystemEventSetFree(ctypes.byref(free)) == INVALID_ARGUMENT
    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == INVALID_ARGUMENT


def test_event_set_of_gpus_is_no_system_event_set(nvml: ctypes.CDLL) -> None:
    events = ctypes.c_void_p()
    assert nvml.nvmlEventSetCreate(ctypes.byref(events)) == SUCCESS

    wait = Wait(WAIT, 0, events.value)
    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == INVALID_ARGUMENT
    assert nvml.nvmlEventSetFree(events) == SUCCESS


def test_operational_events_are_registered_by_the_uuid_of_a_gpu(nvml: ctypes.CDLL) -> None:
    events, device = ctypes.c_void_p(), ctypes.c_void_p()
    config = ctypes.create_string_buffer(UUID_SIZE + 8)
    params = ctypes.create_string_buffer(512)
    nvml.nvmlEventSetCreate(ctypes.byref(events))
    nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device))

    assert nvml.nvmlEventSetRegisterGpuOperationalEvents_v1(events, config) == INVALID_ARGUMENT
    assert nvml.nvmlDeviceGetUUID(device, config, UUID_SIZE) == SUCCESS
    assert nvml.nvmlEventSetRegisterGpuOperationalEvents_v1(events, config) == SUCCESS
    assert nvml.nvmlEventSetWait_v3(events, params) == TIMEOUT
    assert nvml.nvmlEventSetGetContextCount_v1(events, params) == NOT_FOUND
    assert nvml.nvmlEventSetFree(events) == SUCCESS


@pytest.mark.parametrize(
    ("function", "vgpu", "code"),
    [
        ("nvmlVgpuInstanceGetUUID", 0, INVALID_ARGUMENT),
        ("nvmlVgpuInstanceGetUUID", 5, NOT_FOUND),
        ("nvmlVgpuTypeGetLicense", 5, INVALID_ARGUMENT),
    ],
)
def test_id_of_no_vgpu_has_its_own_code(function: str, vgpu: int, code: int, nvml: ctypes.CDLL) -> None:
    assert getattr(nvml, function)(vgpu, ctypes.create_string_buffer(80), 80) == code


def test_bare_metal_has_no_licensable_features(nvml: ctypes.CDLL) -> None:
    device = ctypes.c_void_p()
    features = pynvml.c_nvmlGridLicensableFeatures_t()
    features.isGridLicenseSupported = features.licensableFeaturesCount = 9
    nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device))

    assert nvml.nvmlDeviceGetGridLicensableFeatures_v4(device, ctypes.byref(features)) == SUCCESS
    assert (features.isGridLicenseSupported, features.licensableFeaturesCount) == (0, 0)
