"""Which node and which of its GPUs a command is about."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu, Node
    from mocknvml.state.reading import Reading

GPUS = "an index, a range, a UUID, a PCI address, several of these with commas, or all"


def add_node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--node", metavar="PATH", help="the node file; by default that of MOCK_NVML_NODE, else that of the default path"
    )


def add_gpus(parser: argparse.ArgumentParser) -> None:
    add_node(parser)
    parser.add_argument("gpus", metavar="GPUS", help=f"{GPUS}; or `node` for what GPUs share")


def open_node(args: argparse.Namespace) -> Node:
    from mocknvml.state import where
    from mocknvml.state.node import Node

    return Node.open(where.existing(args.node))


def blocks(node: Node, gpus: str) -> list[Node | Gpu]:
    return [node] if gpus == "node" else [*node.select(gpus)]


def record(block: Node | Gpu, reading: Reading) -> dict[str, Any]:
    """A reading in JSON: the exact value in the field's unit, and the text that `mocknvml set` takes."""
    described: dict[str, Any] = {"gpu": getattr(block, "index", None), "field": reading.key}
    if reading.value is None:
        return {**described, "error": reading.text}
    unit = {"unit": reading.field.unit} if reading.field.unit else {}
    return {**described, "value": reading.value, **unit, "text": reading.text}
