"""`nvidia-smi mig` of GPUs that have no instances: what it says of those, and of GPUs without MIG mode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

import pynvml as nvml

from mocknvml.smi.gpus import Gpu, Problem, Refusal, branch, chosen
from mocknvml.smi.options import FLAG, NEW, OPTIONAL, TEXT, read

HELP = """
    mig -- parts of GPUs

    nvidia-smi mig -lgip, -lgipp     kinds of GPU instances (--list-gpu-instance-profiles), and where they may be
    nvidia-smi mig -lgi, -lci        GPU instances (--list-gpu-instances), compute instances
    nvidia-smi mig -cgi PROFILE,... [-C]   make GPU instances (--create-gpu-instance), with a compute instance each
    nvidia-smi mig -lcip, -lcipp     kinds of compute instances, and where they may be
    nvidia-smi mig -cci [PROFILE,...]      make compute instances (--create-compute-instance)
    nvidia-smi mig -dgi, -dci        remove instances

    -i, -gi and -ci choose GPUs, GPU instances and compute instances by their numbers.

"""
OPTIONS = {
    "-i --id": TEXT,
    "-gi --gpu-instance-id": TEXT,
    "-ci --compute-instance-id": TEXT,
    "-lgip --list-gpu-instance-profiles": FLAG,
    "-lgipp --list-gpu-instance-possible-placements": FLAG,
    "-C --default-compute-instance": FLAG,
    "-cgi --create-gpu-instance": TEXT,
    "-dgi --destroy-gpu-instance": FLAG,
    "-lgi --list-gpu-instances": FLAG,
    "-lcip --list-compute-instance-profiles": FLAG,
    "-cci --create-compute-instance": OPTIONAL,
    "-dci --destroy-compute-instance": FLAG,
    "-lci --list-compute-instances": FLAG,
}
PLACEMENTS = {"-lcipp --list-compute-instance-possible-placements": FLAG}
PROFILES = """\
+-----------------------------------------------------------------------------+
| GPU instance profiles:                                                      |
| GPU   Name             ID    Instances   Memory     P2P    SM    DEC   ENC  |
|                              Free/Total   GiB              CE    JPEG  OFA  |
|=============================================================================|
"""
LISTS = {"--list-gpu-instance-profiles": PROFILES, "--list-gpu-instance-possible-placements": ""}


def run(arguments: Sequence[str], out: TextIO) -> int:
    given = read(arguments, OPTIONS | (PLACEMENTS if branch() >= NEW else {}))
    if not given or "--help" in given or (given.keys() == {"--id"} and branch() >= NEW):
        out.write(HELP)
        return 0
    gpus = chosen(given.get("--id"))
    supported = {gpu: gpu.ask("GetMigMode") for gpu in gpus if not isinstance(gpu.ask("GetMigMode"), Refusal)}
    enabled = [gpu for gpu, (current, _) in supported.items() if current]
    listed = next((text for option, text in LISTS.items() if option in given), None)
    if branch() >= 550:
        if not supported:
            raise Problem("No MIG-supported devices found.\n", 6)
        if listed is None and not enabled:
            raise Problem("No MIG-enabled devices found.\n", 0)
    elif not enabled:
        raise Problem("No MIG-enabled devices found.\n", 6)
    if any(_has_profiles(gpu) for gpu in supported):
        raise Problem("ERROR: instances are not in this stand-in for nvidia-smi.\n\n", 255)
    if listed is not None:
        out.write(listed)
        return 0
    profiles = [name for name in given.get("--create-gpu-instance", "").split(",") if name]
    if profiles:
        out.write(f"Unable to create a GPU instance on GPU {enabled[0].index:2} using profile {profiles[0]}: Invalid ")
        raise Problem("Argument\nFailed to create GPU instances: Invalid Argument\n", 2)
    if "--create-gpu-instance" in given:
        return 0
    raise Problem("No GPU instances found: Not Found\n", 6)


def _has_profiles(gpu: Gpu) -> bool:
    found = (gpu.ask("GetGpuInstanceProfileInfo", kind) for kind in range(nvml.NVML_GPU_INSTANCE_PROFILE_COUNT))
    return not all(isinstance(profile, Refusal) for profile in found)
