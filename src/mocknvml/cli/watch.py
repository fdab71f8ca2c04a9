"""`mocknvml watch`: the GPUs of a node, live."""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import sys
import time
from contextlib import suppress
from typing import Any

from mocknvml.cli import target
from mocknvml.cli.summary import describe, table

CLEAR = "\x1b[H\x1b[2J"  # to the upper left corner, and erase


def positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return number


def times(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "watch",
        help="show the GPUs of a node, again and again",
        description="Show the GPUs of a node at an interval, on a terminal each time in the same place; until Ctrl-C, "
        "or as often as --count says.",
        allow_abbrev=False,
    )
    target.add_node(parser)
    parser.add_argument("--interval", metavar="SECONDS", type=positive, default=1.0, help="by default 1")
    parser.add_argument("--count", metavar="N", type=times, help="how often; by default without end")
    parser.add_argument("--json", action="store_true", help="print each time one line of JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    shown = 0
    with suppress(KeyboardInterrupt):
        while args.count is None or shown < args.count:
            if shown:
                time.sleep(args.interval)
            show(args, first=shown == 0)
            shown += 1
    return 0


def show(args: argparse.Namespace, first: bool) -> None:
    with target.open_node(args) as node:  # again each time: the file may be another one by now
        gpus, now = [describe(gpu) for gpu in node.gpus], node.clock.now
    if args.json:
        print(json.dumps({"time": now, "gpus": gpus}), flush=True)
    elif sys.stdout.isatty():
        size = shutil.get_terminal_size()
        lines = [f"{node.path}, {now / 1e9:.1f} s", "", *table(gpus).splitlines()]
        print(CLEAR + "\n".join(line[: size.columns] for line in lines[: size.lines - 1]), flush=True)
    else:
        print(f"{'' if first else chr(10)}{table(gpus)}", flush=True)
