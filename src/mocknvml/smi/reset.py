"""`nvidia-smi --gpu-reset`, which NVML has no public function for: simulated GPUs alone are reset."""

from __future__ import annotations

import ctypes
from typing import NoReturn

import pynvml as nvml

from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Problem, Refusal, ask_slot, branch, simulated, status_of
from mocknvml.smi.main import Call
from mocknvml.smi.setters import bus_of

RESET = 168  # (unsigned, nvmlDevice_t *, nvmlReturn_t *)
USERS = (
    "e.g., Fabric Manager, CUDA application, graphics application such as an X server, or a monitoring application "
    "such as another instance of nvidia-smi"
)


def run(call: Call) -> int:
    _ = call.strict  # changes nothing, where it is known
    gpus = call.gpus
    if not simulated():
        _end("ERROR: NVML has no public function for a reset.\n", 255)
    for gpu in gpus:
        _check(gpu)
    statuses = (ctypes.c_int * len(gpus))()
    handles = (ctypes.c_void_p * len(gpus))(*(ctypes.cast(gpu.handle, ctypes.c_void_p) for gpu in gpus))
    refusal = ask_slot(RESET, len(gpus), handles, statuses)
    if refusal is not None and refusal.code != nvml.NVML_ERROR_UNKNOWN:
        _end(f"GPU reset unavailable: {refusal.reason}", status_of(refusal.code))
    if refusal is not None:
        kept = [(gpu, Refusal(status)) for gpu, status in zip(gpus, statuses, strict=True) if status]
        call.out.write("The following GPUs could not be reset:\n")
        call.out.writelines(f"  GPU {bus_of(gpu)}: {why.reason}\n" for gpu, why in kept)
        used = "1 device is" if len(kept) == 1 else f"{len(kept)} devices are"
        these = "this device" if len(kept) == 1 else "these devices"
        _end(
            f"\n{used} currently being used by one or more other processes ({USERS}). Please first kill all processes "
            f"using {these} and all compute applications running in the system.",
            255,
        )
    call.out.writelines(f"GPU {bus_of(gpu)} was successfully reset.\n" for gpu in gpus)
    call.out.write("All done.\n")
    return 0


def _check(gpu: Gpu) -> None:
    """What keeps nvidia-smi from trying."""
    bus = bus_of(gpu)
    operation = gpu.ask("GetGpuOperationMode")
    if isinstance(operation, Refusal) and operation.code != NOT_SUPPORTED:
        text = f"GPU Reset couldn't run due to problem with internal state of GPU {bus}. Please reboot your system."
        _end(text, status_of(operation.code))
    if branch() >= 525 and isinstance(gpu.ask("GetArchitecture"), Refusal):
        _end(f"Cannot detect chip architecture for {bus}\nResetting GPU {bus} is not supported.", NOT_SUPPORTED)
    persistence = gpu.ask("GetPersistenceMode")
    if isinstance(persistence, Refusal):
        text = f"Unable to get persistence mode for GPU {bus}: {persistence.reason}"
        _end(text, status_of(persistence.code))


def _end(text: str, status: int) -> NoReturn:
    raise Problem(f"{text}\n", status)
