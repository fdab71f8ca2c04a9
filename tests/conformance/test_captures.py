"""What boards answer, against what `nvidia-smi -q` printed on real ones.

The facts are in expected.json (extract.py); the folder that MOCKNVML_CAPTURES names shows that they are those of the
captures. A board is built from one capture and checked on all of them. Elements that move, or that an owner, a driver
or a maker of cards decides, are compared only in kind: where a capture has a value, the board has one.
"""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Gpu, Node
from mocknvml.profiles import builtin, load_profile
from mocknvml.state.layout import layout
from mocknvml.state.values import parse, split_key
from tests.conformance.elements import PARTNER, SETTINGS, STATIC, VOLATILE
from tests.conformance.extract import EXCLUDED, EXPECTED, extract

EXPECTATIONS: dict[str, Any] = json.loads(EXPECTED.read_text(encoding="utf-8"))


@cache
def boards() -> dict[str, str]:
    """Profile by product name and by product name with PCI id."""
    found = {}
    for name in builtin():
        values = load_profile(name).values
        product = str(values["identity.name", ()])
        found[product] = name
        found[f"{product} {values.get(('pci.device_id', ()))}"] = name
    return found


def board_of(capture: str) -> str:
    values = EXPECTATIONS[capture]["values"]
    product = values["identity.name"]
    return boards().get(f"{product} {values.get('pci.device_id')}") or boards()[product]


@pytest.fixture(scope="module")
def gpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gpu]]:
    """One GPU of every board that a capture is of."""
    folder = tmp_path_factory.mktemp("boards")
    nodes = {board: Node.create(folder / board, profile=board, gpus=1) for board in {*map(board_of, EXPECTATIONS)}}
    yield {board: node.gpus[0] for board, node in nodes.items()}
    for node in nodes.values():
        node.close()


def answer(gpu: Gpu, field: str) -> object:
    """The value in NVML's unit, or None where the board refuses."""
    return gpu.get(field) if gpu.status(field) == 0 else None


def wanted(field: str, value: object) -> object:
    place, _ = split_key(layout().gpu, field)
    return None if value is None else parse(place.field, value)


@pytest.mark.parametrize("capture", EXPECTATIONS)
def test_a_board_answers_what_its_capture_says(capture: str, gpus: dict[str, Gpu]) -> None:
    gpu, values = gpus[board_of(capture)], EXPECTATIONS[capture]["values"]
    same_card = values.get("pci.subsystem_id") == answer(gpu, "pci.subsystem_id")
    compared = [
        element.field
        for element in STATIC
        if element.field in values and (same_card or not element.field.startswith(PARTNER))
    ]

    differing = {
        field: (answer(gpu, field), wanted(field, values[field]))
        for field in compared
        if answer(gpu, field) != wanted(field, values[field])
    }

    assert differing == {}
    assert len(compared) >= 15, "too little is compared to mean anything"


@pytest.mark.parametrize("capture", EXPECTATIONS)
def test_a_board_has_a_reading_where_its_capture_has_one(capture: str, gpus: dict[str, Gpu]) -> None:
    """N/A where the real one has a value is what users notice first."""
    gpu, values = gpus[board_of(capture)], EXPECTATIONS[capture]["values"]
    always = [
        element.field
        for element in (*SETTINGS, *VOLATILE)
        if element.field.startswith(("thermal.temperature", "memory"))
    ]

    missing = [field for field in always if values.get(field) is not None and answer(gpu, field) is None]

    assert missing == []


def test_the_facts_are_those_of_the_captures() -> None:
    folder = os.environ.get("MOCKNVML_CAPTURES")
    if not folder:
        pytest.skip("MOCKNVML_CAPTURES names no folder of captures")

    assert extract(Path(folder)) == EXPECTATIONS
    names = [path.name for path in Path(folder).iterdir()]
    assert [part for part in EXCLUDED if not any(part in name for name in names)] == [], "these exclude nothing"


@pytest.mark.parametrize("board", builtin())
def test_a_board_has_what_every_board_has(board: str) -> None:
    values = load_profile(board).values

    for field in ("identity.name", "identity.architecture", "pci.device_id", "processes.running"):
        assert (field, ()) in values, field
    assert (("memory.total", ()) in values) == (("memory.allocated", ()) in values)
