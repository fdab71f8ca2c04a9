"""State blocks: what a simulated GPU (`Block`) or node (`System`) knows, as typed fields with units.

A field is a value with a status. `mocknvml.state.layout` computes its place in memory; nothing here knows offsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

Kind = Literal["u32", "u64", "i32", "flag"]


@dataclass(frozen=True, eq=False)
class Domain:
    """The index space of a field: the values of an enum of nvml.h, or a count.

    `keys` are our names of the indices 0, 1, 2…; `enum` is the C type whose enumerators they must match in number.
    """

    keys: tuple[str, ...]
    enum: str | None = None

    @classmethod
    def of(cls, enum: str, *keys: str) -> Domain:
        return cls(keys, enum)

    @classmethod
    def count(cls, size: int) -> Domain:
        return cls(tuple(str(index) for index in range(size)))

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, eq=False)
class Expression:
    """A derived value: a sum or difference of fields, or the sum of one member over a list of records."""

    operator: Literal["+", "-", "total"]
    operands: tuple[Field | Expression, ...]
    member: str = ""

    def __add__(self, other: Field | Expression) -> Expression:
        return Expression("+", (self, other))

    def __sub__(self, other: Field | Expression) -> Expression:
        return Expression("-", (self, other))

    def fields(self) -> Iterator[Field]:
        for operand in self.operands:
            if isinstance(operand, Field):
                yield from operand.expression.fields() if operand.expression else (operand,)
            else:
                yield from operand.fields()


@dataclass(frozen=True, eq=False)
class Cleared:
    """What a reset of the GPU does to a number, list or text: it becomes `value`, or empty.

    `key` restricts this to the elements of that name, `only` to those that hold one of these values.
    """

    key: str = ""
    value: int = 0
    only: tuple[int, ...] = ()


class Field:
    """A field of a block. `Power.usage` is one; its key is `power.usage`.

    `reset` is what a reset of the GPU leaves in it: the value of another field, or what `Cleared` says.
    """

    name: str
    block: type[Block]

    def __init__(
        self,
        unit: str = "",
        per: tuple[Domain, ...] = (),
        expression: Expression | None = None,
        reset: Reset = (),
    ) -> None:
        self.unit = unit
        self.per = per
        self.expression = expression
        self.reset = reset if isinstance(reset, tuple) else (reset,)

    def __set_name__(self, owner: type[Block], name: str) -> None:
        self.block = owner
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key}>"

    @property
    def key(self) -> str:
        return f"{self.block.key()}.{self.name}"

    def by(self, *arguments: str) -> Selected:
        """Select the element by function arguments (or members of the struct), one for each domain.

        Where the name of an index stands instead of an argument, that index is fixed.
        """
        return Selected(self, arguments)

    def at(self, *keys: str) -> Selected:
        """Select one fixed element, by the names of its domains."""
        return Selected(self, keys, fixed=True)

    def __add__(self, other: Field | Expression) -> Expression:
        return Expression("+", (self, other))

    def __sub__(self, other: Field | Expression) -> Expression:
        return Expression("-", (self, other))


Reset = Field | Cleared | tuple[Cleared, ...]
CLEARED = Cleared()


class Number(Field):
    """A number that fits in 64 bits."""

    def __init__(
        self,
        kind: Kind,
        unit: str = "",
        per: Domain | tuple[Domain, ...] = (),
        derived: Expression | None = None,
        integral: Number | None = None,
        names: Domain | None = None,
        counts: Domain | None = None,
        reset: Reset = (),
    ) -> None:
        super().__init__(unit, per if isinstance(per, tuple) else (per,), derived, reset)
        self.kind: Kind = kind
        self.integral = integral
        self.names = names
        self.counts = counts


class Text(Field):
    """A string of at most `size` bytes, terminating zero included."""

    def __init__(self, size: int, per: tuple[Domain, ...] = (), reset: Reset = ()) -> None:
        super().__init__(per=per, reset=reset)
        self.size = size


class Octets(Field):
    """`size` bytes, written as hexadecimal digits; dashes between them are for the eye."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size


class Records(Field):
    """A list of at most `capacity` records."""

    def __init__(self, record: type[Record], capacity: int, reset: Reset = ()) -> None:
        super().__init__(reset=reset)
        self.record = record
        self.capacity = capacity

    def total(self, member: str) -> Expression:
        """The sum of one member over the list."""
        return Expression("total", (self,), member)

    def having(self, member: str, mask: int) -> Selected:
        """Only the records in which `member` has a bit of `mask`."""
        return Selected(self, (member,), mask=mask)


@dataclass(frozen=True, eq=False)
class Selected:
    """A field with a selection: by arguments, by fixed keys, or (records) by a mask on a member."""

    field: Field
    arguments: tuple[str, ...]
    fixed: bool = False
    mask: int = 0


def u32(
    unit: str = "",
    *,
    per: Domain | tuple[Domain, ...] = (),
    derived: Expression | None = None,
    integral: Number | None = None,
    counts: Domain | None = None,
    reset: Reset = (),
) -> Number:
    """An unsigned number of 32 bits. `integral` names the field whose integral over node time, in seconds, it is;
    `counts` the indices of which a GPU has this many: asking for another is INVALID_ARGUMENT."""
    return Number("u32", unit, per, derived, integral, counts=counts, reset=reset)


def u64(
    unit: str = "",
    *,
    per: Domain | tuple[Domain, ...] = (),
    derived: Expression | None = None,
    integral: Number | None = None,
    reset: Reset = (),
) -> Number:
    """An unsigned number of 64 bits. `integral` names the field whose integral over node time, in seconds, it is."""
    return Number("u64", unit, per, derived, integral, reset=reset)


def i32(unit: str = "", *, per: Domain | tuple[Domain, ...] = ()) -> Number:
    return Number("i32", unit, per)


def flag(*, per: Domain | tuple[Domain, ...] = (), reset: Reset = ()) -> Number:
    """Disabled (0) or enabled (1)."""
    return Number("flag", "", per, reset=reset)


def choice(names: Domain, *, per: Domain | tuple[Domain, ...] = (), reset: Reset = ()) -> Number:
    """One of the named values 0, 1, 2… of an enum."""
    return Number("u32", "", per, names=names, reset=reset)


def text(size: int, *, per: Domain | tuple[Domain, ...] = (), reset: Reset = ()) -> Text:
    return Text(size, per if isinstance(per, tuple) else (per,), reset)


def octets(size: int) -> Octets:
    return Octets(size)


def records(record: type[Record], capacity: int, *, reset: Reset = ()) -> Records:
    return Records(record, capacity, reset)


class Block:
    """A group of fields of one GPU."""

    of_node: ClassVar[bool] = False

    @classmethod
    def key(cls) -> str:
        return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(cls.__name__))

    @classmethod
    def fields(cls) -> tuple[Field, ...]:
        return tuple(value for value in vars(cls).values() if isinstance(value, Field))


class System(Block):
    """A group of fields of the node, shared by all its GPUs."""

    of_node = True


@dataclass(frozen=True, eq=False)
class Member:
    """A member of a record: a number, or a text of `size` bytes."""

    kind: Kind | Literal["text"]
    unit: str = ""
    size: int = 0
    default: int = 0


def member(kind: Kind | Literal["text"], unit: str = "", *, size: int = 0, default: int = 0) -> Member:
    return Member(kind, unit, size, default)


class Record:
    """What one element of a `records` field holds."""

    @classmethod
    def members(cls) -> dict[str, Member]:
        return {name: value for name, value in vars(cls).items() if isinstance(value, Member)}
