"""`nvidia-smi c2c`: the links between chips."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from mocknvml.smi.gpus import Gpu, Problem, Refusal, chosen
from mocknvml.smi.options import FLAG, NUMBER, TEXT, link_of, read, title

HELP = """
    c2c -- the links between GPUs and their CPUs

    nvidia-smi c2c [-i GPUS] [-l LINK] -s

    -s, --status                  whether links are active, and how fast they are

"""
COUNT, STATE, SPEED = 170, 171, 172  # field values


def run(arguments: Sequence[str], out: TextIO) -> int:
    given = read(arguments, {"-i --id": TEXT, "-l --link": NUMBER, "-s --status": FLAG})
    if not given or "--help" in given:
        out.write(HELP)
        return 0
    counts = [(gpu, gpu.field(COUNT)) for gpu in chosen(given.get("--id"))]
    linked = [(gpu, int(count)) for gpu, count in counts if not isinstance(count, Refusal)]
    if not linked:
        raise Problem("No Devices support C2C.\n", 3)
    for gpu, count in linked:
        out.write(title(gpu, "Failed to get C2C Link device index\n"))
        if "--status" in given:
            for line in _status(gpu, count, link_of(given)):
                out.write(line)
    return 0


def _status(gpu: Gpu, count: int, only: int | None) -> Iterator[str]:
    found = []
    for link in range(count):
        if only in (None, link):
            state = gpu.field(STATE, link)
            if isinstance(state, Refusal):
                raise Problem(f"NVML: Unable to retrieve C2C Link information for link {link}: Unknown Error\n", 255)
            found.append((link, bool(state)))
    if not any(is_active for _, is_active in found):
        if only is None:
            yield "NVML: Unable to retreive C2C Link information as all links are inActive\n"
        else:
            yield f"NVML: Unable to retrieve C2C link information for link {only} - inActive\n"
        return
    for link, is_active in found:
        speed = gpu.field(SPEED, link) if is_active else None
        if isinstance(speed, Refusal):
            yield f"NVML: Unable to retrieve C2C link speed for link {link}: Success\n"
        else:
            yield f"\t C2C Link {link}: {'<inactive>' if speed is None else f'{speed / 1000:g} GB/s'}\n"
