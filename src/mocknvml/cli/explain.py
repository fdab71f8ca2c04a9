"""`mocknvml explain`: how an NVML function is answered."""

import argparse
import json
from typing import Any

from mocknvml.cli.errors import UserError
from mocknvml.cli.library import folder


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "explain",
        help="show how an NVML function is answered",
        description="Show a function's row in the table, its prototype, the fields it answers from, and its C.",
        epilog="example: mocknvml explain nvmlDeviceGetPowerUsage",
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="FUNCTION", help="as in nvml.h")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    functions: dict[str, dict[str, Any]] = json.loads((folder() / "functions.json").read_text())
    if args.name not in functions:
        from mocknvml.state.values import did_you_mean

        raise UserError(f"{args.name}: no such function in nvml.h{did_you_mean(args.name, functions)}")
    function = functions[args.name]
    print(json.dumps(function, indent=2) if args.json else describe(function))
    return 0


def describe(function: dict[str, Any]) -> str:
    lines = [f"{function['row']}: {function['verb']}", "", function["prototype"], ""]
    if function["reason"]:
        lines += [function["reason"], ""]
    if function["native"]:
        lines += [f"answered by {function['native']}", ""]
    width = max((len(field["argument"]) for field in function["fields"]), default=0)
    for field in function["fields"]:
        unit = f" [{field['unit']}]" if field["unit"] else ""
        lines.append(f"  {field['argument']:{width}}  {field['field']}{unit}")
    if function["fields"]:
        lines.append("")
    lines.append(function["c"].rstrip("\n"))
    return "\n".join(lines)
