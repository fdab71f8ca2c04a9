"""`mocknvml profiles`: the boards and systems that can be simulated."""

import argparse
import json
from typing import Any

import yaml

COLUMNS = ("name", "kind", "architecture", "memory", "product")


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "profiles",
        help="list the boards and systems that can be simulated, or show one",
        usage="mocknvml profiles [--verbose] [--json] [show NAME | schema]",
        description="List the built-in boards and systems with architecture, memory of a GPU, and product name. "
        "`show NAME` prints one with all that it inherits, or a YAML file of yours, in the form of a profile. "
        "`schema` prints the JSON Schema of profiles, for editors.",
        allow_abbrev=False,
    )
    parser.add_argument("--verbose", action="store_true", help="tell where the values come from")
    parser.add_argument("--json", action="store_true", help="print JSON, in the list memory in bytes")
    parser.set_defaults(run=run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    showing = commands.add_parser("show", help="print a profile, inheritance resolved", allow_abbrev=False)
    showing.add_argument("name", metavar="NAME", help="a built-in profile, or a YAML file")
    showing.add_argument("--json", action="store_true", help="print JSON")
    showing.set_defaults(run=run_show)
    schema = commands.add_parser("schema", help="print the JSON Schema of profiles", allow_abbrev=False)
    schema.set_defaults(run=run_schema)


def run(args: argparse.Namespace) -> int:
    from mocknvml.profiles import builtin, builtin_systems

    profiles = [summary(name) for name in sorted([*builtin(), *builtin_systems()])]
    if args.json:
        print(json.dumps(profiles, indent=2))
        return 0
    rows = [{**profile, "memory": memory(profile["memory"])} for profile in profiles]
    widths = {column: max(len(row[column]) for row in rows) for column in COLUMNS}
    for row in rows:
        print("  ".join(f"{row[column]:{widths[column]}}" for column in COLUMNS).rstrip())
        if args.verbose:
            print(f"    {row['source']}")
    return 0


def run_show(args: argparse.Namespace) -> int:
    from mocknvml.profiles import load_system
    from mocknvml.profiles.resolve import resolved

    profile = resolved(load_system(args.name))
    if args.json:
        print(json.dumps(profile, indent=2))
    else:
        print(yaml.safe_dump(profile, sort_keys=False, allow_unicode=True, width=120), end="")
    return 0


def run_schema(args: argparse.Namespace) -> int:
    from mocknvml.profiles.schema import schema

    print(json.dumps(schema(), indent=1))
    return 0


def memory(size: int | None) -> str:
    return "" if size is None else f"{size // 2**20:6} MiB"


def summary(name: str) -> dict[str, Any]:
    """A board by its product; a system by how many of which products it has, with what its GPUs are."""
    from mocknvml.profiles import load_system
    from mocknvml.profiles.resolve import written

    system = load_system(name)
    boards = [board for board, _ in system.gpus]
    products = [str(board.values["identity.name", ()]) for board in boards]
    counted = ", ".join(f"{products.count(each)} x {each}" for each in dict.fromkeys(products))
    architectures = dict.fromkeys(str(written(board, "identity.architecture")) for board in boards)
    return {
        "name": name,
        "kind": "system" if system.source else "board",
        "architecture": ", ".join(architectures),
        "memory": boards[0].values.get(("memory.total", ())),
        "product": counted if system.source else products[0],
        "source": system.source or next(iter(boards[0].sources.values())),
    }
