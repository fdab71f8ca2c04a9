"""What commands that are words, such as `nvidia-smi drain`, have in common: options, numbers, titles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from mocknvml.smi.gpus import Gpu, Problem, Refusal, branch, status_of

FLAG, TEXT, NUMBER, OPTIONAL = range(4)  # what follows an option


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
        if kind == FLAG or (kind == OPTIONAL and (not rest or rest[0].startswith("-"))):
            given.append((name, ""))
            continue
        if not rest or re.match("-[^0-9]", rest[0]):
            _refuse(f'Option "{word}" is missing its value.')
        text = rest.pop(0)
        value = number(text) if kind == NUMBER else text
        if value is None:
            _refuse(f'Option "{text}" is invalid for "{word}".')
        given.append((name, value))
    return given


def only(command: str, given: list[tuple[str, Any]]) -> tuple[str, Any]:
    """The one thing that is asked of a command, "--help" without one."""
    names = [(name, value) for name, value in given if name != "--id"]
    if ("--help", "") in names or not given:
        return "--help", ""
    if branch() < 525:  # 470 takes the last, and says nothing to none
        return names[-1] if names else ("", "")
    if len(names) > 1:
        raise Problem(f"One, and only one, {command} command allowed at a time\n", 2)
    return names[0] if names else ("--help", "")


def capable(gpus: Iterable[Gpu], oldest: int, of: str) -> None:
    """End if no GPU is of an architecture, or of a newer one."""
    none = f"No {of} capable devices found.\n"
    found = False
    for gpu in gpus:
        architecture = gpu.ask("GetArchitecture")
        if isinstance(architecture, Refusal):
            text = f"NVML: Unable to get architecture: {architecture.reason}"
            raise Problem(f"{text}\n{none}", status_of(architecture.code))
        found |= architecture >= oldest
    if not found:
        raise Problem(none, 6)


def title(gpu: Gpu, no_index: str) -> str:
    """The line of a GPU above its readings; the text says that its index is not known."""
    index, name, uuid = (gpu.ask(f"Get{what}") for what in ("Index", "Name", "UUID"))
    if isinstance(index, Refusal):
        raise Problem(no_index.format(index.reason), status_of(index.code))
    name = "" if isinstance(name, Refusal) else name
    return f"GPU {index}: {name} (UUID: {'N/A' if isinstance(uuid, Refusal) else uuid})\n"


def _refuse(text: str) -> NoReturn:
    raise Problem(f"{text}\n", 2)
