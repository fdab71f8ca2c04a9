"""`python -m mocknvml.codegen build OUT [--machine M]`: build the library into a folder."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from pathlib import Path

from mocknvml.codegen.build import MACHINES, build
from mocknvml.table.rows import TableError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mocknvml.codegen")
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="generate, compile, and write the libraries into OUT")
    builder.add_argument("out", type=Path)
    builder.add_argument("--machine", choices=MACHINES, default=platform.machine())
    args = parser.parse_args()
    try:
        build(args.out, args.machine)
    except (TableError, FileNotFoundError) as error:
        print(f"mocknvml: error: {error}", file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(error.stderr or "", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
