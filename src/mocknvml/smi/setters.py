"""The options that change a GPU, such as -pl: a row of a table for each."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pynvml as nvml

from mocknvml.smi.calls import Ask, call
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Problem, Refusal, ask, branch, simulated, status_of
from mocknvml.smi.main import MODIFIERS, PLEASE, Call, Misuse
from mocknvml.smi.options import number

INVALID_ARGUMENT, NO_PERMISSION, RESET_REQUIRED, IN_USE = 2, 4, 16, 19
PENDING = "Warning: MIG mode is in pending {value} state for GPU {bus}"
DISABLED_ENABLED = ("Disabled", "Enabled")
OFF_ON = {"DISABLED": 0, "ENABLED": 1}
COMPUTE_MODES = {"DEFAULT": 0, "EXCLUSIVE_THREAD": 1, "PROHIBITED": 2, "EXCLUSIVE_PROCESS": 3}
EXCLUSIVE_THREAD, EXCLUSIVE_PROCESS = 1, 3
OPERATION_MODES = {"ALL_ON": 0, "COMPUTE": 1, "LOW_DP": 2}
REQUESTED, MIN, MAX = 192, 187, 188  # limits, as fields of nvmlDeviceGetFieldValues
SCOPES = 2  # of a power limit: the GPU, and the module that it is on
NEWER = {*MODIFIERS, "--lock-memory-clocks-deferred", "--reset-memory-clocks-deferred"}  # than 470
LIMITS = {"tdp": nvml.NVML_CLOCK_LIMIT_ID_TDP, "unlimited": nvml.NVML_CLOCK_LIMIT_ID_UNLIMITED}
LIMIT_NAMES = {clock: name for name, clock in LIMITS.items()}
PERSISTENCE = (
    "\nWarning: persistence mode is disabled on device {bus}. See the Known Issues section of the nvidia-smi(1) man "
    "page for more information. Run with [--help | -h] switch to get more information on how to enable persistence "
    "mode.\n"
)


class Warned(Exception):
    """A setting that is passed over for one GPU."""


class Unmentioned(Warned):
    """That is not called a warning."""


class Failed(Exception):
    """A setting that ends the program."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


# What the value of an option means, of the option as it was written.
Reader = Callable[[str, str], Any]


def one_of(names: Mapping[str, int], invalid: str = "") -> Reader:
    """A number, or a name for it."""

    def read(value: str, word: str) -> int | Failed:
        if value in names:
            return names[value]
        read = number(value)
        if read is None or not -(2**31) <= read < 2**31:
            raise Misuse.value(value, word)
        if read == -1:  # nvidia-smi takes it for none
            raise Problem("Input combination for device modification is not valid.\n\n", 255)
        if invalid and read not in names.values():
            return Failed(invalid.format(read % 2**32), INVALID_ARGUMENT)
        return read

    return read


def compute_mode(value: str, word: str) -> int | Failed | Warned:
    mode = one_of(COMPUTE_MODES, "Invalid compute mode: {}")(value, word)
    if mode == EXCLUSIVE_THREAD and branch() >= 525:
        return Warned("Exclusive_Thread was deprecated! Use value 3:Exclusive_Process instead.")
    return mode  # type: ignore[no-any-return]


def natural(value: str, word: str) -> int:
    read = number(value)
    if read is None or not 0 <= read < 2**32:
        raise Misuse.value(value, word)
    return read


def watts(value: str, word: str) -> float:
    """As C reads it: what follows the number does not matter."""
    found = re.match(r"[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)", value)
    if not found or (found[0] != value and branch() < 525):
        raise Misuse.value(value, word)
    read = float.fromhex(found[0]) if "x" in found[0].lower() else float(found[0])
    if read < 0:
        raise Problem("Input combination for device modification is not valid.\n\n", 255)
    return ctypes.c_float(read).value  # of 399.999 it is less


def clocks(example: str, single: bool = True, names: Mapping[str, int] | None = None) -> Reader:
    """A pair of clocks, or one for both."""

    def read(value: str, word: str) -> tuple[int, int] | Failed:
        parts = value.split(",")
        if len(parts) in ((1, 2) if single else (2,)):
            if all(re.fullmatch(r"-?\d+", part) for part in parts):
                return int(parts[0]) % 2**32, int(parts[-1]) % 2**32
            if names and all(part in names for part in parts):
                return names[parts[0]], names[parts[-1]]
        shown = parts[0] if single else value
        text = f'Specified clocks "{shown}" are not valid. Please format input as {example}'
        return Failed(text, INVALID_ARGUMENT)

    return read


