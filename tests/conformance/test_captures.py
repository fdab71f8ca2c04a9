"""What boards answer, against what `nvidia-smi -q` printed on real ones (report.py).

The facts are in expected.json (extract.py); the folder that MOCKNVML_CAPTURES names shows that they are those of the
captures.
"""

import os
from functools import cache
from pathlib import Path

import pytest

from mocknvml.profiles import builtin, load_profile
from tests.conformance.extract import EXCLUDED, extract
from tests.conformance.lines import is_reading
from tests.conformance.report import PAGE, Result, compare, expectations, page
from tests.conformance.settings import SETTINGS

CAPTURES = expectations()


@cache
def result(capture: str) -> Result:
    return compare(CAPTURES[capture])


@pytest.mark.parametrize("capture", CAPTURES)
def test_a_board_answers_what_its_capture_says(capture: str) -> None:
    assert result(capture).differing == []
    assert result(capture).elements > 100, "too little is compared to mean anything"


def test_every_setting_varies_between_a_board_and_a_capture() -> None:
    varied = {difference.key for capture in CAPTURES for difference in result(capture).unset}

    assert [key for table in SETTINGS.values() for key in table if key not in varied] == []


def test_a_setting_is_of_an_element_that_must_be_the_same() -> None:
    assert [key for table in SETTINGS.values() for key in table if is_reading(key)] == []


def test_a_capture_of_what_is_no_setting_and_a_reading_that_is_missing_differ() -> None:
    capture = CAPTURES["h100-sxm5-80gb.driver580.105.08.xml"]
    wrong = {
        "ecc_mode/current_ecc": "Disabled",
        "max_clocks/mem_clock": "1 MHz",  # a setting of another maker's card only
        "serial": "N/A",  # which one is a setting, not whether there is one
        "utilization/gpu_util": "N/A",
    }

    found = compare({"driver": capture["driver"], "values": capture["values"] | wrong}).differing

    assert {it.key: it.real for it in found} == wrong


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

    identity = [f"identity.{name}" for name in ("name", "brand", "architecture")]
    pci = [f"pci.{name}" for name in ("device_id", "subsystem_id", "base_class", "sub_class")]
    for field in (*identity, *pci, "processes.running"):
        assert (field, ()) in values, field
    assert (("memory.total", ()) in values) == (("memory.allocated", ()) in values)
