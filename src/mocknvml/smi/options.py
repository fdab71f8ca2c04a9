"""What commands that are words, such as `nvidia-smi drain`, have in common: options, numbers, titles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from mocknvml.smi.gpus import Gpu, Problem, Refusal, branch, status_of

FLAG, TEXT, NUMBER, OPTIONAL = range(4)  # what follows an option
NEW = 525  # a branch between 470 and 525 says what 470 says: none of them was seen


def number(text: str) -> int | None:
    """As C reads it: decimal, or octal or hexadecimal by its prefix."""
    if not re.fullmatch(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", text):
        return None
    return int(text, 8 if re.fullmatch(r"[+-]?0[0-7]+", text) else 0)


def words(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """The words, of which a "=" parts two, and how they were written."""
    parted: list[tuple[str, str]] = []
    for word in arguments:
        name, *behind = word.split("=", 1) if branch() >= NEW else [word]
        parted += [(name, word), *((value, value) for value in behind)]
    return parted


def scan(arguments: Sequence[str], kinds: Mapping[str, int]) -> list[tuple[str, Any]]:
    """The options and their values, as they were given; `kinds` tells of "SHORT LONG" what follows it."""
    names = {word: (option.split()[-1], kind) for option, kind in kinds.items() for word in option.split()}
    names |= {word: ("--help", FLAG) for word in ("-h", "--help")}
    given: list[tuple[str, Any]] = []
    rest = words(arguments)
    while rest:
        word, written = rest.pop(0)
        if word not in names:
            raise Problem(f'Option "{written}" is not recognized.\n', 2)
        name, kind = names[word]
        value: Any = ""
        if kind != FLAG and rest and not re.match("-[^0-9]", rest[0][0]):
            value = rest.pop(0)[0]
        elif kind in (TEXT, NUMBER):
            raise Problem(f'Option "{written}" is missing its value.\n', 2)
        if kind == NUMBER:
            text, value = value, number(value or "0")
            if value is None:
                if branch() < 530:
                    raise Problem('Option "(null)" is missing its value.\n', 2)
                raise Problem(f'Option "{text}" is invalid for "{written}".\n', 2)
        given.append((name, value))
    return given


def read(arguments: Sequence[str], kinds: Mapping[str, int]) -> dict[str, Any]:
    """The options and their values. Of one that is given twice the last counts; with 470 the first."""
    given = scan(arguments, kinds)
    return dict(given if branch() >= NEW else reversed(given))


def only(command: str, arguments: Sequence[str], kinds: Mapping[str, int]) -> tuple[str, dict[str, Any]]:
    """The one thing that is asked of a command, "--help" without one, and all that is given."""
    given = read(arguments, kinds)
    names = [name for name in given if name != "--id"]
    if "--help" in given or not given:
        return "--help", given
    if branch() < NEW:  # sets rather than lists, and says nothing to none
        return max(names, default=""), given
    if len(scan(arguments, kinds)) - ("--id" in given) > 1:
        raise Problem(f"One, and only one, {command} command allowed at a time\n", 2)
    return names[0] if names else "--help", given


def capable(gpus: Iterable[Gpu], oldest: int, of: str) -> list[Gpu]:
    """Those of an architecture, or of a newer one: there is at least one."""
    none = f"No {of} capable devices found.\n"
    found = [gpu for gpu in gpus if architecture(gpu, f"NVML: Unable to get architecture: {{}}\n{none}") >= oldest]
    if not found:
        raise Problem(none, 6)
    return found


def link_of(given: Mapping[str, Any]) -> int | None:
    """The one link that -l names, of all if it is absent or -1."""
    link = given.get("--link", -1)
    return None if link == -1 else int(link)


def fail(text: str, refusal: Refusal) -> NoReturn:
    raise Problem(text.format(refusal.reason), status_of(refusal.code))


def title(gpu: Gpu, no_index: str, no_name: str | None = None) -> str:
    """The line of a GPU above its readings; the texts say that its index or name is not known."""
    index, name, uuid = (gpu.ask(f"Get{what}") for what in ("Index", "Name", "UUID"))
    if isinstance(index, Refusal):
        fail(no_index, index)
    if isinstance(name, Refusal):
        if no_name is not None:
            fail(no_name, name)
        name = ""
    return f"GPU {index}: {name} (UUID: {shown(uuid)})\n"


def architecture(gpu: Gpu, unknown: str) -> int:
    """One of NVML_DEVICE_ARCH_*; `unknown`: what to say if it is refused."""
    answer = gpu.ask("GetArchitecture")
    if isinstance(answer, Refusal):
        fail(unknown, answer)
    return int(answer)


def shown(answer: object, unit: str = "") -> str:
    return "N/A" if isinstance(answer, Refusal) else f"{answer}{unit}"
