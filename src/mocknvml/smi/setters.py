"""The options that change a GPU, such as -pl."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable
from typing import Any

import pynvml as nvml

from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Problem, Refusal, status_of
from mocknvml.smi.main import Call

INVALID_ARGUMENT = 2
OFF_ON = {"DISABLED": 0, "ENABLED": 1}
DISABLED_ENABLED = ("Disabled", "Enabled")
COMPUTE_MODES = {"DEFAULT": 0, "EXCLUSIVE_THREAD": 1, "PROHIBITED": 2, "EXCLUSIVE_PROCESS": 3}
EXCLUSIVE_THREAD = 1
COUNTERS = {"VOLATILE": 0, "AGGREGATE": 1}
REQUESTED, MIN, MAX = 192, 187, 188  # limits, as fields of nvmlDeviceGetFieldValues
SUPPORTED_CLOCKS = "Run 'nvidia-smi -q -d SUPPORTED_CLOCKS' to see list of supported clock combinations"
PERSISTENCE = (
    "\nWarning: persistence mode is disabled on device {}. See the Known Issues section of the nvidia-smi(1) man page "
    "for more information. Run with [--help | -h] switch to get more information on how to enable persistence mode.\n"
)


class Warned(Exception):
    """A setting that is passed over for one GPU."""


class Failed(Exception):
    """A setting that ends the program."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def run(call: Call) -> int:
    option = next(name for name in call.options if name in SETTERS)
    value = call.options[option]
    prepare, change = SETTERS[option]
    prepared = prepare(value, call.words[option])
    if value == "EXCLUSIVE_THREAD":
        call.out.write("Warning: EXCLUSIVE_THREAD mode is deprecated and will be removed in future releases.\n")
    gpus = call.gpus
    status, end = 0, "All done.\n"
    try:
        if isinstance(prepared, Failed):
            raise prepared
        for gpu in gpus:
            _change(call, gpu, change, prepared)
    except Failed as failure:
        status, end = status_of(failure.code), f"{failure}\nTerminating early due to previous errors."
    if any(gpu.needs_reboot for gpu in gpus):
        end += " Reboot required.\n" if status else "Reboot required.\n"
    elif status:
        end += "\n"
    call.out.write(end)
    return status


def _change(call: Call, gpu: Gpu, change: Callable[[Gpu, Any], str], value: Any) -> None:
    try:
        call.out.write(change(gpu, value))
    except Warned as warning:
        call.out.write(f"{warning}\nTreating as warning and moving on.\n")


def bus_of(gpu: Gpu) -> str:
    pci = gpu.ask("GetPciInfo")
    return "(null)" if isinstance(pci, Refusal) else str(pci.busId)


def known(value: Any, refused: str, unknown: str) -> Any:
    """What a GPU says of itself before it is changed."""
    if isinstance(value, Refusal):
        if value.code == NOT_SUPPORTED:
            raise Warned(refused)
        raise Failed(f"{unknown}: {value}", value.code)
    return value


def accepted(answer: Any, refused: str, not_supported: str | None = None) -> None:
    """Whether a setter did what it should."""
    if isinstance(answer, Refusal):
        if answer.code == NOT_SUPPORTED:
            raise Warned(not_supported or f"{refused}: {answer.reason}")
        raise Failed(f"{refused}: {answer.reason}", answer.code)


def one_of(names: dict[str, int], invalid: str) -> Callable[[str, str], Any]:
    """A number, or a name for it."""

    def prepare(value: str, word: str) -> Any:
        if value in names:
            return names[value]
        if not value.isdecimal():
            raise Problem(f"ERROR: Option {value} is invalid for {word}. Please run 'nvidia-smi -h' for help.\n\n", 2)
        number = int(value)
        return number if number in names.values() else Failed(f"Invalid {invalid}: {value}", INVALID_ARGUMENT)

    return prepare


def persistence(gpu: Gpu, mode: int) -> str:
    bus = bus_of(gpu)
    now = known(
        gpu.ask("GetPersistenceMode"),
        f"Setting persistence mode is not supported for GPU {bus} on this platform.",
        f"Unable to determine current persistence mode for GPU {bus}",
    )
    if now == mode:
        return f"Persistence mode is already {DISABLED_ENABLED[mode]} for GPU {bus}.\n"
    accepted(gpu.ask("SetPersistenceMode", mode), f"Unable to set persistence mode for GPU {bus}")
    return f"{DISABLED_ENABLED[mode]} persistence mode for GPU {bus}.\n"