def nothing(value: str, word: str) -> tuple[()]:
    return ()


def always(value: Any) -> bool:
    return True


class Setting(NamedTuple):
    """What is asked, what is set, and what is said of it.

    In the texts {bus} stands for the GPU, {value} for what is set, and {0} and {1} for its parts.
    """

    read: Reader
    function: str = ""  # nvmlDeviceNAME; without one the setting is never supported
    refused: str = ""  # followed by NVML's reason, where there is no other text
    done: str = ""
    refusals: Mapping[int, str] = {}  # by NVML's code
    pending: Mapping[int, str] = {}  # by what keeps the setting from coming into force
    tolerated: tuple[int, ...] = (NOT_SUPPORTED,)  # the refusals that end nothing
    now: Ask | None = None  # what is set before
    absent: str = ""  # where that is not supported
    unknown: str = ""  # where it is refused otherwise
    already: str = ""
    names: Sequence[str] = ()  # of values
    arguments: Callable[[Any], tuple[Any, ...]] = lambda value: value if isinstance(value, tuple) else (value,)
    check: Callable[[Gpu, Any, Mapping[str, Any], int], dict[str, Any]] = lambda *_: {}  # gives further words
    needs_reboot: bool = False
    ends: Callable[[Any], bool] = lambda _: False  # whether the driver forgets it with the last client
    private: bool = False  # NVML has no public function


def run(call: Call) -> int:
    option = next(name for name in call.options if name in SETTERS)
    setting = SETTERS[option]
    if branch() < 525:
        _check_older(call)
    strict = call.strict
    value = setting.read(call.options[option], call.words[option])
    scope = one_of({})(call.options["--scope"], call.words["--scope"]) if "--scope" in call.options else 0
    if "--mode" in call.options:
        natural(call.options["--mode"], call.words["--mode"])  # changes nothing that NVML tells
    if call.options[option] == "EXCLUSIVE_THREAD":
        call.out.write("Warning: EXCLUSIVE_THREAD mode is deprecated and will be removed in future releases.\n")
    notice = ""
    if option == "--compute-mode" and value == EXCLUSIVE_THREAD:  # of 470
        value = EXCLUSIVE_PROCESS
        notice = "Warning: Exclusive_Thread was deprecated! Setting Exclusive_Process instead."
    gpus = call.gpus
    status, end = 0, "All done.\n"
    try:
        if isinstance(value, Failed):
            raise value
        if notice and strict:
            raise Failed(notice, NOT_SUPPORTED)
        for gpu in gpus:
            call.out.write(f"{notice}\n" if notice else "")
            try:
                if isinstance(value, Warned):
                    raise value
                call.out.write(_change(gpu, setting, value, scope))
            except Unmentioned as told:
                call.out.write(f"{told}\n")
            except Warned as warning:
                if strict:
                    raise Failed(str(warning), NOT_SUPPORTED) from None
                call.out.write(f"{warning}\nTreating as warning and moving on.\n")
    except Failed as failure:
        status, end = status_of(failure.code), f"{failure}\nTerminating early due to previous errors."
    if any(gpu.needs_reboot for gpu in gpus):
        end += " Reboot required.\n" if status else "Reboot required.\n"
    elif status:
        end += "\n"
    call.out.write(end)
    return status


def _check_older(call: Call) -> None:
    """What 470 knows: fewer options, of which the long ones alone have their values behind a =."""
    for name, word in call.words.items():
        if name in NEWER or (call.options[name] and word.startswith("--") != ("=" in word)):
            raise Misuse("", 2)
        if call.options[name].startswith("-"):
            raise Problem(f"Missing value for {word} argument. {PLEASE}", 2)


