"""`nvidia-smi pci`: what went wrong on the PCIe link. Drivers before 550 have no such command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from mocknvml.smi.gpus import Gpu, Problem, Refusal, chosen, status_of
from mocknvml.smi.options import FLAG, TEXT, parse, title

HELP = """
    pci -- what went wrong on the PCIe link of a GPU

    nvidia-smi pci -gErrCnt [-i GPU,...]    how often (--getErrorCounters)
    nvidia-smi pci -cErrCnt [-i GPU,...]    count from 0 again (--clearErrorCounters)

"""
OPTIONS = {"-i --id": TEXT, "-gErrCnt --getErrorCounters": FLAG, "-cErrCnt --clearErrorCounters": FLAG}
COUNTERS = {  # as fields of nvmlDeviceGetFieldValues
    "REPLAY_COUNTER": 94,
    "REPLAY_ROLLOVER_COUNTER": 95,
    "L0_TO_RECOVERY_COUNTER": 169,
    "CORRECTABLE_ERRORS": 173,
    "NAKS_RECEIVED": 174,
    "RECEIVER_ERROR": 175,
    "BAD_TLP": 176,
    "NAKS_SENT": 177,
    "BAD_DLLP": 178,
    "NON_FATAL_ERROR": 179,
    "FATAL_ERROR": 180,
    "UNSUPPORTED_REQ": 181,
    "LCRC_ERROR": 182,
}
LANE_ERROR = 183
LANES = 13  # that nvidia-smi shows, whatever the link has


def run(arguments: Sequence[str], out: TextIO) -> int:
    given = dict(parse(arguments, OPTIONS))
    if not given or "--help" in given:
        out.write(HELP)
        return 0
    status = 0
    for gpu in chosen(given.get("--id")):
        out.write(title(gpu, ""))
        if "--getErrorCounters" in given:
            for name, count in zip(COUNTERS, _counts(gpu, [(field, 0) for field in COUNTERS.values()]), strict=True):
                out.write(f"    {name + ':':24} {count}\n")
            out.write(f"    {'LANE_ERROR:':24} \n")
            for lane, count in enumerate(_counts(gpu, [(LANE_ERROR, lane) for lane in range(LANES)])):
                out.write(f"\t lane {lane:2}: {count}\n")
        if "--clearErrorCounters" in given:
            status = _clear(gpu, out)
            if status:
                break
    return status


def _counts(gpu: Gpu, fields: list[tuple[int, int]]) -> list[object]:
    values = gpu.fields(*fields)
    if isinstance(values, Refusal):
        raise Problem("", status_of(values.code))
    return ["error" if isinstance(value, Refusal) else value for value in values]


def _clear(gpu: Gpu, out: TextIO) -> int:
    """nvidia-smi ends with the first GPU that keeps a counter."""
    values = gpu.ask("ClearFieldValues", (*COUNTERS.values(), LANE_ERROR))
    if isinstance(values, Refusal):
        raise Problem("", status_of(values.code))
    kept = {
        name: value.nvmlReturn
        for name, value in zip((*COUNTERS, "LANE_ERROR"), values, strict=True)
        if value.nvmlReturn
    }
    for name in kept:
        out.write(f"    {name + ':':24} fail to clear\n")
    if not kept:
        out.write("Successfully cleared all error counters\n")
    return max(map(status_of, kept.values()), default=0)
