"""Nodes: simulated machines in files, which every process that maps one sees alike."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import c_uint16, c_uint32, c_uint64
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mocknvml import defaults
from mocknvml.errors import FieldStatus, NodeError, UnknownKey, ValueMismatch, return_code
from mocknvml.state import where
from mocknvml.state.calls import CallList, CallLog, log
from mocknvml.state.clock import Clock
from mocknvml.state.events import Events
from mocknvml.state.layout import NOT_SUPPORTED, SUCCESS_HEAD, Scope, layout
from mocknvml.state.native import ERROR_MAX, NODE_BLOCK, CImage, CProfile, native
from mocknvml.state.processes import ProcessList
from mocknvml.state.reading import Reading, Snapshot, changed
from mocknvml.state.rules import Rules
from mocknvml.state.selectors import select
from mocknvml.state.values import Value, decode, did_you_mean, elements, parse, split_key, words
from mocknvml.table.blocks import Field, Number

if TYPE_CHECKING:
    from mocknvml.lib.views import GpuFields, NodeFields
    from mocknvml.profiles import Profile
else:
    GpuFields = NodeFields = object

if TYPE_CHECKING:
    from mocknvml.faults import Faults

NO_PERMISSION = 4
IN_USE = 19


def _words(scope: Scope, key: str, value: object) -> dict[int, int]:
    """What a value is in memory, by place."""
    place, element = split_key(scope, key)
    try:
        parsed = parse(place.field, value)
    except (ValueMismatch, UnknownKey) as error:
        raise type(error)(f"{key}: {error}") from None
    return words(scope, place, element, parsed)


def _arrays(change: Mapping[int, int]) -> tuple[int, object, object]:
    """`struct mock_change` of native/node.h."""
    return len(change), (c_uint32 * len(change))(*change), (c_uint64 * len(change))(*change.values())


class _Block:
    """One block of state, by keys such as `clocks.max.graphics`."""

    _pending: dict[int, int] | None = None  # of an edit: the words that it will write

    def __init__(self, node: Node, number: int, scope: Scope) -> None:
        self._node = node
        self._number = number
        self._scope = scope

    def get(self, key: str) -> Value:
        """The value of a field now, in NVML's unit. Raises `FieldStatus` where the field holds an error."""
        if key in self._scope.derived:
            (reading,) = self.read(key)
            if reading.value is None:
                raise FieldStatus(key, reading.code)
            return reading.value
        place, element = split_key(self._scope, key)
        at = place.element(place.index(element))
        stored = self._words(at, place.element_words)
        status = (stored[0] & 0xFFFF) ^ NOT_SUPPORTED
        if status:
            raise FieldStatus(key, status)
        if isinstance(place.field, Number) and stored[0] != SUCCESS_HEAD:
            stored[1] = self._evaluate(at)
        return decode(place, stored)

    def read(self, *keys: str) -> list[Reading]:
        """What fields hold at one moment: those that the keys name, in their order, or all.

        A key may name a block or a field with all its elements: `read("power", "clocks.max")`.
        """
        snapshot = Snapshot(self._scope, self._words(0, self._scope.words), self._evaluate)
        return [
            snapshot.read(field, element) for key in keys or (None,) for field, element in elements(self._scope, key)
        ]

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
            change.update(_words(self._scope, key, value))
        self._write(change)

    def fail(self, key: str, code: int | str) -> None:
        """Let a field answer an NVML error, such as `"GPU_IS_LOST"` or its number; its value is kept."""
        place, element = split_key(self._scope, key)
        number = return_code(code) if isinstance(code, str) else code
        if number is None or not 0 <= number <= 0xFFFF:
            raise ValueMismatch(f"{key}: {code}: give an error of nvml.h, such as GPU_IS_LOST")
        at = place.element(place.index(element))
        head = self._words(at, 1)[0]
        self._write({at: head & ~0xFFFF | number ^ NOT_SUPPORTED})

    def remove(self, key: str) -> None:
        """Take a field away: it answers NOT_SUPPORTED."""
        self.fail(key, NOT_SUPPORTED)

    def reset(self) -> None:
        """Back to the values that the node was made with."""
        if self._pending is None:
            self._node.check(native().mock_api_reset(self._node.handle, self._number))
        else:
            self._write(dict(enumerate(self._baseline())))

    def overrides(self) -> list[tuple[Reading, Reading]]:
        """What differs from what the node was made with: each as it is now, and as it was."""
        now, then = self._words(0, self._scope.words), self._baseline()
        present = Snapshot(self._scope, now, self._evaluate)
        made = Snapshot(self._scope, then, lambda at: then[at + 1])
        return [(present.read(*each), made.read(*each)) for each in changed(self._scope, now, then)]

    def field(self, key: str) -> Field:
        """What a key that `set` takes names."""
        return split_key(self._scope, key)[0].field

    def field_keys(self) -> Iterator[str]:
        """All keys that `set` takes."""
        for place in self._scope.places.values():
            for element in place.element_names():
                yield ".".join((place.field.key, *element))

    if not TYPE_CHECKING:  # which knows the attributes from the stub, and would take any name

        def __getattr__(self, name):
            if name.startswith("_"):  # what Python or a shell looks for, maybe before there is a scope
                raise AttributeError(name)
            if name not in self._scope.fields:
                raise AttributeError(f"{name}: no such block{did_you_mean(name, self._scope.fields)}")
            return _View(self, name)

        def __setattr__(self, name, value):
            if "_scope" in vars(self) and name in self._scope.fields:
                raise AttributeError(f"{name}: a block of fields; set one of them, or several in an edit")
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._scope.fields]

    def _words(self, at: int, count: int) -> list[int]:
        buffer = (c_uint64 * count)()
        native().mock_api_read(self._node.handle, self._number, at, count, buffer)
        stored = list(buffer)
        for offset, word in (self._pending or {}).items():
            if at <= offset < at + count:
                stored[offset - at] = word
        return stored

    def _baseline(self) -> list[int]:
        buffer = (c_uint64 * self._scope.words)()
        native().mock_api_baseline(self._node.handle, self._number, buffer)
        return list(buffer)

    def _evaluate(self, at: int) -> int:
        """The value of a number now, whatever its status."""
        if self._pending and at + 1 in self._pending:
            return self._pending[at + 1]
        value = c_uint64()
        native().mock_api_number(self._node.handle, self._number, at, ctypes.byref(value))
        return value.value

    def _write(self, change: Mapping[int, int]) -> None:
        if self._pending is not None:
            self._pending.update(change)
        elif change:
            self._node.check(native().mock_api_write(self._node.handle, self._number, *_arrays(change)))


