"""The JSON Schema of profile files, which editors complete and check from.

It is draft 7, which editors know best. What it cannot say the reader does: ranges of numbers with units, cycles, what a
path leads to.
"""

from __future__ import annotations

import re
from typing import Any

from mocknvml import defaults
from mocknvml.profiles import FOLDER, OF_ADDRESS, OF_PLACE, builtin
from mocknvml.state.layout import layout
from mocknvml.state.values import RANGES, UNITS
from mocknvml.table.blocks import Domain, Field, Number, Octets, Records, Text

Schema = dict[str, Any]

ADDRESS = {"type": "string", "pattern": r"^(0000)?[0-9a-fA-F]{4}:[0-9a-fA-F]{2}:[01][0-9a-fA-F]\.0$"}
SOURCE = {"type": "string", "pattern": r"\S", "description": "Where the values come from."}


def schema() -> Schema:
    chips = sorted(path.stem for path in (FOLDER / "chips").glob("*.yaml"))
    parent = _named([*builtin(), *chips])
    blocks = {block.key(): _block(block.fields()) for block in layout().gpu.blocks}
    blocks = {name: block for name, block in blocks.items() if block["properties"]}
    board = {
        "inherits": {"anyOf": [parent, {"type": "array", "items": parent}], "description": "What it starts from."},
        "source": SOURCE,
        "addresses": {
            "type": "array",
            "items": ADDRESS,
            "minItems": 1,
            "maxItems": defaults.MAX_GPUS,
            "uniqueItems": True,
            "description": "The PCI addresses of the GPUs in one machine.",
        },
    }
    references = {name: {"$ref": f"#/definitions/{name}"} for name in blocks}
    gpu = {"board": _named(builtin()), "address": ADDRESS, **references}
    whole = {"type": "integer", "minimum": 0}
    numa = _object(
        {"cpus": {"type": "string", "pattern": r"^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$"}, "socket": whole}, "cpus"
    )
    switch = f"{ADDRESS['pattern']}|^hidden$"
    ports = {"type": "array", "items": {"type": "string", "pattern": "^[0-9A-F]{2}/[0-9]+( [0-9A-F]{2}/[0-9]+)*$"}}
    switched = _object({"device_id": whole, "switches": _by(switch, whole), "ports": ports}, "switches")
    paired = _object({"pairs": _by("^[0-9]+-[0-9]+$", whole)}, "pairs")
    machine = {"numa": _by("^[0-9]+$", numa), "nvlink": {"anyOf": [switched, paired]}}
    gpus = {"type": "array", "items": _object(gpu, "board", "address"), "minItems": 1, "maxItems": defaults.MAX_GPUS}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A profile of mocknvml: a board, or a system with `gpus`",
        "definitions": blocks,
        "if": {"required": ["gpus"]},
        "then": _object({"source": SOURCE, **machine, "gpus": gpus}, "source", "gpus"),
        "else": _object({**board, **references}, "source"),
    }


def _object(properties: Schema, *required: str) -> Schema:
    found: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**found, "required": list(required)} if required else found


def _by(pattern: str, value: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "patternProperties": {pattern: value}}


def _named(names: list[str]) -> Schema:
    """A built-in name, or the path of a file."""
    return {"anyOf": [{"enum": names}, {"type": "string", "pattern": r"/|\.ya?ml$"}]}


def _block(fields: tuple[Field, ...]) -> Schema:
    given = [field for field in fields if field.expression is None and field.key not in (*OF_ADDRESS, OF_PLACE)]
    return _object({field.name: _elements(field, field.per) for field in given})


def _elements(field: Field, per: tuple[Domain, ...]) -> Schema:
    """A value for all elements, or values by index."""
    if not per:
        return _value(field)
    keys = "|".join(map(re.escape, per[0].keys))
    indexed = _by(f"^({keys})(-({keys}))?$", _elements(field, per[1:]))
    if per[0].keys[0] != "0":
        indexed["properties"] = {key: {} for key in per[0].keys}  # for completion
    return {"anyOf": [_value(field), indexed]}


def _value(field: Field) -> Schema:
    match field:
        case Number(names=Domain() as names):
            return {"enum": [name for name in names.keys if not name.isdigit()]}
        case Number():
            return _number(field.kind, field.unit)
        case Text():
            return {"type": "string", "maxLength": field.size - 1}
        case Octets():
            return {"type": "string", "pattern": f"^-*([0-9a-fA-F]-*){{{2 * field.size}}}$"}
        case Records():
            members = {
                name: {"type": "string", "maxLength": member.size - 1}
                if member.kind == "text"
                else _number(member.kind, member.unit)
                for name, member in field.record.members().items()
            }
            return {"type": "array", "maxItems": field.capacity, "items": _object(members)}
    raise TypeError(field)


def _number(kind: str, unit: str) -> Schema:
    if kind == "flag":
        return {"type": "boolean"}
    low, high = RANGES[kind]  # type: ignore[index]
    if not unit:
        return {"type": "integer", "minimum": low, "maximum": high}
    sign = "-?" if low < 0 else ""
    units = {name: "" if factor == 1 else r"(\.[0-9]+)?" for name, factor in UNITS[unit].items()}
    forms = "|".join(f"{fraction} *{re.escape(name)}" for name, fraction in units.items())
    return {"type": "string", "pattern": f"^ *{sign}[0-9]+({forms}) *$"}
