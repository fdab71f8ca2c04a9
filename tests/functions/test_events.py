"""Event sets of GPUs and of the system: what is delivered, to whom, and in which order; and what refuses vGPU ids."""

import ctypes
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pynvml
import pytest

from mocknvml import Node, ValueMismatch
from mocknvml.codegen.header import include_folder
from mocknvml.state.events import ATTRIBUTES, GPU_TYPES, GROUP_ATTRIBUTES, LOG_LEVELS, SEVERITIES, SYSTEM_TYPES
from mocknvml.state.native import CEvent, native

SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, INSUFFICIENT_SIZE, TIMEOUT, IS_LOST = 0, 2, 3, 6, 7, 10, 15
NO_INSTANCE = 0xFFFFFFFF
XID, CLOCK, ALL_TYPES = 0x8, 0x10, 0xFF9F
BACKLOG = 2047
UUID_SIZE = 96
CREATE = FREE = 1 << 24 | 16
REGISTER = 1 << 24 | 24
WAIT = 1 << 24 | 32
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")


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


class SystemEvent(ctypes.Structure):
    _fields_ = (("type", ctypes.c_ulonglong), ("gpu_id", ctypes.c_uint))


class Config(ctypes.Structure):
    _fields_ = (("uuid", ctypes.c_char * UUID_SIZE), ("log_level", ctypes.c_uint), ("severity", ctypes.c_uint))


class EventSet:
    """An event set of the library, waited for without any time."""

    def __init__(self, nvml: ctypes.CDLL) -> None:
        self.nvml = nvml
        self.handle = ctypes.c_void_p()
        assert nvml.nvmlEventSetCreate(ctypes.byref(self.handle)) == SUCCESS

    def device(self, gpu: int) -> ctypes.c_void_p:
        device = ctypes.c_void_p()
        assert self.nvml.nvmlDeviceGetHandleByIndex_v2(gpu, ctypes.byref(device)) == SUCCESS
        return device

    def register(self, types: int, gpu: int = 0) -> int:
        code: int = self.nvml.nvmlDeviceRegisterEvents(self.device(gpu), ctypes.c_ulonglong(types), self.handle)
        return code

    def register_structured(self, log_level: int = 0, severity: int = 0, gpu: int = 0) -> int:
        config = Config(log_level=log_level, severity=severity)
        uuid = ctypes.create_string_buffer(UUID_SIZE)
        assert self.nvml.nvmlDeviceGetUUID(self.device(gpu), uuid, UUID_SIZE) == SUCCESS
        config.uuid = uuid.value
        code: int = self.nvml.nvmlEventSetRegisterGpuOperationalEvents_v1(self.handle, ctypes.byref(config))
        return code

    def wait(self) -> tuple[int, Any]:
        data = pynvml.c_nvmlEventData_t()
        return self.nvml.nvmlEventSetWait_v2(self.handle, ctypes.byref(data), 0), data

    def wait_v3(self) -> tuple[int, Any]:
        params = pynvml.c_nvmlEventSetWait_v3_t()
        return self.nvml.nvmlEventSetWait_v3(self.handle, ctypes.byref(params)), params

    def xids(self) -> list[int]:
        """The numbers of the Xids that are ready."""
        found = []
        while (answer := self.wait())[0] == SUCCESS:
            found.append(answer[1].eventData)
        assert answer[0] == TIMEOUT
        return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", gpus=2) as made:
        yield made


