"""A change of one block in the making: words as they were read, and what becomes of them.

It is written in one step, if all words that it looked at are still what they were; else its maker begins again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ctypes import c_uint32, c_uint64
from functools import cached_property
from typing import TYPE_CHECKING

from mocknvml.errors import NodeError
from mocknvml.faults.vocabulary import ALL, Amount, Change, Parameters
from mocknvml.state.layout import (
    LENGTH_SHIFT,
    NOT_SUPPORTED,
    RATE,
    SIGNAL_SHIFT,
    SIGNAL_WORDS,
    SUCCESS_HEAD,
    Place,
    record_offsets,
)
from mocknvml.state.native import native
from mocknvml.state.values import split_key
from mocknvml.table.blocks import Records

if TYPE_CHECKING:
    from mocknvml.state.node import Node, _Block

IN_USE = 19
STATUS = 0xFFFF


class Draft:
    def __init__(self, node: Node, block: _Block) -> None:
        self.node = node
        self.scope = block._scope
        self._number = block._number
        self._read = (c_uint64 * self.scope.words)()
        native().mock_api_read(node.handle, self._number, 0, self.scope.words, self._read)
        self.words: dict[int, int] = {}  # looked at or changed
        self.now = node.clock.now

    def __getitem__(self, at: int) -> int:
        return self.words.setdefault(at, self._read[at])

    def __setitem__(self, at: int, word: int) -> None:
        self.words[at] = word

    def before(self, at: int) -> int:
        return self._read[at]

    def write(self) -> bool:
        """Whether nobody else was faster."""
        count = len(self.words)
        offsets = (c_uint32 * count)(*self.words)
        expected = (c_uint64 * count)(*(self._read[at] for at in self.words))
        values = (c_uint64 * count)(*self.words.values())
        status = native().mock_api_exchange(self.node.handle, self._number, count, offsets, expected, values)
        if status != IN_USE:
            self.node.check(status)
        return bool(status != IN_USE)

    # What faults ask.

    def head(self, key: str) -> int:
        place, element = split_key(self.scope, key)
        return place.element(place.index(element))

    def has(self, key: str) -> bool:
        return self[self.head(key)] & STATUS == SUCCESS_HEAD

    def value(self, key: str) -> int | None:
        """The stored value of a number that has one."""
        at = self.head(key)
        return self[at + 1] if self[at] & STATUS == SUCCESS_HEAD else None

    def keys(self, key: str, parameters: Parameters) -> list[str]:
        """A key with its parameters; several where one of them is `all`."""
        first = {name: str(value) for name, value in parameters.items() if value != ALL}
        every = [name for name, value in parameters.items() if value == ALL and f"{{{name}}}" in key]
        if not every:
            return [key.format(**first)]
        block, name, *_ = key.split(".")
        count = len(self.scope.places[f"{block}.{name}"].field.per[0])
        return [key.format(**first, **dict.fromkeys(every, str(index))) for index in range(count)]

    def amount(self, amount: Amount, parameters: Parameters) -> int | None:
        """None where it depends on what the GPU does not have."""
        if callable(amount):
            return amount(self, parameters)
        if isinstance(amount, str):
            value = parameters.get(amount)
            return value if isinstance(value, int) else None
        return amount

    # What faults do. The journal wants to know where.

    def apply(self, change: Change, parameters: Parameters) -> Iterator[int]:
        """Make a change; gives the words that it is about."""
        if not change.takes_place(parameters):
            return
        for key in self.keys(change.key, parameters):
            at = self.head(key)
            status = (self[at] & STATUS) ^ NOT_SUPPORTED
            if status == 0 or (change.absent if status == NOT_SUPPORTED else change.kind == "fail"):
                yield from self._one(change, key, at, parameters)

    def _one(self, change: Change, key: str, at: int, parameters: Parameters) -> Iterator[int]:
        if change.kind == "append":
            for index in range(self.amount(change.times, parameters) or 0):
                yield from self._append(key, at, change.record, {**parameters, "index": index})
            return
        amount = self.amount(change.amount, parameters)
        if amount is None:
            return
        match change.kind:
            case "fail":
                self[at] = self[at] & ~STATUS | amount ^ NOT_SUPPORTED
                yield at
            case "put":
                self[at], self[at + 1] = SUCCESS_HEAD, amount & (2**64 - 1)
                yield from (at, at + 1)
            case "add":
                self[at + 1] = self[at + 1] + amount & (2**64 - 1)
                yield at + 1
            case "bits":
                self[at + 1] = self[at + 1] & ~change.clear | amount
                yield at + 1
            case "grow":
                if amount:
                    yield from self._grow(at, amount, self.amount(change.end, parameters) or 0)

    def _append(self, key: str, at: int, record: Mapping[str, Amount], parameters: Parameters) -> Iterator[int]:
        place, _ = split_key(self.scope, key)
        assert isinstance(place.field, Records)
        offsets, size = record_offsets(place.field)
        length = self[at] >> LENGTH_SHIFT
        if length >= place.field.capacity:
            raise NodeError(f"{key}: the list is full")
        start = at + 1 + length * size
        for word in range(start, start + size):
            self[word] = 0
        for name, member in place.field.record.members().items():
            given = self.amount(record[name], parameters) if name in record else None
            if member.kind != "text":
                self[start + offsets[name]] = member.default if given is None else given
        self[at] = SUCCESS_HEAD | length + 1 << LENGTH_SHIFT
        yield at
        yield from range(start, start + size)

    def _grow(self, at: int, rate: int, end: int) -> Iterator[int]:
        """A number that grows already goes on from where it is, by the sum of both."""
        signal = self._signal(at)
        value = self[at + 1]
        if self[signal] == RATE:
            value += max(0, self.now - self[signal + 2]) * self[signal + 1] // 10**9
            rate += self[signal + 1]
        number = (signal - self.scope.signals_offset) // SIGNAL_WORDS + 1
        self[at], self[at + 1] = SUCCESS_HEAD | number << SIGNAL_SHIFT, min(value, end) if end else value
        for word, content in enumerate((RATE, rate, self.now, end), signal):
            self[word] = content
        yield from (at, at + 1, *range(signal, signal + SIGNAL_WORDS))

    def _signal(self, at: int) -> int:
        """The signal by which a number grows, or a free one."""
        signals = range(self.scope.signals_offset, self.scope.journal_offset, SIGNAL_WORDS)
        number = self[at] >> SIGNAL_SHIFT & 0xFFFF
        if 0 < number <= len(signals) and self[signals[number - 1]] == RATE:
            return signals[number - 1]
        for signal in signals[len(self.scope.integrals) :]:
            if self[signal] == 0:
                return signal
        raise NodeError("too many values grow with time; clear some faults first")

    # Lists, of which others take records too.

    @cached_property
    def lists(self) -> dict[int, Place]:
        """By where their heads stand."""
        return {place.offset: place for place in self.scope.places.values() if isinstance(place.field, Records)}

    def take_out(self, place: Place, record: list[int]) -> None:
        """Take a record out of a list that others have changed since."""
        assert isinstance(place.field, Records)
        _, size = record_offsets(place.field)
        at = place.offset
        length = min(self[at] >> LENGTH_SHIFT, place.field.capacity)
        starts = [at + 1 + index * size for index in range(length)]
        found = next((s for s in starts if [self[s + word] for word in range(size)] == record), None)
        if found is None:
            return
        for word in range(found, starts[-1]):
            self[word] = self[word + size]
        for word in range(starts[-1], starts[-1] + size):
            self[word] = 0
        self[at] = self[at] & ~(-1 << LENGTH_SHIFT) | length - 1 << LENGTH_SHIFT
