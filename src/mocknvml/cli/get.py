"""`mocknvml get`: what a GPU or the node holds now."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from mocknvml.cli import target
from mocknvml.cli.summary import columns, printable

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu, Node
    from mocknvml.state.reading import Reading

    Read = tuple[Node | Gpu, list[Reading]]


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "get",
        help="show what GPUs hold",
        description="Show fields of GPUs as they are at one moment: those that are named, a block or a field with all "
        "its elements; without names all that a GPU has. A field that holds an NVML error shows the error's name.",
        epilog="example: mocknvml get 0 power.limit",
        allow_abbrev=False,
    )
    target.add_gpus(parser)
    parser.add_argument("fields", metavar="FIELD", nargs="*", help="as in power.limit, clocks.max, thermal.gpu")
    parser.add_argument("--json", action="store_true", help="print JSON: exact values, in the units of the reference")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mocknvml.state.layout import NOT_SUPPORTED

    with target.open_node(args) as node:
        read: list[Read] = [(block, block.read(*args.fields)) for block in target.blocks(node, args.gpus)]
    named = 0 < len(args.fields) == sum("." in field for field in args.fields)
    named = named and all(len(readings) == len(args.fields) for _, readings in read)
    if not named:
        read = [(block, [each for each in readings if each.code != NOT_SUPPORTED]) for block, readings in read]
    if args.json:
        print(json.dumps([target.record(block, reading) for block, readings in read for reading in readings], indent=2))
    elif named:
        print_rows(read)
    else:
        print_trees(read)
    return 0


def print_rows(read: list[Read]) -> None:
    """Values alone if there is one; what they belong to before it where there are several."""
    rows = []
    for block, readings in read:
        gpu = [str(getattr(block, "index", "node"))] if len(read) > 1 else []
        rows += [[*gpu, *([reading.key] if len(readings) > 1 else []), reading.text] for reading in readings]
    if rows:
        print(columns(rows))


def print_trees(read: list[Read]) -> None:
    from mocknvml.state.written import nested

    for number, (block, readings) in enumerate(read):
        if number:
            print()
        if len(read) > 1:
            print("GPU", getattr(block, "index", ""))
        by_field: dict[str, list[Reading]] = {}
        for reading in readings:
            by_field.setdefault(reading.field.key, []).append(reading)
        tree: dict[str, dict[str, object]] = {}
        for elements in by_field.values():
            field = elements[0].field
            value = nested(field.per, {reading.element: reading.written for reading in elements})
            tree.setdefault(field.block.key(), {})[field.name] = value
        print_tree(tree, "")


def print_tree(tree: dict[str, Any], indent: str) -> None:
    from mocknvml.state.written import to_text

    beside = [name for name, value in tree.items() if not value or not isinstance(value, dict | list)]
    width = max(map(len, beside), default=0)
    for name, value in tree.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            print_tree(value, f"{indent}  ")
        elif isinstance(value, list):
            print(f"{indent}{name}" if value else f"{indent}{name:{width}}  none")
            for item in value:
                print(f"{indent}  {printable(', '.join(f'{member} {to_text(each)}' for member, each in item.items()))}")
        else:
            print(f"{indent}{name:{width}}  {printable(to_text(value))}")
