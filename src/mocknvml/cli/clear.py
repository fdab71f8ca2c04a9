"""`mocknvml clear`: end faults."""

from __future__ import annotations

import argparse
from typing import Any

from mocknvml.cli import target


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "clear",
        help="end faults of a node",
        description="End all faults of a node, or those of a name or of GPUs. What they changed is as it was before.",
        epilog="example: mocknvml clear xid --gpu 0",
        allow_abbrev=False,
    )
    parser.add_argument("fault", metavar="FAULT", nargs="?", help="only those of this name")
    parser.add_argument("--gpu", metavar="GPUS", help=f"only those of {target.GPUS}")
    target.add_node(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    with target.open_node(args) as node:
        gpus = [None] if args.gpu is None else node.select(args.gpu)
        cleared = sum(node.faults.clear(args.fault, gpu=gpu) for gpu in gpus)
    print(f"{cleared} cleared")
    return 0
