"""`mocknvml run`: a command that finds the simulated GPUs."""

import argparse
import ctypes
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from mocknvml import defaults
from mocknvml.cli import node, temporary
from mocknvml.cli.errors import UserError
from mocknvml.cli.library import folder
from mocknvml.state.native import ERROR_MAX, load


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "run",
        help="run a command with simulated GPUs",
        usage="mocknvml run [--profile PROFILE] [--gpus N] [--driver VERSION] [--node PATH] "
        "[--claim GPU:MEMORY[:UTILIZATION]] [--smi {ours,real,none}] -- COMMAND ...",
        description="Run a command that finds simulated GPUs through NVML, and sees one machine in all its processes. "
        "Without options: the node of MOCK_NVML_NODE; else what MOCK_NVML_PROFILE, MOCK_NVML_NUM_DEVICES and "
        "MOCK_NVML_DRIVER_VERSION say; else eight A100s. "
        "The exit status is that of the command; 127 if it is not found, 126 if it cannot be executed.",
        allow_abbrev=False,
    )
    node.add_options(parser)
    parser.add_argument("--node", metavar="PATH", help="use this node file, and keep it (MOCK_NVML_NODE)")
    parser.add_argument(
        "--claim",
        metavar="GPU:MEMORY[:UTILIZATION]",
        action="append",
        default=[],
        help="list the command as a process of a GPU until it ends, as in 0:8GiB or all:8GiB:60%%",
    )
    parser.add_argument(
        "--smi",
        choices=("ours", "real", "none"),
        help="which nvidia-smi the command finds: a stand-in (mocknvml smi), the one on PATH, or no other than that; "
        "by default the stand-in if there is none on PATH",
    )
    parser.add_argument(
        "command", metavar="COMMAND ...", nargs=argparse.REMAINDER, help="the command and its arguments"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    # Whether argparse leaves the leading -- to us depends on the version of Python.
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise UserError("no command to run; write: mocknvml run -- COMMAND ...")
    env = environment(args)
    env.update(path_with_smi(args.smi, env))
    if args.claim:
        from mocknvml.cli.claims import claim

        claim(env["MOCK_NVML_NODE"], args.claim)
    # Python ignores these two, and an ignored signal stays ignored in the command.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, env)
    except OSError as error:
        status = 127 if isinstance(error, FileNotFoundError) else 126
        raise UserError(f"cannot run {command[0]!r}: {error.strerror}", status) from None


def environment(args: argparse.Namespace) -> dict[str, str]:
    """That of the command: with the library, the options as variables, and the node that they make."""
    options = node.chosen(args)
    env = os.environ | options
    given = any(value is not None for value in (args.profile, args.gpus, args.driver))
    if args.node is not None:
        if given:
            raise UserError("--node: that node has its GPUs already; leave out --profile, --gpus and --driver")
        env["MOCK_NVML_NODE"] = existing(args.node)
    elif given or not env.get("MOCK_NVML_NODE"):
        env["MOCK_NVML_NODE"] = temporary_node(options)
    # No trailing colon after the folder if there is nothing else: an empty entry would mean the working folder.
    env["LD_LIBRARY_PATH"] = ":".join(filter(None, (str(folder()), env.get("LD_LIBRARY_PATH"))))
    return env


def path_with_smi(choice: str | None, env: dict[str, str]) -> dict[str, str]:
    """The PATH on which a command finds the nvidia-smi that it should, and what the stand-in needs to know."""
    ours = str(Path(__file__).parents[1] / "smi" / "bin")
    folders = [folder for folder in env.get("PATH", os.defpath).split(":") if folder != ours]
    real = shutil.which("nvidia-smi", path=":".join(folders))
    if choice == "real" and not real:
        raise UserError("--smi=real: there is no nvidia-smi on PATH")
    if choice == "ours" or (choice is None and not real):
        folders.insert(0, ours)
    return {"PATH": ":".join(folders), "MOCKNVML_PYTHON": sys.executable}


def existing(path: str) -> str:
    """A node file that the library accepts, by its absolute path: the command may change the folder."""
    error = ctypes.create_string_buffer(ERROR_MAX)
    opened = load().mock_api_open(os.fsencode(path), error)
    if not opened:
        raise UserError(error.value.decode(errors="replace"))
    load().mock_api_close(opened)
    return str(Path(path).absolute())


def temporary_node(options: dict[str, str]) -> str:
    gpus = int(options.get("MOCK_NVML_NUM_DEVICES", defaults.GPUS))
    path = temporary.folder(load().mock_api_size(gpus)) / "node"
    node.create(path, options)
    return str(path)
