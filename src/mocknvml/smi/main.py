"""The commands of nvidia-smi: which options each takes, and which function runs it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
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
    "-i": "--id",
    "-f": "--filename",
    "-l": "--loop",
    "-lms": "--loop-ms",
    "-q": "--query",
    "-x": "--xml-format",
    "-d": "--display",
    "-u": "--unit",
    "-t": "--toggle-led",
}
LOOPS = {"--loop": 1.0, "--loop-ms": 0.001}  # their value, which may be absent, in seconds
DEFAULT_LOOP = 5.0  # seconds
NEED_QUERY = {
    "--xml-format": "-x/--xml-format to run an XML",
    "--display": "-d/--display to run a filtered",
    "--unit": "-u/--unit to run a unit",
}


@dataclass(frozen=True)
class Command:
    """`function`: MODULE:NAME of what takes a Call and returns the exit status. `takes`: further options, None: any."""

    function: str
    takes: tuple[str, ...] | None = ()


OUTPUT = ("--id", "--filename", "--loop", "--loop-ms")
QUERY = (*OUTPUT, "--format")
REPORT = (*OUTPUT, "--xml-format", "--display", "--unit")
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
}
RESETTERS = {
    "-caa": "--clear-accounted-apps",
    "-rgc": "--reset-gpu-clocks",
    "-rmc": "--reset-memory-clocks",
    "-rac": "--reset-applications-clocks",
}
SHORT |= SETTERS | RESETTERS
VALUED = {*SETTERS.values(), "--id", "--filename", "--display", "--format", "--query-gpu", *ITEM_QUERIES}
VALUED.add("--toggle-led")

# By the option that asks for it, in the order in which they win over one another.
COMMANDS = {
    "--help": Command("help:overview"),
    "--list-gpus": Command("listing:gpus"),
    "--toggle-led": Command("units:toggle", ("--id",)),
    **{name.replace("--", "--help-"): Command("help:query", None) for name in ("--query-gpu", *ITEM_QUERIES)},
    "--query-gpu": Command("query:gpus", QUERY),
    **{name: Command("query:items", QUERY) for name in ITEM_QUERIES},
    **{name: Command("setters:run", ("--id",)) for name in (*SETTERS.values(), *RESETTERS.values())},
    "--query": Command("report:show", REPORT),
    "": Command("table:show", OUTPUT),
}

# By the first argument: functions that take all further arguments and the stream that they write to.
SUBCOMMANDS = {
    "topo": "topo:run",
    "dmon": "dmon:run",
    "pmon": "pmon:run",
    "nvlink": "nvlink:run",
    "c2c": "c2c:run",
    "clocks": "clocks:run",
    "encodersessions": "sessions:encoder",
    "fbcsessions": "sessions:capture",
    "gpm": "gpm:run",
    "pci": "pci:run",
    "stats": "stats:run",
}
# The branches of the driver from which on, and before which, nvidia-smi has some: 470, 535 and 550 were seen.
SINCE = {"c2c": 535, "gpm": 535, "pci": 550}
UNTIL = {"stats": 535}


# What nvidia-smi has, and the stand-in has not.
ABSENT = {
    *("mig", "drain", "vgpu", "compute-policy", "conf-compute", "daemon"),
    *("replay", "boost-slider", "power-hint", "base-clocks", "power-smoothing", "power-profiles"),
    *("prm", "rusd", "soc", "event-log", "cper"),
    *("-r", "--gpu-reset", "-B", "--list-excluded-gpus", "--dtd", "--debug"),
    *("--gom", "-vm", "--virt-mode", "-m", "--mode", "-sc", "--scope", "-cc", "--cuda-clocks", "-mig"),
    *("--multi-instance-gpu", "-gtt", "--gpu-target-temp", "--auto-boost-default", "--auto-boost-permission", "-eow"),
    *("--error-on-warning", "-lmcd", "--lock-memory-clocks-deferred", "-rmcd", "--reset-memory-clocks-deferred"),
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
        sys.stdout.write(str(problem))
        return problem.status


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
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        written, equals, value = word.partition("=")
        if written in ABSENT and not _is_known(SHORT.get(written, written)):
            raise Problem(f"ERROR: {written} is not in this stand-in for nvidia-smi.\n\n", 255)
        name = SHORT.get(written, written)
        if name in VALUED and not equals:
            if not rest or rest[0].startswith("-"):
                raise Problem(
                    f"ERROR: Option {word} is missing its value. Please run 'nvidia-smi -h' for help.\n\n", 255
                )
            value = rest.pop(0)
        elif name in LOOPS and not equals and rest and not rest[0].startswith("-"):
            value = rest.pop(0)
        if not _is_known(name):
            unknown.append(name)
        given.setdefault(name, value)
        words.setdefault(name, word)
    command = next((name for name in COMMANDS if name in given), "")
    if sum(name.startswith("--query-") for name in given) > 1 and command.startswith("--query-"):
        raise Problem("Only one --query-* switch can be used at a time.\n", 2)
    if is_setter(command) and sum(name in COMMANDS and is_setter(name) for name in given) > 1:
        text = "Invalid combination of input arguments. Only one device modification may be done at a time."
        raise Problem(f"{text}\n\n", 2)
    takes = COMMANDS[command].takes
    wrong = [name for name in unknown if command in ("", "--query")]
    wrong += [name for name in given if takes is not None and name not in (command, *takes)]
    for name in wrong:
        _refuse(name, words[name], command)
    return command, given, words


def _refuse(name: str, word: str, command: str) -> NoReturn:
    """Say what is wrong with an option that the command does not take."""
    if not command and name in NEED_QUERY:
        text = f"Invalid combination of input arguments. Specify -q/--query and {NEED_QUERY[name]} query. "
        raise Problem(f"{text} Please run 'nvidia-smi -h' for help.\n\n", 2)
    if command in ("", "--query"):
        raise Problem(f"ERROR: Option {word} is not recognized. Please run 'nvidia-smi -h'.\n\n", 255)
    what = "recognized" if command.startswith("--query-") or is_setter(command) else "valid for this command"
    status = 255 if is_setter(command) else 2
    raise Problem(f"ERROR: Option {word} is not {what}. Please run 'nvidia-smi -h' for help.\n\n", status)


def is_setter(command: str) -> bool:
    return COMMANDS[command].function == "setters:run"


def _is_known(name: str) -> bool:
    return name in COMMANDS or name in NEED_QUERY or any(name in (command.takes or ()) for command in COMMANDS.values())
