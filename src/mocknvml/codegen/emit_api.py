"""The reference page of the Python interface: the public names, with signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import mocknvml


def api_page(note: str) -> str:
    lines = [note, "", "# Python", "", (mocknvml.__doc__ or "").partition("\n")[0]]
    lines += ["", "Fields are attributes of nodes and GPUs too, as in `gpu.power.limit`: see [fields](fields.md)."]
    for name in mocknvml.__all__:
        thing = getattr(mocknvml, name)
        if inspect.isclass(thing):
            lines += ["", f"## {name}", "", _text(thing), *_members(thing)]
    return "\n".join([*lines, ""])


def _text(documented: object) -> str:
    """A docstring, with what looks like a session in a fence."""
    text = inspect.getdoc(documented) or ""
    return re.sub(r"((?:^>>> .*\n?)(?:^\S.*\n?)*)", r"```text\n\1\n```", text, flags=re.M)


def _members(cls: type) -> Iterator[str]:
    """What the class and its bases in this package document for users, bases last, each name once."""
    seen = set()
    for base in cls.__mro__:
        for name, member in vars(base).items():
            if name.startswith("_") or name in seen or not base.__module__.startswith("mocknvml"):
                continue
            seen.add(name)
            function = getattr(member, "__func__", member)
            if not _text(function):
                continue
            if isinstance(member, property):
                yield from ("", f"### `{name}`", "", _text(member))
            elif inspect.isfunction(function):
                yield from ("", f"### `{name}{_signature(function)}`", "", _text(function))


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    parameters = [each for each in signature.parameters.values() if each.name not in ("self", "cls")]
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(signature.replace(parameters=parameters)))
    return text.replace("Iterator[", "ContextManager[") if hasattr(function, "__wrapped__") else text