def _change(gpu: Gpu, setting: Setting, value: Any, scope: int) -> str:
    """Set it, and say so."""
    if setting.private and not simulated():
        raise Problem("ERROR: NVML has no public function for this option.\n\n", 255)
    parts = [LIMIT_NAMES.get(part, part) for part in (value if isinstance(value, tuple) else ())]
    words = {"bus": bus_of(gpu), "value": value}
    if setting.names:
        words["value"] = setting.names[value] if 0 <= value < len(setting.names) else "Unknown"
    if setting.now is not None:
        now = setting.now(gpu)
        if isinstance(now, Refusal):
            if now.code == NOT_SUPPORTED:
                raise Warned(setting.absent.format(**words))
            raise Failed(f"{setting.unknown.format(**words)}: {now}", now.code)
        if now == value:
            return f"{setting.already.format(**words)}\n"
    words |= setting.check(gpu, value, words, scope)
    if not setting.function:
        raise Warned(setting.absent.format(**words))
    if scope:
        answer = ask("nvmlDeviceSetPowerManagementLimit_v2", gpu.handle, scope, *setting.arguments(value))
    else:
        answer = gpu.ask(setting.function, *setting.arguments(value))
    if isinstance(answer, Refusal):
        text = setting.refusals.get(answer.code, f"{setting.refused}: {answer.reason}").format(*parts, **words)
        raise Warned(text) if answer.code in setting.tolerated else Failed(text, answer.code)
    gpu.needs_reboot = setting.needs_reboot
    text = setting.pending.get(answer, setting.done)
    done = f"{text.format(*parts, **words)}\n" if text else ""
    if setting.ends(value) and gpu.ask("GetPersistenceMode") == 0:
        done += PERSISTENCE.format(**words)
    return done


def bus_of(gpu: Gpu) -> str:
    pci = gpu.ask("GetPciInfo")
    return "(null)" if isinstance(pci, Refusal) else str(pci.busId)


def within_limits(gpu: Gpu, limit: float, words: Mapping[str, Any], scope: int) -> dict[str, Any]:
    if not 0 <= scope < SCOPES:
        raise Failed("Failed to set power management limit. Invalid device type.", INVALID_ARGUMENT)
    before, lowest, highest = (gpu.field(number, scope) for number in (REQUESTED, MIN, MAX))
    for value in (before, lowest, highest):
        if isinstance(value, Refusal):
            text = f"Changing power management limit is not supported in current scope for GPU: {words['bus']}."
            raise Unmentioned(text) if value.code == NOT_SUPPORTED else Failed(text, value.code)
    if not lowest <= limit * 1000 <= highest:
        between = f"which should be between {lowest / 1000:.2f} W and {highest / 1000:.2f} W for GPU {words['bus']}"
        raise Failed(f"Provided power limit {limit:.2f} W is not a valid power limit {between}", INVALID_ARGUMENT)
    return {"before": before / 1000}


def within_acoustic(gpu: Gpu, target: int, words: Mapping[str, Any], _: int) -> dict[str, Any]:
    lowest, highest = (
        gpu.ask("GetTemperatureThreshold", kind)
        for kind in (nvml.NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_MIN, nvml.NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_MAX)
    )
    for value in (lowest, highest):
        if isinstance(value, Refusal):
            raise Failed(f"Unable to set requested Target Temperature for GPU {words['bus']}: {value}", value.code)
    if not lowest <= target <= highest:
        between = f"{lowest} - {highest} for GPU {words['bus']}"
        raise Failed(f"Invalid input. GPU Target Temperature should be in range {between}", INVALID_ARGUMENT)
    return {}


def of_clocks(read: Reader, function: str, form: str, kind: str, setting: str) -> Setting:
    told = form.replace("Clock", "Clk")
    return Setting(
        read,
        function,
        f'Unable to set {kind} "{form}" for GPU {{bus}}',
        f'{kind[0].upper()}{kind[1:].replace(" locked", "")} set to "{told}" for GPU {{bus}}',
        refusals={
            INVALID_ARGUMENT: f'Specified clock combination "{told}" is not supported for GPU {{bus}}. Run '
            "'nvidia-smi -q -d SUPPORTED_CLOCKS' to see list of supported clock combinations",
        }
        | clock_refusals(setting),
        tolerated=(NOT_SUPPORTED, INVALID_ARGUMENT),
        ends=always,
    )


def clock_refusals(setting: str) -> dict[int, str]:
    return {
        NOT_SUPPORTED: f"Setting {setting} is not supported for GPU {{bus}}.",
        NO_PERMISSION: "The current user does not have permission to change clocks for GPU {bus}.",
    }


def reset_of_clocks(function: str, kind: str) -> Setting:
    return Setting(nothing, function, f"Unable to reset {kind} for GPU {{bus}}", refusals=clock_refusals(kind))


DRIVER_MODEL = Setting(
    one_of({"WDDM": 0, "TCC": 1}, "Invalid driver model specified: {}"),
    now=call("nvmlDeviceGetDriverModel", at=1),
    absent="Changing driver models is not supported for GPU {bus} on this platform.",
    unknown="Unable to determine current driver model for GPU {bus}",
)

