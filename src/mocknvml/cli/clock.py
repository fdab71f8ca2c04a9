"""`mocknvml clock`: shows and moves the clock of a node."""

from __future__ import annotations

import argparse
import json
import re
from typing import TYPE_CHECKING, Any

from mocknvml.cli import target
from mocknvml.cli.errors import UserError

if TYPE_CHECKING:
    from mocknvml.state.clock import Clock

ARGUMENTS = {
    "freeze": "",
    "run": "",
    "rate": "how many times as fast as the host's, like 60x",
    "step": "how far, like 10m",
}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "clock",
        help="show or move the clock of a node",
        usage="mocknvml clock [freeze | run | rate 60x | step 10m] [--node PATH] [--json]",
        description="Show the clock of a node, or move it for all processes: freeze it, let it run as fast as the "
        "host's or at another rate, or step it forward. Timestamps, energy, counters and samples follow; timeouts of "
        "waits for events do only where the node's clock.waits is node.",
        allow_abbrev=False,
    )
    parser.add_argument("change", nargs="?", choices=tuple(ARGUMENTS), help="what to do; nothing shows the clock")
    parser.add_argument("value", nargs="?", help="of rate and step")
    target.add_node(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    with target.open_node(args) as node:
        if args.change is not None:
            move(node.clock, args.change, args.value)
        if args.json:
            print(json.dumps(described(node.clock), indent=2))
        elif args.change is None:
            show(node.clock)
    return 0


def move(clock: Clock, change: str, value: str | None) -> None:
    if (value is None) != (ARGUMENTS[change] == ""):
        raise UserError(f"{change}: takes no {value!r}" if value is not None else f"{change}: say {ARGUMENTS[change]}")
    if change == "freeze":
        clock.freeze()
    elif change == "run":
        clock.run()
    elif change == "rate":
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?x?", value or "") is None:
            raise UserError(f"rate: {value!r}: say {ARGUMENTS[change]}")
        clock.rate(float(str(value).rstrip("x")))
    else:
        clock.step(str(value))


def described(clock: Clock) -> dict[str, Any]:
    return {"now": clock.now, "wall": clock.wall.isoformat(), "rate": clock.speed, "waits": clock.waits}


def show(clock: Clock) -> None:
    speed = f"running at {clock.speed:g}x" if clock.speed else "frozen"
    print(f"{clock.wall:%Y-%m-%d %H:%M:%S} UTC, {clock.now / 1e9:.3f} s since the node was made, {speed}")
    print(f"timeouts of waits for events pass by the {clock.waits}'s clock")
