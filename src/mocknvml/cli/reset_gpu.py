"""`mocknvml reset-gpu`: what `nvidia-smi --gpu-reset` does, from outside."""

import argparse
import os
from typing import Any

from mocknvml.cli.errors import UserError


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
    parser.add_argument("--node", metavar="PATH", default=os.environ.get("MOCK_NVML_NODE"), help="(MOCK_NVML_NODE)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mocknvml.state.node import Node
    from mocknvml.state.selectors import select

    if not args.node:
        raise UserError("which node? give --node PATH or set MOCK_NVML_NODE")
    with Node.open(args.node) as node:
        gpus = [gpu for selector in args.gpus for gpu in select(node.gpus, selector)]
        for gpu in gpus:
            gpu.reset_device()
            print(f"GPU {gpu.index} was reset")
    return 0
