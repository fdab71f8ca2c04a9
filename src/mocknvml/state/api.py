"""What nvml.h says of functions and their arguments, for those who print calls or choose functions: calls.json."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

from mocknvml.errors import MocknvmlError
from mocknvml.state.native import LIBRARY_FOLDER

# nvmlValue_t by nvmlValueType_t
VALUES = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")
FORMATS = {"double": "d", "float": "f", "int": "i", "short": "h", "long": "q", "long long": "q"}


class Constant(int):
    """A number that nvml.h has a name for: equal to the number, printed by its name."""

    name: str

    def __new__(cls, value: int, name: str) -> Constant:
        made = super().__new__(cls, value)
        made.name = name
        return made

    def __repr__(self) -> str:
        return self.name

    __str__ = __repr__


class Address(int):
    """A handle that is no GPU's, or a pointer that nobody followed."""

    def __repr__(self) -> str:
        return hex(self)

    __str__ = __repr__


class Device(int):
    """A handle of a GPU, as its index."""

    def __repr__(self) -> str:
        return f"gpu {int(self)}"

    __str__ = __repr__


@cache
def model() -> dict[str, Any]:
    path = LIBRARY_FOLDER / "calls.json"
    try:
        loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise MocknvmlError(f"{path} is missing: install mocknvml with pip, or run make in its sources") from None
    return loaded


@cache
def function_names() -> tuple[str, ...]:
    """In the order of their numbers."""
    return tuple(function["name"] for function in model()["functions"])


def constant(enum: str, value: int) -> int:
    """A value of an enum by its name, if it has one."""
    names = _names(enum)
    return Constant(value, names[value]) if value in names else value


@cache
def _names(enum: str) -> Mapping[int, str]:
    names: dict[int, str] = {}
    for name, value in model()["enums"].get(enum, {}).items():
        names.setdefault(value, name)
    return names


def decode(described: Mapping[str, Any], data: bytes) -> Any:
    """One value of a type, from its bytes; None if some are missing."""
    if len(data) < described["size"] and described["kind"] != "struct":
        return None
    match described["kind"]:
        case "struct":
            return decode_struct(described["base"], data)
        case "enum":
            return constant(described["base"], _integer(data[:4], signed=False))
        case "pointer" | "handle" | "function":
            return Address(_integer(data[:8], signed=False))
    form = FORMATS.get(described["base"])
    if form in ("d", "f"):
        return struct.unpack_from(form, data)[0]
    return _integer(data[: described["size"]], signed=form is not None)


def _integer(data: bytes, *, signed: bool) -> int:
    return int.from_bytes(data, "little", signed=signed)


def decode_struct(name: str, data: bytes) -> dict[str, Any]:
    """The members of a struct, as far as the bytes go; of a union the one that is in use."""
    described = model()["structs"][name]
    members: dict[str, Any] = {}
    for member, kind in described["members"].items():
        if kind["offset"] >= len(data):
            break
        members[member.removeprefix("bits:")] = decode_array(kind, data[kind["offset"] :], kind["array"])
    for member, kind in described["members"].items():
        inner = members.get(member)
        if isinstance(inner, dict) and model()["structs"].get(kind["base"], {}).get("union"):
            selector = members.get("valueType")
            chosen = VALUES[selector] if selector is not None and selector < len(VALUES) else max(inner, key=len)
            members[member] = inner.get(chosen)
    return members


def decode_array(described: Mapping[str, Any], data: bytes, array: list[int]) -> Any:
    if not array:
        return decode(described, data)
    count = 1
    for length in array:
        count *= length
    data = data[: count * described["size"]]
    if described["base"] == "char":
        return data.split(b"\0")[0].decode(errors="replace")
    if described["base"] == "unsigned char":
        return data.hex()
    step = described["size"]
    return [decode(described, data[at : at + step]) for at in range(0, len(data), step)]
