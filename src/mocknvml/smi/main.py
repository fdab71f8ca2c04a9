"""The commands of nvidia-smi: which options each takes, and which function runs it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO

from mocknvml.smi.gpus import Gpu, Problem, ask, branch, chosen, start

SHORT = {
    "-h": "--help",
    "-L": "--list-gpus",
    "-B": "--list-excluded-gpus",
    "-i": "--id",
    "-f": "--filename",
    "-l": "--loop",
    "-lms": "--loop-ms",
    "-q": "--query",
    "-x": "--xml-format",
    "-d": "--display",
    "-u": "--unit",
    "-eow": "--error-on-warning",
    "-r": "--gpu-reset",
    "-m": "--mode",
    "-sc": "--scope",
    "-t": "--toggle-led",
}
LOOPS = {"--loop": 1.0, "--loop-ms": 0.001}  # their value, which may be absent, in seconds
DEFAULT_LOOP = 5.0  # seconds
NEED_QUERY = {
    "--xml-format": "-x/--xml-format to run an XML",
    "--display": "-d/--display to run a filtered",
    "--unit": "-u/--unit to run a unit",
}


TWO_SETTINGS = "Invalid combination of input arguments. Only one device modification may be done at a time.\n\n"
INVALID = "Invalid combination of input arguments."
UNEXPECTED = "Internal nvidia-smi error. Unexpected modification operation.\n\n"
PLEASE = "Please run 'nvidia-smi -h' for help.\n\n"


class Misuse(Problem):
    """Options that are wrong, for which nvidia-smi 470 has other words, and 525 one text."""

    def __init__(self, text: str, status: int, before: str = INVALID, of_525: Problem | None = None) -> None:
        super().__init__(text, status)
        self.before = Problem(f"{before} {PLEASE}", 2)
        self.of_525 = of_525 or Problem(f"{INVALID} {PLEASE}", status)

    @classmethod
    def value(cls, value: str, word: str) -> Misuse:
        written = word.partition("=")[0]
        name = SHORT.get(written, written)
        short = next((short for short, long in SHORT.items() if long == name != short), "(null)")
        before = f"Provided [{short} | {name}=] value is not a valid or is out of range: {value}."
        return cls(f"ERROR: Option {value} is invalid for {word}. {PLEASE}", 2, before, _value_of_525(name))

    @property
    def told(self) -> Problem:
        """In the words of the driver's branch, or the newer ones without a driver."""
        with suppress(Problem):
            start()
        if branch() < 525:
            return self.before
        return self.of_525 if branch() < 530 else self


def _value_of_525(name: str) -> Problem:
    text = f"{INVALID} {PLEASE}" if name in ("--power-limit", "--lock-memory-clocks-deferred", "--mode") else UNEXPECTED
    return Problem(text, 255)


@dataclass(frozen=True)
class Command:
    """`function`: MODULE:NAME of what takes a Call and returns the exit status. `takes`: further options, None: any."""

    function: str
    takes: tuple[str, ...] | None = ()


OUTPUT = ("--id", "--filename", "--loop", "--loop-ms")
QUERY = (*OUTPUT, "--format")
REPORT = (*OUTPUT, "--xml-format", "--display", "--dtd", "--unit")
LISTS = ("--list-gpus", "--list-excluded-gpus")
MODIFIERS = {"--mode": "--lock-gpu-clocks", "--scope": "--power-limit"}  # options of one setting
SETTING = ("--id", "--error-on-warning", *MODIFIERS)
ITEM_QUERIES = (
    *("--query-compute-apps", "--query-accounted-apps", "--query-supported-clocks"),
    *("--query-retired-pages", "--query-remapped-rows"),
)

SETTERS = {
    "-pm": "--persistence-mode",
    "-e": "--ecc-config",
    "-p": "--reset-ecc-errors",
    "-c": "--compute-mode",
    "-am": "--accounting-mode",
    "-pl": "--power-limit",
    "-lgc": "--lock-gpu-clocks",
    "-lmc": "--lock-memory-clocks",
    "-ac": "--applications-clocks",
    "-lmcd": "--lock-memory-clocks-deferred",
    "-cc": "--cuda-clocks",
    "-dm": "--driver-model",
    "-fdm": "--force-driver-model",
    "-acp": "--applications-clocks-permission",
    "-gtt": "--gpu-target-temp",
    "-vm": "--virt-mode",
    "-mig": "--multi-instance-gpu",
    **{name: name for name in ("--gom", "--auto-boost-default", "--auto-boost-permission")},
}
RESETTERS = {
    "-caa": "--clear-accounted-apps",
    "-rgc": "--reset-gpu-clocks",
    "-rmc": "--reset-memory-clocks",
    "-rac": "--reset-applications-clocks",
    "-rmcd": "--reset-memory-clocks-deferred",
}
SHORT |= SETTERS | RESETTERS
VALUED = {*SETTERS.values(), *MODIFIERS, "--toggle-led", "--id", "--filename", "--display", "--format", "--query-gpu"}
VALUED |= set(ITEM_QUERIES)

