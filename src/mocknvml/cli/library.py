"""`mocknvml library`: where the library is."""

import argparse
from pathlib import Path
from typing import Any

from mocknvml.cli.errors import UserError

LIBRARY = "libnvidia-ml.so.1"


def folder() -> Path:
    """The folder of the compiled library."""
    path = Path(__file__).resolve().parents[1] / "lib"
    if not (path / LIBRARY).exists():
        raise UserError(f"{path / LIBRARY} is missing; build it with: pip install --editable . (or make)")
    return path


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "library",
        help="print the folder of the library",
        description=f"Print the folder that holds {LIBRARY}, for use in LD_LIBRARY_PATH.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    print(folder())
    return 0
