"""Commands that NVML has no public functions for: what nvidia-smi says of GPUs that have none of it.

What it says of others is known of no driver, so that beside a real one they refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from mocknvml.smi.gpus import Gpu, Problem, Refusal, branch, chosen, simulated, status_of
from mocknvml.smi.options import FLAG, NUMBER, TEXT, number, only, parse

COMPUTE_POLICY_HELP = """
    compute-policy -- how GPUs share their time

    nvidia-smi compute-policy -l [-i GPU,...]                       list it
    nvidia-smi compute-policy --set-timeslice=0|1|2|3 [-i GPU,...]  default, short, medium, long

"""
BOOST_SLIDER_HELP = """
    boost-slider -- how much GPUs prefer one clock to others

    nvidia-smi boost-slider -l [-i GPU,...]           list the sliders
    nvidia-smi boost-slider --vboost NUMBER [-i GPU,...]

"""
POWER_HINT_HELP = """
    power-hint -- what power a GPU would need

    nvidia-smi power-hint -l [-i GPU,...]             which values there are
    nvidia-smi power-hint -gc MHZ [-mc MHZ] -t C -p PROFILE [-i GPU,...]
                                                      at these clocks, temperature (n5 for -5) and kind of work

"""
BASE_CLOCKS_HELP = """
    base-clocks -- the clocks that GPUs have without boost

    nvidia-smi base-clocks [-i GPU,...]

"""
IDS = {"-i --id": TEXT}
TIMESLICES = ("Default", "Short", "Medium", "Long")
POLICIES = """\
+-------------------------------------+
| GPU compute policies:               |
| GPU     Name           Value        |
|=====================================|
"""
SLIDERS = """\
+-------------------------------------------------+
| GPU Boost Slider                                |
| GPU     Slider       Max Value    Current Value |
|=================================================|
"""
NO_SLIDERS = """\
|   No supported devices found                    |
+-------------------------------------------------+
"""
INVALID_ARGUMENT = Refusal(2)
NOT_SUPPORTED = Refusal(3)


def _gpus(given: Mapping[str, Any]) -> list[Gpu]:
    if not simulated():
        raise Problem("ERROR: NVML has no public function for this command.\n\n", 255)
    return chosen(given.get("--id"))


def _indexed(gpus: list[Gpu], what: str, out: TextIO) -> Iterator[int]:
    """Those that the GPUs tell; one that does not ends the command."""
    for gpu in gpus:
        index = gpu.ask("GetIndex")
        if isinstance(index, Refusal):
            out.write(f"Failed to get device index : {index.reason}\n")
            raise _failed(what, index)
        yield index


def _failed(what: str, refusal: Refusal) -> Problem:
    return Problem(f"Failed to {what} for requested devices : {refusal.reason}\n", status_of(refusal.code))


def compute_policy(arguments: Sequence[str], out: TextIO) -> int:
    given = parse(arguments, IDS | {"-l --list": FLAG, "--set-timeslice": NUMBER})
    option, value = only("compute-policy", given)
    if option == "--help":
        out.write(COMPUTE_POLICY_HELP)
    elif option:
        gpus = _gpus(dict(given))
        what, tried = "retrieve compute policies", "get compute policies"
        if option == "--set-timeslice":
            name = TIMESLICES[value] if 0 <= value < len(TIMESLICES) else "Unknown"
            what, tried = "set timeslice", f"set timeslice policy with value {name}"
        else:
            out.write(POLICIES)
        for index in _indexed(gpus, what, out):
            out.write(f"Failed to {tried} for GPU {index} : {NOT_SUPPORTED.reason}\n")
            raise _failed(what, NOT_SUPPORTED)
    return 0


def boost_slider(arguments: Sequence[str], out: TextIO) -> int:
    given = parse(arguments, IDS | {"-l --list": FLAG, "--vboost": NUMBER})
    option, _ = only("boost-slider", given)
    if option == "--help":
        out.write(BOOST_SLIDER_HELP)
    elif option:
        gpus = _gpus(dict(given))
        if option == "--vboost":  # nvidia-smi asks for no index, and says 0
            out.write(f"Warning: GPU 0 is not supporting this feature: {NOT_SUPPORTED.reason}\n" * len(gpus))
            return 0
        out.write(SLIDERS)
        list(_indexed(gpus, "retrieve boost sliders", out))
        out.write(NO_SLIDERS)
    return 0


def power_hint(arguments: Sequence[str], out: TextIO) -> int:
    of_470 = branch() < 525
    kind = TEXT if of_470 else NUMBER  # 470 reads the numbers later
    inputs = {"-gc --graphics-clock": kind, "-mc --memory-clock": kind, "-p --profile": kind, "-t --temperature": TEXT}
    given = dict(parse(arguments, IDS | inputs | {"-l --list-info": FLAG}))
    if not given or "--help" in given or (given.keys() == {"--id"} and not of_470):
        out.write(POWER_HINT_HELP)
        return 0
    gpus = _gpus(given)
    what = "list power hint info" if "--list-info" in given else "get power hint"
    texts = {
        "--graphics-clock": "graphics clock",
        "--memory-clock": "memory clock",
        "--temperature": "temperature",
        "--profile": "profile id",
    }
    for option, text in texts.items():
        value = given.get(option)
        if isinstance(value, str) and value != "n" and number(re.sub("^n", "-", value)) is None:
            raise Problem(f"Failed to parse {text} at the command-line\n", 2)
    if "--list-info" in given:
        if given.keys() & texts.keys():
            raise Problem("Invalid arguments, please use nvidia-smi power-hint -h for usage\n", 2)
        list(_indexed(gpus, what, out))
        out.write("No supported devices found\n")
        return 0
    if not {"--graphics-clock", "--temperature", "--profile"} <= given.keys():
        out.write("Graphics clock, temperature and profile ID must be provided to estimate power usage\n")
        raise _failed(what, INVALID_ARGUMENT)
    for index in _indexed(gpus, what, out):
        out.write(f"Failed to get power hint for GPU {index} : {NOT_SUPPORTED.reason}\n")
    raise _failed(what, NOT_SUPPORTED)


def base_clocks(arguments: Sequence[str], out: TextIO) -> int:
    given = dict(parse(arguments, IDS))
    if "--help" in given:
        out.write(BASE_CLOCKS_HELP)
        return 0
    for index in _indexed(_gpus(given), "get base clocks", out):
        out.write(f"GPU {index}:\n\tGraphics: \t{NOT_SUPPORTED.reason}\n")
    return 0
