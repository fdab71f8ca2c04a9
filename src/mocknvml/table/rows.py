"""The verbs: each makes one row of the table, which says what one NVML function does.

Left of the comma NVML's spelling, right of it ours. A positional field is the single output; a keyword is an output
parameter or a member of the output struct, spelled as in nvml.h.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from mocknvml.table.blocks import Field, Records, Selected

ROOT: Final = "root"
Output = Field | Selected
Needs = Literal["", "root"] | Selected


class TableError(Exception):
    """A row that contradicts nvml.h or the blocks; the message names file, line and what the header has."""


@dataclass(frozen=True, eq=False)
class Row:
    function: str
    where: str  # ex) src/mocknvml/nvml/power.py:21

    @property
    def verb(self) -> str:
        return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(type(self).__name__))


@dataclass(frozen=True, eq=False)
class Getter(Row):
    outputs: dict[str, Selected]  # "" stands for the single output
    supported: Field | None


@dataclass(frozen=True, eq=False)
class ListGetter(Row):
    records: Selected
    members: dict[str, str]  # member of the C struct -> member of our record


@dataclass(frozen=True, eq=False)
class Setter(Row):
    input: str  # parameter or member; "" stands for the only parameter
    field: Selected
    within: tuple[Selected, Selected] | None
    needs: Needs


@dataclass(frozen=True, eq=False)
class Finder(Row):
    field: Field


@dataclass(frozen=True, eq=False)
class Native(Row):
    file: str
    before_init: bool


@dataclass(frozen=True, eq=False)
class Refuses(Row):
    reason: str
    code: str  # without NVML_ERROR_
    nonzero: str


@dataclass(frozen=True, eq=False)
class Unmodelled(Row):
    reason: str


@dataclass(frozen=True, eq=False)
class FieldId:
    """One id of nvmlDeviceGetFieldValues."""

    name: str
    output: Selected
    where: str
    scopes: tuple[Selected, ...] = ()  # what scopeId 1, 2… read instead
    equal: int | None = None
    aggregate: bool = False
    real: bool = False
    supported: Selected | None = None  # the flag that says whether the GPU has it
    otherwise: Selected | None = None  # what it answers where the GPU has no value of its own for it


@dataclass(frozen=True, eq=False)
class NoField:
    """An id of nvmlDeviceGetFieldValues that nothing answers, and why."""

    name: str
    where: str
    reason: str


def _caller() -> str:
    """Path from the folder of the package's sources, and line, of the row."""
    frame = sys._getframe(2)
    return f"{_source(frame.f_code.co_filename)}:{frame.f_lineno}"


@cache
def _source(file: str) -> Path:
    parts = Path(file).parts
    start = len(parts) - 1 - parts[::-1].index("mocknvml") if "mocknvml" in parts else len(parts) - 1
    return Path("src", *parts[start:])


def _selected(output: Output) -> Selected:
    return output if isinstance(output, Selected) else Selected(output, ())


def getter(
    function: str, output: Output | None = None, /, *, supported: Field | None = None, **outputs: Output
) -> Getter:
    """The function reads fields; where `supported` is 0, it answers NOT_SUPPORTED."""
    named = {name: _selected(value) for name, value in outputs.items()}
    return Getter(function, _caller(), {"": _selected(output)} if output is not None else named, supported)


def list_getter(function: str, listed: Records | Selected, /, **members: str) -> ListGetter:
    """The function lists records, under the size protocol that `codegen.shapes` gives it."""
    return ListGetter(function, _caller(), _selected(listed), members)


def setter(
    function: str,
    target: Output | None = None,
    /,
    *,
    within: tuple[Output, Output] | None = None,
    needs: Literal["", "root"] | Output = "",
    **named: Output,
) -> Setter:
    """The function writes its input to a field; where it has several, a keyword names the parameter or member.

    `needs` is `ROOT`, or a flag: where that is set, root is needed.
    """
    inputs = named if target is None else {"": target, **named}
    if len(inputs) != 1:
        raise TableError(f"{_caller()}: {function} sets {len(inputs)} fields; name one")
    ((name, field),) = inputs.items()
    limits = (_selected(within[0]), _selected(within[1])) if within else None
    permission = _selected(needs) if isinstance(needs, Field) else needs
    return Setter(function, _caller(), name, _selected(field), limits, permission)


def finder(function: str, output: Field, /) -> Finder:
    """The function finds the GPU whose field equals the argument."""
    return Finder(function, _caller(), output)


def native(function: str, file: str, /, *, before_init: bool = False) -> Native:
    """The body is `native_<function>` in `native/<file>`; `before_init` exempts it from the check for init."""
    return Native(function, _caller(), file, before_init)


def refuses(reason: str, /, *functions: str, code: str = "NOT_SUPPORTED", nonzero: str = "") -> tuple[Refuses, ...]:
    """The functions answer what a bare-metal driver answers: `code`, after the entry checks.

    `nonzero` names an argument for which 0 is INVALID_ARGUMENT.
    """
    where = _caller()
    return tuple(Refuses(function, where, reason, code, nonzero) for function in functions)


def unmodelled(reason: str, /, *functions: str) -> tuple[Unmodelled, ...]:
    """The functions are not modelled: NOT_SUPPORTED, after the entry checks."""
    where = _caller()
    return tuple(Unmodelled(function, where, reason) for function in functions)


def field_id(
    name: str,
    output: Output,
    /,
    *scopes: Output,
    equal: int | None = None,
    aggregate: bool = False,
    real: bool = False,
    supported: Output | None = None,
    otherwise: Output | None = None,
) -> FieldId:
    """The id answers from a field: of the element that `scopeId` selects, or of the sum over `all`.

    `scopes` are what scopeId 1, 2… read instead. `equal` counts the elements, or the records by a member, that hold
    this value. With `aggregate`, scopeId UINT_MAX sums over all. A `real` one is handed out as a double. Where
    `supported` is 0, it is NOT_SUPPORTED; where the first of `scopes` has no value, `otherwise` is read.
    """
    others = tuple(_selected(other) for other in scopes)
    flag = _selected(supported) if supported is not None else None
    instead = _selected(otherwise) if otherwise is not None else None
    return FieldId(name, _selected(output), _caller(), others, equal, aggregate, real, flag, instead)


def no_field(reason: str, /, *names: str) -> tuple[NoField, ...]:
    """The ids are NOT_SUPPORTED on every GPU."""
    where = _caller()
    return tuple(NoField(name, where, reason) for name in names)
