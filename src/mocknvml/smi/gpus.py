"""The GPUs that NVML finds, and nvidia-smi's words for what NVML refuses."""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pynvml as nvml

LIBRARY = "libnvidia-ml.so.1"

# nvidia-smi asks no nvmlErrorString: these are its own.
REASONS = {
    1: "Uninitialized",
    2: "Invalid Argument",
    3: "Not Supported",
    4: "Insufficient Permissions",
    5: "Already Initialized",
    6: "Not Found",
    7: "Insufficient Size",
    8: "Insufficient External Power",
    9: "Driver Not Loaded",
    10: "Timeout",
    11: "Interrupt Request Issue",
    12: "NVML Shared Library Not Found",
    13: "Function Not Found",
    14: "Corrupted infoROM",
    15: "GPU is lost",
    16: "GPU requires reset",
    17: "GPU access blocked by the operating system",
    18: "Driver/library version mismatch",
    19: "In use by another client",
    20: "Insufficient Memory",
    21: "No data",
    22: "vGPU ECC not supported",
    23: "Insufficient Resources",
    24: "Invalid Frequency",
    25: "Argument version mismatch",
    26: "Requested functionality has been deprecated",
    27: "System is not in ready state",
    28: "No supported GPUs were found",
    29: "Resource not in correct state to perform requested operation",
    30: "Reset not supported for given device/parameters",
}
STATUSES = {2, 3, 4, 6, 8, 9, 11, 12, 13, 14, 15, 17, 18, 19, 23}  # codes that are exit statuses of 470 to 550 as well
UNCHECKED = {
    "nvmlDeviceGetCapabilities",
    "nvmlDeviceSetVirtualizationMode",
    "nvmlSystemGetConfComputeSettings",
}  # nvidia-ml-py gives their codes back
TABLE = bytes.fromhex("c4fe3e6cc98f6c4ea327ee696e12f7c4")
# What the slots of a real driver are was seen with these branches. mocknvml's table is larger than theirs, and refuses
# in every slot that it does not know: it may be asked for any driver.
SLOT_DRIVERS = range(450, 556)
SAFE_TABLE = 4096  # bytes
NEWEST_BRANCH = 610
NOT_SUPPORTED, FUNCTION_NOT_FOUND, GPU_IS_LOST = 3, 13, 15
Version = tuple[int, ...]


def preload() -> None:
    """Load the packaged library, unless LD_LIBRARY_PATH finds one: whoever asks for its soname then gets it."""
    folders = filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    packaged = Path(__file__).parents[1] / "lib" / LIBRARY
    if packaged.exists() and not any(os.path.exists(f"{folder}/{LIBRARY}") for folder in folders):  # noqa: PTH110
        ctypes.CDLL(str(packaged))


class Refusal:
    """An NVML return code in place of a value. `is_absent`: the driver is older than the function."""

    def __init__(self, code: int, is_absent: bool = False) -> None:
        self.code, self.is_absent = code, is_absent

    @property
    def reason(self) -> str:
        return REASONS.get(self.code, "Unknown Error")

    def __str__(self) -> str:
        """What stands in the place of a value."""
        return "N/A" if self.code == NOT_SUPPORTED or self.is_absent else self.reason


class Problem(Exception):
    """What ends the program: what it says, and its exit status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def status_of(code: int) -> int:
    """The exit status for an NVML return code."""
    return code if code in STATUSES else 255


def ask(name: str, *arguments: Any) -> Any:
    """What a function of NVML answers, or its refusal; a binding of its time does not know those of later drivers."""
    if not hasattr(nvml, name):
        return Refusal(FUNCTION_NOT_FOUND)
    try:
        answer = getattr(nvml, name)(*arguments)
    except nvml.NVMLError as error:
        # nvidia-ml-py raises the same where the library has no such symbol.
        return Refusal(error.value, isinstance(error.__context__, AttributeError))
    return Refusal(answer) if name in UNCHECKED and answer else answer


def version_of(text: str) -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", text))


def is_of(version: Version, drivers: str) -> bool:
    """Whether a driver is one of `535.154-550 555-`, without the last of each."""
    if not drivers:
        return True
    for interval in drivers.split():
        first, _, last = interval.partition("-")
        if version_of(first) <= version and (not last or version < version_of(last)):
            return True
    return False


@cache
def driver() -> Version:
    """The version of the driver, such as (535, 261, 3)."""
    version = ask("nvmlSystemGetDriverVersion")
    return version_of("" if isinstance(version, Refusal) else version) or (NEWEST_BRANCH,)


def branch() -> int:
    """That of the driver, such as 535."""
    return driver()[0]


def _table() -> Any:
    """The size of the table in bytes, and its functions."""
    table = ctypes.POINTER(ctypes.c_void_p)()
    refused = nvml.nvmlLib.nvmlInternalGetExportTable(ctypes.byref(table), TABLE)
    return None if refused or not table[0] else table


def ask_slot(slot: int, *arguments: Any) -> Refusal | None:
    """Ask the private table that nvidia-smi itself asks, of the drivers where the slot is known to hold this."""
    table = _table()
    if table is None or table[0] <= 8 * slot or not table[slot]:
        return Refusal(NOT_SUPPORTED)
    if branch() not in SLOT_DRIVERS and table[0] < SAFE_TABLE:
        return Refusal(NOT_SUPPORTED)
    code = ctypes.CFUNCTYPE(ctypes.c_int)(table[slot])(*arguments)
    return Refusal(code) if code else None


def simulated() -> bool:
    """Whether the library is mocknvml's."""
    table = _table()
    return table is not None and table[0] >= SAFE_TABLE


