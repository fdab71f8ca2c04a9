"""`nvidia-smi gpm`: whether GPUs stream the metrics of their units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from mocknvml.smi.gpus import Problem, Refusal, ask, chosen
from mocknvml.smi.options import FLAG, NUMBER, TEXT, capable, fail, read

HELP = """
    gpm -- whether metrics are streamed, of the first GPU that can

    nvidia-smi gpm [-i GPUS] -g | -s 0|1

    -g, --get-stream-state
    -s, --set-stream-state=0|1

"""
OPTIONS = {"-i --id": TEXT, "-g --get-stream-state": FLAG, "-s --set-stream-state": NUMBER}
HOPPER = 9


def run(arguments: Sequence[str], out: TextIO) -> int:
    given = read(arguments, OPTIONS)
    commands = given.keys() & {"--get-stream-state", "--set-stream-state"}
    if not commands or "--help" in given:
        out.write(HELP)
        return 0
    if len(commands) > 1:
        raise Problem("One, and only one, gpm command allowed at a time\n", 2)
    gpu = capable(chosen(given.get("--id")), HOPPER, "GPM")[0].handle
    if "--get-stream-state" in given:
        state = ask("nvmlGpmQueryIfStreamingEnabled", gpu)
        if isinstance(state, Refusal):
            fail("Failed to display GPU performance monitoring stream state: {}\n", state)
        out.write(f"GPM stream state: {'ENABLED' if state else 'DISABLED'}\n")
        return 0
    refusal = ask("nvmlGpmSetStreamingEnabled", gpu, given["--set-stream-state"])
    if isinstance(refusal, Refusal):
        fail("Failed to set GPU performance monitoring stream state: {}\n", refusal)
    return 0