@pytest.fixture
def nvml(node: Node, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    monkeypatch.setenv("MOCK_NVML_NODE", str(node.path))
    loaded = ctypes.CDLL(str(library))
    assert loaded.nvmlInit_v2() == SUCCESS
    yield loaded
    loaded.nvmlShutdown()


@pytest.fixture
def events(nvml: ctypes.CDLL) -> EventSet:
    return EventSet(nvml)


@pytest.mark.parametrize(("kind", "bit"), GPU_TYPES.items())
def test_an_event_of_each_type_is_delivered(kind: str, bit: int, node: Node, events: EventSet) -> None:
    node.gpus[1].set("event_types.supported", ALL_TYPES)
    assert events.register(bit, gpu=1) == SUCCESS

    node.gpus[1].events.add(kind, 79 if kind == "xid" else None)

    code, data = events.wait()
    assert (code, data.eventType, data.eventData) == (SUCCESS, bit, 79 if kind == "xid" else 0)
    assert ctypes.cast(data.device, ctypes.c_void_p).value == events.device(1).value
    assert (data.gpuInstanceId, data.computeInstanceId) == (NO_INSTANCE, NO_INSTANCE)
    assert events.wait()[0] == TIMEOUT


def test_the_names_of_types_are_those_of_the_header() -> None:
    text = (include_folder() / "nvml.h").read_text()
    found = re.findall(r"#define nvml(?:Event(?:Type)?)(\w+)\s+0x0*([1-9a-fA-F][0-9a-fA-F]*)LL", text)
    snake = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): int(value, 16) for name, value in found}

    assert snake.pop("xid_critical_error") == GPU_TYPES["xid"]
    assert snake.pop("pstate") == GPU_TYPES["pstate"]
    assert snake == {name: value for name, value in GPU_TYPES.items() if name not in ("xid", "pstate")}
    assert sum(GPU_TYPES.values()) == ALL_TYPES


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (r"nvmlSystemEventTypeGpuDriver(\w+)\s+(0x\w+)LL", SYSTEM_TYPES),
        (r"NVML_OPERATIONAL_EVENT_SEVERITY_(\w+)\s+= ([1-9]\d*)", SEVERITIES),
        (r"NVML_GPU_OPERATIONAL_EVENT_LOG_LEVEL_(\w+)\s+= ([1-9]\d*)", LOG_LEVELS),
        (r"NVML_OPERATIONAL_EVENT_ATTR_(\w+)\s+\(1u << (\d)\)", ATTRIBUTES),
        (r"NVML_OPERATIONAL_EVENT_GROUP_ATTR_(\w+)\s+\(1u << (\d)\)", GROUP_ATTRIBUTES),
    ],
)
def test_the_names_of_structured_events_are_those_of_the_header(pattern: str, names: dict[str, int]) -> None:
    found = re.findall(pattern, (include_folder() / "nvml.h").read_text())
    value: Callable[[str], int] = (lambda text: 1 << int(text)) if "1u" in pattern else (lambda text: int(text, 0))

    assert {name.lower(): value(number) for name, number in found} == names


def test_python_and_c_agree_on_an_event() -> None:
    assert native().mock_api_event_size() == ctypes.sizeof(CEvent)


def test_every_set_sees_all_events_in_order(node: Node, nvml: ctypes.CDLL) -> None:
    first, second = EventSet(nvml), EventSet(nvml)
    for events in (first, second):
        assert events.register(XID, gpu=0) == events.register(XID, gpu=1) == SUCCESS

    for number in range(100):
        node.gpus[number % 2].events.add("xid", number)

    assert first.xids() == second.xids() == list(range(100))


def test_a_set_sees_only_what_it_is_registered_for(node: Node, events: EventSet) -> None:
    assert events.register(XID, gpu=1) == SUCCESS

    node.gpus[0].events.add("xid", 1)
    node.gpus[1].events.add("clock")
    node.events.add("unbind", gpu=1)
    node.gpus[1].events.add("operational", severity="fatal", log_level="error")
    node.gpus[1].events.add("xid", 2)

    assert events.xids() == [2]


def test_what_was_before_the_registration_is_not_recorded(node: Node, events: EventSet) -> None:
    node.gpus[0].events.add("xid", 1)
    assert events.register(XID) == SUCCESS
    node.gpus[0].events.add("clock")
    node.gpus[0].events.add("xid", 2)
    assert events.register(XID | CLOCK) == SUCCESS
    node.gpus[0].events.add("clock")

    found = [events.wait()[1] for _ in range(2)]

    assert [(data.eventType, data.eventData) for data in found] == [(XID, 2), (CLOCK, 0)]
    assert events.wait()[0] == TIMEOUT


