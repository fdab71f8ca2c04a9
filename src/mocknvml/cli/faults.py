"""`mocknvml faults`: what can break, and what is broken."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mocknvml.cli import target

if TYPE_CHECKING:
    from mocknvml.faults import ActiveFault
    from mocknvml.faults.vocabulary import Fault


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "faults",
        help="list the faults that can be injected, or those of a node",
        description="List the faults that `mocknvml inject` knows, with their parameters; or what is broken on a node.",
        allow_abbrev=False,
    )
    parser.add_argument("--active", action="store_true", help="list the faults of the node")
    target.add_node(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    if not args.active:
        return show_all(args.json)
    with target.open_node(args) as node:
        show_active(node.faults, args.json)
    return 0


def show_all(as_json: bool) -> int:
    from mocknvml.faults import FAULTS

    faults = [describe(fault) for fault in FAULTS.values()]
    if as_json:
        print(json.dumps(faults, indent=2))
        return 0
    for fault in faults:
        print(f"{fault['name']}: {fault['summary']}")
        for parameter in fault["parameters"]:
            default = "" if parameter["default"] is None else f" (default {parameter['default']})"
            print(f"    {parameter['name']}: {parameter['description']}: {parameter['values']}{default}")
    return 0


def describe(fault: Fault) -> dict[str, Any]:
    return {
        "name": fault.name,
        "summary": fault.summary,
        "of": fault.scope,
        "parameters": [
            {
                "name": parameter.name,
                "description": parameter.description,
                "values": parameter.values,
                "unit": parameter.unit or None,
                "default": parameter.default,
                "required": parameter.required,
            }
            for parameter in fault.parameters
        ],
        "changes": list(dict.fromkeys(change.key for change in fault.changes)),
        "events": list(dict.fromkeys(event.type for event in fault.events)),
        "source": fault.source,
    }


def show_active(faults: Iterable[ActiveFault], as_json: bool) -> None:
    if as_json:
        listed = [
            {"name": f.name, "gpu": f.gpu, "parameters": dict(f.parameters), "since": f"{f.since} ns"} for f in faults
        ]
        print(json.dumps(listed, indent=2))
        return
    for fault in faults:
        print(f"{'node' if fault.gpu is None else f'GPU {fault.gpu}'}: {fault}")