class Gpu:
    """A GPU, of which each thing is asked once."""

    def __init__(self, index: int, handle: Any) -> None:
        self.index = index  # as counted by NVML, also where the GPU itself no longer says
        self.handle = handle
        self.needs_reboot = False  # of a setting
        self._answers: dict[tuple[Any, ...], Any] = {}

    def ask(self, name: str, *arguments: Any) -> Any:
        """What nvmlDeviceNAME answers, or its refusal."""
        key = (name, *arguments)
        if key not in self._answers:
            self._answers[key] = ask(f"nvmlDevice{name}", self.handle, *arguments)
        return self._answers[key]

    def filled(self, name: str, struct: Any) -> Any:
        """The struct as nvmlDeviceNAME fills it, or its refusal."""
        refusal = ask(f"nvmlDevice{name}", self.handle, ctypes.byref(struct))
        return refusal if isinstance(refusal, Refusal) else struct

    def memory(self) -> Any:
        """What holds total, used and free bytes; before 510 nvidia-smi counts what the driver reserves as used."""
        return self.ask("GetMemoryInfo", *([nvml.nvmlMemory_v2] if branch() >= 510 else []))

    def field(self, number: int, scope: int = 0) -> Any:
        """What a field of nvmlDeviceGetFieldValues holds, or its refusal."""
        values = self.fields((number, scope))
        return values if isinstance(values, Refusal) else values[0]

    def fields(self, *wanted: tuple[int, int]) -> Any:
        """The same of several fields with their scopes, unless none can be asked."""
        values = self.ask("GetFieldValues", wanted)
        if isinstance(values, Refusal):
            return values
        return [
            Refusal(value.nvmlReturn) if value.nvmlReturn else getattr(value.value, VALUE_MEMBERS[value.valueType])
            for value in values
        ]


VALUE_MEMBERS = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")  # of nvmlValue_t, by nvmlValueType_t


def start() -> None:
    """Initialize NVML, or say why that failed."""
    preload()
    refusal = ask("nvmlInitWithFlags", 0)
    if refusal is None:
        return
    text, status = f"Failed to initialize NVML: {refusal}\n", status_of(refusal.code)
    if refusal.code == nvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        text = (
            "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure that the NVIDIA "
            "Display Driver is properly installed and present in your system.\n"
            "Please also try adding directory that contains libnvidia-ml.so to your system PATH.\n"
        )
    elif refusal.code == nvml.NVML_ERROR_DRIVER_NOT_LOADED:
        text = (
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
            "Make sure that the latest NVIDIA driver is installed and running.\n\n"
        )
    elif refusal.code == nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
        version = ask("nvmlSystemGetNVMLVersion")  # answers all the same
        if not isinstance(version, Refusal):
            text += f"NVML library version: {'.'.join(version.split('.')[1:3])}\n"
    raise Problem(text, status)


def every() -> list[Gpu]:
    """All GPUs that NVML counts."""
    count = ask("nvmlDeviceGetCount")
    if isinstance(count, Refusal):
        raise Problem("Unable to determine the number of GPUs\n", status_of(count.code))
    return [Gpu(index, handle_of(index)) for index in range(count)]


def handle_of(index: int) -> Any:
    handle = ask("nvmlDeviceGetHandleByIndex", index)
    if not isinstance(handle, Refusal):
        return handle
    if handle.code == nvml.NVML_ERROR_NO_PERMISSION:
        text = "No devices were found. Please make sure /dev/nvidia* files are readable by current user."
    elif handle.code == GPU_IS_LOST:
        text = "Unable to determine the device handle for GPU: GPU is lost.  Reboot the system to recover"
    else:
        text = "Unable to determine the device handle for GPU: Unknown Error"
    raise Problem(f"{text}\n", status_of(handle.code))


def chosen(names: str | None) -> list[Gpu]:
    """The GPUs that -i names, of all if it is absent: by index, UUID, serial number or bus id."""
    gpus = every()
    if names is not None:
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        if not wanted:
            raise Problem("Failed to parse device string on command line", 255)
        places = {place for name in wanted for place in _places(gpus, name)}
        gpus = [gpu for gpu in gpus if gpu.index in places]
    if not gpus:
        raise Problem("No devices were found\n", 6)
    return gpus


def _places(gpus: list[Gpu], name: str) -> set[int]:
    """The indices of the GPUs that a name means."""
    if ":" in name:
        place = _bus_place(name)
        if place is None:
            text = "Invalid PCI bus id format. Try format [domain:]bus:device.function E.g. 0:2:0.0"
            raise Problem(f"Problem with GPU 0: {text}\n", 255)
        known = ((gpu, gpu.ask("GetPciInfo")) for gpu in gpus)
        return {
            gpu.index
            for gpu, pci in known
            if not isinstance(pci, Refusal) and place == (pci.domain, pci.bus, pci.device)
        }
    with suppress(ValueError):
        index = int(name, 0 if name.lower().startswith("0x") else 10)
        if index < len(gpus):
            return {index}
    return {gpu.index for gpu in gpus if name in [_identity(gpu, by) for by in ("GetUUID", "GetSerial")]}


def _identity(gpu: Gpu, by: str) -> Any:
    value = gpu.ask(by)
    if isinstance(value, Refusal) and value.code != NOT_SUPPORTED:
        raise Problem(f"Problem with GPU {gpu.index}: {value}\n", 255)
    return value


def _bus_place(name: str) -> tuple[int, int, int] | None:
    """Domain, bus and device of a bus id; the domain and the function may be absent."""
    *domain, bus, device = name.split(".")[0].rsplit(":", 2)
    try:
        return int(domain[0], 16) if domain else 0, int(bus, 16), int(device, 16)
    except ValueError:
        return None