def test_the_backlog_drops_the_oldest(node: Node, events: EventSet) -> None:
    assert events.register(XID) == SUCCESS

    for number in range(BACKLOG + 10):
        node.gpus[0].events.add("xid", number)

    assert events.xids() == list(range(10, BACKLOG + 10))
    assert [event.data for event in node.events] == list(range(10, BACKLOG + 10))


def test_an_xid_of_a_mig_instance_names_it(node: Node, events: EventSet) -> None:
    assert events.register(XID) == SUCCESS

    node.gpus[0].events.add("xid", 13, gpu_instance=3, compute_instance=0)

    _, data = events.wait()
    assert (data.eventData, data.gpuInstanceId, data.computeInstanceId) == (13, 3, 0)


def test_the_first_version_writes_no_more_than_its_struct(node: Node, nvml: ctypes.CDLL, events: EventSet) -> None:
    data = ctypes.create_string_buffer(b"\xaa" * 64, 64)
    assert events.register(XID) == SUCCESS

    node.gpus[0].events.add("xid", 79)

    assert nvml.nvmlEventSetWait(events.handle, data, 0) == SUCCESS
    assert data.raw[8:24] == (8).to_bytes(8, "little") + (79).to_bytes(8, "little")
    assert data.raw[24:] == b"\xaa" * 40


def test_the_third_version_gives_an_event_with_uuid_and_time(node: Node, events: EventSet) -> None:
    assert events.register(XID, gpu=1) == SUCCESS
    node.gpus[1].events.add("xid", 79)

    code, params = events.wait_v3()

    (raised,) = node.events
    assert (code, params.dataType, params.eventType, params.eventData) == (SUCCESS, 0, XID, 79)
    assert params.uuid == node.gpus[1].get("identity.uuid")
    assert params.timestampUsec == raised.wall == raised.time // 1000 + int(str(node.get("time.epoch")))
    assert (params.gpuInstanceId, params.computeInstanceId) == (NO_INSTANCE, NO_INSTANCE)
    assert (params.groupCursor, params.instanceId, params.severity, params.logLevel, params.groupSize) == (0,) * 5


def test_a_structured_event_tells_what_it_was_raised_with(node: Node, events: EventSet) -> None:
    details = {
        **{"trace": 2**40, "category": 1, "code": 2, "scope": 3, "originator": 4, "module_instance": 5, "chiplet": 6},
        **{"cper_size": 7, "group_size": 8, "group_index": 9, "group_cursor": 10, "instance": 11},
    }
    assert events.register_structured() == SUCCESS

    node.gpus[0].events.add(
        *("operational",),
        **{"severity": "fatal", "log_level": "error", "module": "TEST", "attributes": ["latent", "primary"]},
        **{"group_attributes": "simulated", **details},
    )

    code, params = events.wait_v3()
    assert (code, params.dataType, params.eventType, params.eventData) == (SUCCESS, 1, 0, 0)
    assert params.sourceModule == "TEST"
    assert (params.severity, params.logLevel, params.attributes, params.groupAttributes) == (40, 50, 2 | 32, 4)
    assert (params.traceId, params.categoryId, params.moduleEventCode, params.scope) == (2**40, 1, 2, 3)
    assert (params.originator, params.moduleInstance, params.chipletId, params.groupCperSize) == (4, 5, 6, 7)
    assert (params.groupSize, params.groupIndex, params.groupCursor, params.instanceId) == (8, 9, 10, 11)
    assert params.uuid == node.gpus[0].get("identity.uuid")


