"""`nvidia-smi --toggle-led`, of S-class units, which no system has today."""

from __future__ import annotations

from mocknvml.smi.gpus import Problem, Refusal, ask
from mocknvml.smi.main import Call
from mocknvml.smi.setters import one_of

COLORS = {"GREEN": 0, "AMBER": 1}
NOTE = """\
Please Note: Current S-Class products don't provide unique LEDs for each unit.
             As such, both front and back LEDs will be toggled in unison
             regardless of which unit is specified with this command
"""


def run(call: Call) -> int:
    color = one_of(COLORS)(call.options["--toggle-led"], call.words["--toggle-led"])
    unit = call.options.get("--id")
    if unit is None and not ask("nvmlUnitGetCount"):
        raise Problem("No units found in system\n", 6)
    call.out.write(f"{NOTE}\n")
    if color not in COLORS.values():
        raise Problem(f"Invalid LED state: {color}\nTerminating early due to previous errors.\n", 2)
    refusal = ask("nvmlUnitGetHandleByIndex", int(unit)) if unit and unit.isdecimal() else None
    if not isinstance(refusal, Refusal):
        raise Problem("ERROR: units are not in this stand-in for nvidia-smi.\n\n", 255)
    call.out.write(f"Unable to determine unit handle for unit {unit}: {refusal.reason}\n")
    call.out.write("Treating as warning and moving on.\nAll done.\n")
    return 0
