"""Events of a node: raising them, and looking at those that were raised last."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mocknvml.errors import FieldStatus, ValueMismatch
from mocknvml.state.native import EVENT_PAYLOAD, CEvent, CEventContext, native
from mocknvml.state.values import did_you_mean, shown

if TYPE_CHECKING:
    from mocknvml.state.node import Node

GPU, OPERATIONAL, SYSTEM = range(3)  # enum mock_event_kind of native/events.h
NO_INSTANCE = 0xFFFFFFFF
LEGACY_XID = 1  # NVML_GPU_OPERATIONAL_EVENT_CONTEXT_TYPE_LEGACY_XID

# nvmlEventType* and nvmlEventMigConfigChange, by their names
GPU_TYPES = {
    "single_bit_ecc_error": 0x1,
    "double_bit_ecc_error": 0x2,
    "pstate": 0x4,
    "xid": 0x8,
    "clock": 0x10,
    "power_source_change": 0x80,
    "mig_config_change": 0x100,
    "single_bit_ecc_error_storm": 0x200,
    "dram_retirement_event": 0x400,
    "dram_retirement_failure": 0x800,
    "non_fatal_poison_error": 0x1000,
    "fatal_poison_error": 0x2000,
    "gpu_unavailable_error": 0x4000,
    "gpu_recovery_action": 0x8000,
}
SYSTEM_TYPES = {"unbind": 0x1, "bind": 0x2}  # nvmlSystemEventTypeGpuDriver*
KINDS = {
    **{name: (GPU, value) for name, value in GPU_TYPES.items()},
    **{name: (SYSTEM, value) for name, value in SYSTEM_TYPES.items()},
    "operational": (OPERATIONAL, 0),
}
NAMES = {value: name for name, value in KINDS.items()}

# nvmlOperationalEventSeverity_t, nvmlGpuOperationalEventLogLevel_t and the bits NVML_OPERATIONAL_EVENT_*_ATTR_*
SEVERITIES = {"informational": 10, "corrected": 20, "recoverable": 30, "fatal": 40}
LOG_LEVELS = {"telemetry": 10, "diag": 20, "notice": 30, "warning": 40, "error": 50}
ATTRIBUTES = {
    name: 1 << bit
    for bit, name in enumerate(
        ("uncontained", "latent", "propagated", "component_reset", "threshold_exceeded", "primary", "overflow")
    )
}
GROUP_ATTRIBUTES = {name: 1 << bit for bit, name in enumerate(("recovered", "preverr", "simulated"))}
NUMBERS = (
    *("group_cursor", "instance", "trace", "category", "code", "scope", "originator", "module_instance", "chiplet"),
    *("cper_size", "group_size", "group_index"),
)
DETAILS = ("severity", "log_level", "module", "attributes", "group_attributes", "xid", "contexts", *NUMBERS)


@dataclass(frozen=True)
class Event:
    """An event that was raised: `time` is the node's, in nanoseconds, `wall` in microseconds since 1970."""

    kind: str
    gpu: int
    data: int
    time: int
    wall: int


class Events:
    """The events of a node, or of one GPU: `gpu.events.add("xid", 79)`.

    Iterating gives those that were raised last, oldest first: all that a slow client may still read.
    """

    def __init__(self, node: Node, gpu: int | None = None) -> None:
        self._node = node
        self._gpu = gpu

    def add(
        self,
        kind: str,
        data: int | None = None,
        *,
        gpu: int | None = None,
        gpu_instance: int | None = None,
        compute_instance: int | None = None,
        **details: object,
    ) -> None:
        """Raise an event; whoever waits for it wakes at once.

        `kind` is `xid` (whose number is `data`; with MIG, the instances that it came from), another of the types of
        nvml.h such as `double_bit_ecc_error`, `bind` or `unbind` of a GPU's driver, or `operational`: a structured
        event, which needs a `severity` and a `log_level` and takes what nvmlEventSetWait_v3_t tells of one.
        """
        if kind not in KINDS:
            raise ValueMismatch(
                f"{shown(kind)}: no such event; give one of {', '.join(KINDS)}{did_you_mean(kind, KINDS)}"
            )
        group, value = KINDS[kind]
        index = self._index(gpu)
        event = CEvent(kind=group, gpu=index, type=value, gpu_instance=NO_INSTANCE, compute_instance=NO_INSTANCE)
        if kind == "xid":
            event.data = _number("xid", data)
            if gpu_instance is not None:
                event.gpu_instance = _number("gpu_instance", gpu_instance)
            if compute_instance is not None:
                event.compute_instance = _number("compute_instance", compute_instance)
        elif data or gpu_instance is not None or compute_instance is not None:
            raise ValueMismatch(f"{kind}: only an xid has a number and instances")  # nvml.h, nvmlEventData_t
        if group == GPU and not self._supported(index) & value:
            mask = self._supported(index) | value
            raise ValueMismatch(
                f"{kind}: no event of GPU {index}; to make it one, set its event_types.supported to {mask}"
            )
        if group == OPERATIONAL:
            _fill(event, details)
        elif details:
            raise ValueMismatch(f"{kind}: takes no {next(iter(details))}; only operational events have details")
        self._node.check(native().mock_api_event_raise(self._node.handle, ctypes.byref(event)))

    def supports(self, kind: str, gpu: int | None = None) -> bool:
        """Whether clients can register for such events of a GPU."""
        return kind in GPU_TYPES and self._supported(self._index(gpu)) & GPU_TYPES[kind] != 0

    def __iter__(self) -> Iterator[Event]:
        position, event = ctypes.c_uint64(), CEvent()
        while native().mock_api_event_next(self._node.handle, ctypes.byref(position), ctypes.byref(event)):
            if self._gpu in (None, event.gpu):
                name = NAMES.get((event.kind, event.type), "unknown")
                yield Event(name, event.gpu, event.data, event.time, event.wall)

    def _index(self, gpu: int | None) -> int:
        index = self._gpu if gpu is None else gpu
        if index is None or (self._gpu is not None and index != self._gpu):
            raise ValueMismatch("give gpu=, the index of the GPU" if index is None else f"gpu={index}: not this GPU")
        if not 0 <= index < len(self._node.gpus):
            raise ValueMismatch(f"gpu={index}: the node has {len(self._node.gpus)} GPUs, from 0")
        return index

    def _supported(self, index: int) -> int:
        """No client can register for what a GPU does not support."""
        try:
            return int(str(self._node.gpus[index].get("event_types.supported")))
        except FieldStatus:
            return 0