def compute(gpu: Gpu, mode: int) -> str:
    bus = bus_of(gpu)
    if mode == EXCLUSIVE_THREAD:
        raise Warned("Exclusive_Thread was deprecated! Use value 3:Exclusive_Process instead.")
    name = next(name for name, number in COMPUTE_MODES.items() if number == mode)
    now = known(
        gpu.ask("GetComputeMode"),
        f"Compute mode is not supported for GPU {bus}.",
        f"Unable to determine current compute mode for GPU {bus}",
    )
    if now == mode:
        return f"Compute mode is already set to {name} for GPU {bus}.\n"
    accepted(gpu.ask("SetComputeMode", mode), f"Unable to set the compute mode for GPU {bus}")
    return f"Set compute mode to {name} for GPU {bus}.\n"


def ecc(gpu: Gpu, mode: int) -> str:
    bus = bus_of(gpu)
    now = known(
        gpu.ask("GetEccMode"),
        f"ECC features not supported for GPU {bus}.",
        f"Unable to determine current ECC mode for GPU {bus}",
    )
    if now[1] == mode:
        return f"ECC support is already {DISABLED_ENABLED[mode]} for GPU {bus}.\n"
    accepted(gpu.ask("SetEccMode", mode), f"Unable to set ECC config for GPU {bus}")
    gpu.needs_reboot = True
    return f"{DISABLED_ENABLED[mode]} ECC support for GPU {bus}.\n"


def ecc_errors(gpu: Gpu, counter: int) -> str:
    bus = bus_of(gpu)
    answer = gpu.ask("ClearEccErrorCounts", counter)
    accepted(answer, f"Unable to clear ECC errors for GPU {bus}", f"ECC features not supported for GPU {bus}.")
    return f"Reset {'aggregate' if counter else 'volatile'} ECC errors to zero for GPU {bus}.\n"


def accounting(gpu: Gpu, mode: int) -> str:
    bus = bus_of(gpu)
    now = known(
        gpu.ask("GetAccountingMode"),
        f"Accounting features not supported for GPU {bus}.",
        f"Unable to determine Accounting mode for GPU {bus}",
    )
    if now == mode:
        return f"Accounting Mode is already {DISABLED_ENABLED[mode]} for GPU {bus}.\n"
    accepted(gpu.ask("SetAccountingMode", mode), f"Unable to set Accounting Mode for GPU {bus}")
    return f"{DISABLED_ENABLED[mode]} Accounting Mode for GPU {bus}.\n{without_persistence(gpu) if mode else ''}"


def accounted(gpu: Gpu, _: Any) -> str:
    bus = bus_of(gpu)
    accepted(gpu.ask("ClearAccountingPids"), f"Unable to clear Accounted PIDs for GPU {bus}")
    return f"Cleared Accounted PIDs for GPU {bus}.\n"


def without_persistence(gpu: Gpu) -> str:
    """What is said of a setting that goes with the last client."""
    return PERSISTENCE.format(bus_of(gpu)) if gpu.ask("GetPersistenceMode") == 0 else ""


def watts(value: str, word: str) -> float:
    number = re.match(r"\d+(\.\d*)?", value)
    if not number:
        raise Problem(f"ERROR: Option {value} is invalid for {word}. Please run 'nvidia-smi -h' for help.\n\n", 2)
    return ctypes.c_float(float(number[0])).value  # which is less than 399.999


def power_limit(gpu: Gpu, limit: float) -> str:
    bus = bus_of(gpu)
    before, lowest, highest = (gpu.field(number) for number in (REQUESTED, MIN, MAX))
    for value in (before, lowest, highest):
        if isinstance(value, Refusal):
            text = f"Changing power management limit is not supported in current scope for GPU: {bus}."
            if value.code == NOT_SUPPORTED:
                return f"{text}\n"
            raise Failed(text, value.code)
    if not lowest <= limit * 1000 <= highest:
        between = f"which should be between {lowest / 1000:.2f} W and {highest / 1000:.2f} W for GPU {bus}"
        raise Failed(f"Provided power limit {limit:.2f} W is not a valid power limit {between}", INVALID_ARGUMENT)
    accepted(
        gpu.ask("SetPowerManagementLimit", int(limit * 1000)),
        f"Failed to set power management limit for GPU {bus}",
        f"Changing power management limit is not supported for GPU: {bus}.",
    )
    was = f"was set to {limit:.2f} W from {before / 1000:.2f} W"
    return f"Power limit for GPU {bus} {was}.\n{without_persistence(gpu)}"


