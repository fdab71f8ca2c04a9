"""The clock of a node, which timestamps, counters and samples follow."""

from __future__ import annotations

from ctypes import byref, c_uint64
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import TYPE_CHECKING

from mocknvml.errors import NodeError, ValueMismatch
from mocknvml.state.native import native
from mocknvml.state.values import parse_number, shown

if TYPE_CHECKING:
    from mocknvml.state.node import Node

BILLION = 10**9
FASTEST = 10**6
WAITS = ("host", "node")
INVALID_ARGUMENT = 2


class Clock:
    """The clock of a node, for all processes that see it.

    >>> node.clock.freeze()
    >>> node.clock.step("10 m")
    >>> node.clock.run()
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def now(self) -> int:
        """Node time, in nanoseconds since the node was made."""
        return int(native().mock_api_time(self._node.handle))

    @property
    def wall(self) -> datetime:
        """The wall clock that clients see in timestamps, in UTC."""
        microseconds = int(str(self._node.get("time.epoch"))) + self.now // 1000
        try:
            return datetime.fromtimestamp(0, timezone.utc) + timedelta(microseconds=microseconds)
        except OverflowError:
            raise NodeError(f"time.epoch: {microseconds} us are no time of day") from None

    @property
    def speed(self) -> float:
        """Seconds of the node in a second of the host; 0 while the clock is frozen."""
        return int(str(self._node.get("time.rate"))) / BILLION

    @property
    def waits(self) -> str:
        """By which clock the timeouts of waits for events pass: `host` or `node`."""
        return WAITS[self._node.get("clock.waits") != 0]

    @waits.setter
    def waits(self, value: str) -> None:
        self._node.set("clock.waits", value)

    def freeze(self) -> None:
        """Stop the clock: until it runs again, only `step` moves it."""
        self._change(0)

    def run(self) -> None:
        """Let the clock run on, as fast as the host's."""
        self._change(BILLION)

    def rate(self, factor: float) -> None:
        """Let the clock run on, `factor` times as fast as the host's."""
        exact = Fraction(factor) * BILLION if isinstance(factor, int | float) and 0 < factor <= FASTEST else 0
        if exact < 1:
            raise ValueMismatch(f"{shown(factor)}: give a rate from 1e-9 to {FASTEST}; freeze stops the clock")
        self._change(round(exact))

    def step(self, duration: str) -> None:
        """Move the clock forward, as in `step("10 m")`: what depends on time follows at once."""
        self._change(None, parse_number("u64", "ns", duration))

    def _change(self, rate: int | None, step: int = 0) -> None:
        given = None if rate is None else byref(c_uint64(rate))
        status = native().mock_api_clock(self._node.handle, given, step)
        if status == INVALID_ARGUMENT:
            raise ValueMismatch(f"{step} ns: so far the clock cannot count")
        self._node.check(status)
