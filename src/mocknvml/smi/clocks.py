"""`nvidia-smi clocks`: boosting GPUs together, and sparse operation. NVML has no function for either: nvidia-smi asks
its private table."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TextIO

from mocknvml.smi.gpus import NOT_SUPPORTED, Problem, Refusal, ask_slot, branch, chosen
from mocknvml.smi.options import FLAG, NEW, NUMBER, TEXT, fail, number, read

HELP = """
    clocks -- groups of GPUs that boost together, and sparse operation

    nvidia-smi clocks [-i GPUS] OPTION

    --sync-boost-list             the groups
    --sync-boost-add              make one of the GPUs
    --sync-boost-remove=GROUP
    -som, --sparse-operation-mode=0|1

"""
OPTIONS = {"-i --id": TEXT, "--sync-boost-list": FLAG, "--sync-boost-add": FLAG, "--sync-boost-remove": NUMBER}
SPARSE = {"-som --sparse-operation-mode": TEXT}
COMMANDS = ("--sync-boost-list", "--sync-boost-add", "--sync-boost-remove", "--sparse-operation-mode")
MODES = ("DISABLED", "ENABLED")


def run(arguments: Sequence[str], out: TextIO) -> int:
    is_new = branch() >= NEW
    given = read(arguments, OPTIONS | (SPARSE if branch() >= 530 else {}))
    commands = [name for name in COMMANDS if name in given]
    if not commands or "--help" in given or (is_new and len(commands) > 1):
        out.write(HELP)
        return 0
    command, value = commands[0], given[commands[0]]
    mode = value
    if command == "--sparse-operation-mode":
        mode = MODES.index(value) if value in MODES else number(value)
    if mode is None:
        raise Problem(f'Option "{value}" is invalid for "-som".\n', 2)
    if command == "--sync-boost-add" and "--id" not in given and not is_new:
        raise Problem("Argument -i / --id is required with argument --sync-boost-add\n", 2)
    gpus = chosen(given.get("--id"))
    refused = Refusal(NOT_SUPPORTED)  # what the slots hold that nvidia-smi asks for groups is not known
    if command == "--sync-boost-list":
        raise Problem("Synchronized boost is currently disabled.\n", refused.code)
    if command == "--sync-boost-add":
        if len(gpus) < 2:
            raise Problem(f"--sync-boost-add requires at least 2 GPUs. {len(gpus)} found.\n", 2)
        fail(f"Got error {{}} while trying to add {len(gpus)} GPUs as a synchronized boost group.\n", refused)
    if command == "--sync-boost-remove":
        fail(f"Got error {{}} while trying to remove synchronized boost group id {value}.\n", refused)
    if mode not in (0, 1):
        raise Problem("Input should be 0 or 1. See nvidia-smi clocks -h.\n", 2)
    for gpu in gpus:
        refusal = ask_slot(244 if branch() < 550 else 250, gpu.handle, ctypes.c_uint(mode))
        wanted = f"'{MODES[mode].capitalize()}' for GPU {gpu.ask('GetIndex')}"
        if refusal is not None:
            fail(f"Unable to set Sparse Operation Mode to {wanted}: {{}}\n", refusal)
        out.write(f"Spare Operation Mode set to {wanted}\n")
    return 0
