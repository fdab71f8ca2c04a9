"""The table of lines names calls that exist, and holds nearly every element of the captures."""

import os
from pathlib import Path

import pynvml
import pytest

from tests.conformance import smi
from tests.conformance.calls import Element
from tests.conformance.extract import ELEMENTS, excluded, is_log
from tests.conformance.lines import OWN, SYSTEM

ALL: tuple[Element, ...] = (*ELEMENTS, *SYSTEM)


@pytest.mark.parametrize("line", ALL, ids=lambda line: line.key)
def test_a_line_is_asked_by_a_call_that_exists(line: Element) -> None:
    assert callable(getattr(pynvml, line.ask.function))
    assert not hasattr(line.ask, "id") or hasattr(pynvml, line.ask.id)
    assert not getattr(line.ask, "struct", "") or hasattr(pynvml, line.ask.struct)


def test_nearly_every_element_of_every_capture_is_mapped() -> None:
    folder = os.environ.get("MOCKNVML_CAPTURES")
    if not folder:
        pytest.skip("MOCKNVML_CAPTURES names no folder of captures")
    known = {path for line in ALL for path in (*line.xml, *line.text)} | {"supported_clocks", "processes"}
    own = tuple(path for paths in OWN for path in paths.split("|"))
    unmapped = {}
    for log in sorted(path for path in Path(folder).iterdir() if is_log(path) and not excluded(path.name)):
        leaves = [leaf for leaf in smi.read(log)[1][0] if not leaf.startswith(own)]
        lost = [
            leaf
            for leaf in leaves
            if leaf not in known and not leaf.startswith(("supported_clocks/", "processes/", "Processes/"))
        ]
        if len(lost) > 0.05 * len(leaves):
            unmapped[log.name] = (len(lost), len(leaves), lost[:5])

    assert unmapped == {}
