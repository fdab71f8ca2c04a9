"""The elements that are compared are asked by calls that exist, each under a name of its own, and of every capture all
is compared, or known not to be.
"""

import os
from pathlib import Path

import pynvml
import pytest

from tests.conformance import smi
from tests.conformance.extract import excluded, is_log
from tests.conformance.lines import REFUSED, VOLATILE, Line, is_reading, lines, paths, readings

DRIVERS = ("460.39", "470.256.02", "510.47.03", "525.125.06", "535.86.05", "535.261.03", "550.90.07", "550.163.01")
NEWER = ("555.42.02", "560.35.03", "565.57.01", "570.148.08", "580.173.02", "590.48.01", "595.80", "610.57.04")
ALL = {(line.xml, line.element.drivers): line for driver in (*DRIVERS, *NEWER) for line in lines(driver)}


@pytest.mark.parametrize("line", ALL.values(), ids=lambda line: line.key)
def test_a_line_is_asked_by_a_call_that_exists(line: Line) -> None:
    ask = getattr(line.element.ask, "counter", line.element.ask)
    ask = getattr(ask, "public", ask)

    assert callable(getattr(pynvml, ask.function))
    assert not hasattr(ask, "id") or hasattr(pynvml, ask.id)
    assert not isinstance(getattr(ask, "struct", None), str) or not ask.struct or hasattr(pynvml, ask.struct)


@pytest.mark.parametrize("driver", [*DRIVERS, *NEWER])
def test_a_driver_has_each_line_once(driver: str) -> None:
    keys = [line.key for line in lines(driver)]

    assert len(keys) > 100
    assert sorted(keys) == sorted(set(keys))


def test_each_reason_to_move_is_of_lines_that_are_there() -> None:
    keys = {line.key for line in ALL.values()}

    assert [why for why in VOLATILE if not readings(why, keys)] == []
    assert is_reading("utilization/gpu_util")
    assert not is_reading("product_name")
    assert REFUSED == "N/A"


def test_every_element_of_every_capture_is_in_the_table() -> None:
    folder = os.environ.get("MOCKNVML_CAPTURES")
    if not folder:
        pytest.skip("MOCKNVML_CAPTURES names no folder of captures")
    listed = ("supported_clocks/", "processes/", "accounted_processes/", "Processes/")
    unknown = {}
    for log in sorted(path for path in Path(folder).iterdir() if is_log(path) and not excluded(path.name)):
        driver, gpus = smi.read(log)
        unknown[log.name] = [leaf for leaf in gpus[0] if leaf not in paths(driver) and not leaf.startswith(listed)]

    assert {name: leaves for name, leaves in unknown.items() if leaves} == {}
    assert len(unknown) > 40
