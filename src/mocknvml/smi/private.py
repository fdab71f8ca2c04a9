"""Commands that NVML has no public functions for: what nvidia-smi asks of its private table, and of the library alone.

What a real driver has behind them is not known, so that beside one they refuse.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from mocknvml.smi.gpus import Gpu, Problem, Refusal, ask_slot, branch, chosen, simulated, status_of
from mocknvml.smi.options import FLAG, NEW, NUMBER, TEXT, number, only, read

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
POLICIES_END = f"+{'-' * 37}+\n"
SLIDERS_END = f"+{'-' * 49}+\n"
NO_SLIDERS = f"|   No supported devices found                    |\n{SLIDERS_END}"
SET_POLICY, LIST_POLICIES, LIST_SLIDERS, GET_SLIDERS, SET_SLIDERS = range(192, 197)  # of the private table
ROOM = 64  # words, for more than the one that is known
INVALID_ARGUMENT = Refusal(2)
NOT_SUPPORTED = Refusal(3)


def _gpus(given: Mapping[str, Any]) -> list[Gpu]:
    if not simulated():
        raise Problem("ERROR: NVML has no public function for this command.\n\n", 255)
    return chosen(given.get("--id"))


def _indexed(gpus: list[Gpu], what: str, out: TextIO) -> Iterator[tuple[int, Gpu]]:
    """The GPUs by the indices that they tell; one that does not ends the command."""
    for gpu in gpus:
        index = gpu.ask("GetIndex")
        if isinstance(index, Refusal):
            out.write(f"Failed to get device index : {index.reason}\n")
            raise _failed(what, index)
        yield index, gpu


def _failed(what: str, refusal: Refusal) -> Problem:
    return Problem(f"Failed to {what} for requested devices : {refusal.reason}\n", status_of(refusal.code))


def compute_policy(arguments: Sequence[str], out: TextIO) -> int:
    option, given = only("compute-policy", arguments, IDS | {"-l --list": FLAG, "--set-timeslice": NUMBER})
    if option == "--help":
        out.write(COMPUTE_POLICY_HELP)
    elif option:
        gpus, value = _gpus(given), given[option]
        what, tried = "retrieve compute policies", "get compute policies"
        if option == "--set-timeslice":
            name = TIMESLICES[value] if 0 <= value < len(TIMESLICES) else "Unknown"
            what, tried = "set timeslice", f"set timeslice policy with value {name}"
        else:
            out.write(POLICIES)
        for index, gpu in _indexed(gpus, what, out):
            policy = (ctypes.c_uint * 2)(0, max(value or 0, 0))
            found = ask_slot(SET_POLICY, gpu.handle, policy) if value != "" else _one(LIST_POLICIES, gpu)
            if isinstance(found, Refusal):
                out.write(f"Failed to {tried} for GPU {index} : {found.reason}\n")
                raise _failed(what, found)
            if found is None:
                out.write(f"Successfully {tried} for GPU {index}\n")
            else:
                out.write(f"|   {index}   Timeslice       {TIMESLICES[found]:<14}|\n{POLICIES_END}")
    return 0


def _one(slot: int, gpu: Gpu) -> int | Refusal:
    """The value of the one policy or slider that is known, of a list of kinds and values."""
    found = (ctypes.c_uint * ROOM)()
    return ask_slot(slot, gpu.handle, found) or found[2]


def boost_slider(arguments: Sequence[str], out: TextIO) -> int:
    option, given = only("boost-slider", arguments, IDS | {"-l --list": FLAG, "--vboost": NUMBER})
    if option == "--help":
        out.write(BOOST_SLIDER_HELP)
    elif option:
        gpus = _gpus(given)
        if option == "--vboost":
            _set_boost(gpus, given[option], out)
            return 0
        out.write(SLIDERS)
        rows = 0
        for index, gpu in _indexed(gpus, "retrieve boost sliders", out):
            positions, at = _one(LIST_SLIDERS, gpu), _one(GET_SLIDERS, gpu)
            if not isinstance(positions, Refusal) and not isinstance(at, Refusal):
                out.write(f"|   {index}     vboost {positions - 1:>11} {at:>14}       |\n{SLIDERS_END}")
                rows += 1
        if not rows:
            out.write(NO_SLIDERS)
    return 0


def _set_boost(gpus: Sequence[Gpu], value: int, out: TextIO) -> None:
    for gpu in gpus:  # nvidia-smi asks for no index, and says 0
        refusal = ask_slot(SET_SLIDERS, gpu.handle, (ctypes.c_uint * 3)(1, 0, value))
        if refusal is None:
            out.write(f"Successfully set vboost slider with value {value} for GPU 0\n")
        elif refusal.code == NOT_SUPPORTED.code:
            out.write(f"Warning: GPU 0 is not supporting this feature: {refusal.reason}\n")
        else:
            out.write(f"Failed to set vboost slider with value {value} for GPU 0 : {refusal.reason}\n")
            raise _failed("set control for vboost slider", refusal)


def power_hint(arguments: Sequence[str], out: TextIO) -> int:
    of_470 = branch() < NEW
    kind = TEXT if of_470 else NUMBER  # 470 reads the numbers later
    inputs = {"-gc --graphics-clock": kind, "-mc --memory-clock": kind, "-p --profile": kind, "-t --temperature": TEXT}
    given = read(arguments, IDS | inputs | {"-l --list-info": FLAG})
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
    for index, _ in _indexed(gpus, what, out):
        out.write(f"Failed to get power hint for GPU {index} : {NOT_SUPPORTED.reason}\n")
    raise _failed(what, NOT_SUPPORTED)


def base_clocks(arguments: Sequence[str], out: TextIO) -> int:
    given = read(arguments, IDS)
    if "--help" in given:
        out.write(BASE_CLOCKS_HELP)
        return 0
    for index, _ in _indexed(_gpus(given), "get base clocks", out):
        out.write(f"GPU {index}:\n\tGraphics: \t{NOT_SUPPORTED.reason}\n")
    return 0
