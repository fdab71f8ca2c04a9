"""Calls any function of the library: arguments, structs and versions are read off the model of nvml.h.

No test here names the functions that it calls, so a new one is tested without a line. A wrong library writes behind
what it was given; each piece of memory has a guard there, to be looked at after the call.
"""

from __future__ import annotations

import ctypes
import platform
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import mocknvml
from mocknvml.codegen.build import zig
from mocknvml.codegen.header import (
    SCALARS,
    CType,
    Function,
    Header,
    Param,
    Struct,
    Version,
    include_folder,
    load,
    parse,
)
from mocknvml.codegen.plan import LIVE_HANDLES, Plan, plan_all
from mocknvml.codegen.shapes import LEGACY, OPTIONAL
from mocknvml.nvml import ROWS
from mocknvml.table.rows import Native, Refuses, Unmodelled

CANARY = 0xA5
GUARD = 16384  # bytes; no struct of nvml.h that is mistaken for another reaches further
TEXT_ROOM = 4096
ENUM_SIZE = 4
POINTER_SIZE = 8
GARBAGE = 0xDEADBEEFDEADBEEF

SUCCESS = 0
UNINITIALIZED = 1
INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
INSUFFICIENT_SIZE = 7


@cache
def header() -> Header:
    return load(zig(platform.machine()))


@cache
def plans() -> tuple[Plan, ...]:
    return tuple(plan_all(header(), ROWS))


@cache
def legacy_sizes() -> dict[str, int]:
    """Size of the struct that an old symbol fills, by function."""
    native = Path(mocknvml.__file__).parent / "native"
    options = ["-E", "-D__attribute__(x)=", f"-I{include_folder()}", f"-I{native}", "-x", "c", "-"]
    command = [*zig(platform.machine()), *options]
    result = subprocess.run(
        command, input='#include "legacy.h"', check=True, capture_output=True, text=True, timeout=120
    )
    structs = parse(result.stdout).structs
    return {function: structs[struct].size for function, (struct, _) in LEGACY.items()}


def code(name: str) -> int:
    """The number of a return code, such as NVML_ERROR_TIMEOUT."""
    return header().enums["nvmlReturn_t"][name]


def each(*conditions: Callable[[Plan], object]) -> pytest.MarkDecorator:
    """Parametrizes a test with the plans that meet all conditions."""
    chosen = [plan for plan in plans() if all(condition(plan) for condition in conditions)]
    return pytest.mark.parametrize("plan", chosen, ids=lambda plan: plan.function.name)


def each_of(
    name: str, choices: Callable[[Plan], Iterator[object]], *conditions: Callable[[Plan], object]
) -> pytest.MarkDecorator:
    """Parametrizes a test with pairs of a plan that meets all conditions and one of its choices."""
    chosen = (plan for plan in plans() if all(condition(plan) for condition in conditions))
    pairs = [(plan, choice) for plan in chosen for choice in choices(plan)]
    return pytest.mark.parametrize(("plan", name), pairs, ids=[_label(*pair) for pair in pairs])


def _label(plan: Plan, choice: object) -> str:
    parts = choice if isinstance(choice, tuple) else (choice,)
    return "-".join((plan.function.name, *map(str, parts)))


def needs_init(plan: Plan) -> bool:
    return not (isinstance(plan.row, Native) and plan.row.before_init)


def is_modelled(plan: Plan) -> bool:
    return not isinstance(plan.row, Refuses | Unmodelled)


def is_reachable(plan: Plan) -> bool:
    """Whether a caller can have all the handles that the function wants."""
    return all(param.type.text in LIVE_HANDLES for param in plan.function.params if param.type.is_handle)


def handles(plan: Plan, *types: str) -> Iterator[Param]:
    return (param for param in plan.function.params if param.type.is_handle and param.type.text in types)


def pointers(plan: Plan, *, optional: bool) -> Iterator[Param]:
    may_be_null = OPTIONAL.get(plan.function.name, ())
    return (p for p in plan.function.params if p.type.pointers and (p.name in may_be_null) == optional)


def is_text_output(param: Param) -> bool:
    return param.type.is_text and not param.type.const


def ctype(kind: CType) -> type[ctypes._SimpleCData]:  # type: ignore[type-arg]
    if kind.pointers or kind.kind == "handle":
        return ctypes.c_void_p
    if kind.kind == "enum":
        return ctypes.c_int
    return {4: ctypes.c_uint32, 8: ctypes.c_uint64}[SCALARS[kind.base]]


class Memory:
    """What a pointer argument points to: `size` bytes that the function may write, and the guard behind them."""

    def __init__(self, size: int, *, zeros: int = 0) -> None:
        self.size = size
        self.buffer = ctypes.create_string_buffer(bytes(zeros).ljust(size + GUARD, bytes([CANARY])), size + GUARD)
        self.before = self.buffer.raw

    @property
    def address(self) -> int:
        return ctypes.addressof(self.buffer)

    def put(self, offset: int, value: int) -> None:
        """Write an unsigned int, as the caller."""
        ctypes.c_uint32.from_buffer(self.buffer, offset).value = value
        self.before = self.buffer.raw

    def number(self) -> int:
        return ctypes.c_uint32.from_buffer(self.buffer).value

    def text(self, offset: int = 0) -> bytes:
        return self.buffer.raw[offset:].split(b"\0", 1)[0]

    def is_untouched(self, start: int = 0) -> bool:
        """Whether nothing was written from `start` on."""
        return self.buffer.raw[start:] == self.before[start:]


