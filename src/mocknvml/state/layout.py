"""Where each field stands in memory: one layout, from which C gets its offsets and Python its views.

A copy of a block is an array of 64-bit words. A number takes two: a head (status, signal, length) and the value. A text
or a list of records has a head and then its words. The status is stored as `status ^ NOT_SUPPORTED`, so that zeroed
memory means NOT_SUPPORTED everywhere. After the fields stand the signals of the block, and the journal of its faults.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, product

from mocknvml.nvml import BLOCKS, ROWS
from mocknvml.table.blocks import Block, Field, Number, Octets, Records, Text

NOT_SUPPORTED = 3
SUCCESS_HEAD = 0 ^ NOT_SUPPORTED
SIGNAL_SHIFT = 16  # bits of a head: 0-15 status, 16-31 signal + 1, 32-63 length
LENGTH_SHIFT = 32

SIGNALS = 16
# Kind; the word of the source's head, or a rate per second; node time since when; the largest value (0: no such).
SIGNAL_WORDS = 4
INTEGRAL = 1
RATE = 2
JOURNAL_WORDS = 512

BLOCK_HEADER_WORDS = 8  # the sequence, and padding to a cache line
PAGE_WORDS = 512


def text_words(size: int) -> int:
    return (size + 7) // 8


@dataclass(frozen=True)
class Place:
    """The words of a field: `offset` is that of its first head, from the start of a copy."""

    field: Field
    offset: int
    element_words: int

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(domain) for domain in self.field.per)

    @property
    def elements(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count

    def element(self, indices: tuple[int, ...]) -> int:
        """The word of the head of one element."""
        flat = 0
        for index, size in zip(indices, self.shape, strict=True):
            flat = flat * size + index
        return self.offset + flat * self.element_words

    def index(self, keys: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(domain.keys.index(key) for domain, key in zip(self.field.per, keys, strict=True))

    def element_names(self) -> Iterator[tuple[str, ...]]:
        """The names of all elements, in the order of memory; one empty tuple for a plain field."""
        return product(*(domain.keys for domain in self.field.per))


def record_offsets(records: Records) -> tuple[dict[str, int], int]:
    """The word of each member within a record, and the words of a record."""
    offsets, words = {}, 0
    for name, member in records.record.members().items():
        offsets[name] = words
        words += text_words(member.size) if member.kind == "text" else 1
    return offsets, words


class Scope:
    """The layout of one kind of block: the node's or a GPU's."""

    def __init__(self, blocks: tuple[type[Block], ...]) -> None:
        self.blocks = blocks
        self.fields = {block.key(): block.fields() for block in blocks}
        self.places: dict[str, Place] = {}
        self.derived: dict[str, Field] = {}
        words = 0
        for field in chain.from_iterable(self.fields.values()):
            if field.expression is not None:
                self.derived[field.key] = field
                continue
            size = element_words(field)
            place = Place(field, words, size)
            self.places[field.key] = place
            words += size * place.elements
        self.signals_offset = words
        self.journal_offset = words + SIGNALS * SIGNAL_WORDS
        self.words = self.journal_offset + JOURNAL_WORDS
        self.stride = -(-(BLOCK_HEADER_WORDS + 3 * self.words) // PAGE_WORDS) * PAGE_WORDS
        self.integrals = [
            place for place in self.places.values() if isinstance(place.field, Number) and place.field.integral
        ]


def element_words(field: Field) -> int:
    match field:
        case Number():
            return 2
        case Text() | Octets():
            return 1 + text_words(field.size)
        case Records():
            return 1 + field.capacity * record_offsets(field)[1]
    raise TypeError(f"{field!r} has no layout")


@dataclass(frozen=True)
class Layout:
    node: Scope
    gpu: Scope

    @property
    def hash(self) -> int:
        """Identifies the layout, and what its words mean: a file of another one is refused."""
        described = [
            f"{scope.words} {place.offset} {_meaning(place.field)}"
            for scope in (self.node, self.gpu)
            for place in scope.places.values()
        ]
        described += sorted(row.function for row in ROWS)  # rules name functions by number
        return int.from_bytes(hashlib.sha256("\n".join(described).encode()).digest()[:8], "little")


def _meaning(field: Field) -> str:
    """What a reader must know of a field to read its words."""
    inner = ""
    match field:
        case Number():
            inner = f"{field.kind} {field.names.keys if field.names else ''} {field.integral}"
        case Text() | Octets():
            inner = str(field.size)
        case Records():
            inner = f"{field.capacity} {field.record.members()}"
    return f"{type(field).__name__} {field.key} {field.unit} {[domain.keys for domain in field.per]} {inner}"


@cache
def layout() -> Layout:
    return Layout(
        Scope(tuple(block for block in BLOCKS if block.of_node)),
        Scope(tuple(block for block in BLOCKS if not block.of_node)),
    )
