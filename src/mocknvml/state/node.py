"""Nodes: simulated machines in files, which every process that maps one sees alike."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from ctypes import c_uint16, c_uint32, c_uint64
from pathlib import Path
from types import TracebackType

from mocknvml import defaults
from mocknvml.errors import FieldStatus, NodeError, UnknownKey, ValueMismatch
from mocknvml.profiles import Profile, load_system
from mocknvml.state.calls import CallList, CallLog, log
from mocknvml.state.layout import (
    LENGTH_SHIFT,
    NOT_SUPPORTED,
    Place,
    Scope,
    element_words,
    layout,
    record_offsets,
    text_words,
)
from mocknvml.state.native import ERROR_MAX, NODE_BLOCK, CImage, CProfile, native
from mocknvml.state.rules import Rules
from mocknvml.state.values import Value, did_you_mean, parse, parse_number, split_key, words
from mocknvml.table.blocks import Number, Octets, Records, Text

NO_PERMISSION = 4


class _Block:
    """One block of state, by keys such as `clocks.max.graphics`."""

    def __init__(self, node: Node, number: int, scope: Scope) -> None:
        self._node = node
        self._number = number
        self._scope = scope

    def get(self, key: str) -> Value:
        """The value of a field now, in NVML's unit. Raises `FieldStatus` where the field holds an error."""
        place, element = split_key(self._scope, key)
        at = place.element(place.index(element))
        if isinstance(place.field, Number):
            value = c_uint64()
            status = native().mock_api_number(self._node.handle, self._number, at, ctypes.byref(value))
            if status:
                raise FieldStatus(key, status)
            signed = place.field.kind == "i32" and value.value >= 2**63
            return value.value - 2**64 if signed else value.value
        return self._decode(key, place, self._words(at, element_words(place.field)))

    def status(self, key: str) -> int:
        """The nvmlReturn_t that a field holds; 0 where it has a value."""
        place, element = split_key(self._scope, key)
        return (self._words(place.element(place.index(element)), 1)[0] & 0xFFFF) ^ NOT_SUPPORTED

    def set(self, key: str, value: object) -> None:
        """Give a field a value, with its unit where it has one: `gpu.set("power.limit", "350 W")`."""
        self.update({key: value})

    def update(self, values: Mapping[str, object]) -> None:
        """Give several fields values in one step: no reader sees some of them without the others."""
        change: dict[int, int] = {}
        for key, value in values.items():
            place, element = split_key(self._scope, key)
            try:
                parsed = parse(place.field, value)
            except (ValueMismatch, UnknownKey) as error:
                raise type(error)(f"{key}: {error}") from None
            change.update(words(self._scope, place, element, parsed))
        self._write(change)

    def fail(self, key: str, code: int) -> None:
        """Let a field answer an NVML error, such as 15 (GPU_IS_LOST); its value is kept."""
        place, element = split_key(self._scope, key)
        at = place.element(place.index(element))
        head = self._words(at, 1)[0]
        self._write({at: head & ~0xFFFF | code ^ NOT_SUPPORTED})

    def remove(self, key: str) -> None:
        """Take a field away: it answers NOT_SUPPORTED."""
        self.fail(key, NOT_SUPPORTED)

    def reset(self) -> None:
        """Back to the values that the node was made with."""
        self._node.check(native().mock_api_reset(self._node.handle, self._number))

    def field_keys(self) -> Iterator[str]:
        """All keys that `get` takes."""
        for place in self._scope.places.values():
            for element in place.element_names():
                yield ".".join((place.field.key, *element))

    def __getattr__(self, name: str) -> _View:
        if name not in {block.key() for block in self._scope.blocks}:
            raise AttributeError(f"{name}: no such block{did_you_mean(name, [b.key() for b in self._scope.blocks])}")
        return _View(self, name)

    def _words(self, at: int, count: int) -> list[int]:
        buffer = (c_uint64 * count)()
        native().mock_api_read(self._node.handle, self._number, at, count, buffer)
        return list(buffer)

    def _write(self, change: Mapping[int, int]) -> None:
        offsets = (c_uint32 * len(change))(*change)
        values = (c_uint64 * len(change))(*change.values())
        self._node.check(native().mock_api_write(self._node.handle, self._number, len(change), offsets, values))

    def _decode(self, key: str, place: Place, stored: list[int]) -> Value:
        head, body = stored[0], stored[1:]
        status, length = (head & 0xFFFF) ^ NOT_SUPPORTED, head >> LENGTH_SHIFT
        if status:
            raise FieldStatus(key, status)
        data = b"".join(word.to_bytes(8, "little") for word in body)
        match place.field:
            case Text():
                return data[:length].decode(errors="replace")
            case Octets():
                return data[: place.field.size].hex()
            case Records():
                offsets, size = record_offsets(place.field)
                listed: list[dict[str, int | str]] = []
                for start in range(0, min(length, place.field.capacity) * size, size):
                    record: dict[str, int | str] = {}
                    for name, member in place.field.record.members().items():
                        at = start + offsets[name]
                        if member.kind == "text":
                            raw = data[at * 8 : (at + text_words(member.size)) * 8]
                            record[name] = raw.split(b"\0")[0].decode(errors="replace")
                        else:
                            record[name] = body[at]
                    listed.append(record)
                return listed
        raise TypeError(place.field)