class Clocks:
    """How a pair of clocks is read, set and told."""

    def __init__(self, setter: str, form: str, error_form: str, kind: str, setting: str, example: str) -> None:
        self.setter, self.form, self.error_form = setter, form, error_form
        self.kind, self.setting, self.example = kind, setting, example

    def prepare(self, value: str, word: str) -> Any:
        numbers = value.split(",")
        single = self.setter != "SetApplicationsClocks"  # one clock for both ends
        if len(numbers) in ((1, 2) if single else (2,)) and all(number.isdecimal() for number in numbers):
            return int(numbers[0]), int(numbers[-1])
        shown = numbers[0] if single else value
        return Failed(
            f'Specified clocks "{shown}" are not valid. Please format input as {self.example}', INVALID_ARGUMENT
        )

    def change(self, gpu: Gpu, pair: tuple[int, int]) -> str:
        bus = bus_of(gpu)
        answer = gpu.ask(self.setter, *pair)
        text, error_text = self.form.format(*pair), self.error_form.format(*pair)
        if isinstance(answer, Refusal) and answer.code == INVALID_ARGUMENT:
            raise Warned(f'Specified clock combination "{text}" is not supported for GPU {bus}. {SUPPORTED_CLOCKS}')
        refused = f'Unable to set {self.kind} "{error_text}" for GPU {bus}'
        clocks_accepted(answer, refused, f"Setting {self.setting} is not supported for GPU {bus}.", bus)
        kind = f"{self.kind[0].upper()}{self.kind[1:]}".replace(" locked", "")
        return f'{kind} set to "{text}" for GPU {bus}\n{without_persistence(gpu)}'


def clocks_accepted(answer: Any, refused: str, not_supported: str, bus: str) -> None:
    if isinstance(answer, Refusal) and answer.code == nvml.NVML_ERROR_NO_PERMISSION:
        raise Failed(f"The current user does not have permission to change clocks for GPU {bus}.", answer.code)
    accepted(answer, refused, not_supported)


def reset(setter: str, kind: str) -> Callable[[Gpu, Any], str]:
    def change(gpu: Gpu, _: Any) -> str:
        bus = bus_of(gpu)
        not_supported = f"Setting {kind} is not supported for GPU {bus}."
        clocks_accepted(gpu.ask(setter), f"Unable to reset {kind} for GPU {bus}", not_supported, bus)
        return ""

    return change


def nothing(value: str, word: str) -> None:
    return None


GPU_CLOCKS = Clocks(
    "SetGpuLockedClocks",
    "(gpuClkMin {}, gpuClkMax {})",
    "(gpuClockMin {}, gpuClockMax {})",
    "GPU locked clocks",
    "locked GPU clocks",
    "'gpuClkMin,gpuClkMax' or 'gpuClkVal' e.g. '--lock-gpu-clocks=1500,1500', '--lock-gpu-clocks=1500', or "
    "'--lock-gpu-clocks=tdp,unlimited'",
)
MEMORY_CLOCKS = Clocks(
    "SetMemoryLockedClocks",
    "(memClkMin {}, memClkMax {})",
    "(memClockMin {}, memClockMax {})",
    "Memory locked clocks",
    "locked Memory clocks",
    "'memClkMin,memClkMax' or 'memClkVal' e.g. --lock-memory-clocks=5100,5100 or --lock-memory-clocks=5100",
)
APPLICATIONS_CLOCKS = Clocks(
    "SetApplicationsClocks",
    "(MEM {}, SM {})",
    "(MEM {}, SM {})",
    "applications clocks",
    "applications clocks",
    "memClk,smClk e.g. --applications-clocks=2000,300",
)

# How the value of an option is read, and what it changes.
SETTERS: dict[str, tuple[Callable[[str, str], Any], Callable[[Gpu, Any], str]]] = {
    "--persistence-mode": (one_of(OFF_ON, "persistence mode"), persistence),
    "--ecc-config": (one_of(OFF_ON, "ECC configuration code"), ecc),
    "--reset-ecc-errors": (one_of(COUNTERS, "ECC type"), ecc_errors),
    "--compute-mode": (one_of(COMPUTE_MODES, "compute mode"), compute),
    "--accounting-mode": (one_of(OFF_ON, "accounting mode"), accounting),
    "--clear-accounted-apps": (nothing, accounted),
    "--power-limit": (watts, power_limit),
    "--lock-gpu-clocks": (GPU_CLOCKS.prepare, GPU_CLOCKS.change),
    "--reset-gpu-clocks": (nothing, reset("ResetGpuLockedClocks", "locked gpu clocks")),
    "--lock-memory-clocks": (MEMORY_CLOCKS.prepare, MEMORY_CLOCKS.change),
    "--reset-memory-clocks": (nothing, reset("ResetMemoryLockedClocks", "locked Memory clocks")),
    "--applications-clocks": (APPLICATIONS_CLOCKS.prepare, APPLICATIONS_CLOCKS.change),
    "--reset-applications-clocks": (nothing, reset("ResetApplicationsClocks", "applications clocks")),
}
