"""`mocknvml trace`: the NVML calls of a command, or of all that use a node, as they are made."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from mocknvml.cli import node
from mocknvml.cli.errors import UserError
from mocknvml.cli.run import environment

if TYPE_CHECKING:
    import subprocess

    from mocknvml.state.calls import Call, CallLog


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "trace",
        help="print the NVML calls of a command",
        usage="mocknvml trace [--profile PROFILE] [--gpus N] [--driver VERSION] [--node PATH] [--json | --summary] "
        "[-o FILE] [-- COMMAND ...]",
        description="Run a command as `mocknvml run` does, and print the NVML calls of all its processes to stderr, "
        "each when it has ended: when it began, its process (and thread), its arguments with what it filled in, its "
        "result and how many seconds it took. Without a command: the calls of all that use the node, until it is "
        "interrupted. The exit status is that of the command; 128 and the number of the signal that ended it.",
        epilog="example: mocknvml trace --profile h100-sxm5-80gb -- nvidia-smi -L",
        allow_abbrev=False,
    )
    node.add_options(parser)
    parser.add_argument("--node", metavar="PATH", help="use this node file, and keep it (MOCK_NVML_NODE)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON, one line per call")
    form.add_argument("--summary", action="store_true", help="print calls, errors and times by function, at the end")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead")
    parser.add_argument(
        "command", metavar="COMMAND ...", nargs=argparse.REMAINDER, help="the command and its arguments"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command and args.node is None:
        from mocknvml.state import where

        args.node = where.find().path
        if args.node is None:
            raise UserError("nothing to trace; write: mocknvml trace -- COMMAND ... or: mocknvml trace --node PATH")
    env = environment(args)
    with _output(args.output) as output, _log(env["MOCK_NVML_NODE"]) as calls:
        start = calls.tickets
        before = calls.totals()
        child = _start(command, env) if command else None
        try:
            ended = _ended(child)
            if args.summary:
                while not ended():
                    time.sleep(0.01)
            else:
                _print(calls, ended, start, output, as_json=args.json)
        except BrokenPipeError:  # nobody reads on; the command need not know
            if child:
                child.wait()
        if args.summary:
            output.write(summary(before, calls.totals()))
    if child is None:
        return 0
    status = child.wait()
    return status if status >= 0 else 128 - status


def _start(command: list[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
    import subprocess  # not above: the start of `mocknvml run` pays for all commands

    try:
        child = subprocess.Popen(command, env=env)
    except OSError as error:
        status = 127 if isinstance(error, FileNotFoundError) else 126
        raise UserError(f"cannot run {command[0]!r}: {error.strerror}", status) from None
    # An interrupt is meant for the command; we end when it has.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    return child


def _ended(child: "subprocess.Popen[bytes] | None") -> Callable[[], bool]:
    """Whether there is nothing more to trace: the command has ended, or somebody has interrupted us."""
    if child:
        return lambda: child.poll() is not None
    interrupted: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: interrupted.append(number))
    return lambda: bool(interrupted)


def _output(path: str | None) -> AbstractContextManager[TextIO]:
    try:
        return nullcontext(sys.stderr) if path is None else Path(path).open("w", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


@contextmanager
def _log(path: str) -> Iterator["CallLog"]:
    """The log of a node, started if it was not, and then ended."""
    from mocknvml.state.calls import CallLog
    from mocknvml.state.node import Node

    with Node.open(path) as opened:
        logged = opened.logs_calls
        if not logged:
            opened.log_calls()
        try:
            with CallLog(opened) as calls:
                yield calls
        finally:
            if not logged:
                opened.log_calls(False)


def _print(calls: "CallLog", ended: Callable[[], bool], start: int, output: TextIO, *, as_json: bool) -> None:
    from mocknvml.state.calls import Call

    for call in calls.follow(ended, start):
        if isinstance(call, Call):
            text = json.dumps(record(call)) if as_json else line(call)
        elif as_json:
            text = json.dumps({"lost": call.count})
        else:
            text = f"--- {call.count} calls were made faster than they could be read ---"
        output.write(f"{text}\n")
        output.flush()


def line(call: "Call") -> str:
    """A call as strace would show it."""
    clock = time.strftime("%H:%M:%S", time.localtime(call.start)) + f"{call.start % 1:.6f}"[1:]
    who = f"{call.pid}" if call.pid == call.tid else f"{call.pid}/{call.tid}"
    arguments = ", ".join(f"{name}={shown(value)}" for name, value in call.arguments.items())
    rule = f" (rule {call.rule})" if call.rule else ""
    seconds = f"{call.nanoseconds / 1e9:.7f}"
    return f"{clock} [{who}] {call.function}({arguments}) = {call.result}{rule} <{seconds}>"


def shown(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case dict():
            return "{" + ", ".join(f"{name}={shown(inner)}" for name, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(shown, value)) + "]"
        case str():
            return json.dumps(value)
    return "..." if value is ... else str(value)


def record(call: "Call") -> dict[str, Any]:
    """A call for JSON: what a function left as it was is left out."""
    return {
        "time": call.start,
        "pid": call.pid,
        "tid": call.tid,
        "function": call.function,
        "gpu": call.gpu,
        "arguments": _plain(call.arguments),
        "result": str(call.result),
        "code": int(call.result),
        "nanoseconds": call.nanoseconds,
        "rule": call.rule,
    }


def _plain(value: Any) -> Any:
    from mocknvml.state.api import Address, Constant

    match value:
        case dict():
            return {name: _plain(inner) for name, inner in value.items() if inner is not ...}
        case list():
            return [_plain(inner) for inner in value if inner is not ...]
        case Constant() | Address():
            return str(value)
    return value


def summary(before: dict[str, tuple[int, int, int]], after: dict[str, tuple[int, int, int]]) -> str:
    """Calls, errors and times by function, the longest times first."""
    sums = {
        name: [now - then for now, then in zip(counted, before.get(name, (0, 0, 0)), strict=True)]
        for name, counted in after.items()
    }
    rows = sorted(((name, row) for name, row in sums.items() if row[0]), key=lambda item: -item[1][2])
    rows.append(("total", [sum(row[column] for _, row in rows) for column in range(3)]))
    lines = [f"{'calls':>9} {'errors':>7} {'ns':>13} {'ns/call':>10}  function"]
    for name, (calls, errors, spent) in rows:
        lines.append(f"{calls:9} {errors:7} {spent:13} {spent // max(calls, 1):10}  {name}")
    return "\n".join(lines) + "\n"
