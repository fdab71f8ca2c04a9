"""What an element of the report is, and what several subjects ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from mocknvml.smi.calls import Ask, Constant, FieldValue, call
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal
from mocknvml.smi.kinds import Kind

Where = Callable[[Gpu], bool]


class Element(NamedTuple):
    """A line of the report. `drivers`: in which there is one, as in `535-555 570-`, without the last; in all if empty.

    Without a name in XML or a label in text it is not there. `parts`: of -d. `inner`: what stands below it in text, and
    behind it in XML.
    """

    xml: str
    text: str
    kind: Kind
    ask: Ask
    drivers: str = ""
    parts: str = ""
    where: Where | None = None
    inner: tuple[Element, ...] = ()
    whole: bool = True


class Section(NamedTuple):
    """Elements under a name. `folded`: where this is refused, the section is one line that says so.

    `whole`: it is part of the report in text without -d.
    """

    xml: str
    text: str
    elements: tuple[Any, ...]
    drivers: str = ""
    parts: str = ""
    where: Where | None = None
    folded: Ask | None = None
    whole: bool = True


class Listed(NamedTuple):
    """What is there as often as the GPU has of it."""

    xml: str
    text: str
    rows: Callable[[Gpu], Any]  # gives what lists.py describes
    drivers: str = ""
    parts: str = ""
    where: Where | None = None
    whole: bool = True


Item = Element | Section | Listed


def element(xml: str, text: str, kind: Kind, ask: Ask, drivers: str = "", **more: Any) -> Element:
    return Element(xml, text, kind, ask, drivers, **more)


def section(xml: str, text: str, *elements: Any, drivers: str = "", **more: Any) -> Section:
    return Section(xml, text, elements, drivers, **more)


def field(name: str, scope: int = 0) -> FieldValue:
    return FieldValue(f"NVML_FI_DEV_{name}", scope)


DEPRECATED = Constant("Requested functionality has been deprecated")


NONE = Constant(Refusal(NOT_SUPPORTED))


ARCHITECTURE_OF = call("nvmlDeviceGetArchitecture")


INACTIVE = "580.173-590 595-"
