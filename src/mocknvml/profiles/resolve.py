"""A profile as one file again, without inheritance: what `mocknvml profiles show` prints, and a reader takes back."""

from __future__ import annotations

from collections.abc import Mapping

from mocknvml.profiles import Element, Profile, System, load_board
from mocknvml.state.layout import layout
from mocknvml.state.values import UNITS, Value
from mocknvml.table.blocks import Domain, Field, Number, Records


def resolved(system: System) -> dict[str, object]:
    """A board with all that it inherits; or a system with what its GPUs override."""
    if system.source:
        return {"source": system.source, "gpus": [_gpu(board, address) for board, address in system.gpus]}
    board = system.gpus[0][0]
    sources = [f"{file.stem}: {text}" for file, text in board.sources.items()]
    addresses = [_address(address) for _, address in system.gpus]
    return {"source": " ".join(sources), "addresses": addresses, **_blocks(board.values)}


def written(board: Profile, key: str) -> object:
    """A plain field as a profile writes it; None if the board has none."""
    value = board.values.get((key, ()))
    return None if value is None else _written(layout().gpu.places[key].field, value)


def _gpu(gpu: Profile, address: int) -> dict[str, object]:
    board = load_board(gpu.name)
    own = {element: value for element, value in gpu.values.items() if board.values.get(element) != value}
    return {"board": gpu.name, "address": _address(address), **_blocks(own)}


def _address(address: int) -> str:
    return f"{address >> 16:08X}:{address >> 8 & 0xFF:02X}:{address & 0xFF:02X}.0"


def _blocks(values: Mapping[Element, Value]) -> dict[str, object]:
    """Values by block and field, in the order of the reference."""
    blocks: dict[str, dict[str, object]] = {}
    for place in layout().gpu.places.values():
        field = place.field
        given = {
            element: _written(field, values[field.key, element])
            for element in place.element_names()
            if (field.key, element) in values
        }
        if given:
            blocks.setdefault(field.block.key(), {})[field.name] = _nested(field.per, given)
    return dict(blocks)


def _nested(per: tuple[Domain, ...], given: Mapping[tuple[str, ...], object]) -> object:
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
        value = _nested(per[1:], inner)
        if last and per[0].keys[0] == "0" and groups[_range(first, last)] == value:
            del groups[_range(first, last)]
        else:
            first = key
        last = key
        groups[_range(first, last)] = value
    return groups


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


def _written(field: Field, value: Value) -> object:
    match field:
        case Number(names=None):
            return _number(field.kind, field.unit, value)
        case Number(names=Domain() as names):
            return names.keys[int(str(value))]
        case Records():
            assert isinstance(value, list)
            members = field.record.members()
            return [
                {name: _number(members[name].kind, members[name].unit, member) for name, member in record.items()}
                for record in value
            ]
    return value


def _number(kind: str, unit: str, value: Value) -> object:
    """With the largest unit of which it is a whole number."""
    if kind == "flag":
        return bool(value)
    if not unit or not isinstance(value, int):
        return value
    name, factor = max(
        ((name, factor) for name, factor in UNITS[unit].items() if value % factor == 0 and (value or factor == 1)),
        key=lambda each: each[1],
    )
    return f"{value // factor} {name}"
