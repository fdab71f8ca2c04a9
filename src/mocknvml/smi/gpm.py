"""`nvidia-smi gpm`: whether GPUs stream their performance counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from mocknvml.smi.gpus import Problem, Refusal, ask, chosen, status_of
from mocknvml.smi.options import FLAG, NUMBER, TEXT, capable, only, parse

HELP = """
    gpm -- whether a GPU streams its performance counters

    nvidia-smi gpm -g [-i GPU]       whether it does
    nvidia-smi gpm -s 0|1 [-i GPU]   end or begin it

"""
OPTIONS = {"-i --id": TEXT, "-s --set-stream-state": NUMBER, "-g --get-stream-state": FLAG}
HOPPER = 9  # the first architecture with these counters


def run(arguments: Sequence[str], out: TextIO) -> int:
    given = parse(arguments, OPTIONS)
    option, value = only("gpm", given)
    if option == "--help":
        out.write(HELP)
        return 0
    gpus = chosen(dict(given).get("--id"))
    capable(gpus, HOPPER, "GPM")
    gpu = gpus[0]  # nvidia-smi asks no other
    if option == "--set-stream-state":
        verb, answer = "set", ask("nvmlGpmSetStreamingEnabled", gpu.handle, value)
    else:
        verb, answer = "display", ask("nvmlGpmQueryIfStreamingEnabled", gpu.handle)
    if isinstance(answer, Refusal):
        text = f"Failed to {verb} GPU performance monitoring stream state: {answer.reason}"
        raise Problem(f"{text}\n", status_of(answer.code))
    if verb == "display":
        out.write(f"GPM stream state: {'ENABLED' if answer else 'DISABLED'}\n")
    return 0
