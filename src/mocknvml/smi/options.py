"""What commands that are words, such as `nvidia-smi drain`, have in common: options, numbers, titles."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
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


def _refuse(text: str) -> NoReturn:
    raise Problem(f"{text}\n", 2)


NEW = 535  # a branch between 470 and 535 says what 470 says: none of them was seen


def read(
    arguments: Sequence[str],
    flags: Mapping[str, str],
    valued: Mapping[str, str],
    numbers: Collection[str] = (),
    optional: Collection[str] = (),
) -> dict[str, str]:
    """The values of the options given, by their long names. `flags`, `valued`: long names by the short ones; `numbers`,
    `optional`: those whose value is a number, or may be absent."""
    flags, valued = {**flags, "-h": "--help"}, {**valued, "-i": "--id"}
    known = {*flags.values(), *valued.values()}
    given: dict[str, str] = {}
    rest = [(part, word) for word in arguments for part in (word.split("=", 1) if branch() >= NEW else [word])]
    while rest:
        (word, written), value = rest.pop(0), ""
        name = flags.get(word) or valued.get(word) or word
        if name not in known:
            raise Problem(f'Option "{word}" is not recognized.\n', 2)
        if name in valued.values():
            if rest and (not rest[0][0].startswith("-") or rest[0][0][1:].isdecimal()):
                value = rest.pop(0)[0]
            elif name not in optional:
                raise Problem(f'Option "{word}" is missing its value.\n', 2)
        if name in numbers and number(value or "0") is None:
            raise Problem(f'Option "{value}" is invalid for "{written}".\n', 2)
        if branch() >= NEW or name not in given:
            given[name] = value
    return given


def link_of(given: Mapping[str, str]) -> int | None:
    """The one link that -l names, of all if it is absent or -1."""
    link = number(given.get("--link", "-1") or "0")
    return None if link == -1 else link


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
