"""`mocknvml node`: node files, which processes share; and the options that say what a new node is."""

import argparse
import ctypes
import json
import os
import re
from pathlib import Path
from typing import Any

from mocknvml import defaults
from mocknvml.cli.errors import UserError
from mocknvml.cli.summary import printable

NOT_FOUND = 6


def gpus(text: str) -> str:
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > defaults.MAX_GPUS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {defaults.MAX_GPUS}")
    return text


def driver(text: str) -> str:
    from mocknvml.state.native import load

    if not load().mock_api_driver_known(text.encode()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a driver version from 450 on, like {defaults.DRIVER}")
    return text


def profile(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("'' is no profile; `mocknvml profiles` lists them")
    return text


# How the options, of which each has a variable, are checked.
OPTIONS = {
    "profile": ("MOCK_NVML_PROFILE", profile),
    "gpus": ("MOCK_NVML_NUM_DEVICES", gpus),
    "driver": ("MOCK_NVML_DRIVER_VERSION", driver),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        type=profile,
        help="which board or system: a name of `mocknvml profiles`, or a YAML file (MOCK_NVML_PROFILE)",
    )
    parser.add_argument(
        "--gpus", metavar="N", type=gpus, help=f"how many, from 0 to {defaults.MAX_GPUS} (MOCK_NVML_NUM_DEVICES)"
    )
    parser.add_argument(
        "--driver", metavar="VERSION", type=driver, help=f"like {defaults.DRIVER} (MOCK_NVML_DRIVER_VERSION)"
    )


def chosen(args: argparse.Namespace) -> dict[str, str]:
    """The options by their variables: those that are given, else those of the environment."""
    found = {}
    for name, (variable, check) in OPTIONS.items():
        value = getattr(args, name)
        if value is None and os.environ.get(variable):
            try:
                value = check(os.environ[variable])
            except argparse.ArgumentTypeError as error:
                raise UserError(f"{variable}: {error}") from None
        if value is not None:
            found[variable] = value
    return found


def create(path: Path, options: dict[str, str], privileges: str = "root", cpus: str = "profile") -> None:
    """Make a node file of the chosen options."""
    name = options.get("MOCK_NVML_PROFILE", defaults.PROFILE)
    count = options.get("MOCK_NVML_NUM_DEVICES")
    version = options.get("MOCK_NVML_DRIVER_VERSION", defaults.DRIVER)
    # What is built in needs neither YAML nor the table of fields: reading those takes longer than all the rest.
    from mocknvml.state.native import ERROR_MAX, load

    error = ctypes.create_string_buffer(ERROR_MAX)
    status = NOT_FOUND
    if (privileges, cpus) == ("root", "profile"):
        status = load().mock_api_create_builtin(
            os.fsencode(path), os.fsencode(name), -1 if count is None else int(count), version.encode(), error
        )
    if status == NOT_FOUND:
        from mocknvml.state.node import Node

        Node.create(path, name, None if count is None else int(count), version, privileges, cpus).close()
    elif status:
        raise UserError(error.value.decode(errors="replace"))


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "node",
        help="make, show, reset or remove a node file",
        description="Make, show, reset or remove a node: a simulated machine in a file. All processes that have its "
        "path in MOCK_NVML_NODE see and change one machine; so do those without, where it has the default path: "
        "/run/mocknvml/node, which root may make, else $XDG_RUNTIME_DIR/mocknvml/node.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    making = commands.add_parser("create", help="make a node file, or replace one", allow_abbrev=False)
    making.set_defaults(run=run_create)
    showing = commands.add_parser("show", help="list the GPUs of a node file", allow_abbrev=False)
    showing.add_argument("--json", action="store_true", help="print JSON")
    showing.set_defaults(run=run_show)
    resetting = commands.add_parser("reset", help="bring back what a node was made with", allow_abbrev=False)
    resetting.set_defaults(run=run_reset)
    removing = commands.add_parser("rm", help="remove a node file", allow_abbrev=False)
    removing.set_defaults(run=run_rm)
    for command in (making, showing, resetting, removing):
        command.add_argument("path", metavar="PATH", nargs="?", type=Path, help="by default the node that programs see")
    add_options(making)
    making.add_argument(
        "--privileges",
        choices=("root", "any"),
        default="root",
        help="who may use setters that need root with a driver: root (the default), or any who may write to the file",
    )
    making.add_argument(
        "--cpus",
        choices=("profile", "host"),
        default="profile",
        help="the CPUs near GPUs: those of the profile (the default), or these folded onto the CPUs of this machine",
    )


def run_create(args: argparse.Namespace) -> int:
    from mocknvml.state import where

    path = args.path or where.to_make()
    if path.exists():
        check(path)
    create(path, chosen(args), args.privileges, args.cpus)
    if args.path is None:
        print(path)
    return 0


def existing(args: argparse.Namespace) -> Path:
    from mocknvml.state import where

    return where.existing(args.path)


def run_show(args: argparse.Namespace) -> int:
    from mocknvml.state.node import Node

    path = existing(args)
    with Node.open(path) as node:
        version = node.read("driver.version")[0].value
        gpus = [
            {name: reading.value for name, reading in zip(("name", "uuid"), readings, strict=True)}
            for readings in (gpu.read("identity.name", "identity.uuid") for gpu in node.gpus)
        ]
    if args.json:
        print(json.dumps({"path": str(path), "driver": version, "gpus": gpus}, indent=2))
        return 0
    print(printable(f"driver {version}, {len(gpus)} GPUs"))
    for index, gpu in enumerate(gpus):
        print(printable(f"{index}: {gpu['name']} ({gpu['uuid']})"))
    return 0


def run_reset(args: argparse.Namespace) -> int:
    from mocknvml.state.node import Node

    with Node.open(existing(args)) as node:
        node.reset()
    return 0


def run_rm(args: argparse.Namespace) -> int:
    path = existing(args)
    check(path)
    try:
        path.unlink()
        Path(f"{path}.calls").unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    return 0


def check(path: Path) -> None:
    """No other file is replaced or removed; a node of another version of mocknvml may be."""
    try:
        with path.open("rb") as file:
            ours = file.read(8) == b"MOCKNVML"
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if not ours:
        raise UserError(f"{path}: not a mocknvml node file, left alone")
