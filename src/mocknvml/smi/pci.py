"""`nvidia-smi pci`: the errors of the PCIe links of GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from mocknvml.smi.gpus import Gpu, Refusal, branch, chosen, status_of
from mocknvml.smi.options import FLAG, TEXT, fail, read, title

HELP = """
    pci -- the errors of PCIe links

    nvidia-smi pci [-i GPUS] [-gErrCnt] [-cErrCnt] [-gCnt]

    -gErrCnt, --getErrorCounters
    -cErrCnt, --clearErrorCounters
    -gCnt, --getCounters          since driver 555: what was sent and received

"""
OPTIONS = {"-i --id": TEXT, "-gErrCnt --getErrorCounters": FLAG, "-cErrCnt --clearErrorCounters": FLAG}
NEW, NEW_OPTIONS = 555, {"-gCnt --getCounters": FLAG}
TRAFFIC = {197: "TX_BYTES", 198: "RX_BYTES"}  # by field
COUNTERS = {  # by field
    94: "REPLAY_COUNTER",
    95: "REPLAY_ROLLOVER_COUNTER",
    169: "L0_TO_RECOVERY_COUNTER",
    173: "CORRECTABLE_ERRORS",
    174: "NAKS_RECEIVED",
    175: "RECEIVER_ERROR",
    176: "BAD_TLP",
    177: "NAKS_SENT",
    178: "BAD_DLLP",
    179: "NON_FATAL_ERROR",
    180: "FATAL_ERROR",
    181: "UNSUPPORTED_REQ",
    182: "LCRC_ERROR",
    183: "LANE_ERROR",
}
LANE_ERROR, LANES = 183, 13  # nvidia-smi asks for 16 lanes, and shows as many as there are counters before them


def run(arguments: Sequence[str], out: TextIO) -> int:
    given = read(arguments, OPTIONS | (NEW_OPTIONS if branch() >= NEW else {}))
    if not given or "--help" in given:
        out.write(HELP)
        return 0
    for gpu in chosen(given.get("--id")):
        out.write(title(gpu, ""))
        if "--getErrorCounters" in given:
            for line in _counters(gpu):
                out.write(line)
        if "--getCounters" in given:
            out.writelines(_line(name, _shown(gpu.field(field))) for field, name in TRAFFIC.items())
        if "--clearErrorCounters" in given:
            status = _clear(gpu, out)
            if status:
                return status
    return 0


def _counters(gpu: Gpu) -> Iterator[str]:
    whole = gpu.ask("GetFieldValues", tuple((field, 0) for field in COUNTERS))
    if isinstance(whole, Refusal):
        fail("", whole)
    for field, name in COUNTERS.items():
        yield _line(name, "" if field == LANE_ERROR else _shown(gpu.field(field)))
    for lane in range(LANES):
        yield f"\t lane {lane:>2}: {_shown(gpu.field(LANE_ERROR, lane))}\n"


def _line(name: str, value: str) -> str:
    return f"    {name + ':':<24} {value}\n"


def _shown(answer: object) -> str:
    return "error" if isinstance(answer, Refusal) else str(answer)


def _clear(gpu: Gpu, out: TextIO) -> int:
    """Clear the counters, and give the exit status: of the last that could not be cleared."""
    values = gpu.ask("ClearFieldValues", tuple(COUNTERS))
    if isinstance(values, Refusal):
        fail("", values)
    status = 0
    for value in values:
        if value.nvmlReturn:
            out.write(_line(COUNTERS[value.fieldId], "fail to clear"))
            status = status_of(value.nvmlReturn)
    return status