class _View:
    """Attributes for keys: `gpu.power.limit = "350 W"`, `gpu.clocks.max.graphics`, `gpu.fans.speed[0]`."""

    __slots__ = ("_block", "_prefix")
    _block: _Block
    _prefix: str

    def __init__(self, block: _Block, prefix: str) -> None:
        object.__setattr__(self, "_block", block)
        object.__setattr__(self, "_prefix", prefix)

    def __getattr__(self, name: str) -> Value | _View:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except UnknownKey as error:
            raise AttributeError(str(error)) from None

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value

    def __getitem__(self, index: int | str) -> Value | _View:
        key = f"{self._prefix}.{index}"
        block, name, *indices = key.split(".")
        place = self._block._scope.places.get(f"{block}.{name}")
        if place is not None and len(indices) < len(place.field.per):
            return _View(self._block, key)
        return self._block.get(key)

    def __setitem__(self, index: int | str, value: object) -> None:
        self._block.set(f"{self._prefix}.{index}", value)

    __iter__ = None  # else Python would try indices from 0 on

    def __dir__(self) -> list[str]:
        prefix, keys = f"{self._prefix}.", (*self._block.field_keys(), *self._block._scope.derived)
        names = {key.removeprefix(prefix).partition(".")[0] for key in keys if key.startswith(prefix)}
        return sorted(filter(str.isidentifier, names))

    def __repr__(self) -> str:
        return f"<{self._prefix} of {self._block!r}>"


class Gpu(_Block, GpuFields):
    """A GPU of a node.

    >>> node = Node.create("/tmp/node", profile="t4", gpus=1)
    >>> node.gpus[0].power.limit = "65 W"
    >>> node.gpus[0].get("power.limit")
    65000
    """

    def __init__(self, node: Node, index: int) -> None:
        super().__init__(node, index, layout().gpu)
        self.index = index
        self.events = Events(node, index)

    @property
    def processes(self) -> ProcessList:
        """The processes that run on the GPU: iterate, `add` and `remove`."""
        return ProcessList(self, self._node)

    def reset_device(self) -> None:
        """Reset the GPU as `nvidia-smi --gpu-reset` does; `reset` is another thing, it goes back to the start.

        Pending modes, remaps and page retirements come into force, and what the driver keeps for a GPU ends: limits,
        clocks, accounting, volatile error counters. Refused while processes run on the GPU.
        """
        status = native().mock_api_reset_gpu(self._node.handle, self.index)
        if status == IN_USE:
            raise NodeError(
                f"GPU {self.index} cannot be reset: in use by another client; end the processes that run on it"
            )
        if self.status("health.present"):
            raise NodeError(f"GPU {self.index} cannot be reset: it answers NVML error {status}, not RESET_REQUIRED")
        self._node.check(status)

    @contextmanager
    def edit(self) -> Iterator[Gpu]:
        """Gather changes, and apply them in one step at the end; none if an exception ends the block.

        >>> with node.gpus[0].edit() as gpu:
        ...     gpu.power.limit = "65 W"
        ...     gpu.thermal.gpu = "80 C"
        """
        draft = Gpu(self._node, self.index)
        draft._pending = dict(self._pending or {})
        yield draft
        change, draft._pending = draft._pending, None
        self._write(change)

    def __repr__(self) -> str:
        return f"<Gpu {self.index} of {self._node.path}>"


def _image(board: Profile, address: int) -> CImage:
    image = board.image()
    offsets, values = (c_uint16 * len(image))(*image), (c_uint64 * len(image))(*image.values())
    return CImage(offsets, values, len(image), address)