SETTERS: dict[str, Setting] = {
    "--persistence-mode": Setting(
        one_of(OFF_ON, "Invalid persistence mode: {}"),
        "SetPersistenceMode",
        "Unable to set persistence mode for GPU {bus}",
        "{value} persistence mode for GPU {bus}.",
        now=call("nvmlDeviceGetPersistenceMode"),
        absent="Setting persistence mode is not supported for GPU {bus} on this platform.",
        unknown="Unable to determine current persistence mode for GPU {bus}",
        already="Persistence mode is already {value} for GPU {bus}.",
        names=DISABLED_ENABLED,
    ),
    "--ecc-config": Setting(
        one_of(OFF_ON, "Invalid ECC configuration code: {}"),
        "SetEccMode",
        "Unable to set ECC config for GPU {bus}",
        "{value} ECC support for GPU {bus}.",
        now=call("nvmlDeviceGetEccMode", at=1),
        absent="ECC features not supported for GPU {bus}.",
        unknown="Unable to determine current ECC mode for GPU {bus}",
        already="ECC support is already {value} for GPU {bus}.",
        names=DISABLED_ENABLED,
        needs_reboot=True,
    ),
    "--reset-ecc-errors": Setting(
        one_of({"VOLATILE": 0, "AGGREGATE": 1}, "Invalid ECC type: {}"),
        "ClearEccErrorCounts",
        "Unable to clear ECC errors for GPU {bus}",
        "Reset {value} ECC errors to zero for GPU {bus}.",
        refusals={NOT_SUPPORTED: "ECC features not supported for GPU {bus}."},
        names=("volatile", "aggregate"),
    ),
    "--compute-mode": Setting(
        compute_mode,
        "SetComputeMode",
        "Unable to set the compute mode for GPU {bus}",
        "Set compute mode to {value} for GPU {bus}.",
        now=call("nvmlDeviceGetComputeMode"),
        absent="Compute mode is not supported for GPU {bus}.",
        unknown="Unable to determine current compute mode for GPU {bus}",
        already="Compute mode is already set to {value} for GPU {bus}.",
        names=tuple(COMPUTE_MODES),
    ),
    "--accounting-mode": Setting(
        one_of(OFF_ON, "Invalid accounting mode: {}"),
        "SetAccountingMode",
        "Unable to set Accounting Mode for GPU {bus}",
        "{value} Accounting Mode for GPU {bus}.",
        now=call("nvmlDeviceGetAccountingMode"),
        absent="Accounting features not supported for GPU {bus}.",
        unknown="Unable to determine Accounting mode for GPU {bus}",
        already="Accounting Mode is already {value} for GPU {bus}.",
        names=DISABLED_ENABLED,
        ends=bool,
    ),
    "--clear-accounted-apps": Setting(
        nothing,
        "ClearAccountingPids",
        "Unable to clear Accounted PIDs for GPU {bus}",
        "Cleared Accounted PIDs for GPU {bus}.",
    ),
    "--power-limit": Setting(
        watts,
        "SetPowerManagementLimit",
        "Failed to set power management limit for GPU {bus}",
        "Power limit for GPU {bus} was set to {value:.2f} W from {before:.2f} W.",
        refusals={NOT_SUPPORTED: "Changing power management limit is not supported for GPU: {bus}."},
        arguments=lambda limit: (int(limit * 1000),),
        check=within_limits,
        ends=always,
    ),
    "--lock-gpu-clocks": of_clocks(
        clocks(
            "'gpuClkMin,gpuClkMax' or 'gpuClkVal' e.g. '--lock-gpu-clocks=1500,1500', '--lock-gpu-clocks=1500', or "
            "'--lock-gpu-clocks=tdp,unlimited'",
            names=LIMITS,
        ),
        "SetGpuLockedClocks",
        "(gpuClockMin {0}, gpuClockMax {1})",
        "GPU locked clocks",
        "locked GPU clocks",
    ),
    "--lock-memory-clocks": of_clocks(
        clocks("'memClkMin,memClkMax' or 'memClkVal' e.g. --lock-memory-clocks=5100,5100 or --lock-memory-clocks=5100"),
        "SetMemoryLockedClocks",
        "(memClockMin {0}, memClockMax {1})",
        "Memory locked clocks",
        "locked Memory clocks",
    ),
    "--applications-clocks": of_clocks(
        clocks("memClk,smClk e.g. --applications-clocks=2000,300", single=False),
        "SetApplicationsClocks",
        "(MEM {0}, SM {1})",
        "applications clocks",
        "applications clocks",
    ),
    "--reset-gpu-clocks": reset_of_clocks("ResetGpuLockedClocks", "locked gpu clocks"),
    "--reset-memory-clocks": reset_of_clocks("ResetMemoryLockedClocks", "locked Memory clocks"),
    "--reset-applications-clocks": reset_of_clocks("ResetApplicationsClocks", "applications clocks"),
    "--lock-memory-clocks-deferred": Setting(
        natural,
        absent='Unable to set Memory locked clocks "(memClock {value})" for GPU {bus}: Not Supported',
        private=True,
    ),
    "--reset-memory-clocks-deferred": Setting(
        nothing,
        absent="Reseting deferred memory clocks is not supported\n"
        "Please unload and reload the driver in order for changes to take effect.",
        private=True,
    ),
    "--cuda-clocks": Setting(
        one_of({"RESTORE_DEFAULT": 0, "OVERRIDE": 1}, "Input should be 0 or 1. See nvidia-smi -h."),
        absent="Overriding CUDA clock limit is not supported for this device.",
        private=True,
    ),
    "--gom": Setting(
        one_of(OPERATION_MODES),
        "SetGpuOperationMode",
        'Unable to set GOM to "{value}" for GPU {bus}',
        'GOM changed to "{value}" for GPU {bus}.',
        now=call("nvmlDeviceGetGpuOperationMode", at=1),
        absent="GOM mode cannot be changed on GPU {bus}.",
        unknown="Unable to determine current GOM for GPU {bus}",
        already='GOM is already pending on "{value}" for GPU {bus}.',
        names=("All On", "Compute", "Low Double Precision"),
        needs_reboot=True,
    ),
    "--driver-model": DRIVER_MODEL,
    "--force-driver-model": DRIVER_MODEL,
    "--applications-clocks-permission": Setting(
        one_of({"UNRESTRICTED": 0, "RESTRICTED": 1}),
        absent="Warning: This option is deprecated and will be removed in future releases",
    ),
    "--auto-boost-default": Setting(
        one_of(OFF_ON),
        "SetDefaultAutoBoostedClocksEnabled",
        "Failed to {value} default auto boosted clocks for GPU {bus}",
        refusals={NOT_SUPPORTED: "Enabling/disabling default auto boosted clocks is not supported for GPU: {bus}."},
        names=("DISABLE", "ENABLE"),
        arguments=lambda mode: (min(mode, 1), 0),
    ),
    "--auto-boost-permission": Setting(
        one_of({"UNRESTRICTED": 0, "RESTRICTED": 1}),
        "SetAPIRestriction",
        "Failed to change auto boosted clocks permissions for GPU  {bus}",
        refusals={NOT_SUPPORTED: "Changing auto boosted clocks permissions is not supported for GPU: {bus}."},
        arguments=lambda mode: (nvml.NVML_RESTRICTED_API_SET_AUTO_BOOSTED_CLOCKS, min(mode, 1)),
    ),
    "--gpu-target-temp": Setting(
        one_of({}),
        "SetTemperatureThreshold",
        "Unable to set requested Target Temperature for GPU {bus}",
        now=call("nvmlDeviceGetTemperatureThreshold", nvml.NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR),
        absent="GPU Target Temperature Threshold not supported for GPU {bus}.",
        unknown="Unable to determine current Target Temperature for GPU {bus}",
        already="Requested GPU Target Temperature {value} is already set for GPU {bus}",
        arguments=lambda target: (nvml.NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR, target),
        check=within_acoustic,
    ),
    "--virt-mode": Setting(
        one_of({}),
        "SetVirtualizationMode",
        "Unable to set virtualization mode for GPU {bus}",
        refusals={
            NOT_SUPPORTED: "Setting virtualization mode is not supported for GPU {bus}.",
            INVALID_ARGUMENT: "Either the GPU id {bus} or the virtualization mode {value} is invalid.",
        },
    ),
    "--multi-instance-gpu": Setting(
        one_of(OFF_ON, "Invalid MIG Mode: {}"),
        "SetMigMode",
        "Unable to {value} MIG Mode for GPU {bus}",
        "{state} MIG Mode for GPU {bus}",
        pending={
            IN_USE: f"{PENDING}:In use by another client\n{{bus}} is currently being used by one or more other "
            "processes (e.g. CUDA application or a monitoring application such as another instance of nvidia-smi). "
            "Please first kill all processes using the device and retry the command or reboot the system to make MIG "
            "mode effective.",
            RESET_REQUIRED: f"{PENDING}:GPU requires reset\nReboot the system or try nvidia-smi --gpu-reset to make "
            "MIG mode effective on GPU {bus}",
        },
        names=("disable", "enable"),
        check=lambda _, mode, *__: {"state": DISABLED_ENABLED[mode]},
        ends=always,
    ),
}
