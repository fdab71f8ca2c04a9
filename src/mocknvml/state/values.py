"""Values of fields: from what users write (`350 W`, `Default`, true) to numbers in NVML's units, and to words."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from mocknvml.errors import UnknownKey, ValueMismatch
from mocknvml.state.layout import (
    INTEGRAL,
    LENGTH_SHIFT,
    SIGNAL_SHIFT,
    SIGNAL_WORDS,
    SUCCESS_HEAD,
    Place,
    Scope,
    record_offsets,
    text_words,
)
from mocknvml.table.blocks import Field, Kind, Member, Number, Octets, Records, Text

Value = int | str | bool | list[dict[str, int | str]]

# Units that may be written for a field's unit, and how many of the field's unit each is.
UNITS: Final[dict[str, dict[str, int]]] = {
    "uV": {"uV": 1, "mV": 1000, "V": 1_000_000},
    "mW": {"mW": 1, "W": 1000, "kW": 1_000_000},
    "mJ": {"mJ": 1, "J": 1000, "kJ": 1_000_000},
    "B": {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40},
    "KiB": {"KiB": 1, "MiB": 1 << 10, "GiB": 1 << 20},
    "MiB": {"MiB": 1, "GiB": 1 << 10},
    "kHz": {"kHz": 1, "MHz": 1000, "GHz": 1_000_000},
    "MHz": {"MHz": 1, "GHz": 1000},
    "C": {"C": 1},
    "%": {"%": 1},
    "bits": {"bits": 1},
    "KB/s": {"KB/s": 1, "MB/s": 1000, "GB/s": 1_000_000},
    "MB/s": {"MB/s": 1, "GB/s": 1000},
    "Mbps": {"Mbps": 1, "Gbps": 1000},
    "s": {"s": 1},
    "ms": {"ms": 1, "s": 1000},
    "us": {"us": 1, "ms": 1000, "s": 1_000_000},
    "ns": {
        **{"ns": 1, "us": 1000, "ms": 1_000_000, "s": 1_000_000_000},
        **{"m": 60_000_000_000, "h": 3_600_000_000_000},
    },
    "B/s": {"B/s": 1, "KiB/s": 1 << 10, "MiB/s": 1 << 20, "GiB/s": 1 << 30},
    "ppb": {"ppb": 1, "%": 10_000_000},
}
NUMBER_AND_UNIT: Final = r"\s*(-?[0-9]{1,40}(?:\.[0-9]{1,40})?)\s*([A-Za-z%/]+)\s*"
RANGES: Final[dict[Kind, tuple[int, int]]] = {
    "u32": (0, 2**32 - 1),
    "u64": (0, 2**64 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "flag": (0, 1),
}


def shown(value: object) -> str:
    """A value in a message, cut if it is long."""
    cut = reprlib.Repr()
    cut.maxstring = cut.maxother = cut.maxlong = 80
    return cut.repr(value)


def did_you_mean(name: str, names: Iterable[str]) -> str:
    import difflib  # for mistakes only

    found = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean {found[0]}?)" if found else ""


def parse_number(kind: Kind, unit: str, value: object, names: tuple[str, ...] = ()) -> int:
    """A number in the field's unit. A bare number where the field has a unit is refused."""
    if names:
        if isinstance(value, str) and value in names:
            return names.index(value)
        raise ValueMismatch(f"{shown(value)}: give one of {', '.join(name for name in names if not name.isdigit())}")
    if kind == "flag":
        if isinstance(value, bool):
            return int(value)
        raise ValueMismatch(f"{shown(value)}: give true or false")
    if unit:
        units = UNITS[unit]
        match = re.fullmatch(NUMBER_AND_UNIT, value) if isinstance(value, str) else None
        if match is None or match[2] not in units:
            raise ValueMismatch(f"{shown(value)}: give a number with a unit, one of {', '.join(units)}")
        whole, _, decimals = match[1].partition(".")
        scale: int = 10 ** len(decimals)
        number, rest = divmod(int(whole + decimals) * units[match[2]], scale)
        if rest:
            raise ValueMismatch(f"{shown(value)}: not a whole number of {unit}")
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise ValueMismatch(f"{shown(value)}: give a whole number")
    low, high = RANGES[kind]
    if not low <= number <= high:
        raise ValueMismatch(f"{shown(value)}: must be from {low} to {high}{' ' + unit if unit else ''}")
    return number


