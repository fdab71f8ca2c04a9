"""`nvidia-smi drain`: GPUs that take no new clients, and that are removed and found again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NoReturn, TextIO

import pynvml as nvml

from mocknvml.smi.gpus import Problem, Refusal, ask
from mocknvml.smi.options import FLAG, NUMBER, TEXT, read

HELP = """
    drain -- keep new processes from a GPU, and take it out of the system

    nvidia-smi drain -p PLACE -m 0|1     begin (1) or end (0) to drain it; its persistence mode has to be off
    nvidia-smi drain -p PLACE -q         whether it drains
    nvidia-smi drain -p PLACE -r         remove it
    nvidia-smi drain -d                  find again what was removed

    PLACE is DOMAIN:BUS:DEVICE.0, such as 0000:07:00.0

"""
OPTIONS = {"-p --pciid": TEXT, "-m --modify": NUMBER, "-q --query": FLAG, "-r --remove": FLAG, "-d --discover": FLAG}
STATES = ("not draining", "draining")
LONGEST = 15  # that nvidia-smi reads


def run(arguments: Sequence[str], out: TextIO) -> int:
    given = read(arguments, OPTIONS)
    if not given or "--help" in given:
        out.write(HELP)
        return 0
    if "--pciid" not in given and given.keys() & {"--modify", "--query", "--remove"}:
        _end("Must specify -p with this option.", 2)
    if {"--modify", "--remove"} <= given.keys():
        _end("Cannot specify both -m and -r.", 2)
    place = _place(given["--pciid"]) if "--pciid" in given else nvml.nvmlPciInfo_t()
    name = f"{place.domain:08X}:{place.bus:02X}:{place.device:02X}.0"
    if "--modify" in given:
        state = int(given["--modify"] == 1)
        _asked("nvmlDeviceModifyDrainState", "modify the GPU drain state", place, state)
        out.write(f"Successfully set GPU {name} drain state to: {STATES[state]}.\n")
    if "--query" in given:
        state = _asked("nvmlDeviceQueryDrainState", "query the GPU drain state", place)
        out.write(f"The current drain state of GPU {name} is: {STATES[state]}.\n")
    if "--remove" in given:
        _asked("nvmlDeviceRemoveGpu", "remove the specified GPU", place)
        out.write(f"GPU {name} successfully removed.\n")
    if "--discover" in given:
        _asked("nvmlDeviceDiscoverGpus", "perform a PCI discover for GPUs", nvml.nvmlPciInfo_t())
        text = "Any discovered GPUs will now appear in the enumeration list and device count."
        out.write(f"Discovery completed successfully.  {text}\n")
    return 0


def _place(text: str) -> Any:
    """Four hexadecimal numbers, of which the last is 0. Where there is no number, C reads 0."""
    parts = [part for part in re.split("[:.]", text) if part]
    found = [re.match(r"(?:0[xX])?[0-9a-fA-F]+", part) for part in parts]
    numbers = [int(number[0], 16) if number else 0 for number in found]
    if len(numbers) != 4 or numbers[3] or len(text) > LONGEST:
        _end("Failed to parse device specified at the command-line", 2)
    return nvml.nvmlPciInfo_t(domain=numbers[0], bus=numbers[1], device=numbers[2])


def _asked(function: str, what: str, *arguments: Any) -> Any:
    answer = ask(function, *arguments)
    if isinstance(answer, Refusal):
        _end(f"Failed to {what}.", 255)
    return answer


def _end(text: str, status: int) -> NoReturn:
    raise Problem(f"{text}\n", status)
