"""Numbers, and the options of commands that are words, such as `nvidia-smi drain`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from mocknvml.smi.gpus import Problem, branch

FLAG, TEXT, NUMBER = range(3)  # what follows an option


def number(text: str) -> int | None:
    """As C reads it: decimal, or octal or hexadecimal by its prefix."""
    if not re.fullmatch(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", text):
        return None
    return int(text, 8 if re.fullmatch(r"[+-]?0[0-7]+", text) else 0)


def parse(arguments: Sequence[str], kinds: Mapping[str, int]) -> list[tuple[str, Any]]:
    """The options and their values, as they were given; `kinds` tells of "SHORT LONG" what follows it."""
    names = {word: (option.split()[-1], kind) for option, kind in kinds.items() for word in option.split()}
    names |= {word: ("--help", FLAG) for word in ("-h", "--help")}
    given: list[tuple[str, Any]] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        written = word
        if "=" in word and branch() >= 525:  # 470 has none
            written, behind = word.split("=", 1)
            rest.insert(0, behind)
        if written not in names:
            _refuse(f'Option "{word}" is not recognized.')
        name, kind = names[written]
        if kind == FLAG:
            given.append((name, True))
            continue
        if not rest or re.match("-[^0-9]", rest[0]):
            _refuse(f'Option "{word}" is missing its value.')
        text = rest.pop(0)
        value = number(text) if kind == NUMBER else text
        if value is None:
            _refuse(f'Option "{text}" is invalid for "{word}".')
        given.append((name, value))
    return given


def _refuse(text: str) -> NoReturn:
    raise Problem(f"{text}\n", 2)
