"""What boards answer, against what `nvidia-smi -q` printed on real ones (report.py).

The facts are in expected.json (extract.py); the folder that MOCKNVML_CAPTURES names shows that they are those of the
captures.
"""

import os
from functools import cache
from pathlib import Path

import pytest

from mocknvml.profiles import builtin, load_profile
from tests.conformance.differences import KNOWN, known
from tests.conformance.extract import EXCLUDED, extract
from tests.conformance.report import PAGE, Result, compare, expectations, page

CAPTURES = expectations()


@cache
def result(capture: str) -> Result:
    return compare(CAPTURES[capture])


@pytest.mark.parametrize("capture", CAPTURES)
def test_a_board_answers_what_its_capture_says(capture: str) -> None:
    differing = [it for it in result(capture).differing if known(capture, it.key) is None]

    assert differing == []
    assert result(capture).agreeing > 100, "too little is compared to mean anything"


def test_every_known_difference_is_one() -> None:
    covered = {known(capture, it.key) for capture in CAPTURES for it in result(capture).differing}

    assert [it for it in KNOWN if it.reason not in covered] == []


def test_the_page_is_that_of_the_results() -> None:
    assert PAGE.read_text(encoding="utf-8") == page({capture: result(capture) for capture in CAPTURES})


def test_the_facts_are_those_of_the_captures() -> None:
    folder = os.environ.get("MOCKNVML_CAPTURES")
    if not folder:
        pytest.skip("MOCKNVML_CAPTURES names no folder of captures")

    assert extract(Path(folder)) == CAPTURES
    names = [path.name for path in Path(folder).iterdir()]
    assert [part for part in EXCLUDED if not any(part in name for name in names)] == [], "these exclude nothing"


@pytest.mark.parametrize("board", builtin())
def test_a_board_has_what_every_board_has(board: str) -> None:
    values = load_profile(board).values

    for field in ("identity.name", "identity.architecture", "pci.device_id", "processes.running"):
        assert (field, ()) in values, field
    assert (("memory.total", ()) in values) == (("memory.allocated", ()) in values)
