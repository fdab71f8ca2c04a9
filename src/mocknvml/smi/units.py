"""S-class units, which nvidia-smi still asks for: `-q -u` and `-t`."""

from __future__ import annotations

import time

from mocknvml.smi.gpus import Problem, Refusal, ask, branch, status_of
from mocknvml.smi.kinds import TEXT, VERSION, Kind
from mocknvml.smi.main import Call
from mocknvml.smi.rows import Row, as_text, as_xml

NO_DISPLAY = "Invalid combination of input arguments: --display/-d flags can not be combined with -u/--unit flags.\n"
ONE_OF_TWO = """\
Please Note: Current S-Class products don't provide unique LEDs for each unit.
             As such, both front and back LEDs will be toggled in unison
             regardless of which unit is specified with this command

"""
COLORS = ("GREEN", "AMBER")


def show(call: Call) -> int:
    """`nvidia-smi -q -u`."""
    if "--display" in call.options:
        raise Problem(NO_DISPLAY, 2)
    count = ask("nvmlUnitGetCount")
    if isinstance(count, Refusal):
        raise Problem(f"Unable to determine number of available units: {count}\n", status_of(count.code))
    index = call.options.get("--id")
    if index is not None:
        if not index.isdecimal():
            raise Problem(f"Invalid format for Unit index id: {index}\n", 2)
        if int(index) >= count:
            raise Problem(f"Specified unit index {index} is not valid\n", 2)
    hics = ask("nvmlSystemGetHicVersion")
    head = [
        Row("timestamp", "Timestamp", time.strftime("%a %b %e %H:%M:%S %Y")),
        Row("driver_version", "Driver Version", _shown("nvmlSystemGetDriverVersion", TEXT)),
        Row("cuda_version", "CUDA Version", _shown("nvmlSystemGetCudaDriverVersion_v2", VERSION)),
    ]
    hic = Row("hic_info", "HIC Info", str(hics) if isinstance(hics, Refusal) else None)
    units = Row("attached_units", "Attached Units", str(count))
    if "--xml-format" in call.options:
        call.out.write('<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM ')
        call.out.write(f'"nvsmi_unit_v{12 if branch() >= 525 else 11}.dtd">\n<nvidia_smi_log>\n')
        call.out.write(f"{''.join(as_xml([*head, hic, units], 1))}</nvidia_smi_log>\n")
        return 0
    width = 55 if branch() >= 580 else 42
    body = [hic._replace(value=hic.value or "N/A"), units]
    call.out.write("\n==============NVSMI LOG==============\n\n")
    call.out.write(f"{''.join(as_text(head, 0, width))}\n{''.join(as_text(body, 0, width))}\n")
    return 0


def _shown(function: str, kind: Kind) -> str:
    answer = ask(function)
    return str(answer) if isinstance(answer, Refusal) else kind.show(answer)


def toggle(call: Call) -> int:
    """`nvidia-smi -t`."""
    value, option = call.options["--toggle-led"], call.words["--toggle-led"]
    if value not in COLORS and not value.isdecimal():
        raise Problem(f"ERROR: Option {value} is invalid for {option}. Please run 'nvidia-smi -h' for help.\n\n", 2)
    color = COLORS.index(value) if value in COLORS else int(value)
    index = call.options.get("--id")
    if index is None and not ask("nvmlUnitGetCount"):
        raise Problem("No units found in system\n", 6)
    call.out.write(ONE_OF_TWO)
    if color >= len(COLORS):
        raise Problem(f"Invalid LED state: {value}\nTerminating early due to previous errors.\n", 2)
    unit = ask("nvmlUnitGetHandleByIndex", 0)
    if isinstance(unit, Refusal):
        call.out.write(
            f"Unable to determine unit handle for unit 0: {unit.reason}\nTreating as warning and moving on.\n"
        )
    call.out.write("All done.\n")
    return 0
