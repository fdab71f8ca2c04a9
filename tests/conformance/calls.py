"""How an element of `nvidia-smi -q` is asked of NVML, and how nvidia-smi prints what comes back."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple
from uuid import UUID

import pynvml as n

REFUSED = "N/A"

Ask = Callable[[Any], Any]


def pick(answer: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        answer = getattr(answer, step) if isinstance(step, str) else answer[step]
    return answer


class Call(NamedTuple):
    """A wrapper of nvidia-ml-py, its arguments behind the handle, and where in its answer the value stands."""

    function: str
    arguments: tuple[Any, ...] = ()
    path: tuple[str | int, ...] = ()
    struct: str = ""  # what the wrapper fills, where its caller gives it
    system: bool = False  # asked of the node, without a handle

    def __call__(self, gpu: Any) -> Any:
        struct = getattr(n, self.struct)() if self.struct else None
        if struct is not None and hasattr(struct, "version"):  # not every struct of the binding sets its own
            struct.version = getattr(n, self.struct.removeprefix("c_").removesuffix("_t"))
        given = (*(() if self.system else (gpu,)), *self.arguments, *(() if struct is None else (n.byref(struct),)))
        answer = getattr(n, self.function)(*given)
        if struct is None:
            return pick(answer, self.path)
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

    def __call__(self, gpu: Any) -> Any:
        (value,) = n.nvmlDeviceGetFieldValues(gpu, [(getattr(n, self.id), self.scope)])
        if value.nvmlReturn:
            raise n.NVMLError(value.nvmlReturn)
        return getattr(value.value, ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")[value.valueType])


class Kind(NamedTuple):
    """How a value is printed, and what of the printed text counts: the same in XML and in text."""

    show: Callable[[Any], str]
    read: Callable[[str], str] = str
    most: float | None = None  # the greatest value that makes sense


def unit(name: str, divisor: int = 1, most: float | None = None) -> Kind:
    return Kind(lambda value: f"{int(value) // divisor} {name}", most=most)


def choice(names: Mapping[int, str]) -> Kind:
    return Kind(lambda value: names.get(int(value), f"unknown ({value})"))


def bit(mask: int, on: str, off: str) -> Kind:
    return Kind(lambda value: on if int(value) & mask else off)


def bits(shift: int, width: int, names: Mapping[int, str]) -> Kind:
    return Kind(lambda value: names.get(int(value) >> shift & (1 << width) - 1, REFUSED))


def _time(microseconds: int) -> str:
    moment = datetime.fromtimestamp(microseconds // 10**6, timezone.utc)
    return f"{moment:%Y/%m/%d %H:%M:%S}.{microseconds // 1000 % 1000:03}"


def _masked(text: str) -> str:
    return re.sub("[1-9A-Fa-f]", "1", text)


def _hex(text: str) -> str:
    return f"{int(text, 16):X}"


TEXT = Kind(lambda value: (value.decode() if isinstance(value, bytes) else str(value)) if value else REFUSED)
NUMBER = Kind(str)
ANSWERED = Kind(lambda value: "given", lambda text: "given")  # zero is printed too
# A list, of which only the length means anything: each capture has its own.
LISTED = Kind(lambda value: "none" if not value else "some", lambda text: "none" if text in ("", "None") else "some")
HEX = Kind(lambda value: f"{int(value):X}", _hex)
# What tells one board from all others: of what form it is, not which.
MASKED = Kind(TEXT.show, _masked)
MASKED_HEX = Kind(HEX.show, lambda text: _hex(_masked(text)))
MASKED_UUID = Kind(lambda octets: str(UUID(bytes=bytes(octets))), _masked)
YES = choice({0: "No", 1: "Yes"})
ENABLED = choice({0: "Disabled", 1: "Enabled"})
MIB = unit("MiB", 2**20)
MHZ = unit("MHz", most=20000)
CELSIUS = unit("C", most=120)
PERCENT = unit("%", most=100)
KB_S = unit("KB/s")
MICROSECONDS = unit("us")
NANOSECONDS = unit("us", 1000)
BANKS = unit("bank(s)")
WATTS = Kind(lambda value: f"{value / 1000:.2f} W", most=3000)
WIDTH = Kind(lambda value: f"{value}x", most=16)
PSTATE = Kind(lambda value: f"P{value}", most=15)
TIME = Kind(_time)
VERSION = Kind(lambda value: f"{value // 1000}.{value % 1000 // 10}")


class Element(NamedTuple):
    """A line of nvidia-smi: its path in XML and in text (with those of other drivers), kind, and call."""

    xml: tuple[str, ...]
    text: tuple[str, ...]
    kind: Kind
    ask: Ask

    @property
    def key(self) -> str:
        return self.xml[0]

    def answer(self, gpu: Any) -> str:
        """What nvidia-smi would print."""
        try:
            return self.kind.show(self.ask(gpu))
        except (n.NVMLError_NotSupported, n.NVMLError_NotFound):
            return REFUSED


def element(xml: str, text: str, kind: Kind, ask: Ask) -> Element:
    return Element(tuple(xml.split("|")), tuple(text.split("|")), kind, ask)


def number(text: str) -> float | None:
    found = re.search(r"-?\d+(\.\d+)?", text)
    return float(found[0]) if found else None
