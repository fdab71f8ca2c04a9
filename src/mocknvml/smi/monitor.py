"""What dmon and pmon share: their options, and the columns that they scroll."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn, TextIO

from mocknvml.smi.gpus import Gpu, Problem, Refusal, branch, chosen
from mocknvml.smi.options import NEW, TEXT, number, read, words

OPTIONS = {
    "-i --id": TEXT,
    "-d --delay": TEXT,
    "-c --count": TEXT,
    "-s --select": TEXT,
    "-o --options": TEXT,
    "-f --filename": TEXT,
}
PAGE = 44  # rows
MOST = 16  # GPUs, by default
FAILED = "Failed to process command line \n\n"


class Layout(NamedTuple):
    """How wide columns are in a branch of the driver."""

    metric: int
    place: int  # of the GPU's index, behind date or time
    gap: str  # between date and time
    title: int  # of pmon's first metric
    type: int  # of pmon's title of it
    end: str  # of a title
    wide_end: str  # of a metric of GPM
    room: str  # before pmon's name of a process


def layout_of(branch: int) -> Layout:
    if branch < 525:
        return Layout(6, 7, "   ", 6, 6, "", "", "   ")
    if branch < 550:
        return Layout(7, 7, "   ", 6, 6, " ", "", "    ")
    return Layout(7, 8, "    ", 7, 7, " ", " ", "    ")


class Column(NamedTuple):
    title: str
    unit: str
    since: int = 0  # the branch of the driver


class Request(NamedTuple):
    """What was asked for."""

    gpus: list[Gpu]
    delay: int
    rounds: int  # endless if negative
    given: Mapping[str, str]
    out: TextIO
    formats: Collection[str] = ()  # of csv, noheader, nounit

    @property
    def layout(self) -> Layout:
        return layout_of(branch())

    @property
    def head(self) -> Layout:
        """Of the titles: 525 has those of 470 above the rows of 535."""
        return layout_of(470 if branch() < 530 else branch())

    def fail(self, text: str) -> NoReturn:
        """End with a text; where rows go to a file, it does too."""
        self.out.write(text)
        self.out.flush()
        raise Problem(FAILED, 255)

    def columns(self, default: str, groups: Mapping[str, tuple[Column, ...]]) -> list[tuple[str, int, Column]]:
        """The columns of the groups that -s names, each with its letter and its place in the group. Behind these
        letters, those of -o are looked at."""
        letters = dict.fromkeys(self.given.get("--select", default))
        if not letters or not letters.keys() <= groups.keys():
            self.fail("Failed to find any metric to display\n")
        stamps = self.given.get("--options", "D")
        if not stamps or set(stamps) - {"D", "T"}:
            self.fail("Error in parsing options\n")
        return [
            (letter, at, column)
            for letter in letters
            for at, column in enumerate(groups[letter])
            if branch() >= column.since
        ]

    def line(self, mark: str, date: str, clock: str, place: str, cells: Sequence[str]) -> str:
        """A line that begins with date and time, where they are asked for, and the index of the GPU."""
        chosen = self.given.get("--options", "")
        stamps = [stamp for stamp, letter in ((date, "D"), (clock, "T")) if letter in chosen]
        if "csv" in self.formats:
            return f"{mark}{', '.join([*stamps, place, *cells])}\n"
        stamp = self.layout.gap.join(f"{stamp:<8}" for stamp in stamps)
        return f"{mark}{stamp}{place:>{self.layout.place if stamp else 4}}{''.join(cells)}\n"

    def heads(self, titles: Sequence[str], units: Sequence[str]) -> str:
        """The two lines above the rows, of which the parts behind the GPU's index are given."""
        first = "" if "noheader" in self.formats else self.line("#", "Date", "Time", "gpu", titles)
        return first + ("" if "nounit" in self.formats else self.line("#", "YYYYMMDD", "HH:MM:SS", "Idx", units))

    def row(self, gpu: Gpu, cells: Sequence[str]) -> str:
        return self.line(" ", time.strftime("%Y%m%d"), time.strftime("%H:%M:%S"), str(gpu.index), cells)


def request(arguments: Sequence[str], out: TextIO, longest: int, help: str, more: Mapping[str, int]) -> Request:
    """What the options ask for, of which a command has `more`. What is wrong with them is no failure, as with
    nvidia-smi."""
    if any(word in ("-h", "--help") for word, _ in words(arguments)):
        raise Problem(help, 0)
    try:
        given = read(arguments, {**OPTIONS, **more})
    except Problem as problem:
        raise Problem(f"{problem}{help}", 0) from None
    delay, count = (number(given.get(option, "1")) for option in ("--delay", "--count"))
    if delay is None or not 1 <= delay <= longest:
        text = f"Collection delay/interval should be between 1 second and {longest} seconds\n"
        raise Problem(text + help, 0)
    if not count or (count < 0 and branch() < NEW):
        raise Problem(f"Invalid value for number of samples to be displayed\n{help}", 0)
    log = _opened(given.get("--filename"), out)
    gpus = _limited(chosen(given.get("--id")), out)
    asked = Request(gpus, delay, count if "--count" in given else -1, given, log)
    if any(isinstance(gpu.ask("GetIndex"), Refusal) for gpu in gpus):
        asked.fail("Not supported on the device(s)\n")
    return asked


def _limited(gpus: list[Gpu], out: TextIO) -> list[Gpu]:
    """As many GPUs as are watched, unless a variable of nvidia-smi says all."""
    every = os.environ.get("NVSMI_SHOW_ALL_DEVICES")
    if len(gpus) <= MOST or every == "1":
        return gpus
    if every is None:
        out.write(
            f"\nWARNING: Only monitoring up to {4 if branch() < 550 else MOST} GPUs is supported by default.\n"
            f"Set NVSMI_SHOW_ALL_DEVICES=1 to increase the limit up to {MOST} GPUs.\n"
            "Performance may be impacted by doing so.\n\n"
        )
    return gpus[:MOST]


def _opened(path: str | None, out: TextIO) -> TextIO:
    if path is None:
        return out
    try:
        return Path(path).open("w", encoding="utf-8")
    except OSError:
        raise Problem(FAILED, 255) from None


def scroll(asked: Request, heads: str, round: Callable[[list[Gpu]], Sequence[str]]) -> int:
    """Write the rows of one round after the other, with the titles again after as many rows as fit on a page."""
    rows = number = 0
    while True:
        for row in round([Gpu(gpu.index, gpu.handle) for gpu in asked.gpus]):
            if rows % PAGE == 0:
                asked.out.write(heads)
            asked.out.write(row)
            rows += 1
        asked.out.flush()
        number += 1
        if number == asked.rounds:
            return 0
        time.sleep(asked.delay)


def shown(answer: object) -> str:
    return "-" if answer is None or isinstance(answer, Refusal) else str(answer)
