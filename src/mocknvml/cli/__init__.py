"""The command `mocknvml`: one module per command, each with `add_parser` and `run`."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from mocknvml.cli.errors import UserError
from mocknvml.errors import MocknvmlError

COMMANDS = (
    *("run", "smi", "node", "library", "profiles", "explain", "get", "set", "status", "watch", "reset-gpu", "clock"),
    *("inject", "clear", "faults", "trace"),
)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


class Version(argparse.Action):
    """Like argparse's own, but asks for the version only when somebody wants it: that takes longer than the rest."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version

        print(parser.prog, version("mocknvml"))
        parser.exit()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2 for a mistake of the user."""
    argv = sys.argv[1:] if argv is None else argv
    parser = Parser(
        prog="mocknvml",
        description="Run NVML clients on a machine without GPUs.",
        epilog="example: mocknvml run --profile h100-sxm5-80gb --gpus 4 -- nvidia-smi -L",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=Version, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    # The one that is called, if that is plain: the others would take longer to import than it takes to run.
    for command in argv[:1] if argv and argv[0] in COMMANDS else COMMANDS:
        import_module(f"mocknvml.cli.{command.replace('-', '_')}").add_parser(commands)
    if isinstance(sys.stdout, io.TextIOWrapper):  # of a locale that may lack what a text holds
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        args = parser.parse_args(argv)
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except MocknvmlError as error:
        print(f"mocknvml: error: {error}", file=sys.stderr)
        return error.status if isinstance(error, UserError) else 2
    except BrokenPipeError:
        # The reader of our output, `head` perhaps, has seen enough. Python would flush once more at exit and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
