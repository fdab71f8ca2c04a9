"""views.pyi: the fields of GPUs and nodes as typed attributes, for editors and type checkers.

At run time `mocknvml.state.node` makes the attributes of the layout. A field with indices is an attribute for each that
has a name, and takes all of them in brackets.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from mocknvml.state.layout import Scope, layout
from mocknvml.state.values import UNITS
from mocknvml.table.blocks import Block, Domain, Field, Member, Number, Octets, Record, Records, Text

# What Gpu offers under the name of a block, with more than its fields (`state/processes.py`).
OTHERWISE = {"processes"}

HEAD = '''\
# Generated from the blocks of src/mocknvml/nvml, do not edit.
from collections.abc import Mapping, Sequence
from typing import Generic, Literal, TypedDict, TypeVar

_Index = TypeVar("_Index", contravariant=True)
_Read = TypeVar("_Read", covariant=True)
_Written = TypeVar("_Written", contravariant=True)

class Value(Generic[_Read, _Written]):
    """A field: raises FieldStatus where it holds an NVML error, ValueMismatch if it is given what it cannot hold."""

    def __get__(self, view: object, owner: object) -> _Read: ...
    def __set__(self, view: object, value: _Written) -> None: ...

class Elements(Generic[_Index, _Read, _Written]):
    """The elements of a field by their index."""

    def __getitem__(self, index: _Index) -> _Read: ...
    def __setitem__(self, index: _Index, value: _Written) -> None: ...

class Nested(Generic[_Index, _Read]):
    """The elements of a field by their first index."""

    def __getitem__(self, index: _Index) -> _Read: ...
'''


def views() -> str:
    """The stub: classes for records, for blocks, and for what has the blocks."""
    gpu, node = layout().gpu, layout().node
    blocks = [lines for scope in (gpu, node) for block in scope.blocks for lines in _block(scope, block)]
    records = {
        field.record.__name__: field.record
        for scope in (gpu, node)
        for block in scope.blocks
        for field in block.fields()
        if isinstance(field, Records)
    }
    parts = [HEAD, *map(_record, records.values()), *blocks, _fields("GpuFields", gpu), _fields("NodeFields", node)]
    return "\n".join(parts)


def _fields(name: str, scope: Scope) -> str:
    lines = [f"class {name}:"]
    for block in scope.blocks:
        if block.key() not in OTHERWISE:
            lines += _property(block.key(), f"{block.__name__}Fields", _headline(block))
    return "\n".join([*lines, ""])


def _headline(block: type[Block]) -> str:
    return (block.__dict__.get("__doc__") or "").partition("\n")[0]


def _record(record: type[Record]) -> str:
    members = record.members()
    lines = [f"class {record.__name__}(TypedDict):", f'    """{(record.__doc__ or "").strip()}"""']
    for name, member in members.items():
        lines += [f"    {name}: {'str' if member.kind == 'text' else 'int'}", *_documented(_member(member))]
    return "\n".join([*lines, ""])


def _member(member: Member) -> str:
    return f"text of at most {member.size - 1} bytes" if member.kind == "text" else member.unit


def _block(scope: Scope, block: type[Block]) -> Iterator[str]:
    """The class of a block, after those of its fields with indices that have names."""
    lines = [f"class {block.__name__}Fields:"]
    if block.__doc__:
        lines.append(f'    """{_headline(block)}"""')
    for field in block.fields():
        if field.per:
            kind, classes = _indexed(field, f"{block.__name__}{_camel(field.name)}", field.per)
            yield from classes
            lines += _property(field.name, kind, describe(field))
        elif field.expression is not None:
            lines += _property(field.name, _types(field)[0], describe(field))
        else:
            lines += [f"    {field.name}: {_value(field)}", *_documented(describe(field))]
    for index, field in _short(scope, block).items():
        lines += [f"    {index}: {_value(field)}", *_documented(f"`{field.name}.{index}`: {describe(field)}")]
    yield "\n".join([*lines, ""])


def _short(scope: Scope, block: type[Block]) -> dict[str, Field]:
    """The indices that name a field of the block alone, as `split_key` takes them."""
    fields = [field for field in block.fields() if len(field.per) == 1 and field.key in scope.places]
    indices = chain.from_iterable(field.per[0].keys for field in fields)
    having = {index: [field for field in fields if index in field.per[0].keys] for index in indices}
    names = {field.name for field in block.fields()}
    return {
        index: owners[0]
        for index, owners in having.items()
        if len(owners) == 1 and index.isidentifier() and index not in names
    }


def _indexed(field: Field, name: str, per: tuple[Domain, ...]) -> tuple[str, list[str]]:
    """The type of a field with indices, and the classes that it needs."""
    first, *rest = per
    classes: list[str] = []
    named = any(key.isidentifier() for key in first.keys)
    index = _literal(first.keys) if named else "int"
    if not rest:
        read, written = _types(field)
        base, inner = f"Elements[{index}, {read}, {written}]", _value(field)
    else:
        inner, classes = _indexed(field, f"{name}Element", tuple(rest))
        base = f"Nested[{index}, {inner}]"
    if not named:
        return base, classes
    lines = [f"class {name}({base}):"]
    for key in filter(str.isidentifier, first.keys):
        lines += _property(key, inner, "") if rest else [f"    {key}: {inner}"]
    return name, [*classes, "\n".join([*lines, ""])]


def _property(name: str, kind: str, text: str) -> list[str]:
    # Not an attribute, which could be replaced.
    head = ["    @property", f"    def {name}(self) -> {kind}:"]
    return [*head, *(f"    {line}" for line in _documented(text)), "        ..."]


def _documented(text: str) -> list[str]:
    return [f'    """{text}"""'] if text else []


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _literal(names: tuple[str, ...]) -> str:
    return f"Literal[{', '.join(map(repr, names))}]"


def _value(field: Field) -> str:
    return "Value[{}, {}]".format(*_types(field))


def _types(field: Field) -> tuple[str, str]:
    """What a field gives, and what it takes."""
    match field:
        case Number(names=Domain() as names):
            return "int", _literal(tuple(name for name in names.keys if not name.isdigit()))
        case Number(kind="flag"):
            return "bool", "bool"
        case Number():
            return "int", "str" if field.unit else "int"
        case Text() | Octets():
            return "str", "str"
        case Records():
            return f"list[{field.record.__name__}]", "Sequence[Mapping[str, object]]"
    raise TypeError(field)


def describe(field: Field) -> str:
    """What a field gives and takes, in a line."""
    match field:
        case Number() if field.expression is not None:
            sources = ", ".join(f"`{key}`" for key in dict.fromkeys(each.key for each in field.expression.fields()))
            return f"In {field.unit}; follows from {sources}."
        case Number(names=Domain()):
            return "The number of a name; set by the name."
        case Number(unit="", kind=kind):
            return "" if kind == "flag" else "A number."
        case Number(unit=unit):
            return f"In {unit}; set with a unit: {', '.join(UNITS[unit])}."
        case Text():
            return f"A text of at most {field.size - 1} bytes."
        case Octets():
            return f"{field.size} bytes as hexadecimal digits."
        case Records():
            return f"A list of at most {field.capacity}."
    return ""