class Library:
    """A library loaded into this process."""

    def __init__(self, path: Path) -> None:
        self.loaded = ctypes.CDLL(str(path))

    def function(self, function: Function) -> Callable[..., int]:
        pointer = self.loaded[function.name]
        pointer.argtypes = [ctype(param.type) for param in function.params]
        pointer.restype = ctypes.c_void_p if function.returns == "char" else ctypes.c_int
        called: Callable[..., int] = pointer
        return called

    def device(self, index: int) -> int:
        handle = ctypes.c_void_p()
        assert self.loaded.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == SUCCESS
        assert handle.value is not None
        return handle.value

    def device_count(self) -> int:
        count = ctypes.c_uint()
        assert self.loaded.nvmlDeviceGetCount_v2(ctypes.byref(count)) == SUCCESS
        return count.value

    def power_limit(self, index: int) -> int:
        limit = ctypes.c_uint()
        device = ctypes.c_void_p(self.device(index))
        assert self.loaded.nvmlDeviceGetPowerManagementLimit(device, ctypes.byref(limit)) == SUCCESS
        return limit.value

    def event_set(self) -> int:
        handle = ctypes.c_void_p()
        assert self.loaded.nvmlEventSetCreate(ctypes.byref(handle)) == SUCCESS
        assert handle.value is not None
        return handle.value

    def gpm_sample(self) -> int:
        handle = ctypes.c_void_p()
        assert self.loaded.nvmlGpmSampleAlloc(ctypes.byref(handle)) == SUCCESS
        assert handle.value is not None
        return handle.value

    def free_event_set(self, handle: int) -> None:
        assert self.loaded.nvmlEventSetFree(ctypes.c_void_p(handle)) == SUCCESS

    def handle(self, kind: str) -> int:
        """A valid handle, or some number where there is none."""
        makers: dict[str, Callable[[], int]] = {
            "nvmlDevice_t": lambda: self.device(0),
            "nvmlEventSet_t": self.event_set,
            "nvmlGpmSample_t": self.gpm_sample,
        }
        assert set(makers) == set(LIVE_HANDLES), "a handle that can exist now needs its maker here"
        return makers[kind]() if kind in makers else GARBAGE


@dataclass
class Call:
    """One call: set arguments by name, then call it."""

    library: Library
    plan: Plan
    values: dict[str, int]
    memory: dict[str, Memory]

    @classmethod
    def without_arguments(cls, library: Library, plan: Plan, value: int = 0) -> Call:
        """Every argument has the same value."""
        return cls(library, plan, {param.name: value for param in plan.function.params}, {})

    @classmethod
    def with_memory(cls, library: Library, plan: Plan, versions: dict[str, Version] | None = None) -> Call:
        """Every pointer points to memory of its own, a versioned struct has its last version; all else is 0."""
        call = cls.without_arguments(library, plan)
        chosen = {param.name: family[-1] for param, family in plan.versioned} | (versions or {})
        for param in plan.function.params:
            if param.type.pointers:
                memory = _memory(plan, param, chosen.get(param.name))
                if plan.function.name in OPTIONAL and param.type.base == "unsigned int":
                    memory.put(0, 0)  # the room in a list
                call.memory[param.name] = memory
                call.values[param.name] = memory.address
        for name in ("length", "size"):
            room = plan.function.param(name)
            if room and not room.type.pointers:
                call.values[name] = TEXT_ROOM
        return call

    @classmethod
    def valid(cls, library: Library, plan: Plan, versions: dict[str, Version] | None = None) -> Call:
        call = cls.with_memory(library, plan, versions)
        for param in plan.function.params:
            if param.type.is_handle:
                call.values[param.name] = library.handle(param.type.text)
        return call

    def __setitem__(self, name: str, value: int) -> None:
        assert name in self.values
        self.values[name] = value

    def __call__(self) -> int:
        called = self.library.function(self.plan.function)
        types = [ctype(param.type) for param in self.plan.function.params]
        return called(*(kind(value) for kind, value in zip(types, self.values.values(), strict=True)))

    def written(self) -> list[str]:
        """Parameters whose memory has changed."""
        return [name for name, memory in self.memory.items() if not memory.is_untouched()]

    def overrun(self) -> list[str]:
        """Parameters behind whose memory something was written."""
        return [name for name, memory in self.memory.items() if not memory.is_untouched(memory.size)]


def _memory(plan: Plan, param: Param, version: Version | None) -> Memory:
    kind = param.type
    if kind.kind == "struct":
        # Zeros, so that a pointer within is NULL.
        size = version.struct.size if version else header().structs[kind.base].size
        if LEGACY.get(plan.function.name, ("", ""))[1] == param.name:
            size = legacy_sizes()[plan.function.name]
        memory = Memory(size, zeros=size)
        if version:
            memory.put(version_offset(version.struct), version.word)
        return memory
    if kind.const:
        return Memory(TEXT_ROOM, zeros=TEXT_ROOM)
    if kind.is_text or (kind.kind == "enum" and plan.function.param("size")):
        return Memory(TEXT_ROOM)
    if kind.pointers == 1 and kind.kind in ("scalar", "enum"):
        return Memory(SCALARS[kind.base] if kind.kind == "scalar" else ENUM_SIZE)
    return Memory(POINTER_SIZE)


def version_offset(struct: Struct) -> int:
    member = struct.member("version")
    assert member is not None
    return member.offset
