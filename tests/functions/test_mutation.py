"""For every modelled row: change the field in the node and the function's answer changes to it; let the field hold an
error and that code comes back; remove it and NOT_SUPPORTED comes back.

The cases come from the table. A function with a body of its own says in `NATIVE` what it shows of which field; one that
shows no field says in `NO_FIELD` why.
"""

import ctypes
import os
import platform
import re
import struct
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from mocknvml import Gpu, Node, UnknownKey
from mocknvml.codegen import header, plan
from mocknvml.codegen.build import zig
from mocknvml.codegen.header import Header
from mocknvml.codegen.plan import Output, Plan, Read
from mocknvml.nvml import FIELD_IDS, ROWS
from mocknvml.state.layout import Place, layout
from mocknvml.state.values import Value, words
from mocknvml.table.blocks import Expression, Field, Number, Octets, Text
from mocknvml.table.rows import FieldId, Finder, Getter, ListGetter, Native, Row, Setter

SUCCESS, NOT_SUPPORTED, NOT_FOUND, INSUFFICIENT_SIZE = 0, 3, 6, 7
INVALID_ARGUMENT = 2
LIMITS = {"u32": (100, 200), "i32": (-200, 300)}  # that a setter's field may have
INVALID_STATE = 29
INJECTED = 27  # NVML_ERROR_NOT_READY: no code path of the library answers it by itself
ROOM = 4096

Calls = Callable[..., int]


@cache
def model() -> Header:
    return header.load(zig(platform.machine()))


@cache
def plans() -> dict[str, Plan]:
    return {item.function.name: item for item in plan.plan_all(model(), ROWS)}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Node]:
    """A node that this process is attached to."""
    path = tmp_path_factory.mktemp("mutation") / "node"
    created = Node.create(path, gpus=2)
    loaded = ctypes.CDLL(str(library))
    previous = os.environ.get("MOCK_NVML_NODE")
    os.environ["MOCK_NVML_NODE"] = str(path)
    assert loaded.nvmlInit_v2() == SUCCESS
    yield created
    loaded.nvmlShutdown()
    os.environ.pop("MOCK_NVML_NODE")
    if previous is not None:
        os.environ["MOCK_NVML_NODE"] = previous
    created.close()


@pytest.fixture
def gpu(node: Node) -> Iterator[Gpu]:
    """A GPU whose fields all hold a value."""
    target = node.gpus[0]
    yield target
    node.reset()


@pytest.fixture(scope="module")
def nvml(library: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(library))


@pytest.fixture
def handle(node: Node, nvml: ctypes.CDLL) -> ctypes.c_void_p:
    device = ctypes.c_void_p()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == SUCCESS
    return device


def store(node: Node, place: Place, element: tuple[str, ...], value: Value) -> None:
    """Write a value past the checks of what users may write."""
    block = node if place.field.block.of_node else node.gpus[0]
    block._write(words(block._scope, place, element, value))


def place_of(field: Field) -> Place:
    return (layout().node if field.block.of_node else layout().gpu).places[field.key]


