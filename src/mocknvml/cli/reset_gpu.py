"""`mocknvml reset-gpu`: what `nvidia-smi --gpu-reset` does, from outside."""

import argparse
from typing import Any

from mocknvml.cli import target


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "reset-gpu",
        help="reset GPUs of a node, as nvidia-smi -r does",
        description="Reset GPUs as nvidia-smi -r does: what is pending comes into force (ECC and MIG mode, row remaps, "
        "page retirements), and what the driver keeps for a GPU ends (limits, clocks, accounting, volatile errors). "
        "One with processes is in use, and is not reset.",
        allow_abbrev=False,
    )
    parser.add_argument("gpus", metavar="GPU", nargs="+", help="an index, a range, a UUID, a PCI bus id, or all")
    target.add_node(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    with target.open_node(args) as node:
        for gpu in [gpu for selector in args.gpus for gpu in node.select(selector)]:
            gpu.reset_device()
            print(f"GPU {gpu.index} was reset")
    return 0
