"""The log of calls: what all processes of a node called, with arguments, results and times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from ctypes import c_uint64
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from mocknvml.errors import UnknownKey
from mocknvml.state.api import Constant, Device, constant, decode, decode_struct, function_names, model
from mocknvml.state.native import native
from mocknvml.state.values import did_you_mean

if TYPE_CHECKING:
    from mocknvml.state.node import Node

# As in native/calls.h and native/record.c.
RECORDS: Final = 8192
WORDS: Final = 64
HEAD: Final = 6
NO_GPU: Final = 0xFFFF
IS_NULL: Final = 2**64 - 1
NOT_FOLLOWED: Final = 2**64 - 2
EXPORT_SLOT: Final = "exportTable"  # a call through the private table of nvidia-smi

STEP: Final = 64  # records after which a follower says how far it is
PATIENCE: Final = 0.5  # seconds after which a record that is not whole counts as lost: its process died


@dataclass(frozen=True)
class Call:
    """One call of an NVML function, when it had ended.

    Arguments are named as in nvml.h. What a pointer points to stands for the pointer: a number, a text, a dict for a
    struct, a list; None where it is NULL, ... where the function left it as it was. Long ones are cut.
    """

    function: str
    arguments: dict[str, Any]
    result: int  # equal to the return code, printed by its name
    gpu: int | None
    pid: int
    tid: int
    start: float  # seconds of the host since 1970
    nanoseconds: int
    rule: int | None  # the id of the rule that answered


class CallList(list[Call]):
    """Calls; `lost` is how many more there were that the log no longer holds."""

    lost: int = 0


@dataclass(frozen=True)
class Lost:
    """Calls that the log no longer holds."""

    count: int


OTHER: Final = Lost(0)


class CallLog:
    """The log of one node."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._file = native().mock_api_calls_open(node.handle)

    def close(self) -> None:
        if self._file:
            native().mock_api_calls_close(self._file)
            self._file = None

    def __enter__(self) -> CallLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def tickets(self) -> int:
        """How many calls were ever logged."""
        return int(native().mock_api_calls_tickets(self._file)) if self._file else 0

    def calls(self, function: str | None = None) -> CallList:
        """The calls since the log was started."""
        if function is not None and function not in (*function_names(), EXPORT_SLOT):
            raise UnknownKey(f"{function}: no such function in nvml.h{did_you_mean(function, function_names())}")
        names = [*function_names(), EXPORT_SLOT]
        number = None if function is None else names.index(function)
        found = CallList()
        if self._file:
            end = self.tickets
            start = int(native().mock_api_calls_since(self._file))
            first = max(start, end - RECORDS)
            found.lost = first - start
            for ticket in range(first, end):
                call = self._record(ticket, number)
                if isinstance(call, Call):
                    found.append(call)
                elif call is not OTHER:
                    found.lost += 1
        return found

    def follow(self, ended: Callable[[], bool], start: int) -> Iterator[Call | Lost]:
        """The calls from a ticket on, as they are made, until `ended` says that none will follow.

        Who makes calls faster than they are read has to wait, unless we read none for a second.
        """
        try:
            yield from self._follow(ended, start)
        finally:
            if self._file:
                native().mock_api_calls_read(self._file, 2**64 - 1)

    def _follow(self, ended: Callable[[], bool], start: int) -> Iterator[Call | Lost]:
        ticket, since = start, time.monotonic()
        while self._file:
            native().mock_api_calls_read(self._file, ticket)
            last = ended()
            end = self.tickets
            if end - ticket > RECORDS:
                yield Lost(end - RECORDS - ticket)
                ticket = end - RECORDS
            while ticket < end:
                call = self._record(ticket)
                if call is None and time.monotonic() - since < PATIENCE:
                    time.sleep(0.001)
                    continue
                yield call if isinstance(call, Call) else Lost(1)
                ticket, since = ticket + 1, time.monotonic()
                if ticket % STEP == 0:
                    native().mock_api_calls_read(self._file, ticket)
            if last:
                return
            native().mock_api_calls_wait(self._file, end, 50_000_000)
            since = time.monotonic()

    def totals(self) -> dict[str, tuple[int, int, int]]:
        """Calls, errors and nanoseconds by function, of all calls since the log was started, lost ones too."""
        sums = (c_uint64 * 3)()
        found = {}
        for number, name in enumerate((*function_names(), EXPORT_SLOT) if self._file else ()):
            native().mock_api_call_sums(self._file, number, sums)
            if sums[0]:
                found[name] = (sums[0], sums[1], sums[2])
        return found

    def _record(self, ticket: int, function: int | None = None) -> Call | Lost | None:
        """None: it is not whole yet. Of other functions than the one that is asked for: OTHER."""
        words = (c_uint64 * WORDS)()
        state = native().mock_api_record(self._file, ticket, words)
        if state == 1:
            return _call(list(words)) if function in (None, words[4] & 0xFFFF) else OTHER
        return Lost(1) if state < 0 else None