def samples(place: Place, arguments: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The first and the last element of a field that the arguments select."""
    fixed = [argument in domain.keys for argument, domain in zip(arguments, place.field.per, strict=False)]
    names = [
        element
        for element in place.element_names()
        if all(key == argument for key, argument, keep in zip(element, arguments, fixed, strict=False) if keep)
    ]
    return names[:1] + names[1:][-1:]


def other_value(place: Place, number: int = 0) -> Value:
    """A value that no profile has."""
    field = place.field
    if isinstance(field, Text):
        return f"changed-{number}"
    if isinstance(field, Octets):
        return f"{number + 1:02x}" * field.size
    assert isinstance(field, Number)
    if field.kind == "flag":
        return number % 2
    return (field.names is not None and len(field.names) - 1 - number) or 54321 + number


def expected(node: Node, value: Read | Expression | Field) -> int:
    """A derived value, computed from the fields of the node."""
    block = node.gpus[0]
    if isinstance(value, Field):
        return expected(node, value.expression) if value.expression else int(str(block.get(value.key)))
    assert isinstance(value, Expression)
    if value.operator == "total":
        listed = block.get(value.operands[0].key)  # type: ignore[union-attr]
        assert isinstance(listed, list)
        return sum(int(record[value.member]) for record in listed)
    left, right = (expected(node, operand) for operand in value.operands)
    return left + right if value.operator == "+" else max(left - right, 0)


class Caller:
    """Calls a function of the table with valid arguments, and reads its outputs."""

    def __init__(
        self,
        nvml: ctypes.CDLL,
        item: Plan,
        handle: ctypes.c_void_p,
        inputs: dict[str, int],
        output: Output | None = None,
    ) -> None:
        self.item = item
        self.function = getattr(nvml, item.function.name)
        self.buffers = {p.name: ctypes.create_string_buffer(ROOM) for p in item.function.params if p.type.pointers}
        wanted = output.versions if output else ()
        for param, versions in item.versioned:
            chosen = [version for version in versions if version.macro in wanted] or versions
            ctypes.memmove(self.buffers[param.name], chosen[-1].word.to_bytes(4, "little"), 4)
        for name, value in inputs.items():
            if item.function.param(name) is None or item.function.param(name) in [p for p, _ in item.versioned]:
                self._set_member(name, value)
        self.arguments = [
            handle
            if p.type.text == "nvmlDevice_t"
            else self.buffers[p.name]
            if p.type.pointers
            else ctypes.c_uint(inputs.get(p.name, ROOM if p.name in ("length", "size") else 0))
            for p in item.function.params
        ]

    def _member(self, name: str) -> tuple[str, int, int]:
        for param in self.item.function.params:
            struct = model().structs.get(param.type.base)
            member = struct.member(name) if struct and param.type.pointers == 1 else None
            if member is not None:
                return param.name, member.offset, member.type.size
        raise AssertionError(name)

    def _set_member(self, name: str, value: int) -> None:
        param, offset, size = self._member(name)
        data = value.to_bytes(size, "little", signed=value < 0)
        ctypes.memmove(ctypes.addressof(self.buffers[param]) + offset, data, size)

    def __call__(self) -> int:
        return int(self.function(*self.arguments))

    def output(self, output: Output, wanted: Value) -> int | str | Value:
        """What the function wrote; a number as far as `wanted` fits in there."""
        name = output.target.lstrip("*")
        if "->" in name:
            owner, path = name.split("->")
            cast = re.fullmatch(r"\(\((\w+) \*\)(\w+)\)", owner)
            param = cast[2] if cast else owner
            declared = self.item.function.param(param)
            assert declared is not None
            member = model().member(model().structs[cast[1] if cast else declared.type.base], path)
            assert member is not None
            offset, size = member.offset, member.type.size
        else:
            param, offset, size = name, 0, 8 if "long" in output.ctype else 4
        raw = self.buffers[param].raw[offset : offset + size]
        if output.ctype == "octets":
            return raw.hex()
        if isinstance(wanted, int) and wanted >= 1 << 8 * size:
            return int.from_bytes(raw, "little") | wanted >> 8 * size << 8 * size
        if output.size:
            return self.buffers[param].raw[offset:].split(b"\0")[0].decode()
        return int.from_bytes(raw, "little")


def getter_cases() -> list[tuple[str, int]]:
    return [(row.function, number) for row in ROWS if isinstance(row, Getter) for number in range(len(row.outputs))]


def leaves(value: Read | Expression) -> list[Field]:
    return [value.place.field] if isinstance(value, Read) else list(dict.fromkeys(value.fields()))


def fill(node: Node, item: Plan) -> None:
    """Let every field that the function reads hold a value."""
    for output in item.outputs:
        for field in leaves(output.value):
            place = place_of(field)
            for element in place.element_names():
                if isinstance(field, Number | Text | Octets):
                    store(node, place, element, other_value(place))
            for count in field.block.fields():
                if isinstance(count, Number) and count.counts in field.per and field is not count:
                    store(node, place_of(count), (), len(count.counts))
    if isinstance(item.supported, Read):
        store(node, item.supported.place, (), 1)


@pytest.mark.parametrize(("function", "number"), getter_cases())
def test_getter_answers_from_its_field(
    function: str, number: int, node: Node, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    item = plans()[function]
    row, output = item.row, item.outputs[number]
    assert isinstance(row, Getter)
    fill(node, item)
    selected = list(row.outputs.values())[number]

    for turn, field in enumerate(leaves(output.value)):
        place = place_of(field)
        elements = [selected.arguments] if selected.fixed else samples(place, selected.arguments)
        for element in elements:
            given = {} if selected.fixed else dict(zip(selected.arguments, place.index(element), strict=False))
            inputs = {name: index for name, index in given.items() if name not in element}
            call = Caller(nvml, item, handle, inputs, output)
            block = node if field.block.of_node else gpu
            key = ".".join((field.key, *element))

            if isinstance(field, Number | Text | Octets):
                value = other_value(place, turn + 1)
                store(node, place, element, value)
            else:
                store(node, place, element, [record(memory=77)])
            wanted = block.get(key) if isinstance(output.value, Read) else expected(node, output.value)
            if isinstance(field, Number) and field.integral:
                assert call() == SUCCESS
                assert call.output(output, value) >= value
            else:
                assert call() == SUCCESS
                assert call.output(output, wanted) == wanted

            block.fail(key, INJECTED)
            assert call() == INJECTED
            block.remove(key)
            assert call() == NOT_SUPPORTED
            if isinstance(field, Number | Text | Octets):
                store(node, place, element, other_value(place))
            else:
                store(node, place, element, [])


@pytest.mark.parametrize("function", [row.function for row in ROWS if isinstance(row, Getter) and row.supported])
def test_getter_refuses_where_its_condition_is_off(
    function: str, node: Node, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    item = plans()[function]
    assert isinstance(item.supported, Read)
    fill(node, item)
    call = Caller(nvml, item, handle, {})
    assert call() == SUCCESS

    store(node, item.supported.place, (), 0)

    assert call() == NOT_SUPPORTED
    gpu.fail(item.supported.place.field.key, INJECTED)
    assert call() == INJECTED


def record(**members: int | str) -> dict[str, int | str]:
    """A process that runs in all kinds of contexts."""
    return {
        "pid": 4242,
        "contexts": 7,
        "memory": 1 << 33,
        "gpu_instance": 3,
        "compute_instance": 4,
        "protected_memory": 5,
        "sm": 6,
        "memory_utilization": 7,
        "encoder": 8,
        "decoder": 9,
        "jpeg": 10,
        "ofa": 11,
        "start": 12,
        "name": "trainer",
        **members,
    }


@pytest.mark.parametrize("function", [row.function for row in ROWS if isinstance(row, ListGetter)])
def test_list_getter_lists_the_records_of_its_field(
    function: str, node: Node, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    item = plans()[function]
    row = item.row
    assert isinstance(row, ListGetter)
    members = row.records.field.record.members()  # type: ignore[attr-defined]
    listed = [
        {name: 10 * turn + at for at, name in enumerate(members) if members[name].kind != "text"} for turn in (1, 2)
    ]
    if row.records.mask:
        listed = [record(), record(pid=4343, memory=5), record(pid=1, contexts=7 & ~row.records.mask)]
    store(node, place_of(row.records.field), (), listed)
    array = next(p for p in item.function.params if p.type.kind == "struct")
    struct = model().structs[array.type.base]
    call = Caller(nvml, item, handle, {})
    count = next(p.name for p in item.function.params if p.type.base == "unsigned int")
    ctypes.memmove(call.buffers[count], (8).to_bytes(4, "little"), 4)

    assert call() == SUCCESS
    assert int.from_bytes(call.buffers[count].raw[:4], "little") == 2
    for number, wanted in enumerate(listed[:2]):
        for theirs, ours in row.members.items():
            member = struct.member(theirs)
            assert member is not None
            at = number * struct.size + member.offset
            raw = call.buffers[array.name].raw[at : at + member.type.size]
            assert int.from_bytes(raw, "little") == wanted[ours]

    ctypes.memmove(call.buffers[count], (1).to_bytes(4, "little"), 4)
    assert call() == INSUFFICIENT_SIZE
    assert int.from_bytes(call.buffers[count].raw[:4], "little") == 2
    gpu.fail(row.records.field.key, INJECTED)
    assert call() == INJECTED
    gpu.remove(row.records.field.key)
    assert call() == NOT_SUPPORTED


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
@pytest.mark.parametrize("function", [row.function for row in ROWS if isinstance(row, Setter)])
def test_setter_writes_its_field(
    function: str, node: Node, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    item = plans()[function]
    row = item.row
    assert isinstance(row, Setter)
    field = row.field.field
    assert isinstance(field, Number)
    place = place_of(field)
    block = node if field.block.of_node else gpu
    elements = [row.field.arguments] if row.field.fixed else samples(place, row.field.arguments)
    name = item.outputs[0].target.rpartition("->")[2]
    for element in elements:
        given = {} if row.field.fixed else dict(zip(row.field.arguments, place.index(element), strict=True))
        least, greatest = LIMITS[field.kind] if row.within else (0, 1)
        for limit, bound in zip(row.within or (), (least, greatest), strict=False):
            store(node, place_of(limit.field), element, bound)
        store(node, place, element, greatest)
        key = ".".join((field.key, *element))

        def call(value: int, given: dict[str, int] = given) -> int:
            return Caller(nvml, item, handle, {**given, name: value})()

        assert call(least) == SUCCESS
        assert block.get(key) == least
        assert call(greatest) == SUCCESS
        assert block.get(key) == greatest
        if row.within:
            assert call(least - 1) == INVALID_ARGUMENT
        if row.within or field.kind == "flag" or field.names is not None:
            assert call(greatest + 1000) == INVALID_ARGUMENT
            assert block.get(key) == greatest
        block.fail(key, INJECTED)
        assert call(greatest + 1000) == INJECTED
        block.remove(key)
        assert call(least) == NOT_SUPPORTED


@pytest.mark.parametrize("function", [row.function for row in ROWS if isinstance(row, Finder)])
def test_finder_finds_the_gpu_by_its_field(function: str, node: Node, gpu: Gpu, nvml: ctypes.CDLL) -> None:
    row = plans()[function].row
    assert isinstance(row, Finder)
    found, second = ctypes.c_void_p(), ctypes.c_void_p()
    nvml.nvmlDeviceGetHandleByIndex_v2(1, ctypes.byref(second))
    find = getattr(nvml, function)
    node.gpus[1].set(row.field.key, "changed")

    assert find(b"changed", ctypes.byref(found)) == SUCCESS
    assert found.value == second.value
    node.gpus[1].remove(row.field.key)
    assert find(b"changed", ctypes.byref(found)) == NOT_FOUND


@pytest.mark.parametrize("row", [row for row in FIELD_IDS if row.equal is None], ids=lambda row: row.name)
def test_field_value_answers_from_its_field(
    row: FieldId, node: Node, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    for number, selected in enumerate((row.output, *row.scopes)):
        field = selected.field
        assert isinstance(field, Number)
        place = place_of(field)
        element = selected.arguments if selected.fixed else samples(place, selected.arguments)[-1]
        by_scope = "scopeId" in selected.arguments
        scope = place.index(element)[selected.arguments.index("scopeId")] if by_scope else number
        for name in place.element_names():
            gpu.remove(".".join((field.key, *name)))
        for count in field.block.fields():
            if isinstance(count, Number) and count.counts is not None and count is not field:
                store(node, place_of(count), (), len(count.counts))
        if row.supported is not None:
            gpu.set(row.supported.field.key, True)
        if row.otherwise is not None:
            gpu.remove(row.otherwise.field.key)
        value = other_value(place, 1)
        store(node, place, element, value)
        key = ".".join((field.key, *element))

        code, answered = field_value(nvml, handle, row.name, scope)
        assert code == SUCCESS
        assert answered == value or (field.integral is not None and answered > value)
        gpu.fail(key, INJECTED)
        assert field_value(nvml, handle, row.name, scope)[0] == INJECTED
        gpu.remove(key)
        assert field_value(nvml, handle, row.name, scope)[0] == NOT_SUPPORTED


def field_value(nvml: ctypes.CDLL, handle: ctypes.c_void_p, name: str, scope: int) -> tuple[int, float]:
    """The code and the value of one id of nvmlDeviceGetFieldValues."""
    layout_ = model().structs["nvmlFieldValue_t"]
    offsets = {member.name: member.offset for member in layout_.members}
    entry = ctypes.create_string_buffer(layout_.size)
    for member, number in (("fieldId", model().constants[name]), ("scopeId", scope)):
        ctypes.memmove(ctypes.addressof(entry) + offsets[member], number.to_bytes(4, "little"), 4)
    assert nvml.nvmlDeviceGetFieldValues(handle, 1, entry) == SUCCESS
    code = int.from_bytes(entry.raw[offsets["nvmlReturn"] :][:4], "little")
    value_type = int.from_bytes(entry.raw[offsets["valueType"] :][:4], "little")
    is_double = value_type == model().constants["NVML_VALUE_TYPE_DOUBLE"]
    (value,) = struct.unpack_from("<d" if is_double else "<Q", entry, offsets["value"])
    return code, value


def test_no_field_value_can_be_cleared(nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    struct = model().structs["nvmlFieldValue_t"]
    answered = next(member.offset for member in struct.members if member.name == "nvmlReturn")
    ids = (0, model().constants["NVML_FI_DEV_ECC_CURRENT"], model().constants["NVML_FI_MAX"])
    entries = ctypes.create_string_buffer(b"".join(number.to_bytes(struct.size, "little") for number in ids))

    assert nvml.nvmlDeviceClearFieldValues(handle, 3, entries) == SUCCESS
    codes = [entries.raw[at * struct.size + answered] for at in range(3)]
    assert codes == [INVALID_ARGUMENT, NOT_SUPPORTED, INVALID_ARGUMENT]
    for count in (0, -1):
        assert nvml.nvmlDeviceClearFieldValues(handle, count, entries) == INVALID_ARGUMENT


# What functions with a body of their own show: output parameter, and for each field its place and size in the output.
PCI = {"pci.domain": 16, "pci.bus": 20, "pci.device": 24, "pci.device_id": 28}
PCI_V2 = {**PCI, "pci.subsystem_id": 32}
PCI_EXT = {
    **{"pci.domain": 4, "pci.bus": 8, "pci.device": 12, "pci.device_id": 16},
    **{"pci.subsystem_id": 20, "pci.base_class": 24, "pci.sub_class": 28},
}
REMOTE = {
    **{"nvlink.remote_domain.0": 16, "nvlink.remote_bus.0": 20, "nvlink.remote_device.0": 24},
    **{"nvlink.remote_device_id.0": 28, "nvlink.remote_subsystem_id.0": 32},
}
NATIVE: dict[str, dict[str, int]] = {
    "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles": {
        f"power_profiles.{name}.{word}": 4 + 32 * at + 4 * word
        for at, name in enumerate(("supported", "requested", "enforced"))
        for word in range(8)
    },
    "nvmlDeviceGetCurrentClocksEventReasons": {"clocks.event_reasons": 0},
    "nvmlDeviceGetCurrentClocksThrottleReasons": {"clocks.event_reasons": 0},
    "nvmlDeviceGetNvLinkRemotePciInfo": REMOTE,
    "nvmlDeviceGetNvLinkRemotePciInfo_v2": REMOTE,
    "nvmlDeviceGetIndex": {"identity.index": 0},
    "nvmlDeviceGetPciInfo": PCI,
    "nvmlDeviceGetPciInfo_v2": PCI_V2,
    "nvmlDeviceGetPciInfo_v3": PCI_V2,
    "nvmlDeviceGetPciInfoExt": PCI_EXT,
}
# Tested by name below or elsewhere, because they take no field's value as it stands.
NO_FIELD = {
    "nvmlInit": "attaches",
    "nvmlInit_v2": "attaches",
    "nvmlInitWithFlags": "attaches",
    "nvmlShutdown": "detaches",
    "nvmlErrorString": "texts",
    "nvmlInternalGetExportTable": "a table of functions",
    "nvmlDeviceGetCount": "the number of GPUs",
    "nvmlDeviceGetCount_v2": "the number of GPUs",
    "nvmlDeviceGetHandleByIndex": "the handle itself",
    "nvmlDeviceGetHandleByIndex_v2": "the handle itself",
    "nvmlDeviceIsMigDeviceHandle": "no MIG device exists",
    "nvmlEventSetCreate": "test_events.py",
    "nvmlEventSetFree": "test_events.py",
    "nvmlEventSetWait": "test_events.py",
    "nvmlEventSetWait_v2": "test_events.py",
    "nvmlEventSetWait_v3": "test_events.py",
    "nvmlEventSetRegisterGpuOperationalEvents_v1": "test_events.py",
    "nvmlEventSetGetContextCount_v1": "test_events.py",
    "nvmlEventSetGetContextInfo_v1": "test_events.py",
    "nvmlEventSetGetContextData_v1": "test_events.py",
    "nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1": "test_events.py",
    "nvmlSystemEventSetCreate": "test_events.py",
    "nvmlSystemEventSetFree": "test_events.py",
    "nvmlSystemRegisterEvents": "test_events.py",
    "nvmlSystemEventSetWait": "test_events.py",
    "nvmlDeviceGetFieldValues": "test_field_value_answers_from_its_field",
    "nvmlSystemGetNVMLVersion": "test_nvml_version_is_that_of_the_node",
    "nvmlUnitGetCount": "there is none",
    "nvmlSystemGetHicVersion": "there is none",
    "nvmlGetExcludedDeviceCount": "there is none",
    "nvmlGetExcludedDeviceInfoByIndex": "there is none",
    "nvmlGetBlacklistDeviceCount": "there is none",
    "nvmlGetBlacklistDeviceInfoByIndex": "there is none",
    "nvmlDeviceGetSupportedMemoryClocks": "test_supported_clocks_are_those_of_the_ranges",
    "nvmlDeviceGetSupportedGraphicsClocks": "test_supported_clocks_are_those_of_the_ranges",
    "nvmlDeviceGetSupportedPerformanceStates": "test_readers.py",
    "nvmlDeviceGetDynamicPstatesInfo": "test_readers.py",
    "nvmlDeviceGetClkMonStatus": "test_readers.py",
    "nvmlDeviceGetViolationStatus": "test_readers.py",
    "nvmlSystemGetConfComputeState": "test_readers.py",
    "nvmlDeviceGetDetailedEccErrors": "test_readers.py",
    "nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts": "test_readers.py",
    "nvmlDeviceValidateInforom": "test_readers.py",
    "nvmlDeviceGetBridgeChipInfo": "test_readers.py",
    "nvmlDeviceGetThermalSettings": "test_readers.py",
    "nvmlDeviceGetMemoryLimits_v1": "test_readers.py",
    "nvmlDeviceWorkloadPowerProfileGetProfilesInfo": "test_readers.py",
    "nvmlDeviceGetRetiredPages": "test_retired_pages_are_listed_by_cause",
    "nvmlDeviceGetRetiredPages_v2": "test_retired_pages_are_listed_by_cause",
    "nvmlDeviceGetClock": "test_clock_id_chooses_the_field",
    "nvmlDeviceSetPowerManagementLimit_v2": "tests/functions/test_setters.py",
    "nvmlDeviceSetGpuLockedClocks": "test_setters.py",
    "nvmlDeviceResetGpuLockedClocks": "test_setters.py",
    "nvmlDeviceSetMemoryLockedClocks": "test_setters.py",
    "nvmlDeviceResetMemoryLockedClocks": "test_setters.py",
    "nvmlDeviceSetApplicationsClocks": "test_setters.py",
    "nvmlDeviceResetApplicationsClocks": "test_setters.py",
    "nvmlDeviceClearEccErrorCounts": "test_setters.py",
    "nvmlDeviceSetFanSpeed_v2": "test_setters.py",
    "nvmlDeviceSetDefaultFanSpeed_v2": "test_setters.py",
    "nvmlDeviceSetTemperatureThreshold": "test_setters.py",
    "nvmlDeviceClearFieldValues": "test_no_field_value_can_be_cleared",
    "nvmlDeviceSetRusdSettings_v1": "test_setters.py",
    "nvmlDevicePowerSmoothingActivatePresetProfile": "test_setters.py",
    "nvmlDevicePowerSmoothingUpdatePresetProfileParam": "test_setters.py",
    "nvmlDeviceWorkloadPowerProfileSetRequestedProfiles": "test_setters.py",
    "nvmlDeviceWorkloadPowerProfileClearRequestedProfiles": "test_setters.py",
    "nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1": "test_setters.py",
    "nvmlDeviceSetPowerMizerMode_v1": "test_setters.py",
    "nvmlDeviceSetMemoryLimits_v1": "test_setters.py",
    "nvmlDeviceGetBoardId": "test_board_id_follows_the_address",
    "nvmlDeviceGetHandleByPciBusId": "test_address_finds_the_gpu",
    "nvmlDeviceGetHandleByPciBusId_v2": "test_address_finds_the_gpu",
    "nvmlDeviceGetHandleByUUIDV": "test_uuid_of_both_types_finds_the_gpu",
    "nvmlDeviceRegisterEvents": "test_event_types_are_those_of_the_field",
    "nvmlSystemSetConfComputeKeyRotationThresholdInfo": "test_threshold_of_key_rotation_is_set_within_its_range",
    "nvmlDeviceModifyDrainState": "test_drain.py",
    "nvmlDeviceQueryDrainState": "test_drain.py",
    "nvmlDeviceRemoveGpu": "test_drain.py",
    "nvmlDeviceRemoveGpu_v2": "test_drain.py",
    "nvmlDeviceDiscoverGpus": "test_drain.py",
    "nvmlDeviceGetRunningProcessDetailList": "test_detail_list_lists_the_processes",
    "nvmlGpmQueryDeviceSupport": "test_gpm.py",
    "nvmlGpmSampleAlloc": "test_gpm.py",
    "nvmlGpmSampleFree": "test_gpm.py",
    "nvmlGpmSampleGet": "test_gpm.py",
    "nvmlGpmMetricsGet": "test_gpm.py",
    "nvmlDeviceGetSamples": "test_samples.py",
    "nvmlDeviceGetProcessUtilization": "test_samples.py",
    "nvmlDeviceGetProcessesUtilizationInfo": "test_samples.py",
    "nvmlDeviceGetAccountingPids": "test_accounting.py",
    "nvmlDeviceGetAccountingStats": "test_accounting.py",
    "nvmlDeviceGetAccountingStats_v2": "test_accounting.py",
    "nvmlDeviceSetAccountingMode": "test_accounting.py",
    "nvmlDeviceClearAccountingPids": "test_accounting.py",
    "nvmlSystemGetProcessName": "test_process_name_is_that_of_the_node",
    "nvmlDeviceResetNvLinkErrorCounters": "test_nvlink.py",
    "nvmlDeviceSetNvLinkDeviceLowPowerThreshold": "test_nvlink.py",
    "nvmlSystemGetNvlinkBwMode": "test_nvlink.py",
    "nvmlSystemSetNvlinkBwMode": "test_nvlink.py",
    "nvmlDeviceGetNvlinkSupportedBwModes": "test_nvlink.py",
    "nvmlDeviceSetNvlinkBwMode": "test_nvlink.py",
    "nvmlDeviceGetNvLinkInfo": "test_nvlink.py",
    "nvmlDeviceGetNvLinkInfo_v3": "test_nvlink.py",
    "nvmlDeviceGetGpuFabricInfo_v4": "test_nvlink.py",
    "nvmlDeviceSetHostname_v1": "test_nvlink.py",
    "nvmlSystemGetCPER_v1": "there is none",
    "nvmlSystemGetTopologyGpuSet": "test_topology.py, test_the_gpus_of_a_cpu_are_those_with_it_in_their_affinity",
    "nvmlDeviceGetTopologyCommonAncestor": "test_topology.py, test_the_level_is_how_far_two_places_agree",
    "nvmlDeviceGetTopologyNearestGpus": "test_topology.py, test_the_nearest_gpus_are_those_within_the_level",
    "nvmlDeviceOnSameBoard": "test_topology.py, test_two_gpus_of_one_board_are_on_it",
    "nvmlDeviceGetP2PStatus": "test_topology.py, test_over_pcie_the_worse_of_two_gpus_decides",
    "nvmlDeviceGetCpuAffinity": "test_topology.py, test_a_system_has_the_topology_of_its_source",
    "nvmlDeviceGetCpuAffinityWithinScope": "test_topology.py, test_an_affinity_is_the_list_of_its_scope",
    "nvmlDeviceGetMemoryAffinity": "test_topology.py, test_an_affinity_is_the_list_of_its_scope",
    "nvmlDeviceSetCpuAffinity": "test_topology.py, test_the_calling_thread_is_bound_to_the_cpus_that_exist",
    "nvmlDeviceClearCpuAffinity": "test_topology.py, test_the_calling_thread_is_bound_to_the_cpus_that_exist",
}


@pytest.mark.parametrize(
    ("function", "key"), [(function, key) for function, fields in NATIVE.items() for key in fields]
)
def test_native_answers_from_its_field(
    function: str, key: str, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    buffer = ctypes.create_string_buffer(ROOM)
    versions = [version.word for _, family in plans()[function].versioned for version in family]
    ctypes.memmove(buffer, (versions[0] if versions else 0).to_bytes(4, "little"), 4)
    at = NATIVE[function][key]
    arguments = (handle, 0, buffer) if "Link" in function else (handle, buffer)
    gpu.update(dict.fromkeys(NATIVE[function], 0))
    gpu.set("nvlink.count", 1)
    gpu.set(key, 0x1D)

    assert getattr(nvml, function)(*arguments) == SUCCESS
    assert int.from_bytes(buffer.raw[at : at + 4], "little") == 0x1D
    gpu.fail(key, INJECTED)
    assert getattr(nvml, function)(*arguments) == INJECTED
    gpu.remove(key)
    assert getattr(nvml, function)(*arguments) == NOT_SUPPORTED


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
def test_threshold_of_key_rotation_is_set_within_its_range(node: Node, nvml: ctypes.CDLL) -> None:
    key = "conf_compute_system.attacker_advantage"
    info = (ctypes.c_ulonglong * 2)(1 << 24 | 16, 65)

    assert nvml.nvmlSystemSetConfComputeKeyRotationThresholdInfo(info) == NOT_SUPPORTED
    node.set(key, 60)
    assert nvml.nvmlSystemSetConfComputeKeyRotationThresholdInfo(info) == SUCCESS
    assert node.get(key) == 65
    for outside in (49, 66):
        info[1] = outside
        assert nvml.nvmlSystemSetConfComputeKeyRotationThresholdInfo(info) == INVALID_ARGUMENT
    node.set("conf_compute_system.accepting_work", True)
    assert nvml.nvmlSystemSetConfComputeKeyRotationThresholdInfo(info) == INVALID_STATE
    node.reset()


def test_nvml_version_is_that_of_the_node(node: Node, nvml: ctypes.CDLL) -> None:
    buffer = ctypes.create_string_buffer(80)
    node.set("driver.nvml_version", "12.999.1")

    assert nvml.nvmlSystemGetNVMLVersion(buffer, 80) == SUCCESS
    assert buffer.value == b"12.999.1"
    node.fail("driver.nvml_version", INJECTED)
    assert nvml.nvmlSystemGetNVMLVersion(buffer, 80) == INJECTED
    node.reset()


@pytest.mark.parametrize(("key", "shift"), [("pci.domain", 16), ("pci.bus", 8), ("pci.device", 0)])
def test_board_id_follows_the_address(
    key: str, shift: int, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    board = ctypes.c_uint()
    gpu.set(key, 0x1D)

    assert nvml.nvmlDeviceGetBoardId(handle, ctypes.byref(board)) == SUCCESS
    assert board.value >> shift & 0xFF == 0x1D
    gpu.fail(key, INJECTED)
    assert nvml.nvmlDeviceGetBoardId(handle, ctypes.byref(board)) == INJECTED
    gpu.remove(key)
    assert nvml.nvmlDeviceGetBoardId(handle, ctypes.byref(board)) == NOT_SUPPORTED


@pytest.mark.parametrize(
    ("clock_id", "field"), list(enumerate(("current", "application", "application_default", "customer_boost_max")))
)
def test_clock_id_chooses_the_field(
    clock_id: int, field: str, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    clock = ctypes.c_uint()
    key = f"clocks.{field}.memory"
    gpu.set(key, "77 MHz")

    assert nvml.nvmlDeviceGetClock(handle, 2, clock_id, ctypes.byref(clock)) == SUCCESS
    assert clock.value == 77
    gpu.fail(key, INJECTED)
    assert nvml.nvmlDeviceGetClock(handle, 2, clock_id, ctypes.byref(clock)) == INJECTED
    gpu.remove(key)
    assert nvml.nvmlDeviceGetClock(handle, 2, clock_id, ctypes.byref(clock)) == NOT_SUPPORTED


def test_retired_pages_are_listed_by_cause(gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    addresses, times = (ctypes.c_ulonglong * 4)(), (ctypes.c_ulonglong * 4)()
    count = ctypes.c_uint(4)
    pages = [{"cause": cause, "address": 100 + cause, "time": "7 s"} for cause in (0, 1, 1)]
    gpu.set("ecc.retired", pages)
    size = ctypes.byref(count)

    assert nvml.nvmlDeviceGetRetiredPages(handle, 0, size, addresses) == SUCCESS
    assert addresses[: count.value] == [100]
    count.value = 4
    assert nvml.nvmlDeviceGetRetiredPages_v2(handle, 1, size, addresses, times) == SUCCESS
    assert (addresses[: count.value], times[: count.value]) == ([101, 101], [7, 7])
    count.value = 0
    assert nvml.nvmlDeviceGetRetiredPages(handle, 1, size, None) == INSUFFICIENT_SIZE
    assert count.value == 2
    gpu.fail("ecc.retired", INJECTED)
    assert nvml.nvmlDeviceGetRetiredPages(handle, 0, size, addresses) == INJECTED
    gpu.remove("ecc.retired")
    assert nvml.nvmlDeviceGetRetiredPages_v2(handle, 0, size, addresses, times) == NOT_SUPPORTED


def test_supported_clocks_are_those_of_the_ranges(gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    clocks, count = (ctypes.c_uint * 8)(), ctypes.c_uint(8)
    ranges = [(900, 210, 180, 15), (900, 100, 100, 0), (400, 90, 60, 30), (300, 62.5, 47, 7.5)]
    names = ("memory", "highest", "lowest", "step")
    gpu.set("clocks.supported", [{name: f"{mhz} MHz" for name, mhz in zip(names, row, strict=True)} for row in ranges])

    assert nvml.nvmlDeviceGetSupportedMemoryClocks(handle, ctypes.byref(count), clocks) == SUCCESS
    assert clocks[: count.value] == [900, 400, 300]
    count.value = 8
    assert nvml.nvmlDeviceGetSupportedGraphicsClocks(handle, 900, ctypes.byref(count), clocks) == SUCCESS
    assert clocks[: count.value] == [210, 195, 180, 100]
    count.value = 8
    assert nvml.nvmlDeviceGetSupportedGraphicsClocks(handle, 300, ctypes.byref(count), clocks) == SUCCESS
    assert clocks[: count.value] == [62, 55, 47]
    count.value = 1
    assert nvml.nvmlDeviceGetSupportedGraphicsClocks(handle, 400, ctypes.byref(count), clocks) == INSUFFICIENT_SIZE
    assert count.value == 2
    assert nvml.nvmlDeviceGetSupportedGraphicsClocks(handle, 401, ctypes.byref(count), clocks) == NOT_FOUND
    for code, change in (
        (INJECTED, lambda: gpu.fail("clocks.supported", INJECTED)),
        (NOT_SUPPORTED, lambda: gpu.remove("clocks.supported")),
    ):
        change()
        assert nvml.nvmlDeviceGetSupportedMemoryClocks(handle, ctypes.byref(count), clocks) == code
        assert nvml.nvmlDeviceGetSupportedGraphicsClocks(handle, 400, ctypes.byref(count), clocks) == code


@pytest.mark.parametrize("version", ["", "_v2"])
@pytest.mark.parametrize("address", [b"1234abcd:1D:1e.0", b"1234ABCD:1d:1E.0", b"1234ABCD:1D:1E"])
def test_address_finds_the_gpu(
    version: str, address: bytes, node: Node, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p
) -> None:
    found = ctypes.c_void_p()
    find = getattr(nvml, f"nvmlDeviceGetHandleByPciBusId{version}")
    assert find(address, ctypes.byref(found)) == NOT_FOUND

    gpu.update({"pci.domain": 0x1234ABCD, "pci.bus": 0x1D, "pci.device": 0x1E})

    assert find(address, ctypes.byref(found)) == SUCCESS
    assert found.value == handle.value


def test_uuid_of_both_types_finds_the_gpu(gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    text = "GPU-00112233-4455-6677-8899-aabbccddeeff"
    version = plans()["nvmlDeviceGetHandleByUUIDV"].versioned[0][1][0].word
    found = ctypes.c_void_p()
    gpu.set("identity.uuid", text)

    for kind, value in ((1, text.encode()), (2, bytes.fromhex("00112233445566778899aabbccddeeff"))):
        wanted = version.to_bytes(4, "little") + kind.to_bytes(4, "little") + value.ljust(64, b"\0")
        assert nvml.nvmlDeviceGetHandleByUUIDV(wanted, ctypes.byref(found)) == SUCCESS
        assert found.value == handle.value
        gpu.remove("identity.uuid")
        assert nvml.nvmlDeviceGetHandleByUUIDV(wanted, ctypes.byref(found)) == NOT_FOUND
        gpu.set("identity.uuid", text)


def test_event_types_are_those_of_the_field(gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    events = ctypes.c_void_p()
    assert nvml.nvmlEventSetCreate(ctypes.byref(events)) == SUCCESS
    register = nvml.nvmlDeviceRegisterEvents
    gpu.set("event_types.supported", 0b101)

    assert register(handle, ctypes.c_ulonglong(0b100), events) == SUCCESS
    assert register(handle, ctypes.c_ulonglong(0b010), events) == NOT_SUPPORTED
    gpu.fail("event_types.supported", INJECTED)
    assert register(handle, ctypes.c_ulonglong(0b100), events) == INJECTED
    gpu.remove("event_types.supported")
    assert register(handle, ctypes.c_ulonglong(0b100), events) == NOT_SUPPORTED
    assert nvml.nvmlEventSetFree(events) == SUCCESS


def test_detail_list_lists_the_processes(node: Node, gpu: Gpu, nvml: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
    entries = ctypes.create_string_buffer(40 * 4)
    version = plans()["nvmlDeviceGetRunningProcessDetailList"].versioned[0][1][0].word
    asked = (ctypes.c_uint * 6)(version, 3, 4)
    ctypes.memmove(ctypes.addressof(asked) + 16, ctypes.addressof(entries).to_bytes(8, "little"), 8)
    store(node, layout().gpu.places["processes.running"], (), [record(), record(pid=7)])
    ask = nvml.nvmlDeviceGetRunningProcessDetailList

    assert ask(handle, asked) == SUCCESS
    assert asked[2] == 2
    first = entries.raw[:40]
    assert [
        int.from_bytes(first[at : at + size], "little") for at, size in ((0, 4), (8, 8), (16, 4), (20, 4), (24, 8))
    ] == [
        4242,
        1 << 33,
        3,
        4,
        5,
    ]
    asked[2] = 1
    assert ask(handle, asked) == INSUFFICIENT_SIZE
    gpu.fail("processes.running", INJECTED)
    assert ask(handle, asked) == INJECTED
    gpu.remove("processes.running")
    assert ask(handle, asked) == NOT_SUPPORTED


def test_process_name_is_that_of_the_node(node: Node, gpu: Gpu, nvml: ctypes.CDLL) -> None:
    buffer = ctypes.create_string_buffer(16)
    unused_pid = 0xFFFFFFF0
    assert nvml.nvmlSystemGetProcessName(unused_pid, buffer, 16) == NOT_FOUND

    store(node, layout().gpu.places["processes.running"], (), [record(pid=unused_pid, name="a-rather-long-name")])

    assert nvml.nvmlSystemGetProcessName(unused_pid, buffer, 16) == SUCCESS
    assert buffer.value == b"a-rather-long-n"


def is_covered(row: Row) -> bool:
    return not isinstance(row, Native) or row.function in NATIVE or row.function in NO_FIELD


def test_every_modelled_row_is_covered() -> None:
    assert [row.function for row in ROWS if not is_covered(row)] == []


def test_a_key_that_names_no_field_is_refused(gpu: Gpu) -> None:
    with pytest.raises(UnknownKey, match=r"power\.usege: no such field \(did you mean power\.usage\?\)"):
        gpu.set("power.usege", "1 W")
