"""`nvidia-smi encodersessions` and `nvidia-smi fbcsessions`: the sessions of encoders and of frame-buffer capture."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TextIO

from mocknvml.smi.gpus import Gpu, Problem, Refusal, branch, chosen
from mocknvml.smi.options import NEW, OPTIONAL, TEXT, read

HELP = """
    {0} -- {1}, one line each and round

    nvidia-smi {0} [-i GPUS] [-l[=SECONDS]]

    -l, --loop: each 5 s if no number from 1 to 10 is given; each second without it

"""
PAGE = 10  # rounds


class Column(NamedTuple):
    width: int
    heads: tuple[str, str]
    show: Callable[[Any], Any]


def _codec(session: Any) -> str:
    if branch() < NEW:
        return "H.265" if session.codecType else "H.264"
    return ("H.264", "H.265", "AV1")[session.codecType] if session.codecType < 3 else "-"


def _type(session: Any) -> str:
    return {1: "ToSys", 2: "Cuda", 3: "Vid", 4: "HWEnc"}.get(session.sessionType, "Unknown")


def _flag(bit: int) -> Callable[[Any], str]:
    return lambda session: "Enabled" if session.sessionFlags & bit else "Disabled"


def _mode(session: Any) -> str:
    modes = {0x4: "Non-blocking", 0x8: "Blocking", 0x10: "Timed"}  # NVML_NVFBC_SESSION_FLAG_CAPTUREMODE_*
    return next((text for bit, text in modes.items() if session.sessionFlags & bit), "Unknown")


ENCODER = (
    Column(8, ("Session", "Id"), attrgetter("sessionId")),
    Column(11, ("Process", "Id"), attrgetter("pid")),
    Column(8, ("Codec", "Type"), _codec),
    Column(8, ("H", "Res"), attrgetter("hResolution")),
    Column(8, ("V", "Res"), attrgetter("vResolution")),
    Column(8, ("Average", "FPS"), attrgetter("averageFps")),
    Column(12, ("Average", "Latency(us)"), attrgetter("encodeLatency")),
)
CAPTURE = (
    Column(10, ("Session", "Id"), attrgetter("sessionId")),
    Column(10, ("Process", "Id"), attrgetter("pid")),
    Column(10, ("Display", "Ordinal"), attrgetter("displayOrdinal")),
    Column(10, ("Session", "Type"), _type),
    Column(10, ("Diff. Map", "State"), _flag(1)),
    Column(12, ("Class. Map", "State"), _flag(2)),
    Column(14, ("Capture", "Mode"), _mode),
    Column(8, ("Max H", "Res"), attrgetter("hMaxResolution")),
    Column(8, ("Max V", "Res"), attrgetter("vMaxResolution")),
    Column(6, ("H", "Res"), attrgetter("hResolution")),
    Column(6, ("V", "Res"), attrgetter("vResolution")),
    Column(10, ("Average", "FPS"), attrgetter("averageFPS")),
    Column(14, ("Average", "Latency(us)"), attrgetter("averageLatency")),
)


def encoder(arguments: Sequence[str], out: TextIO) -> int:
    help = HELP.format("encodersessions", "sessions of encoders")
    return _scroll(arguments, out, help, "GetEncoderSessions", ENCODER)


def capture(arguments: Sequence[str], out: TextIO) -> int:
    help = HELP.format("fbcsessions", "sessions of frame-buffer capture")
    return _scroll(arguments, out, help, "GetFBCSessions", CAPTURE)


def _scroll(arguments: Sequence[str], out: TextIO, help: str, function: str, columns: Sequence[Column]) -> int:
    given = read(arguments, {"-i --id": TEXT, "-l --loop": OPTIONAL})
    if "--help" in given:
        out.write(help)
        return 0
    gpus = chosen(given.get("--id"))
    pause = _pause(given.get("--loop"))
    rounds = 0
    while True:
        if rounds % PAGE == 0:
            for at, place in enumerate(("GPU", "Idx")):
                out.write(f"# {place}{''.join(f'{column.heads[at]:>{column.width}}' for column in columns)}\n")
        for gpu in gpus:
            out.write("".join(_rows(Gpu(gpu.index, gpu.handle), function, columns)))
        out.flush()
        time.sleep(pause)
        rounds += 1


def _rows(gpu: Gpu, function: str, columns: Sequence[Column]) -> list[str]:
    index = gpu.ask("GetIndex")
    sessions = index if isinstance(index, Refusal) else gpu.ask(function)
    rows: list[list[Any]] = [[sessions] * len(columns)]
    if not isinstance(sessions, Refusal):
        rows = [[column.show(session) for column in columns] for session in sessions] or [["-"] * len(columns)]
    place = 0 if isinstance(index, Refusal) else index
    return [
        f"{place:>5}{''.join(f'{cell!s:>{column.width}}' for cell, column in zip(row, columns, strict=True))}\n"
        for row in rows
    ]


def _pause(given: str | None) -> int:
    """The seconds between two rounds. What is no number counts as if none were given."""
    if given is None:
        return 1
    if not given.isdecimal():
        return 5
    seconds = int(given)
    if not 1 <= seconds <= 10:
        text = "Provided [-l(sec) | --loop(sec)=] value is incorrect. Loop frequency must be between 1 and 10."
        raise Problem(f"{text}\n\n", 2)
    return seconds
