"""`nvidia-smi vgpu` of a machine that hosts no vGPUs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TextIO

import pynvml as nvml

from mocknvml.smi import main
from mocknvml.smi.gpus import Gpu, Problem, branch, chosen
from mocknvml.smi.options import FLAG, OPTIONAL, TEXT, number, read
from mocknvml.smi.query import items

HELP = """
    vgpu -- what a machine that hosts vGPUs does with them

    nvidia-smi vgpu [OPTION] [-i GPU,...]     this stand-in knows no such machine, and says that of each option

"""
OPTIONS = {  # what nvidia-smi reads behind most of them, and does not use, is OPTIONAL
    "-i --id": TEXT,
    "-q --query": OPTIONAL,
    "-u --utilization": OPTIONAL,
    "-p --pmon": OPTIONAL,
    "-s --supported": OPTIONAL,
    "-c --creatable": OPTIONAL,
    "-es --encodersessions": OPTIONAL,
    "-fs --fbcsessions": OPTIONAL,
    "-m --migrationcap": OPTIONAL,
    "-v --verbose": FLAG,
    "-l --loop": OPTIONAL,
    "-caa --clear-accounted-apps": FLAG,
    "topo": TEXT,
    "-tm --matrix": FLAG,
    "-p2p --p2pstatus": TEXT,
}
QUERY = "--query-accounted-apps="
SCHEDULER = {"-ss --schedulerstate": OPTIONAL, "-sc --schedulercaps": OPTIONAL, "-sl --schedulerlogs": OPTIONAL}
HETEROGENEOUS = {"-shm --set-heterogeneous-mode": TEXT, "--gpm-metrics": TEXT}
FIRST_BRANCHES = {535: SCHEDULER, 550: HETEROGENEOUS}  # of nvidia-smi that were seen with them
REPEATED = {"--utilization", "--pmon", "--encodersessions", "--fbcsessions", "--schedulerlogs", "--gpm-metrics"}
LOOP, PAUSE = 5, 1  # seconds of -l without a number, and of what is repeated anyway
NONE = "No supported devices in vGPU mode\n"
HOSTS = (nvml.NVML_GPU_VIRTUALIZATION_MODE_HOST_VGPU, nvml.NVML_GPU_VIRTUALIZATION_MODE_HOST_VSGA)
SET_SCHEDULER = "set-scheduler-state"
SET_SCHEDULER_OPTIONS = {
    "-i --id": TEXT,
    "-p --policy": TEXT,
    "-a --arr-mode": TEXT,
    "-asf --arr-sched-frequency": TEXT,
    "-aavg --arr-avg-factor": TEXT,
    "-ts --time-slice": TEXT,
}


class Query(main.Call):
    @cached_property
    def gpus(self) -> list[Gpu]:
        """Of those that there are none has vGPUs, or rows."""
        return chosen(self.options.get("--id"))[:0]


def run(arguments: Sequence[str], out: TextIO) -> int:
    if arguments and arguments[0] == SET_SCHEDULER and branch() >= min(FIRST_BRANCHES):
        return _set_scheduler(arguments[1:], out)
    if arguments and arguments[0].startswith(QUERY):
        _, options, words = main.parse(arguments)
        return items(Query(options, words, out))
    known = dict(OPTIONS)
    for first, newer in FIRST_BRANCHES.items():
        known |= newer if branch() >= first else {}
    if {"-q", "--query"} & set(arguments):
        known |= {"-x --xml-format": FLAG}
    given = read(arguments, known)
    if "--help" in given:
        out.write(HELP)
        return 0
    pause = _pause(given["--loop"]) if "--loop" in given else PAUSE if given.keys() & REPEATED else 0
    gpus = chosen(given.get("--id"))
    while True:
        _refuse_hosts(gpus)
        out.write(NONE * (2 if given.keys() & {"topo"} and not given.keys() & {"--matrix", "--p2pstatus"} else 1))
        out.flush()
        if not pause:
            return 2 if {"topo"} < given.keys() else 0
        time.sleep(pause)


def _pause(text: str) -> int:
    seconds = number(text) if text else LOOP
    if seconds is None or not 1 <= seconds <= 10:
        text = "Provided [-l(sec) | --loop(sec)=] value is incorrect. Loop frequency must be between 1 and 10."
        raise Problem(f"{text}\n\n", 2)
    return seconds


def _refuse_hosts(gpus: Iterable[Gpu]) -> None:
    if any(gpu.ask("GetVirtualizationMode") in HOSTS for gpu in gpus):
        raise Problem("ERROR: what a vGPU host does is not in this stand-in for nvidia-smi.\n\n", 255)


def _set_scheduler(arguments: Sequence[str], out: TextIO) -> int:
    given = read(arguments, SET_SCHEDULER_OPTIONS)
    if "--help" in given:
        out.write(HELP)
        return 0
    _refuse_hosts(chosen(given.get("--id")))
    out.write(NONE)
    if "--policy" in given:
        return 0
    out.write("Failed to locate the vGPU scheduler policy specified at the command-line\n")
    return 6
