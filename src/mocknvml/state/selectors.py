"""Which GPUs are meant: `0`, `0-3,6`, a UUID, a PCI address, `all`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mocknvml.errors import FieldStatus, UnknownKey

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu

RANGE = "([0-9]{1,5})(?:-([0-9]{1,5}))?"
ADDRESS = r"(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})(?:\.0)?"


def select(gpus: Sequence[Gpu], text: str) -> list[Gpu]:
    """The GPUs that a text names, each once, in the order of the text."""
    found = [gpu for part in text.split(",") for gpu in _select(gpus, part.strip())]
    return list(dict.fromkeys(found))


def _select(gpus: Sequence[Gpu], part: str) -> list[Gpu]:
    if part == "all":
        return list(gpus)
    found: list[Gpu] = []
    if match := re.fullmatch(RANGE, part):
        first, last = int(match[1]), int(match[2] or match[1])
        if first <= last < len(gpus):
            found = list(gpus[first : last + 1])
    elif match := re.fullmatch(ADDRESS, part, re.I):
        wanted = [int(number or "0", 16) for number in match.groups()]
        keys = ("pci.domain", "pci.bus", "pci.device")
        found = [gpu for gpu in gpus if [_get(gpu, key) for key in keys] == wanted]
    elif part:
        found = [gpu for gpu in gpus if str(_get(gpu, "identity.uuid")).lower() == part.lower()]
    if not found:
        known = {0: "no GPUs", 1: "one GPU, 0"}.get(len(gpus), f"{len(gpus)} GPUs, 0-{len(gpus) - 1}")
        raise UnknownKey(
            f"{part!r}: no such GPU: the node has {known}; give an index, a range, a UUID, a PCI address or all"
        )
    return found


def _get(gpu: Gpu, key: str) -> object:
    try:
        return gpu.get(key)
    except FieldStatus:
        return None
