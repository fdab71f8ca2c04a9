"""`python -m mocknvml.codegen build OUT` builds the libraries; `docs OUT` writes the reference pages."""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from pathlib import Path

from mocknvml.codegen import header, plan
from mocknvml.codegen.build import MACHINES, build, zig
from mocknvml.codegen.emit_docs import pages
from mocknvml.nvml import ROWS
from mocknvml.table.rows import TableError


def docs(out: Path, tests: Path, check: bool) -> int:
    """Write the reference pages, or say which are not what they would be."""
    status = 0
    for name, text in pages(plan.plan_all(header.load(zig(platform.machine())), ROWS), tests).items():
        page = out / name
        if not check:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            print(f"{page} is not up to date: run `make docs`", file=sys.stderr)
            status = 1
    return status


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mocknvml.codegen")
    commands = parser.add_subparsers(dest="command", required=True)
    builder = commands.add_parser("build", help="generate, compile, and write the libraries into OUT")
    builder.add_argument("out", type=Path)
    builder.add_argument("--machine", choices=MACHINES, default=platform.machine())
    writer = commands.add_parser("docs", help="write the reference pages into OUT")
    writer.add_argument("out", type=Path)
    writer.add_argument("--tests", type=Path, default=Path("tests"), help="the folder whose files name functions")
    writer.add_argument("--check", action="store_true", help="write nothing, fail if a page would change")
    args = parser.parse_args()
    try:
        if args.command == "docs":
            return docs(args.out, args.tests, args.check)
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