class _View:
    """Attributes for keys: `gpu.power.limit = "350 W"`, `gpu.clocks.max.graphics`."""

    __slots__ = ("_block", "_prefix")
    _block: _Block
    _prefix: str

    def __init__(self, block: _Block, prefix: str) -> None:
        object.__setattr__(self, "_block", block)
        object.__setattr__(self, "_prefix", prefix)

    def __getattr__(self, name: str) -> Value | _View:
        key = f"{self._prefix}.{name}"
        try:
            return self._block.get(key)
        except UnknownKey as error:
            if any(known.startswith(f"{key}.") for known in self._block.field_keys()):
                return _View(self._block, key)
            raise AttributeError(str(error)) from None

    def __setattr__(self, name: str, value: object) -> None:
        self._block.set(f"{self._prefix}.{name}", value)


class Gpu(_Block):
    """A GPU of a node.

    >>> node = Node.create("/tmp/node", profile="t4", gpus=1)
    >>> node.gpus[0].power.limit = "65 W"
    >>> node.gpus[0].get("power.limit")
    65000
    """

    def __init__(self, node: Node, index: int) -> None:
        super().__init__(node, index, layout().gpu)
        self.index = index

    def __repr__(self) -> str:
        return f"<Gpu {self.index} of {self._node.path}>"


def _image(board: Profile, address: int) -> CImage:
    image = board.image()
    offsets, values = (c_uint16 * len(image))(*image), (c_uint64 * len(image))(*image.values())
    return CImage(offsets, values, len(image), address)


class Node(_Block):
    """A simulated machine in a file. Processes with MOCK_NVML_NODE set to its path see it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        error = ctypes.create_string_buffer(ERROR_MAX)
        handle = native().mock_api_open(os.fsencode(path), error)
        if not handle:
            raise NodeError(error.value.decode(errors="replace"))
        self.path = Path(path)
        self.handle = handle
        super().__init__(self, NODE_BLOCK, layout().node)
        self.gpus = [Gpu(self, index) for index in range(native().mock_api_gpu_count(handle))]

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        profile: str = defaults.PROFILE,
        gpus: int | None = None,
        driver: str = defaults.DRIVER,
    ) -> Node:
        """Make a node file, replacing one that is there, and open it.

        `profile` is a built-in board or system, or the path of a YAML file; `gpus` counts from 0 to 16384, by default 8
        of a board and all of a system.
        """
        system = load_system(profile)
        count = system.count if gpus is None else gpus
        if not 0 <= count <= defaults.MAX_GPUS:
            raise NodeError(f"gpus={gpus}: give a number from 0 to {defaults.MAX_GPUS}")
        if not native().mock_api_driver_known(driver.encode()):
            raise NodeError(f"driver={driver}: give a driver version from 450 on, such as {defaults.DRIVER}")
        images = (CImage * len(system.gpus))(*(_image(board, address) for board, address in system.gpus))
        described = CProfile(system.name.encode(), images, len(images), system.count)
        error = ctypes.create_string_buffer(ERROR_MAX)
        arguments = (os.fsencode(path), ctypes.byref(described), count, driver.encode(), error)
        if native().mock_api_create(*arguments):
            raise NodeError(error.value.decode(errors="replace"))
        return cls(path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Node:
        """Open the node file that is there."""
        return cls(path)

    def close(self) -> None:
        """Unmap the file. The node lives on for others."""
        if self.handle:
            native().mock_api_close(self.handle)
            self.handle = None

    def reset(self) -> None:
        """Back to the values that the node was made with, its clock included."""
        super().reset()
        self.rules.clear()
        for gpu in self.gpus:
            gpu.reset()

    @property
    def now(self) -> int:
        """Node time, in nanoseconds since the node was made."""
        return int(native().mock_api_time(self.handle))

    def advance(self, duration: str) -> None:
        """Move the node's clock forward, as in `advance("10 s")`: what depends on time follows at once."""
        start = self.get("time.node")
        assert isinstance(start, int)
        self.set("time.node", f"{start + parse_number('u64', 'ns', duration)} ns")

    @property
    def rules(self) -> Rules:
        """What functions answer instead, or how late."""
        return Rules(self)

    def log_calls(self, on: bool = True) -> None:
        """Log all NVML calls of all processes from now on, or no more."""
        log(self, on)

    @property
    def logs_calls(self) -> bool:
        """Whether calls are logged now."""
        return bool(native().mock_api_logging(self.handle))

    def calls(self, function: str | None = None) -> CallList:
        """The calls made since the log was started, of one function or all."""
        with CallLog(self) as calls:
            return calls.calls(function)

    def check(self, status: int) -> None:
        if status == NO_PERMISSION:
            raise NodeError(f"{self.path}: no permission to write; it belongs to another user")
        if status:
            raise NodeError(f"{self.path}: cannot be written (NVML error {status}); open it again")

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Node {self.path}: {len(self.gpus)} GPUs>"