@pytest.mark.parametrize(
    ("log_level", "severity", "expected"),
    [(0, 0, [1, 2, 3]), (30, 0, [2, 3]), (0, 40, [1, 3]), (50, 40, [3]), (60, 0, [])],
)
def test_levels_filter_structured_events(
    log_level: int, severity: int, expected: list[int], node: Node, events: EventSet
) -> None:
    assert events.register_structured(log_level, severity) == SUCCESS
    assert events.register_structured(log_level, severity) == SUCCESS
    add = node.gpus[0].events.add

    add("operational", severity="fatal", log_level="diag", code=1)
    add("operational", severity="corrected", log_level="warning", code=2)
    add("operational", severity=41, log_level=51, code=3)

    codes = [events.wait_v3()[1].moduleEventCode for _ in expected]
    assert codes == expected
    assert events.wait_v3()[0] == TIMEOUT


def test_contexts_are_those_of_the_event_returned_last(node: Node, nvml: ctypes.CDLL, events: EventSet) -> None:
    assert events.register_structured() == events.register(XID) == SUCCESS
    count, info = ctypes.c_uint(9), pynvml.c_nvmlEventSetGetContextInfo_v1_t(index=1)
    data, xid = pynvml.c_nvmlEventSetGetContextData_v1_t(index=1), (ctypes.c_uint * 2)(0, 0)
    get_data = nvml.nvmlEventSetGetContextData_v1
    get_xid = nvml.nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1
    assert nvml.nvmlEventSetGetContextCount_v1(events.handle, ctypes.byref(count)) == NOT_FOUND
    contexts = [{"source_type": 7, "version": 2, "payload": b"hello"}]
    node.gpus[0].events.add("operational", severity="fatal", log_level="error", xid=48, contexts=contexts)
    node.gpus[0].events.add("xid", 48)

    assert events.wait_v3()[0] == SUCCESS

    assert nvml.nvmlEventSetGetContextCount_v1(events.handle, ctypes.byref(count)) == SUCCESS
    assert count.value == 2
    assert get_xid(events.handle, xid) == SUCCESS
    assert xid[1] == 48
    xid[0] = 1
    assert get_xid(events.handle, xid) == NOT_FOUND
    assert nvml.nvmlEventSetGetContextInfo_v1(events.handle, ctypes.byref(info)) == SUCCESS
    assert (info.nvmlGpuOperationalEventContextType, info.sourceEventContextType) == (0, 7)
    assert (info.dataSize, info.dataFormatVersion) == (5, 2)
    assert get_data(events.handle, ctypes.byref(data)) == INSUFFICIENT_SIZE
    assert data.dataSize == 5
    payload = ctypes.create_string_buffer(8)
    data.data = ctypes.cast(payload, ctypes.c_void_p)
    assert get_data(events.handle, ctypes.byref(data)) == SUCCESS
    assert payload.raw == b"hello\0\0\0"
    info.index = 2
    assert nvml.nvmlEventSetGetContextInfo_v1(events.handle, ctypes.byref(info)) == INVALID_ARGUMENT
    assert events.wait_v3()[1].eventData == 48
    assert nvml.nvmlEventSetGetContextCount_v1(events.handle, ctypes.byref(count)) == SUCCESS
    assert count.value == 0


def test_structured_events_need_a_board_that_has_them(node: Node, events: EventSet) -> None:
    node.gpus[0].set("event_types.operational", False)
    assert events.register_structured() == NOT_SUPPORTED

    node.gpus[0].remove("event_types.operational")
    assert events.register_structured() == NOT_SUPPORTED


def test_structured_events_are_registered_by_the_uuid_of_a_gpu(nvml: ctypes.CDLL, events: EventSet) -> None:
    config = Config(uuid=b"GPU-none")

    assert nvml.nvmlEventSetRegisterGpuOperationalEvents_v1(events.handle, ctypes.byref(config)) == INVALID_ARGUMENT


def test_a_lost_gpu_ends_waits_once_its_events_are_delivered(node: Node, events: EventSet) -> None:
    assert events.register(XID, gpu=0) == SUCCESS
    node.gpus[0].events.add("xid", 79)
    node.gpus[0].fail("health.present", IS_LOST)

    assert events.wait()[1].eventData == 79
    assert events.wait()[0] == IS_LOST
    assert events.wait_v3()[0] == IS_LOST
    node.gpus[0].reset()
    assert events.wait()[0] == TIMEOUT


