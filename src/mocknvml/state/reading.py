"""What fields hold at one moment: values in NVML's units, or NVML errors."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mocknvml.errors import return_name
from mocknvml.nvml.gpm import Gpm
from mocknvml.state.layout import NOT_SUPPORTED, SIGNAL_SHIFT, Scope
from mocknvml.state.values import Value, decode
from mocknvml.state.written import to_text, written
from mocknvml.table.blocks import Expression, Field, Number

# What every change of a GPU carries on to the present, beside the integrals.
SUMS = frozenset(field.key for field in (Gpm.active_sum, Gpm.pcie_sum, Gpm.nvlink_sum, Gpm.c2c_sum, Gpm.since))


@dataclass(frozen=True)
class Reading:
    """A field, or one of its elements: its value, or the code of the NVML error that it holds."""

    field: Field
    element: tuple[str, ...]
    code: int
    value: Value | None

    @property
    def key(self) -> str:
        return ".".join((self.field.key, *self.element))

    @property
    def written(self) -> object:
        """The value as a profile has it; an error by its name."""
        return return_name(self.code) if self.value is None else written(self.field, self.value)

    @property
    def text(self) -> str:
        """What gives the field this value again, as in `350 W`; an error by its name."""
        return to_text(self.written)


class Snapshot:
    """One copy of a block. `evaluate` gives the value of a number with a signal, by its place."""

    def __init__(self, scope: Scope, stored: Sequence[int], evaluate: Callable[[int], int]) -> None:
        self.scope = scope
        self.stored = stored
        self.evaluate = evaluate

    def read(self, field: Field, element: tuple[str, ...]) -> Reading:
        if field.expression is not None:
            return Reading(field, element, *self._derive(field.expression))
        place = self.scope.places[field.key]
        at = place.element(place.index(element))
        head = self.stored[at]
        code = (head & 0xFFFF) ^ NOT_SUPPORTED
        if code:
            return Reading(field, element, code, None)
        stored = list(self.stored[at : at + place.element_words])
        if isinstance(field, Number) and head >> SIGNAL_SHIFT & 0xFFFF:
            stored[1] = self.evaluate(at)
        return Reading(field, element, 0, decode(place, stored))

    def _derive(self, operand: Field | Expression) -> tuple[int, int | None]:
        """As the C does: the first error counts, and no difference is below 0."""
        if isinstance(operand, Field):
            reading = self.read(operand, ())
            return reading.code, reading.value if isinstance(reading.value, int) else None
        if operand.operator == "total":
            (records,) = operand.operands
            assert isinstance(records, Field)
            reading = self.read(records, ())
            listed = reading.value if isinstance(reading.value, list) else []
            return reading.code, sum(int(record[operand.member]) for record in listed)
        (code, left), (other, right) = (self._derive(each) for each in operand.operands)
        if left is None or right is None:
            return code or other, None
        return 0, left + right if operand.operator == "+" else max(left - right, 0)


def changed(scope: Scope, now: Sequence[int], then: Sequence[int]) -> Iterator[tuple[Field, tuple[str, ...]]]:
    """What somebody has changed between two copies; what grows by itself counts only if its status has changed."""
    words = [at for at, (one, other) in enumerate(zip(now, then, strict=True)) if one != other]
    for place in scope.places.values():
        field, size = place.field, place.element_words
        first = bisect_left(words, place.offset)
        if first == len(words) or words[first] >= place.offset + size * place.elements or field.key in SUMS:
            continue
        compared = 1 if isinstance(field, Number) and field.integral is not None else size
        for number, element in enumerate(place.element_names()):
            at = place.offset + number * size
            is_there = (now[at] | then[at]) & 0xFFFF != 0  # of both heads, NOT_SUPPORTED is 0
            if is_there and now[at : at + compared] != then[at : at + compared]:
                yield field, element