# By the option that asks for it, in the order in which they win over one another.
COMMANDS = {
    "--help": Command("help:overview"),
    "--version": Command("listing:versions"),
    "--list-gpus": Command("listing:gpus"),
    "--list-excluded-gpus": Command("listing:excluded"),
    **{name.replace("--", "--help-"): Command("help:query", None) for name in ("--query-gpu", *ITEM_QUERIES)},
    "--query-gpu": Command("query:gpus", QUERY),
    **{name: Command("query:items", QUERY) for name in ITEM_QUERIES},
    **{name: Command("setters:run", SETTING) for name in (*SETTERS.values(), *RESETTERS.values())},
    "--gpu-reset": Command("reset:run", SETTING),
    "--toggle-led": Command("led:run", ("--id",)),
    "--query": Command("report:show", REPORT),
    "--dtd": Command("dtd:show", ("--filename",)),
    "": Command("table:show", OUTPUT),
}

# By the first argument: functions that take all further arguments and the stream that they write to.
SUBCOMMANDS = {
    **{name: f"{name}:run" for name in ("topo", "dmon", "pmon", "nvlink", "c2c", "clocks", "gpm", "pci", "stats")},
    **{name: f"{name}:run" for name in ("drain", "mig", "vgpu")},
    "conf-compute": "conf_compute:run",
    "encodersessions": "sessions:encoder",
    "fbcsessions": "sessions:capture",
    "base-clocks": "private:base_clocks",
    "boost-slider": "private:boost_slider",
    "compute-policy": "private:compute_policy",
    "power-hint": "private:power_hint",
}
# The branches of the driver from which on, and before which, nvidia-smi has some.
SINCE = {"c2c": 535, "conf-compute": 535, "gpm": 535, "pci": 550}
UNTIL = {"stats": 535}


# What nvidia-smi has, and the stand-in has not.
ABSENT = {
    *("daemon", "replay", "--debug", "power-smoothing", "power-profiles", "prm", "rusd", "soc", "event-log", "cper"),
}


@dataclass
class Call:
    """One round of a command."""

    options: dict[str, str]  # by their long names; those without a value have an empty one
    words: dict[str, str]  # the options as they were written, with values that follow a =
    out: TextIO
    round: int = 0  # counted by -l

    @cached_property
    def gpus(self) -> list[Gpu]:
        """Those that -i chooses, or all: there is at least one."""
        return chosen(self.options.get("--id"))

    @cached_property
    def strict(self) -> bool:
        """Whether warnings are errors."""
        strict = "--error-on-warning" in self.options
        if strict and 525 <= branch() < 550:  # takes it for another setting
            raise Misuse(TWO_SETTINGS, 2)
        return strict


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status. Like nvidia-smi it says everything on stdout."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends a loop without a word
    with suppress(AttributeError):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        if arguments and arguments[0] in SUBCOMMANDS:
            start()
            name = arguments[0]
            if SINCE.get(name, 0) <= branch() < UNTIL.get(name, sys.maxsize):
                status: int = _function(SUBCOMMANDS[name])(list(arguments[1:]), sys.stdout)
                return status
        name, options, words = parse(arguments)
        return _run(COMMANDS[name], options, words)
    except Problem as problem:
        told = problem.told if isinstance(problem, Misuse) else problem
        sys.stdout.write(str(told))
        return told.status


def _function(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(f"mocknvml.smi.{module}"), name)


def _run(command: Command, options: dict[str, str], words: dict[str, str]) -> int:
    function = _function(command.function)
    pause = _pause(options)
    if command.function.startswith("help:"):
        return int(function(Call(options, words, sys.stdout)))
    start()
    out = _out(options)
    number = 0
    while True:
        status = int(function(Call(options, words, out, number)))
        out.flush()
        if pause is None or status:
            ask("nvmlShutdown")
            return status
        time.sleep(pause)
        number += 1


def _out(options: dict[str, str]) -> TextIO:
    path = options.get("--filename")
    if path is None:
        return sys.stdout
    return log(path, "" if any(name.startswith("--query-") for name in options) else "the ")


