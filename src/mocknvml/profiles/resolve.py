"""A profile as one file again, without inheritance: what `mocknvml profiles show` prints, and a reader takes back."""

from __future__ import annotations

from collections.abc import Mapping

from mocknvml.profiles import Element, Profile, System, load_board
from mocknvml.state import written as writing
from mocknvml.state.layout import layout
from mocknvml.state.values import Value


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
    return None if value is None else writing.written(layout().gpu.places[key].field, value)


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
            element: writing.written(field, values[field.key, element])
            for element in place.element_names()
            if (field.key, element) in values
        }
        if given:
            blocks.setdefault(field.block.key(), {})[field.name] = writing.nested(field.per, given)
    return dict(blocks)
