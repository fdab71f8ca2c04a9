"""`mocknvml profiles`: the boards and systems that can be simulated."""

import argparse
import json
from typing import Any


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "profiles",
        help="list the boards and systems that can be simulated, or show one",
        description="List the built-in profiles with product name and memory, or print one of them as YAML.",
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="print this profile")
    parser.add_argument("--json", action="store_true", help="print the list as JSON, memory in bytes")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from mocknvml.profiles import builtin, builtin_systems, path

    if args.name is not None:
        print(path(args.name).read_text(encoding="utf-8"), end="")
        return 0
    boards = [summary(name) for name in sorted([*builtin(), *builtin_systems()])]
    if args.json:
        print(json.dumps(boards, indent=2))
        return 0
    widths = [max(len(str(board[key])) for board in boards) for key in ("name", "product")]
    for board in boards:
        print(f"{board['name']:{widths[0]}}  {board['product']:{widths[1]}}  {memory(board)}")
    return 0


def memory(board: dict[str, Any]) -> str:
    return "" if board["memory"] is None else f"{board['memory'] // 2**20:6} MiB"


def summary(name: str) -> dict[str, Any]:
    """A board by its product; a system by how many of which products it has, with the memory of its first GPU."""
    from mocknvml.profiles import builtin_systems, load_system

    boards = [board.values for board, _ in load_system(name).gpus]
    products = [str(values["identity.name", ()]) for values in boards]
    if name in builtin_systems():
        product = ", ".join(f"{products.count(each)} x {each}" for each in dict.fromkeys(products))
    else:
        product = products[0]
    return {"name": name, "product": product, "memory": boards[0].get(("memory.total", ()))}