def log(path: str, the: str = "") -> TextIO:
    """The file that is written in place of stdout."""
    try:
        return Path(path).open("w", encoding="utf-8")
    except OSError:
        raise Problem(f"Failed to create {the}log file {path}\n\n", 255) from None


def _pause(options: dict[str, str]) -> float | None:
    """The seconds between two rounds, if there are several."""
    for name, unit in LOOPS.items():
        if name in options:
            number = options[name]
            if number.isdecimal() and not int(number):
                text = "Provided [-l(ms) | --loop(-ms)=] value is incorrect. Loop frequency must be greater than 0."
                raise Problem(f"{text}\n\n", 2)
            return int(number) * unit if number.isdecimal() else DEFAULT_LOOP
    return None


def parse(arguments: Sequence[str]) -> tuple[str, dict[str, str], dict[str, str]]:
    """The option that names the command, and the values and the words of all options by their long names."""
    given: dict[str, str] = {}
    words: dict[str, str] = {}  # of each option as it was written
    unknown: list[str] = []
    again = False
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        written, equals, value = word.partition("=")
        if written in ABSENT and not _is_known(SHORT.get(written, written)):
            raise Problem(f"ERROR: {written} is not in this stand-in for nvidia-smi.\n\n", 255)
        name = SHORT.get(written, written)
        if equals and _is_known(name) and name not in (*VALUED, *LOOPS):
            rest.insert(0, value)
        elif name in VALUED and not equals:
            if not rest or (rest[0].startswith("-") and name not in SETTERS.values()):
                before = () if word == name else (f"Missing value for {word} argument.",)
                raise Misuse(f"ERROR: Option {word} is missing its value. {PLEASE}", 255, *before)
            value = rest.pop(0)
        elif name in LOOPS and not equals and rest and not rest[0].startswith("-"):
            value = rest.pop(0)
        if not _is_known(name):
            unknown.append(name)
        again |= name in given
        given.setdefault(name, value)
        words.setdefault(name, word)
    command = next((name for name in COMMANDS if name in given), "")
    if sum(name.startswith("--query-") for name in given) > 1 and command.startswith("--query-"):
        raise Problem("Only one --query-* switch can be used at a time.\n", 2)
    _check_settings(command, given, again)
    if command in (*LISTS, "--version") and (again or set(LISTS) <= set(given)):
        raise Misuse(f"ERROR: Only one command can be run at a time. {PLEASE}", 2)
    takes = COMMANDS[command].takes
    wrong = [name for name in unknown if command in ("", "--query")]
    wrong += [name for name in given if takes is not None and name not in (command, *takes)]
    for name in wrong:
        _refuse(name, words[name], command)
    return command, given, words


def _check_settings(command: str, given: Iterable[str], again: bool) -> None:
    for option, setting in MODIFIERS.items():
        if option in given and setting not in given and (not command or is_setter(command)):
            plural = "s" if option == "--scope" else ""
            text = f"{INVALID} '{option}' can only be used with '{setting}{plural}'.\n\n"
            raise Misuse(text, 2, of_525=Problem(text, 2))
    if is_setter(command) and (again or sum(name in COMMANDS and is_setter(name) for name in given) > 1):
        raise Misuse(TWO_SETTINGS, 2)


def _refuse(name: str, word: str, command: str) -> NoReturn:
    """Say what is wrong with an option that the command does not take."""
    if not command and name in NEED_QUERY:
        text = f"Invalid combination of input arguments. Specify -q/--query and {NEED_QUERY[name]} query. "
        raise Problem(f"{text} {PLEASE}", 2)
    if command in ("", "--query"):
        raise unknown_option(word)
    recognized = command.startswith(("--query-", "--toggle-led")) or _is_strict(command)
    what = "recognized" if recognized else "valid for this command"
    text, status = f"ERROR: Option {word} is not {what}. {PLEASE}", 255 if _is_strict(command) else 2
    raise Misuse(text, status, of_525=Problem(f"{INVALID} {PLEASE}", 2))


def unknown_option(word: str) -> Misuse:
    return Misuse(f"ERROR: Option {word} is not recognized. Please run 'nvidia-smi -h'.\n\n", 255)


def is_setter(command: str) -> bool:
    return COMMANDS[command].takes == SETTING


def _is_strict(command: str) -> bool:
    return command == "--dtd" or is_setter(command)


def _is_known(name: str) -> bool:
    return name in COMMANDS or name in NEED_QUERY or any(name in (command.takes or ()) for command in COMMANDS.values())