def log(node: Node, on: bool) -> None:
    """Start the log, from now on, or end it."""
    node.check(native().mock_api_log(node.handle, on))


@cache
def _since_1970() -> int:
    """Nanoseconds from the host's epoch to the start of its monotonic clock; once, so that calls keep their order."""
    return time.time_ns() - time.monotonic_ns()


def _call(words: list[int]) -> Call:
    _, start, nanoseconds, process, what, rule = words[:HEAD]
    function, gpu, code = what & 0xFFFF, what >> 16 & 0xFFFF, what >> 32
    names = function_names()
    return Call(
        names[function] if function < len(names) else EXPORT_SLOT,
        _arguments(function, words[HEAD:]),
        constant("nvmlReturn_t", code),
        None if gpu == NO_GPU else gpu,
        process & 0xFFFFFFFF,
        process >> 32,
        (start + _since_1970()) / 1e9,
        nanoseconds,
        rule or None,
    )


def _arguments(function: int, words: list[int]) -> dict[str, Any]:
    functions = model()["functions"]
    if function >= len(functions):
        return {"slot": words[0]}
    arguments: dict[str, Any] = {}
    at = 0
    for parameter in functions[function]["parameters"]:
        if at >= len(words):
            arguments[parameter["name"]] = ...
            continue
        word, at = words[at], at + 1
        match parameter["recorded"]:
            case "VALUE":
                arguments[parameter["name"]] = decode(parameter, word.to_bytes(8, "little"))
            case "DEVICE":
                arguments[parameter["name"]] = _device(word)
            case recorded:
                if word in (IS_NULL, NOT_FOLLOWED):
                    arguments[parameter["name"]] = None if word == IS_NULL else ...
                    continue
                length, whole = word & 0xFFFFFFFF, word >> 32
                following = -(-length // 8)
                data = b"".join(word.to_bytes(8, "little") for word in words[at : at + following])[:length]
                at += following
                arguments[parameter["name"]] = _pointee(parameter, recorded, data, cut=length < whole)
    return arguments


def _device(word: int) -> Any:
    return Device(word) if word < 2**32 else "no device"


def _pointee(parameter: dict[str, Any], recorded: str, data: bytes, *, cut: bool) -> Any:
    if recorded in ("TEXT", "TEXT_OUT"):
        return data.decode(errors="replace")
    if recorded == "DEVICES":
        items = [_device(int.from_bytes(data[at : at + 8], "little")) for at in range(0, len(data), 8)]
    elif recorded == "VERSIONED":
        version = str(int.from_bytes(data[:4], "little"))
        name = parameter.get("versions", {}).get(version, parameter["base"])
        members = decode_struct(name, data)
        if version in parameter.get("versions", {}):
            members["version"] = Constant(int(version), name.removesuffix("_t"))
        return members
    else:
        step = max(parameter["size"], 1)
        items = [decode(parameter, data[at : at + step]) for at in range(0, len(data), step)]
    if parameter.get("list"):
        return [*items[:-1], ...] if cut and items else items
    return items[0] if items else ...
