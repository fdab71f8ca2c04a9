"""Values as users write them, and as `parse` takes them back: `350 W`, `default`, true."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from mocknvml.state.values import UNITS, Value
from mocknvml.table.blocks import Domain, Field, Number, Octets, Records, Text


def written(field: Field, value: Value) -> object:
    """A value of a field, with the largest unit of which it is a whole number."""
    match field:
        case Number(names=None):
            return _number(field.kind, field.unit, value)
        case Number(names=Domain() as names):
            index = int(str(value))
            return names.keys[index] if index < len(names) else value
        case Records():
            assert isinstance(value, list)
            members = field.record.members()
            return [
                {name: _number(members[name].kind, members[name].unit, member) for name, member in record.items()}
                for record in value
            ]
    return value


def _number(kind: str, unit: str, value: Value) -> object:
    if kind == "flag":
        return bool(value)
    if not unit or not isinstance(value, int):
        return value
    name, factor = max(
        ((name, factor) for name, factor in UNITS[unit].items() if value % factor == 0 and (value or factor == 1)),
        key=lambda each: each[1],
    )
    return f"{value // factor} {name}"


def nested(per: tuple[Domain, ...], given: Mapping[tuple[str, ...], object]) -> object:
    """Values by the names of their indices, neighbours of one value as a range."""
    if not per:
        return given[()]
    groups: dict[str, object] = {}
    first = last = ""
    for key in per[0].keys:
        inner = {element[1:]: value for element, value in given.items() if element[0] == key}
        if not inner:
            last = ""
            continue
        value = nested(per[1:], inner)
        if last and per[0].keys[0] == "0" and groups[_range(first, last)] == value:
            del groups[_range(first, last)]
        else:
            first = key
        last = key
        groups[_range(first, last)] = value
    return groups


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


def to_text(value: object) -> str:
    """A written value as one word of a command line, which `from_text` takes back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, list) else str(value)


def from_text(field: Field, text: str) -> object:
    """A word of a command line as what `parse` takes for a field."""
    match field:
        case Text() | Octets():
            return text
        case Number(kind="flag"):
            return {"true": True, "false": False}.get(text, text)
        case Number(names=None, unit="") if re.fullmatch("-?([0-9]{1,40}|0x[0-9a-fA-F]{1,40})", text):
            return int(text, 0) if "x" in text else int(text)
        case Records():
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                return text
    return text
