"""`mocknvml inject`: let a fault happen."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mocknvml.cli import target
from mocknvml.cli.faults import show_active, show_all

if TYPE_CHECKING:
    from mocknvml.faults.vocabulary import Fault
    from mocknvml.state.node import Gpu

ALL = "all"


def add_parser(subparsers: Any) -> None:
    # What can be injected is known after an import that takes longer than other commands run.
    # No word of it is an option here, --help neither.
    parser = subparsers.add_parser("inject", help="let a fault happen on a node", add_help=False, prefix_chars="\0")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if args.words in ([], ["--json"]):
        return show_all("--json" in args.words)
    options = fault_parser().parse_args(args.words)
    fault: Fault = options.fault
    given = {parameter.name: getattr(options, parameter.name) for parameter in fault.parameters}
    chosen = getattr(options, "gpu", None)
    with target.open_node(options) as node:
        gpus: Sequence[Gpu | None] = [None]
        if chosen is not None and not (chosen == ALL and fault.scope == "any"):
            gpus = node.select(chosen)
        show_active([node.faults.inject(fault.name, gpu=gpu, **given) for gpu in gpus], options.json)
    return 0


def fault_parser() -> argparse.ArgumentParser:
    from mocknvml.cli import Parser
    from mocknvml.faults import FAULTS

    parser = Parser(
        prog="mocknvml inject",
        description="Let a fault happen on a node. `mocknvml faults` lists them; `mocknvml clear` ends them.",
        epilog="example: mocknvml inject xid 79 --gpu 0",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="faults", metavar="FAULT", required=True)
    for fault in FAULTS.values():
        one = commands.add_parser(
            fault.name, help=fault.summary, description=f"{fault.summary} Source: {fault.source}.", allow_abbrev=False
        )
        one.set_defaults(fault=fault)
        for parameter in fault.parameters:
            about = f"{parameter.description}: {parameter.values}".replace("%", "%%")
            if parameter.default is not None:
                about += f" (default {parameter.default})"
            if parameter.positional:
                one.add_argument(parameter.name, metavar=parameter.name.upper(), help=about)
            else:
                option = f"--{parameter.name.replace('_', '-')}"
                one.add_argument(option, dest=parameter.name, metavar="VALUE", help=about)
        if fault.scope != "node":
            one.add_argument("--gpu", metavar="GPUS", help=target.GPUS)
        target.add_node(one)
        one.add_argument("--json", action="store_true", help="print JSON")
    return parser