def parse(field: Field, value: object) -> Value:
    """What a user wrote for one element of a field, as its value."""
    match field:
        case Number():
            return parse_number(field.kind, field.unit, value, field.names.keys if field.names else ())
        case Text():
            return _parse_text(field.size, value)
        case Octets():
            digits = str(value).replace("-", "")
            if re.fullmatch(f"[0-9a-fA-F]{{{2 * field.size}}}", digits) is None:
                raise ValueMismatch(f"{shown(value)}: give {2 * field.size} hexadecimal digits (in quotes)")
            return digits.lower()
        case Records():
            if not isinstance(value, list) or len(value) > field.capacity:
                raise ValueMismatch(f"{shown(value)}: give a list of at most {field.capacity} records")
            return [_parse_record(field, item) for item in value]
    raise TypeError(field)


def _parse_text(size: int, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueMismatch(f"{shown(value)}: give a text (in quotes)")
    if len(value.encode()) >= size:
        raise ValueMismatch(f"{shown(value)}: at most {size - 1} bytes")
    return value


def _parse_record(field: Records, item: object) -> dict[str, int | str]:
    members = field.record.members()
    if not isinstance(item, Mapping):
        raise ValueMismatch(f"{shown(item)}: give {', '.join(members)}")
    for name in item:
        if name not in members:
            raise UnknownKey(f"{name}: no such member of {field.key}{did_you_mean(str(name), members)}")
    record: dict[str, int | str] = {}
    for name, member in members.items():
        given = item.get(name)
        if given is None:
            record[name] = "" if member.kind == "text" else member.default
            continue
        try:
            record[name] = (
                _parse_text(member.size, given)
                if member.kind == "text"
                else parse_number(member.kind, member.unit, given)
            )
        except ValueMismatch as error:
            raise ValueMismatch(f"{name}: {error}") from None
    return record


def split_key(scope: Scope, key: str) -> tuple[Place, tuple[str, ...]]:
    """The field that a key such as `clocks.max.graphics` names, and the names of its indices.

    The field's name may be left out where the index tells it: `thermal.gpu` is `thermal.temperature.gpu`.
    """
    block, _, rest = key.partition(".")
    name, *indices = rest.split(".")
    place = scope.places.get(f"{block}.{name}")
    if place is None:
        found = [] if indices else _indexed(scope, block, name)
        if len(found) != 1:
            raise _unknown(scope, key, found)
        place, indices = found[0], [name]
    for index, domain in zip(indices, place.field.per, strict=False):
        if index not in domain.keys:
            raise UnknownKey(f"{key}: {index} is none of {', '.join(domain.keys)}")
    if len(indices) != len(place.field.per):
        expected = "".join(f".{domain.keys[0]}" for domain in place.field.per)
        raise UnknownKey(f"{key}: name one element, as in {place.field.key}{expected}")
    return place, tuple(indices)


def _indexed(scope: Scope, block: str, index: str) -> list[Place]:
    """The fields of a block whose one index may have this name."""
    fields = (field for field in scope.fields.get(block, ()) if len(field.per) == 1 and not index.isdigit())
    return [scope.places[field.key] for field in fields if index in field.per[0].keys]


def _unknown(scope: Scope, key: str, meant: list[Place]) -> UnknownKey:
    if key in scope.derived:
        expression = scope.derived[key].expression
        sources = dict.fromkeys(field.key for field in expression.fields()) if expression else {}
        return UnknownKey(f"{key}: follows from {', '.join(sources)}; set one of these")
    if meant:
        index = key.rpartition(".")[2]
        return UnknownKey(f"{key}: name the field: {', '.join(f'{place.field.key}.{index}' for place in meant)}")
    return UnknownKey(f"{key or repr(key)}: no such field{did_you_mean(key, [*scope.places, *scope.derived])}")


def elements(scope: Scope, key: str | None) -> Iterator[tuple[Field, tuple[str, ...]]]:
    """All that a key names: an element, all elements of a field or of one of its indices, or a block. None: all."""
    block, _, rest = (key or "").partition(".")
    name, *indices = rest.split(".")
    chosen = [
        (field, element)
        for field in (chain.from_iterable(scope.fields.values()) if key is None else scope.fields.get(block, ()))
        if not rest or field.name == name
        for element in (scope.places[field.key].element_names() if field.key in scope.places else ((),))
        if element[: len(indices)] == tuple(indices)
    ]
    if key is not None and not chosen:
        place, element = split_key(scope, key)
        chosen = [(place.field, element)]
    yield from chosen


def bytes_to_words(data: bytes, count: int) -> list[int]:
    padded = data.ljust(count * 8, b"\0")
    return [int.from_bytes(padded[at : at + 8], "little") for at in range(0, count * 8, 8)]


def words_to_bytes(stored: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(8, "little") for word in stored)


def words(scope: Scope, place: Place, element: tuple[str, ...], value: Value) -> dict[int, int]:
    """The words that store a value with status SUCCESS, by their place in a copy."""
    at, field = place.element(place.index(element)), place.field
    match field:
        case Number():
            assert isinstance(value, int)
            head = SUCCESS_HEAD
            stored = {at: head, at + 1: value & (2**64 - 1)}
            if field.integral is not None:
                number = scope.integrals.index(place)
                signal = scope.signals_offset + number * SIGNAL_WORDS
                stored[at] = head | (number + 1) << SIGNAL_SHIFT
                stored[signal] = INTEGRAL
                stored[signal + 1] = scope.places[field.integral.key].offset
            return stored
        case Text():
            assert isinstance(value, str)
            data = value.encode()
            stored = dict(enumerate(bytes_to_words(data, text_words(field.size)), at + 1))
            return {at: SUCCESS_HEAD | len(data) << LENGTH_SHIFT, **stored}
        case Octets():
            assert isinstance(value, str)
            stored = dict(enumerate(bytes_to_words(bytes.fromhex(value), text_words(field.size)), at + 1))
            return {at: SUCCESS_HEAD, **stored}
        case Records():
            assert isinstance(value, list)
            offsets, size = record_offsets(field)
            stored = {at: SUCCESS_HEAD | len(value) << LENGTH_SHIFT}
            for number, record in enumerate(value):
                start = at + 1 + number * size
                for name, member in field.record.members().items():
                    given = record[name]
                    if isinstance(given, str):
                        encoded = bytes_to_words(given.encode(), text_words(member.size))
                        stored.update(enumerate(encoded, start + offsets[name]))
                    else:
                        stored[start + offsets[name]] = given
            return stored
    raise TypeError(field)


def decode(place: Place, stored: Sequence[int]) -> Value:
    """The value of an element that has one, of its words; what a signal adds to a number is not in there."""
    field, length = place.field, stored[0] >> LENGTH_SHIFT
    body = stored[1:]
    match field:
        case Number():
            if field.kind == "flag":
                return bool(body[0])
            return body[0] - 2**64 if field.kind == "i32" and body[0] >= 2**63 else body[0]
        case Text():
            return words_to_bytes(body)[:length].decode(errors="replace")
        case Octets():
            return words_to_bytes(body)[: field.size].hex()
        case Records():
            offsets, size = record_offsets(field)
            return [
                {
                    name: _member(member, body[start + offsets[name] :])
                    for name, member in field.record.members().items()
                }
                for start in range(0, min(length, field.capacity) * size, size)
            ]
    raise TypeError(field)


def _member(member: Member, stored: Sequence[int]) -> int | str:
    if member.kind != "text":
        return stored[0]
    return words_to_bytes(stored[: text_words(member.size)]).split(b"\0")[0].decode(errors="replace")
