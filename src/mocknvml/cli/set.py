"""`mocknvml set`: change what GPUs hold."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from mocknvml.cli import target
from mocknvml.cli.errors import UserError

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu, Node


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "set",
        help="change what GPUs hold",
        description="Change fields of GPUs in one step: all programs that use the node see the new values at their "
        "next call. A field may be given an NVML error instead of a value, by its name: power.usage=GPU_IS_LOST; to a "
        "text, by its full name: NVML_ERROR_GPU_IS_LOST.",
        epilog="example: mocknvml set 0 thermal.gpu=91C power.usage=650W",
        allow_abbrev=False,
    )
    target.add_gpus(parser)
    parser.add_argument("values", metavar="FIELD=VALUE", nargs="+", help="as in power.limit=350W")
    parser.add_argument("--json", action="store_true", help="print the fields as they are then, as `mocknvml get` does")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    values = dict(split(text) for text in args.values)
    with target.open_node(args) as node:
        with node.edit() as draft:
            for block in target.blocks(draft, args.gpus):
                for field, text in values.items():
                    assign(block, field, text)
        if args.json:
            written = [(block, block.read(*values)) for block in target.blocks(node, args.gpus)]
            print(
                json.dumps([target.record(block, each) for block, readings in written for each in readings], indent=2)
            )
    return 0


def split(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"{text}: give FIELD=VALUE, as in power.limit=350W")
    return field, value


def assign(block: Node | Gpu, key: str, text: str) -> None:
    from mocknvml.errors import return_code
    from mocknvml.state.written import from_text
    from mocknvml.table.blocks import Text

    field = block.field(key)
    if return_code(text) and (text.startswith("NVML_") or not isinstance(field, Text)):
        block.fail(key, text)
    else:
        block.set(key, from_text(field, text))
