"""What a report is before it is written: rows, in XML or in text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mocknvml.smi.kinds import NOT_AVAILABLE


class Row(NamedTuple):
    """A line with a value, or the head of rows below it.

    Text shows the rows below a value further in, XML behind it. What has no name in XML or no label in text is not
    there; its rows, if it has no value itself, stand in its place.
    """

    xml: str
    text: str
    value: str | None
    rows: tuple[Row, ...] = ()
    text_prefix: str = ""  # of a value
    width: int = 0  # of the labels below it, where that is not the report's


def escaped(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_xml(rows: Iterable[Row], depth: int) -> Iterator[str]:
    tabs = "\t" * depth
    for row in rows:
        if row.value is not None:
            if row.xml:
                yield f"{tabs}<{row.xml}>{escaped(row.value)}</{row.xml}>\n"
            yield from as_xml(row.rows, depth)
        elif row.xml:
            yield f"{tabs}<{row.xml}>\n"
            yield from as_xml(row.rows, depth + 1)
            yield f"{tabs}</{row.xml}>\n"


def as_text(rows: Iterable[Row], depth: int, width: int) -> Iterator[str]:
    blanks = "    " * depth
    for row in rows:
        below = row.width or width
        if row.value is None and not row.text:
            yield from as_text(row.rows, depth, below)
        elif row.text:
            value = "None" if row.value is None and not row.rows else row.value
            if value is None:
                yield f"{blanks}{row.text}\n"
            else:
                prefix = row.text_prefix if value != NOT_AVAILABLE else ""
                yield f"{blanks}{row.text:<{width - len(blanks)}}: {prefix}{value}\n"
            yield from as_text(row.rows, depth + 1, below)
