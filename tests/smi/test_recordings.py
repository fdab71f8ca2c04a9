"""What other commands than `-q` print, beside recordings of real boards with drivers that cannot be had here."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.report import expectations, node_of
from tests.conformance.settings import settle

CAPTURES = expectations()
SEVERAL = [name for name in CAPTURES if name.endswith(".multi.txt")]
TABLES = [*SEVERAL, *(name for name in CAPTURES if name.endswith(".smi-q.txt"))]


@pytest.fixture
def folder() -> Path:
    folder = os.environ.get("MOCKNVML_CAPTURES")
    if not folder:
        pytest.skip("MOCKNVML_CAPTURES names no folder of captures")
    return Path(folder)


class Board:
    """A node of the board that was recorded, and the stand-in on it."""

    def __init__(self, name: str, path: Path, env: dict[str, str]) -> None:
        self.env = env | {"MOCK_NVML_NODE": str(path)}
        self.node = node_of(str(path), CAPTURES[name])
        settle(self.node.gpus[0], CAPTURES[name]["values"])

    def say(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "mocknvml", "smi", *arguments]
        return subprocess.run(command, env=self.env, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def board(name: str, folder: Path, path: Path, mock_env: dict[str, str]) -> Board:
    return Board(name, path, mock_env)


def section(recording: str, title: str) -> str:
    """Of a recording of several commands, the output of the one whose title begins so."""
    found = re.search(rf"^# {re.escape(title)}.*\n(?:# .*\n)*#+\n((?:(?!#####).*\n)*)", recording, re.MULTILINE)
    assert found
    return found[1].strip()


# What the boards of recordings answer, and ours do not.
DIFFERING = {
    "pcie.link.gen.hostmax": "some recordings are of guests, which do not see the host's",
}


@pytest.mark.parametrize("name", SEVERAL)
def test_fields_and_refusals_are_those_of_a_recording(name: str, board: Board, folder: Path) -> None:
    recording = (folder / name).read_text(encoding="utf-8")

    def names(help: str) -> list[str]:
        return re.findall(r'^"[\w.]+"(?: or "[\w.]+")*$', help, re.MULTILINE)

    real = names(section(recording, "capabilities :: help-query-gpu"))
    header, row = section(recording, "idle :: query-gpu (csv").splitlines()
    asked = [it.split('"')[1] for it in real]
    our_header, our_row = board.say(f"--query-gpu={','.join(asked)}", "--format=csv").splitlines()

    assert names(board.say("--help-query-gpu")) == real
    assert our_header == header
    cells = zip(asked, our_row.split(", "), row.split(", "), strict=True)
    refused = [(name, ours, theirs) for name, ours, theirs in cells if "N/A" in ours or "[" in ours + theirs]
    assert {name for name, ours, theirs in refused if ours != theirs} - set(DIFFERING) == set()
    for option in ("compute-apps", "accounted-apps", "retired-pages"):
        help = section(recording, f"capabilities :: help-query-{option}")
        assert names(board.say(f"--help-query-{option}")) == names(help)


@pytest.mark.parametrize("name", SEVERAL)
def test_queries_of_what_there_are_several_of_have_the_columns_of_a_recording(
    name: str, board: Board, folder: Path
) -> None:
    recording = (folder / name).read_text(encoding="utf-8")
    for query in ("compute-apps", "accounted-apps", "retired-pages"):
        found = re.search(rf"\$ nvidia-smi (--query-{query}=\S+)", recording)
        assert found
        header, *rows = section(recording, f"idle :: query-{query}").splitlines()
        ours = board.say(found[1], "--format=csv").splitlines()
        assert ours[0] == header
        if query == "retired-pages":
            assert [row.split(", ")[-3:] for row in ours[1:]] == [row.split(", ")[-3:] for row in rows]


@pytest.mark.parametrize("name", SEVERAL)
def test_the_topology_has_the_words_of_a_recording(name: str, board: Board, folder: Path) -> None:
    """But for the host's CPUs, which no node has."""
    recorded = section((folder / name).read_text(encoding="utf-8"), "capabilities :: topo -m").splitlines()
    ours = board.say("topo", "-m").strip().splitlines()

    assert [line for line in ours if not line.startswith("GPU0")] == [
        line for line in recorded if not line.startswith("GPU0")
    ]


@pytest.mark.parametrize("name", SEVERAL)
def test_versions_are_those_of_a_recording(name: str, board: Board, folder: Path) -> None:
    recording = (folder / name).read_text(encoding="utf-8")

    assert board.say("--version").strip() == section(recording, "capabilities :: version")


def tables(capture: Path) -> Iterator[list[str]]:
    """The lines of the tables of a board, without the time."""
    if capture.name.endswith(".multi.txt"):
        titles = [f"{state} :: nvidia-smi (default table)" for state in ("idle", "load")]
        texts = [section(capture.read_text(encoding="utf-8"), title) for title in titles]
    else:
        table = Path(str(capture).replace(".smi-q.", ".smi."))
        texts = [table.read_text(encoding="utf-8")] if table.exists() else []
    yield from ([line for line in text.splitlines() if line.startswith(("|", "+"))] for text in texts)


PROCESS = re.compile(r"\|\s+0\s+N/A\s+N/A\s+(\d+)\s+(\S+)\s+(.*?)\s+(\d+)MiB \|")
OF_OTHERS = re.compile(r"\| +[1-9] ")


def process(row: re.Match[str]) -> dict[str, Any]:
    pid, letters, name, memory = row.groups()
    contexts = sum({"C": 1, "G": 2, "M": 4}[letter] for letter in letters.split("+"))
    return {"pid": int(pid), "contexts": contexts, "name": name, "memory": f"{memory} MiB"}


def masked(line: str) -> str:
    """Without readings and the address."""
    return re.sub(r" *\d+", "#", re.sub(r"[\dA-F]{8}:[\dA-F]{2}:[\dA-F]{2}\.0", "address", line))


def parts(table: list[str]) -> tuple[list[str], list[str], list[str]]:
    """The heads, the rows of the first GPU, and those of the processes on it."""
    first = next(at for at, line in enumerate(table) if line.startswith("|===")) + 1
    below = next(at for at, line in enumerate(table) if line.startswith("| Processes:"))
    rows = [line for line in table[below - 1 :] if not OF_OTHERS.match(line)]
    return table[:first], [masked(line) for line in table[first : first + 3]], rows


@pytest.mark.parametrize("name", TABLES)
def test_the_table_is_that_of_a_recording(name: str, board: Board, folder: Path) -> None:
    recorded = list(tables(folder / name))
    if not recorded:
        pytest.skip("this board has no recording of it")
    for table in recorded:
        rows = [row for line in table if (row := PROCESS.match(line))]
        board.node.gpus[0].set("processes.running", [process(row) for row in rows])
        ours = [line for line in board.say().splitlines() if line.startswith(("|", "+"))]

        assert parts(ours) == parts(table)
