"""`mocknvml run`: a command that finds the simulated GPUs."""

import argparse
import os
import re
import signal
from typing import Any

from mocknvml import defaults
from mocknvml.cli.errors import UserError
from mocknvml.cli.library import folder


def gpus(text: str) -> str:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > defaults.MAX_GPUS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {defaults.MAX_GPUS}")
    return text


def driver(text: str) -> str:
    from mocknvml.state.native import native

    if not native().mock_api_driver_known(text.encode()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a driver version from 450 on, like {defaults.DRIVER}")
    return text


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "run",
        help="run a command with simulated GPUs",
        usage="mocknvml run [--profile PROFILE] [--gpus N] [--driver VERSION] -- COMMAND ...",
        description="Run a command that finds simulated GPUs through NVML. Without options: what MOCK_NVML_PROFILE, "
        "MOCK_NVML_NUM_DEVICES and MOCK_NVML_DRIVER_VERSION say, or else eight A100s. "
        "The exit status is that of the command; 127 if it is not found, 126 if it cannot be executed.",
        allow_abbrev=False,
    )
    parser.add_argument("--profile", help="which board or system; `mocknvml profiles` lists them (MOCK_NVML_PROFILE)")
    parser.add_argument(
        "--gpus", metavar="N", type=gpus, help=f"how many, from 0 to {defaults.MAX_GPUS} (MOCK_NVML_NUM_DEVICES)"
    )
    parser.add_argument(
        "--driver",
        metavar="VERSION",
        type=driver,
        help=f"like {defaults.DRIVER} (MOCK_NVML_DRIVER_VERSION)",
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
    env = environment(args.profile, args.gpus, args.driver)
    # Python ignores these two, and an ignored signal stays ignored in the command.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, env)
    except OSError as error:
        status = 127 if isinstance(error, FileNotFoundError) else 126
        raise UserError(f"cannot run {command[0]!r}: {error.strerror}", status) from None


def environment(profile: str | None, gpus: str | None, driver: str | None) -> dict[str, str]:
    if profile is not None:
        from mocknvml.profiles import path

        path(profile)  # an error if there is none
    options = {"MOCK_NVML_PROFILE": profile, "MOCK_NVML_NUM_DEVICES": gpus, "MOCK_NVML_DRIVER_VERSION": driver}
    given = {name: value for name, value in options.items() if value is not None}
    env = os.environ | given
    if given:
        env.pop("MOCK_NVML_NODE", None)  # the library would take that node and none of the options
    # No trailing colon after the folder if there is nothing else: an empty entry would mean the working folder.
    env["LD_LIBRARY_PATH"] = ":".join(filter(None, (str(folder()), env.get("LD_LIBRARY_PATH"))))
    return env
