"""The vocabulary of faults: what a file of this folder declares.

A fault is data: its parameters, what it changes in a GPU's fields, which events it raises, which calls it lets fail.
A key may name parameters, as in `nvlink.state.{link}`; a parameter that is `all` stands for every element that the GPU
has. A change of a field that the GPU lacks does nothing: what is absent stays NOT_SUPPORTED.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mocknvml.errors import ValueMismatch
from mocknvml.state.values import did_you_mean, parse_number, shown

if TYPE_CHECKING:
    from mocknvml.faults.draft import Draft

Scalar: TypeAlias = "int | float | str"
Parameters: TypeAlias = Mapping[str, Scalar]
Amount: TypeAlias = "int | str | Callable[[Draft, Parameters], int | None]"
Scope: TypeAlias = Literal["gpu", "node", "any"]
ALL = "all"


@dataclass(frozen=True)
class Parameter:
    """`unit`: that of the number, which is then written with one; `choices`: the words that it may be; `all`: whether
    it may be `all`. Without a default it must be given, unless it is optional."""

    name: str
    description: str
    default: Scalar | None = None
    kind: Literal["number", "real", "text"] = "number"
    unit: str = ""
    low: int = 0
    high: int = 2**32 - 1
    choices: tuple[str, ...] = ()
    all: bool = False
    positional: bool = False
    optional: bool = False

    @property
    def required(self) -> bool:
        return self.default is None and not self.optional

    @property
    def values(self) -> str:
        """What may be given, for people."""
        if self.choices:
            return ", ".join(self.choices)
        if self.kind == "text":
            return "a text"
        if self.kind == "real":
            return f"a number from {self.low} to {self.high}"
        if self.unit:
            return f"a number with its unit, such as {self.default or f'1 {self.unit}'}"
        return f"a number from {self.low} to {self.high}" + (" or all" if self.all else "")

    def parse(self, value: object) -> Scalar:
        """The value in the parameter's unit, from what a user wrote, be it a text of the command line."""
        if self.all and value == ALL:
            return ALL
        if self.choices:
            if value in self.choices:
                return str(value)
            raise ValueMismatch(f"{shown(value)}: give {self.values}{did_you_mean(str(value), self.choices)}")
        if self.kind == "text":
            if str(value).isdecimal():
                return int(str(value))
            if isinstance(value, str) and value:
                return value
            raise ValueMismatch(f"{shown(value)}: give a text")
        if self.kind == "real":
            if isinstance(value, str):
                value = float(value) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,20})?", value) else value
            return self._bounded(value if isinstance(value, int | float) else -1, value)
        if not self.unit and isinstance(value, str) and re.fullmatch("-?[0-9]{1,20}", value):
            value = int(value)
        return self._bounded(parse_number("u64", self.unit, value), value)

    def _bounded(self, number: float, value: object) -> int | float:
        if not self.low <= number <= self.high:
            raise ValueMismatch(f"{shown(value)}: give {self.values}")
        return number


@dataclass(frozen=True)
class Change:
    """One change of a field. `when` names parameters and the values with which it takes place."""

    kind: Literal["put", "add", "bits", "fail", "append", "grow"]
    key: str
    amount: Amount = 0
    record: Mapping[str, Amount] = field(default_factory=dict)
    times: Amount = 1
    end: Amount = 0
    clear: int = 0
    absent: bool = False
    when: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)

    def takes_place(self, parameters: Parameters) -> bool:
        return all(parameters[name] in values for name, values in self.when.items())


When: TypeAlias = "Mapping[str, tuple[Scalar, ...]] | None"


def put(key: str, amount: Amount, when: When = None) -> Change:
    """Give a number another value."""
    return Change("put", key, amount, when=when or {})


def add(key: str, amount: Amount, when: When = None) -> Change:
    """Let a counter grow by an amount, once."""
    return Change("add", key, amount, when=when or {})


def bits(key: str, amount: Amount, clear: int = 0, when: When = None) -> Change:
    """Set bits of a number, after others were cleared."""
    return Change("bits", key, amount, clear=clear, when=when or {})


def fail(key: str, amount: Amount, absent: bool = False, when: When = None) -> Change:
    """Let a field answer an NVML error; `absent`: even one that the GPU lacks."""
    return Change("fail", key, amount, absent=absent, when=when or {})


def append(
    key: str, record: Mapping[str, Amount], times: Amount = 1, absent: bool = False, when: When = None
) -> Change:
    """More records of a list; `index` among their amounts counts them from 0. `absent`: even where there is none."""
    return Change("append", key, record=record, times=times, absent=absent, when=when or {})


def grow(key: str, amount: Amount, end: Amount = 0, when: When = None) -> Change:
    """Let a number grow with node time: by so much a second, up to an end if there is one."""
    return Change("grow", key, amount, end=end, when=when or {})


@dataclass(frozen=True)
class Event:
    """An event that a fault raises when it is injected: its type, as `events.add` takes it, and its data.

    `changed`: only if this field gets another value; `driver`: only of this driver branch and newer ones.
    """

    type: str
    data: Amount | None = None
    when: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    changed: str = ""
    driver: int = 0


@dataclass(frozen=True)
class Rule:
    """Calls that go wrong: arguments of `rules.add`. They may name parameters, as in `{function}`; a parameter that is
    not given leaves its argument out."""

    function: str
    arguments: Mapping[str, str] = field(default_factory=dict)

    def filled(self, parameters: Parameters) -> tuple[str, dict[str, Any]]:
        """The function, and the arguments that have a value."""
        arguments: dict[str, Any] = {}
        for name, text in self.arguments.items():
            wanted = re.fullmatch(r"\{(\w+)\}", text)
            if wanted is None:
                arguments[name] = text.format(**parameters)
            elif wanted[1] in parameters:
                arguments[name] = parameters[wanted[1]]
        return self.function.format(**parameters), arguments


@dataclass(frozen=True)
class Fault:
    """A named fault. `needs`: a key of what the GPU must have, `on`: of what must not be off; `source`: where its
    behaviour is written down; `ends_with_reset`: a reset of the GPU ends it."""

    name: str
    summary: str
    source: str
    parameters: tuple[Parameter, ...] = ()
    scope: Scope = "gpu"
    needs: str = ""
    on: str = ""
    changes: tuple[Change, ...] = ()
    events: tuple[Event, ...] = ()
    rules: tuple[Rule, ...] = ()
    ends_with_reset: bool = False

    def parse(self, given: Mapping[str, object]) -> dict[str, Scalar]:
        """All parameters, from those that are given."""
        names = [parameter.name for parameter in self.parameters]
        for name in given:
            if name not in names:
                known = ", ".join(names) or "none"
                raise ValueMismatch(f"{self.name}: no parameter {name} (there are: {known}){did_you_mean(name, names)}")
        parsed: dict[str, Scalar] = {}
        for parameter in self.parameters:
            value = given.get(parameter.name)
            if value is None:
                value = parameter.default
            if value is None:
                if parameter.required:
                    raise ValueMismatch(f"{self.name}: give {parameter.name}, {parameter.values}")
                continue
            try:
                parsed[parameter.name] = parameter.parse(value)
            except ValueMismatch as error:
                raise ValueMismatch(f"{self.name}: {parameter.name}: {error}") from None
        return parsed
