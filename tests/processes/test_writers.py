"""Many processes change a node and are killed: no reader sees half a change, none is lost, the next writer goes on."""

from pathlib import Path

import pytest

from tests.processes import writers
from tests.processes.writers import KILLS, READERS, SECONDS, WRITERS


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writers.build(tmp_path_factory.mktemp("writers"))


LONG = pytest.mark.slow


@pytest.mark.parametrize("milliseconds", [300, pytest.param(SECONDS * 1000, marks=LONG)])
def test_no_reader_sees_half_a_change_and_none_is_lost(milliseconds: int, program: Path, library: Path) -> None:
    counts = writers.run(program, library, WRITERS, READERS, milliseconds, 0)

    assert min(counts["changes"], counts["reads"]) > 100


@pytest.mark.parametrize("kills", [20, pytest.param(KILLS, marks=LONG)])
def test_writers_that_are_killed_leave_no_half_change(kills: int, program: Path, library: Path) -> None:
    assert writers.run(program, library, WRITERS, READERS, 0, kills)["kills"] >= kills


@pytest.mark.parametrize("kills", [20, pytest.param(KILLS, marks=LONG)])
def test_a_writer_that_is_killed_at_any_instruction_of_publishing_leaves_no_half_change(
    kills: int, program: Path, library: Path
) -> None:
    """A writer is killed where a change of several GPUs is being published, each time some instructions later."""
    counts = writers.run(program, library, READERS // 4, kills)

    assert (counts["kills"], counts["amid"]) == (kills, kills)
    assert counts["instructions"] <= KILLS, "docs/reliability.md says that each has been the last"
