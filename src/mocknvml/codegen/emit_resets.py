"""resets.h: what a reset of a GPU does to its fields, one row per element."""

from __future__ import annotations

from collections.abc import Iterator

from mocknvml.state.layout import Place, Scope, layout
from mocknvml.table.blocks import Cleared, Field, Number
from mocknvml.table.rows import TableError


def resets_header() -> str:
    return "\n".join(
        [
            "/* Generated from the blocks of src/mocknvml/nvml, do not edit. */",
            "#include <stdbool.h>",
            "#include <stdint.h>",
            "struct mock_reset {",
            "    uint32_t at;    /* word of the head */",
            "    uint32_t from;  /* of the field whose value it takes, or its own */",
            "    uint32_t only;  /* bits of the values that it ends; 0: all */",
            "    uint32_t value; /* that it gets, where it takes no other's */",
            "    bool is_list;   /* or a text: it becomes empty */",
            "};",
            "static const struct mock_reset mock_resets[] = {",
            *resets(layout().gpu),
            "};",
            "",
        ]
    )


def resets(scope: Scope) -> Iterator[str]:
    for place in scope.places.values():
        for reset in place.field.reset:
            if isinstance(reset, Field):
                yield from _copies(place, scope.places[reset.key])
            else:
                yield from _clears(place, reset)


def _copies(place: Place, source: Place) -> Iterator[str]:
    if not isinstance(place.field, Number) or place.shape != source.shape:
        raise TableError(f"{place.field.key} cannot take the value of {source.field.key}, which has another shape")
    for number in range(place.elements):
        at, origin = (each.offset + number * each.element_words for each in (place, source))
        yield f"    {{{at}, {origin}, 0, 0, false}}, /* {place.field.key} */"


def _clears(place: Place, reset: Cleared) -> Iterator[str]:
    names = [name for name in place.element_names() if not reset.key or reset.key in name]
    if not names:
        raise TableError(f"{place.field.key} has no element '{reset.key}'")
    only = sum(1 << value for value in reset.only)
    is_list = str(not isinstance(place.field, Number)).lower()
    for name in names:
        at = place.element(place.index(name))
        yield f"    {{{at}, {at}, {only}, {reset.value}, {is_list}}}, /* {'.'.join((place.field.key, *name))} */"
