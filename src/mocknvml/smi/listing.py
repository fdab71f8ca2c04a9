"""`nvidia-smi -L`."""

from __future__ import annotations

from mocknvml.smi.gpus import Refusal, every, status_of
from mocknvml.smi.main import Call


def gpus(call: Call) -> int:
    found = every()
    if not found:
        call.out.write("No devices found.\n")
    status = 0
    for gpu in found:
        name, uuid = gpu.ask("GetName"), gpu.ask("GetUUID")
        if isinstance(name, Refusal):
            call.out.write(f"Unable to determine the product name for gpu {gpu.index}: {name}\n")
            status = status_of(name.code)
        else:
            call.out.write(f"GPU {gpu.index}: {name} (UUID: {uuid})\n")
    return status
