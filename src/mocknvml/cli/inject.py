"""`mocknvml inject`, `mocknvml clear`, `mocknvml faults`: what is broken on a node."""

import argparse
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mocknvml.cli.errors import UserError

if TYPE_CHECKING:
    from mocknvml.faults import ActiveFault, Faults
    from mocknvml.faults.vocabulary import Fault
    from mocknvml.state.node import Gpu, Node

ALL = "all"
GPU_HELP = "which GPU: its index, or all"
NODE_HELP = "the node file (MOCK_NVML_NODE)"


def add_parser(subparsers: Any) -> None:
    # What can be injected is known after an import that takes longer than other commands run.
    injecting = subparsers.add_parser("inject", help="let a fault happen on a node", add_help=False, allow_abbrev=False)
    injecting.add_argument("words", nargs=argparse.REMAINDER)
    injecting.set_defaults(run=run_inject)
    clearing = subparsers.add_parser(
        "clear",
        help="end faults of a node",
        description="End all faults of a node, or those of a name or a GPU. What they changed is as it was before.",
        epilog="example: mocknvml clear xid --gpu 0",
        allow_abbrev=False,
    )
    clearing.add_argument("fault", metavar="FAULT", nargs="?", help="only those of this name")
    clearing.add_argument("--gpu", metavar="GPU", help=GPU_HELP)
    clearing.set_defaults(run=run_clear)
    listing = subparsers.add_parser(
        "faults",
        help="list the faults that can be injected, or those of a node",
        description="List the faults that `mocknvml inject` knows, with their parameters; or what is broken on a node.",
        allow_abbrev=False,
    )
    listing.add_argument("--active", action="store_true", help="list the faults of the node")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.set_defaults(run=run_faults)
    for parser in (clearing, listing):
        parser.add_argument("--node", metavar="PATH", help=NODE_HELP)


def run_inject(args: argparse.Namespace) -> int:
    parser = fault_parser()
    if not args.words or args.words == ["--json"]:
        return show_all("--json" in args.words)
    given = vars(parser.parse_args(args.words))
    fault = given.pop("declared")
    path, gpu, as_json = given.pop("node"), given.pop("gpu", None), given.pop("json")
    with opened(path) as node:
        chosen: Sequence[Gpu | None] = selected(node, gpu)
        if fault.scope == "any" and gpu == ALL:
            chosen = [None]
        injected = [node.faults.inject(fault.name, gpu=each, **given) for each in chosen]
        show_active(injected, as_json)
    return 0


def run_clear(args: argparse.Namespace) -> int:
    with opened(args.node) as node:
        cleared = sum(node.faults.clear(args.fault, gpu=gpu) for gpu in selected(node, args.gpu))
    print(f"{cleared} cleared")
    return 0


def run_faults(args: argparse.Namespace) -> int:
    if not args.active:
        return show_all(args.json)
    with opened(args.node) as node:
        show_active(node.faults, args.json)
    return 0


def opened(path: str | None) -> "Node":
    from mocknvml.state.node import Node

    path = path or os.environ.get("MOCK_NVML_NODE")
    if not path:
        raise UserError("which node? give --node PATH, or set MOCK_NVML_NODE")
    return Node.open(path)


def selected(node: "Node", gpu: str | None) -> "Sequence[Gpu | None]":
    """The GPUs that somebody names; None where nobody does."""
    if gpu is None:
        return [None]
    if gpu == ALL:
        return node.gpus
    if not gpu.isdecimal() or int(gpu) >= len(node.gpus):
        raise UserError(f"--gpu {gpu}: the node has {len(node.gpus)} GPUs, counted from 0")
    return [node.gpus[int(gpu)]]


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
        one.set_defaults(declared=fault)
        for parameter in fault.parameters:
            about = f"{parameter.description}: {parameter.values}"
            if parameter.default is not None:
                about += f" (default {parameter.default})"
            if parameter.positional:
                one.add_argument(parameter.name, metavar=parameter.name.upper(), help=about.replace("%", "%%"))
            else:
                option = f"--{parameter.name.replace('_', '-')}"
                one.add_argument(option, dest=parameter.name, metavar="VALUE", help=about.replace("%", "%%"))
        if fault.scope != "node":
            one.add_argument("--gpu", metavar="GPU", help=GPU_HELP)
        one.add_argument("--node", metavar="PATH", help=NODE_HELP)
        one.add_argument("--json", action="store_true", help="print JSON")
    return parser


def describe(fault: "Fault") -> dict[str, Any]:
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


def show_active(faults: "Sequence[ActiveFault] | Faults", as_json: bool) -> None:
    if as_json:
        listed = [
            {"name": f.name, "gpu": f.gpu, "parameters": dict(f.parameters), "since": f"{f.since} ns"} for f in faults
        ]
        print(json.dumps(listed, indent=2))
        return
    for fault in faults:
        given = "".join(f" {name}={value}" for name, value in fault.parameters.items())
        print(f"{'node' if fault.gpu is None else f'GPU {fault.gpu}'}: {fault.name}{given}")
