"""How an element of `nvidia-smi -q` is asked of NVML."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple, Protocol

import pynvml as nvml

from mocknvml.smi.gpus import FUNCTION_NOT_FOUND, NOT_SUPPORTED, Gpu, Refusal, ask, ask_slot


class Ask(Protocol):
    """How a GPU is asked for a value, which may be a Refusal."""

    def __call__(self, gpu: Gpu, /) -> Any: ...


def pick(answer: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        if isinstance(answer, (list, ctypes.Array)) and isinstance(step, int) and step >= len(answer):
            return Refusal(NOT_SUPPORTED)
        answer = getattr(answer, step) if isinstance(step, str) else answer[step]
    return answer


class Call(NamedTuple):
    """A wrapper of nvidia-ml-py, its arguments behind the handle, and where in its answer the value stands."""

    function: str
    arguments: tuple[Any, ...] = ()
    path: tuple[str | int, ...] = ()
    struct: str = ""  # what the wrapper fills, where its caller gives it
    system: bool = False  # asked of the node, without a handle
    octets: bool = False  # of a struct's member, which the binding takes for a text

    def __call__(self, gpu: Gpu | None = None) -> Any:
        if self.struct:
            return self._fill(gpu)
        if gpu is None or self.system:
            answer = ask(self.function, *self.arguments)
        else:
            answer = gpu.ask(self.function.removeprefix("nvmlDevice"), *self.arguments)
        return answer if isinstance(answer, Refusal) else pick(answer, self.path)

    def _fill(self, gpu: Gpu | None) -> Any:
        if not hasattr(nvml, self.struct):
            return Refusal(FUNCTION_NOT_FOUND)
        struct = getattr(nvml, self.struct)()
        if hasattr(struct, "version"):  # not every struct of the binding sets its own
            struct.version = getattr(nvml, self.struct.removeprefix("c_").removesuffix("_t"))
        answer = ask(self.function, gpu.handle if gpu else None, *self.arguments, ctypes.byref(struct))
        if isinstance(answer, Refusal):
            return answer
        if self.octets:
            member = getattr(type(struct), str(self.path[0]))
            return ctypes.string_at(ctypes.addressof(struct) + member.offset, member.size)
        value = pick(struct, self.path)
        return ord(value) if isinstance(value, str) and len(value) == 1 else value  # the binding's unsigned char


def call(function: str, *arguments: Any, at: str | int | tuple[str | int, ...] = ()) -> Call:
    return Call(function, arguments, at if isinstance(at, tuple) else (at,))


def system(function: str, *arguments: Any) -> Call:
    return Call(function, arguments, system=True)


def fill(function: str, struct: str, member: str) -> Call:
    return Call(function, path=tuple(member.split(".")), struct=struct)


class FieldValue(NamedTuple):
    """A value of nvmlDeviceGetFieldValues."""

    id: str
    scope: int = 0

    @property
    def function(self) -> str:
        return "nvmlDeviceGetFieldValues"

    def __call__(self, gpu: Gpu) -> Any:
        number = getattr(nvml, self.id, None)
        return Refusal(NOT_SUPPORTED) if number is None else gpu.field(number, self.scope)


class Constant(NamedTuple):
    """What nvidia-smi prints without asking."""

    value: Any

    def __call__(self, gpu: Gpu) -> Any:
        return self.value


class Slot(NamedTuple):
    """An entry of the driver's undocumented table of functions, `(device, unsigned *)` or `(device, char *, size)`.

    nvidia-smi fills these elements from nothing else.
    """

    number: int
    room: int = 0  # of a text; 0 for a number
    public: Ask | None = None  # a function of newer drivers that answers the same

    def __call__(self, gpu: Gpu) -> Any:
        if self.public is not None:
            answer = self.public(gpu)
            if not (isinstance(answer, Refusal) and answer.code == FUNCTION_NOT_FOUND):
                return answer
        if self.room:
            text = ctypes.create_string_buffer(self.room)
            return ask_slot(self.number, gpu.handle, text, self.room) or text.value.decode()
        number = ctypes.c_uint()
        refusal = ask_slot(self.number, gpu.handle, ctypes.byref(number))
        return number.value if refusal is None else refusal


def driver_version() -> str:
    answer = ask("nvmlSystemGetDriverVersion")
    return "0" if isinstance(answer, Refusal) else str(answer)