@pytest.mark.parametrize(
    ("key", "value", "bit"),
    [
        ("clocks.current.sm", "1000 MHz", GPU_TYPES["clock"]),
        ("clocks.current.video", "1000 MHz", GPU_TYPES["clock"]),
        ("modes.performance_state", 2, GPU_TYPES["pstate"]),
        ("power.source", "battery", GPU_TYPES["power_source_change"]),
        ("recovery.action", "gpu_reset", GPU_TYPES["gpu_recovery_action"]),
    ],
)
def test_a_change_is_an_event(key: str, value: object, bit: int, node: Node, events: EventSet) -> None:
    gpu = node.gpus[0]
    if key == "power.source":
        gpu.set(key, "ac")
    gpu.set("event_types.supported", ALL_TYPES)
    assert events.register(ALL_TYPES) == SUCCESS

    gpu.set("thermal.temperature.gpu", "60 C")
    gpu.set(key, value)
    gpu.set(key, value)

    assert events.wait()[1].eventType == bit
    assert events.wait()[0] == TIMEOUT


def test_a_change_is_no_event_where_the_board_has_none_of_its_type(node: Node) -> None:
    node.gpus[0].set("event_types.supported", XID)

    node.gpus[0].set("clocks.current.sm", "1000 MHz")

    assert list(node.events) == []


