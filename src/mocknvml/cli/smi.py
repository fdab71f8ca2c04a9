"""`mocknvml smi`: what nvidia-smi shows, of whatever NVML finds."""

import argparse
from typing import Any


def add_parser(subparsers: Any) -> None:
    # With this prefix no argument looks like an option of ours, and none is taken for help either.
    parser = subparsers.add_parser(
        "smi",
        help="a stand-in for nvidia-smi, with its arguments",
        prefix_chars="\0",
        add_help=False,
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mocknvml.smi.main import main

    return main(args.arguments)
