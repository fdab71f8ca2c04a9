"""`mocknvml status`: which node programs see, its GPUs, and what was changed of them."""

from __future__ import annotations

import argparse
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocknvml import defaults
from mocknvml.cli import target
from mocknvml.cli.summary import columns, describe, printable, table

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu, Node

WIDEST = 48
REAL_DRIVER = Path("/proc/driver/nvidia/version")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "status",
        help="show the node, its GPUs, and what was changed",
        description="Show which node programs see and why, its GPUs, what differs from what the node was made with, "
        "and the faults and rules that are in force.",
        allow_abbrev=False,
    )
    target.add_node(parser)
    parser.add_argument("--json", action="store_true", help="print JSON: power in mW, memory in bytes")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mocknvml.state import where

    path, why = where.find(args.node)
    status: dict[str, Any] = {"node": path and str(path), "why": why, "real_driver": real_driver()}
    if path is not None:
        from mocknvml.state.node import Node

        with Node.open(path) as node:
            (version,) = node.read("driver.version")
            status |= {"driver": version.value, "gpus": [describe(gpu) for gpu in node.gpus]}
            blocks: list[Node | Gpu] = [node, *node.gpus]
            status["overrides"] = [override for block in blocks for override in overrides(block)]
            status["faults"] = [fault_record(fault) for fault in node.faults]
            status["rules"] = [rule_record(rule) for rule in node.rules]
    if args.json:
        print(json.dumps(status, indent=2))
    else:
        print_status(status)
    return 0


def overrides(block: Node | Gpu) -> list[dict[str, Any]]:
    return [
        {"gpu": getattr(block, "index", None), "field": now.key, "now": now.text, "was": then.text}
        for now, then in block.overrides()
    ]


def fault_record(fault: Any) -> dict[str, Any]:
    return {"gpu": fault.gpu, "fault": fault.name, "parameters": dict(fault.parameters)}


def rule_record(rule: Any) -> dict[str, Any]:
    from mocknvml.errors import return_name

    code = None if rule.code is None else return_name(rule.code)
    about = {"id": rule.id, "gpu": rule.gpu, "function": rule.function, "code": code, "delay": rule.delay}
    return {**about, "calls": rule.calls, "acted": rule.acted}


def print_status(status: dict[str, Any]) -> None:
    if status["node"] is None:
        profile = os.environ.get("MOCK_NVML_PROFILE") or defaults.PROFILE
        print(f"each program has a private node, {profile}, because {status['why']}")
    else:
        version = printable(str(status["driver"]))
        print(f"node {status['node']}, because {status['why']}; driver {version}\n")
        print(table(status["gpus"]) if status["gpus"] else "no GPUs")
        if status["overrides"]:
            rows = [
                [owner(each), each["field"], short(each["now"]), short(each["was"])] for each in status["overrides"]
            ]
            print(f"\n{columns([['GPU', 'CHANGED', 'NOW', 'WAS'], *rows])}")
        if status["faults"]:
            rows = [[owner(each), each["fault"], parameters(each)] for each in status["faults"]]
            print(f"\n{columns([['GPU', 'FAULT', 'WITH'], *rows])}")
        if status["rules"]:
            print(f"\n{columns([['GPU', 'RULE', 'ANSWERS', 'CALLS', 'ACTED'], *map(rule_row, status['rules'])])}")
    if status["real_driver"]:
        print(
            f"\nNVIDIA's driver {status['real_driver']} is loaded on this machine: "
            "programs that load its library and not mocknvml's see the real GPUs"
        )


def owner(each: dict[str, Any]) -> str:
    return "node" if each["gpu"] is None else str(each["gpu"])


def short(text: str) -> str:
    """For a cell: a list of processes may be long."""
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def parameters(fault: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in fault["parameters"].items())


def rule_row(rule: dict[str, Any]) -> list[str]:
    late = rule["delay"] if rule["delay"] in (None, "hang") else f"after {rule['delay'] / 1e6:g} ms"
    answers = " ".join(filter(None, (rule["code"], late)))
    gpu = "all" if rule["gpu"] is None else str(rule["gpu"])
    return [gpu, f"{rule['id']} {rule['function']}", answers, str(rule["calls"]), str(rule["acted"])]


def real_driver() -> str | None:
    """The version of NVIDIA's kernel driver, if one is loaded."""
    try:
        text = REAL_DRIVER.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"\b[0-9]+(?:\.[0-9]+)+\b", text)
    return found[0] if found else "of an unknown version"
