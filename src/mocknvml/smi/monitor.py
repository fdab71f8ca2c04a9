"""What dmon and pmon share: their options, and the columns that they scroll."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from mocknvml.smi.gpus import Gpu, Problem, Refusal, branch, chosen

OPTIONS = {
    "-i": "--id",
    "-d": "--delay",
    "-c": "--count",
    "-s": "--select",
    "-o": "--options",
    "-f": "--filename",
    "-h": "--help",
}
PAGE = 44  # rows
FAILED = "Failed to process command line \n\n"


class Layout(NamedTuple):
    """How wide columns are in a branch of the driver."""

    metric: int
    place: int  # of the GPU's index, behind date or time
    gap: str  # between date and time
    title: int  # of pmon's first metric
    type: int  # of pmon's title of it
    end: str  # of a title
    room: str  # before pmon's name of a process


def layout_of(branch: int) -> Layout:
    if branch < 525:
        return Layout(6, 7, "   ", 6, 6, "", "   ")
    if branch < 550:
        return Layout(7, 7, "   ", 6, 6, " ", "    ")
    return Layout(7, 8, "    ", 7, 7, " ", "    ")


class Column(NamedTuple):
    title: str
    unit: str
    since: int = 0  # the branch of the driver


class Request(NamedTuple):
    """What was asked for."""

    gpus: list[Gpu]
    delay: float
    rounds: int | None
    select: str
    stamps: str  # D for the date, T for the time
    out: TextIO

    @property
    def layout(self) -> Layout:
        return layout_of(branch())

    def stamp(self, date: str, clock: str) -> str:
        """What stands before the index of the GPU."""
        return self.layout.gap.join(it for it, letter in ((date, "D"), (clock, "T")) if letter in self.stamps)

    def heads(self, first: Sequence[str], second: Sequence[str]) -> str:
        """The two lines of titles, of which the parts behind the GPU's index are given."""
        lines = []
        for index, date, clock, parts in (("gpu", "Date", "Time", first), ("Idx", "YYYYMMDD", "HH:MM:SS", second)):
            stamp = self.stamp(f"{date:<8}", f"{clock:<8}")
            place = f"{index:>{self.layout.place}}" if stamp else f" {index}"
            lines.append(f"#{stamp}{place}{''.join(parts)}\n")
        return "".join(lines)

    def row(self, gpu: Gpu, rest: str) -> str:
        stamp = self.stamp(time.strftime("%Y%m%d"), time.strftime("%H:%M:%S"))
        place = f" {stamp}{gpu.index:>{self.layout.place}}" if stamp else f"{gpu.index:>5}"
        return f"{place}{rest}\n"


def request(arguments: Sequence[str], out: TextIO, default: str, longest: int, help: str) -> Request:
    """What the options ask for. What is wrong with them is no failure, as with nvidia-smi."""
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        option = OPTIONS.get(name, name)
        if option not in OPTIONS.values():
            raise Problem(f'Option "{word}" is not recognized.\n{help}', 0)
        if option == "--help":
            raise Problem(help, 0)
        if not equals:
            if not rest:
                raise Problem(f'Option "{word}" is missing its value.\n{help}', 0)
            value = rest.pop(0)
        options[option] = value
    count = options.get("--count")
    if count is not None and not (count.isdecimal() and int(count)):
        raise Problem(f"Invalid value for number of samples to be displayed\n{help}", 0)
    delay = options.get("--delay", "1")
    if not (delay.isdecimal() and 1 <= int(delay) <= longest):
        text = f"Collection delay/interval should be between 1 second and {longest} seconds\n"
        raise Problem(text + help, 0)
    out = _opened(options.get("--filename"), out)
    gpus = chosen(options.get("--id"))
    if any(isinstance(gpu.ask("GetIndex"), Refusal) for gpu in gpus):
        raise Problem(f"Not supported on the device(s)\n{FAILED}", 255)
    stamps = options.get("--options", "")
    if set(stamps) - {"D", "T"}:
        raise Problem(f"Error in parsing options\n{FAILED}", 255)
    return Request(
        gpus,
        float(delay),
        int(count) if count else None,
        options.get("--select", default),
        stamps,
        out,
    )


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


def columns(chosen_letters: str, groups: dict[str, tuple[Column, ...]]) -> list[tuple[str, int, Column]]:
    """The columns of the groups that letters name, each with its letter and its place in the group."""
    letters = dict.fromkeys(chosen_letters)
    if not letters or not letters.keys() <= groups.keys():
        raise Problem(f"Failed to find any metric to display\n{FAILED}", 255)
    return [
        (letter, at, column)
        for letter in letters
        for at, column in enumerate(groups[letter])
        if branch() >= column.since
    ]


def shown(answer: object) -> str:
    return "-" if answer is None or isinstance(answer, Refusal) else str(answer)