@needs_root
@pytest.mark.parametrize("private", [False, True])
def test_a_locked_clock_is_an_event(
    private: bool, nvml: ctypes.CDLL, events: EventSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    if private:
        assert nvml.nvmlShutdown() == SUCCESS
        monkeypatch.delenv("MOCK_NVML_NODE")
        assert nvml.nvmlInit_v2() == SUCCESS
        events = EventSet(nvml)
    assert events.register(CLOCK) == SUCCESS

    assert nvml.nvmlDeviceSetGpuLockedClocks(events.device(0), 500, 600) == SUCCESS

    code, data = events.wait()
    assert (code, data.eventType) == (SUCCESS, CLOCK)
    assert events.wait()[0] == TIMEOUT
    nvml.nvmlDeviceResetGpuLockedClocks(events.device(0))


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


def system_set(nvml: ctypes.CDLL, types: int) -> int:
    created = Request(CREATE)
    assert nvml.nvmlSystemEventSetCreate(ctypes.byref(created)) == SUCCESS
    assert nvml.nvmlSystemRegisterEvents(ctypes.byref(Register(REGISTER, types, created.set))) == SUCCESS
    made: int = created.set
    return made


@needs_root
def test_a_removed_and_discovered_gpu_is_told(node: Node, nvml: ctypes.CDLL) -> None:
    both, bind_only = system_set(nvml, 3), system_set(nvml, 2)
    gpu = node.gpus[1]
    gpu.set("modes.persistence", False)
    gpu.update({"pci.domain": 2, "pci.bus": 0x4E, "pci.device": 0x1F})
    address = pynvml.nvmlPciInfo_t(domain=2, bus=0x4E, device=0x1F)
    found = (SystemEvent * 3)()

    assert nvml.nvmlDeviceRemoveGpu_v2(ctypes.byref(address), 0, 0) == SUCCESS
    assert nvml.nvmlDeviceDiscoverGpus(ctypes.byref(address)) == SUCCESS

    wait = Wait(WAIT, 0, both, ctypes.addressof(found), 3)
    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == SUCCESS
    told = [(event.type, event.gpu_id) for event in found[: wait.count]]
    assert told == [(1, 0x24E1F), (2, 0x24E1F)]
    wait.set = bind_only
    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == SUCCESS
    assert (wait.count, found[0].type) == (1, 2)
    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == TIMEOUT


def test_a_system_wait_takes_as_many_events_as_there_is_room_for(node: Node, nvml: ctypes.CDLL) -> None:
    made = system_set(nvml, 3)
    found = (SystemEvent * 2)()
    wait = Wait(WAIT, 0, made, ctypes.addressof(found), 2)
    for gpu in (0, 1, 0):
        node.events.add("bind", gpu=gpu)

    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == SUCCESS
    assert wait.count == 2
    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == SUCCESS
    assert wait.count == 1


def test_event_set_of_gpus_is_no_system_event_set(nvml: ctypes.CDLL, events: EventSet) -> None:
    wait = Wait(WAIT, 0, events.handle.value)
    assert nvml.nvmlSystemEventSetWait(ctypes.byref(wait)) == INVALID_ARGUMENT
    assert nvml.nvmlEventSetFree(events.handle) == SUCCESS


def test_more_sets_and_registrations_than_there_is_room_for_are_refused(node: Node, nvml: ctypes.CDLL) -> None:
    sets = [EventSet(nvml) for _ in range(1024)]

    assert nvml.nvmlEventSetCreate(ctypes.byref(ctypes.c_void_p())) == pynvml.NVML_ERROR_INSUFFICIENT_RESOURCES
    node.gpus[0].set("event_types.supported", ALL_TYPES)
    codes = {events.register(bit) for events in sets for bit in GPU_TYPES.values()}
    assert codes == {SUCCESS}
    codes = {sets[0].register_structured(log_level, severity) for log_level in range(200) for severity in range(100)}
    assert codes == {SUCCESS, pynvml.NVML_ERROR_INSUFFICIENT_RESOURCES}
    assert nvml.nvmlEventSetFree(sets[0].handle) == SUCCESS
    assert sets[1].register_structured() == SUCCESS


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("xdi", {}, "no such event; give one of .*did you mean xid"),
        ("xid", {}, "xid=None: give a number from 0 to 4294967295"),
        ("xid", {"data": -1}, "xid=-1: give a number"),
        ("clock", {"data": 5}, "only an xid has a number"),
        ("clock", {"gpu_instance": 0}, "only an xid has a number and instances"),
        ("clock", {"severity": "fatal"}, "takes no severity; only operational events have details"),
        ("clock", {"gpu": 1}, "gpu=1: not this GPU"),
        ("mig_config_change", {}, "no event of GPU 0; to make it one, set its event_types.supported to 287"),
        ("operational", {"severity": "fatal"}, "give log_level=, one of telemetry"),
        ("operational", {"severity": "bad", "log_level": "error"}, "severity='bad': give one of informational"),
        ("operational", {"severity": 1, "log_level": 1, "cod": 1}, "takes no cod; .*did you mean code"),
        ("operational", {"severity": 1, "log_level": 1, "module": "x" * 17}, "give at most 16 bytes"),
        (
            "operational",
            {"severity": 1, "log_level": 1, "group_size": 256},
            "group_size=256: give a number from 0 to 255",
        ),
        ("operational", {"severity": 1, "log_level": 1, "contexts": [{}] * 3}, "3 contexts; at most 2 are kept"),
        (
            "operational",
            {"severity": 1, "log_level": 1, "contexts": [{"a": 1}]},
            "give source_type, version and payload",
        ),
    ],
)
def test_a_wrong_event_is_refused(kind: str, arguments: dict[str, Any], message: str, node: Node) -> None:
    with pytest.raises(ValueMismatch, match=message):
        node.gpus[0].events.add(kind, **arguments)
    assert list(node.events) == []


def test_an_event_of_the_node_names_its_gpu(node: Node) -> None:
    with pytest.raises(ValueMismatch, match="give gpu=, the index of the GPU"):
        node.events.add("bind")
    with pytest.raises(ValueMismatch, match="gpu=2: the node has 2 GPUs"):
        node.events.add("bind", gpu=2)
    node.events.add("xid", 79, gpu=1)

    assert [(event.kind, event.gpu, event.data) for event in node.events] == [("xid", 1, 79)]
    assert list(node.gpus[0].events) == []
    assert node.events.supports("xid", gpu=1)
    assert not node.gpus[1].events.supports("gpu_unavailable_error")


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