class Node(_Block, NodeFields):
    """A simulated machine in a file. Processes with MOCK_NVML_NODE set to its path see it."""

    _handle: int | None

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        path = where.existing() if path is None else path
        error = ctypes.create_string_buffer(ERROR_MAX)
        handle = native().mock_api_open(os.fsencode(path), error)
        if not handle:
            raise NodeError(error.value.decode(errors="replace"))
        self.path = Path(path)
        self._handle = handle
        super().__init__(self, NODE_BLOCK, layout().node)
        self.events = Events(self)
        self.gpus = [Gpu(self, index) for index in range(native().mock_api_gpu_count(handle))]

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str] | None = None,
        profile: str = defaults.PROFILE,
        gpus: int | None = None,
        driver: str = defaults.DRIVER,
        privileges: str = "root",
        cpus: str = "profile",
    ) -> Node:
        """Make a node file, replacing one that is there, and open it. Without a path: the default one.

        `profile` is a built-in board or system, or the path of a YAML file; `gpus` counts from 0 to 16384, by default 8
        of a board and all of a system. With `privileges` "any", setters that need root take everybody who may write to
        the file. With `cpus` "host", affinities name CPUs of this machine, onto which those of the profile are folded.
        """
        from mocknvml.profiles import load_system

        system = load_system(profile)
        count = system.count if gpus is None else gpus
        if not 0 <= count <= defaults.MAX_GPUS:
            raise NodeError(f"gpus={gpus}: give a number from 0 to {defaults.MAX_GPUS}")
        if not native().mock_api_driver_known(driver.encode()):
            raise NodeError(f"driver={driver}: give a driver version from 450 on, such as {defaults.DRIVER}")
        images = (CImage * len(system.gpus))(*(_image(board, address) for board, address in system.gpus))
        described = CProfile(system.name.encode(), images, len(images), system.count)
        error = ctypes.create_string_buffer(ERROR_MAX)
        settings = _words(layout().node, "access.privileges", privileges) | _words(layout().node, "affinity.cpus", cpus)
        path = where.to_make() if path is None else path
        arguments = (os.fsencode(path), ctypes.byref(described), count, driver.encode(), *_arrays(settings), error)
        if native().mock_api_create(*arguments):
            raise NodeError(error.value.decode(errors="replace"))
        return cls(path)

    @classmethod
    def open(cls, path: str | os.PathLike[str] | None = None) -> Node:
        """Open a node file that is there. Without a path: the one that programs would see."""
        return cls(path)

    def close(self) -> None:
        """Unmap the file. The node lives on for others."""
        if self._handle and self._node is self:  # and no draft
            native().mock_api_close(self._handle)
            self._handle = None

    @property
    def handle(self) -> int:
        """What C calls it; a draft has that of its node."""
        if self._node._handle is None:
            raise NodeError(f"{self.path}: this node was closed; open it again")
        return self._node._handle

    def reset(self) -> None:
        """Back to the values that the node was made with, its clock included."""
        if self._pending is None:
            self.check(native().mock_api_reset_all(self.handle))
            self.rules.clear()
        else:
            super().reset()
            for gpu in self.gpus:
                gpu.reset()

    def _write_all(self, changes: Mapping[int, Mapping[int, int]]) -> None:
        """Put words of several blocks, by their numbers, in one step."""
        written = [(block, at, value) for block, change in changes.items() for at, value in change.items()]
        blocks, offsets, values = zip(*written, strict=True) if written else ((), (), ())
        count = len(written)
        arrays = (c_uint32 * count)(*blocks), (c_uint32 * count)(*offsets), (c_uint64 * count)(*values)
        self.check(native().mock_api_write_all(self.handle, count, *arrays))

    def select(self, text: str) -> list[Gpu]:
        """GPUs by index or range, UUID, PCI address, several with commas, or `all`."""
        return select(self.gpus, text)

    @contextmanager
    def edit(self) -> Iterator[Node]:
        """Gather changes of the node and its GPUs, and apply them in one step at the end.

        >>> with node.edit() as draft:
        ...     for gpu in draft.gpus:
        ...         gpu.power.limit = "65 W"
        """
        draft = Node.__new__(Node)
        vars(draft).update(vars(self))
        draft.gpus = [Gpu(self._node, gpu.index) for gpu in self.gpus]
        pairs: list[tuple[_Block, _Block]] = [(self, draft), *zip(self.gpus, draft.gpus, strict=True)]
        for block, drafted in pairs:
            drafted._pending = dict(block._pending or {})
        yield draft
        changes = {drafted._number: drafted._pending or {} for _, drafted in pairs}
        for _, drafted in pairs:
            drafted._pending = None
        if self._pending is None:
            self._write_all(changes)
        else:
            for block, drafted in pairs:
                block._write(changes[drafted._number])

    @property
    def clock(self) -> Clock:
        """The node's clock: freeze it, let it run, step it."""
        return Clock(self)

    @property
    def faults(self) -> Faults:
        """What is broken: `node.faults.inject("xid", gpu=0, xid=79)`, `node.faults.clear()`."""
        from mocknvml.faults import Faults

        return Faults(self)

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
