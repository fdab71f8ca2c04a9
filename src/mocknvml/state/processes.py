"""Which GPUs a selector means, and the processes that run on them."""

from __future__ import annotations

import re

from mocknvml.errors import NodeError
from mocknvml.state.node import Gpu, Node

BUS_ID = r"(?:([0-9a-fA-F]{1,8}):)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})(?:\.0)?"
ADDRESS = ("domain", "bus", "device")


def select(node: Node, selector: str) -> list[Gpu]:
    """The GPUs that an index, a UUID, a PCI bus id or `all` names."""
    if selector == "all":
        return list(node.gpus)
    if re.fullmatch("[0-9]{1,5}", selector):
        found = node.gpus[int(selector) : int(selector) + 1]
    elif match := re.fullmatch(BUS_ID, selector):
        address = {f"pci.{key}": int(part or "0", 16) for key, part in zip(ADDRESS, match.groups(), strict=True)}
        found = [gpu for gpu in node.gpus if all(_holds(gpu, key, part) for key, part in address.items())]
    else:
        found = [gpu for gpu in node.gpus if _holds(gpu, "identity.uuid", selector)]
    if not found:
        raise NodeError(f"{selector}: no such GPU in {node.path}; give its index, UUID or bus id, or all")
    return found


def _holds(gpu: Gpu, key: str, value: object) -> bool:
    return gpu.status(key) == 0 and gpu.get(key) == value
