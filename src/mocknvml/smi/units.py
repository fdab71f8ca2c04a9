"""S-class units, which nvidia-smi still asks for: `-q -u`."""

from __future__ import annotations

import time

from mocknvml.smi.gpus import Problem, Refusal, ask, branch, status_of
from mocknvml.smi.kinds import TEXT, VERSION, Kind
from mocknvml.smi.main import Call
from mocknvml.smi.rows import Row, as_text, as_xml

NO_DISPLAY = "Invalid combination of input arguments: --display/-d flags can not be combined with -u/--unit flags.\n"


def show(call: Call) -> int:
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