def _number(name: str, value: object, bits: int = 32) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**bits:
        raise ValueMismatch(f"{name}={shown(value)}: give a number from 0 to {2**bits - 1}")
    return value


def _named(name: str, names: Mapping[str, int], value: object) -> int:
    """A value of an enum by name, or one that nvml.h does not name."""
    if isinstance(value, str):
        if value not in names:
            raise ValueMismatch(f"{name}={shown(value)}: give one of {', '.join(names)}")
        return names[value]
    return _number(name, value)


def _bits(name: str, names: Mapping[str, int], values: object) -> int:
    if isinstance(values, str) or not isinstance(values, Iterable):
        return _named(name, names, values)
    bits = 0
    for value in values:
        bits |= _named(name, names, value)
    return bits


def _bytes(name: str, value: object, size: int) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    if not isinstance(data, bytes) or len(data) > size:
        raise ValueMismatch(f"{name}={shown(value)}: give at most {size} bytes")
    return data


def _context(given: object) -> CEventContext:
    """A context record, which nvml.h does not interpret: `{"source_type": 7, "version": 1, "payload": b"..."}`."""
    if not isinstance(given, Mapping) or not set(given) <= {"source_type", "version", "payload"}:
        raise ValueMismatch(f"contexts: {shown(given)}: give source_type, version and payload of each")
    payload = _bytes("payload", given.get("payload", b""), EVENT_PAYLOAD)
    context = CEventContext(
        source_type=_number("source_type", given.get("source_type", 0)),
        version=_number("version", given.get("version", 0), 16),
        size=len(payload),
    )
    ctypes.memmove(context.payload, payload, len(payload))
    return context


def _fill(event: CEvent, details: Mapping[str, object]) -> None:
    """What a structured event tells."""
    for name in details:
        if name not in DETAILS:
            raise ValueMismatch(
                f"operational: takes no {name}; it has {', '.join(DETAILS)}{did_you_mean(name, DETAILS)}"
            )
    for name, names in (("severity", SEVERITIES), ("log_level", LOG_LEVELS)):
        if name not in details:
            raise ValueMismatch(f"operational: give {name}=, one of {', '.join(names)}")
        setattr(event, name, _named(name, names, details[name]))
    module = _bytes("module", details.get("module", b""), ctypes.sizeof(event.module))
    ctypes.memmove(event.module, module, len(module))
    event.attributes = _bits("attributes", ATTRIBUTES, details.get("attributes", 0))
    event.group_attributes = _bits("group_attributes", GROUP_ATTRIBUTES, details.get("group_attributes", 0))
    event.group_size = 1
    for name in NUMBERS:
        if name in details:
            size = getattr(CEvent, name).size
            setattr(event, name, _number(name, details[name], 8 * size))
    contexts = []
    if "xid" in details:
        legacy = CEventContext(type=LEGACY_XID, size=4)
        ctypes.memmove(legacy.payload, _number("xid", details["xid"]).to_bytes(4, "little"), 4)
        contexts.append(legacy)
    given = details.get("contexts", ())
    if not isinstance(given, Iterable):
        raise ValueMismatch(f"contexts={shown(given)}: give a list")
    contexts += map(_context, given)
    if len(contexts) > len(event.contexts):
        raise ValueMismatch(f"operational: {len(contexts)} contexts; at most {len(event.contexts)} are kept")
    event.context_count = len(contexts)
    for at, context in enumerate(contexts):
        event.contexts[at] = context
