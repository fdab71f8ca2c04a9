"""`--query-gpu=... --format=csv`, and the queries of what a GPU has several of."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from typing import Any

import pynvml as nvml

from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Problem, Refusal, ask, ask_slot
from mocknvml.smi.main import Call

MIB = 1 << 20
NO_YES = ("No", "Yes")
DISABLED_ENABLED = ("Disabled", "Enabled")
COMPUTE_MODES = ("Default", "Exclusive_Thread", "Prohibited", "Exclusive_Process")
ADDRESSING_MODES = ("None", "HMM", "ATS")
FABRIC_STATES = {1: "Not Started", 2: "In Progress", 3: "Completed"}
FABRIC_COMPLETED = 3
REASONS = {  # by their bits; the third: whether they show, unlike the others, why the supported ones are not known
    "gpu_idle": (0x1, False),
    "applications_clocks_setting": (0x2, False),
    "sw_power_cap": (0x4, False),
    "hw_slowdown": (0x8, True),
    "hw_thermal_slowdown": (0x40, True),
    "hw_power_brake_slowdown": (0x80, True),
    "sw_thermal_slowdown": (0x20, False),
    "sync_boost": (0x10, False),
}
LOCATIONS = {
    "device_memory": 2,
    "dram": 2,
    "register_file": 3,
    "l1_cache": 0,
    "l2_cache": 1,
    "texture_memory": 4,
    "cbu": 6,
    "sram": 7,
}

Read = Callable[[Any], Any]  # of a GPU, or of something it has, to the text or a refusal


def read(name: str, *arguments: Any, form: Callable[[Any], str] = str) -> Read:
    """What nvmlDeviceNAME answers, as a text."""

    def reader(gpu: Gpu) -> Any:
        value = gpu.ask(name, *arguments)
        return value if isinstance(value, Refusal) else form(value)

    return reader


def field(number: int, form: Callable[[Any], str] = str) -> Read:
    def reader(gpu: Gpu) -> Any:
        value = gpu.field(number)
        return value if isinstance(value, Refusal) else form(value)

    return reader


def one_of(words: tuple[str, ...]) -> Callable[[int], str]:
    return lambda value: words[value] if value < len(words) else "Unknown"


def part(place: int, form: Callable[[Any], str] = str) -> Callable[[Any], str]:
    """The form of one of several values."""
    return lambda values: form(values[place])


def watts(milliwatts: int) -> str:
    return f"{milliwatts / 1000:.2f}"


def mebibytes(name: str) -> Callable[[Any], str]:
    return lambda memory: str(getattr(memory, name) // MIB)


def hexadecimal(name: str, digits: int) -> Callable[[Any], str]:
    return lambda pci: f"0x{getattr(pci, name):0{digits}X}"


def pstate(number: int) -> str:
    return f"P{number}" if number < 16 else "Unknown"


def now(_: Gpu | None = None) -> str:
    seconds = time.time()
    return f"{time.strftime('%Y/%m/%d %H:%M:%S', time.localtime(seconds))}.{int(seconds * 1000) % 1000:03}"


def host_generation(gpu: Gpu) -> Any:
    """No public function tells it."""
    generation = ctypes.c_uint()
    refusal = ask_slot(230, gpu.handle, ctypes.byref(generation))
    return str(generation.value) if refusal is None else refusal


def memory_temperature(gpu: Gpu) -> Any:
    value = gpu.field(nvml.NVML_FI_DEV_MEMORY_TEMP)
    if isinstance(value, Refusal):
        return "N/A" if value.code == NOT_SUPPORTED else value  # without brackets, alone among all
    return str(value)


def fabric(gpu: Gpu) -> Any:
    info = nvml.c_nvmlGpuFabricInfo_t()
    answer = gpu.ask("GetGpuFabricInfo", ctypes.byref(info))
    return info if answer == 0 else answer


def fabric_state(gpu: Gpu) -> Any:
    info = fabric(gpu)
    return info if isinstance(info, Refusal) else f"state  {FABRIC_STATES.get(info.state, 'N/A')}"


def fabric_status(gpu: Gpu) -> Any:
    info = fabric(gpu)
    if isinstance(info, Refusal):
        return info
    status = "N/A" if info.state != FABRIC_COMPLETED else Refusal(info.status).reason if info.status else "Success"
    return f"status {status}"


def supported_reasons(gpu: Gpu) -> Any:
    return gpu.ask("GetSupportedClocksEventReasons")


def active_reasons(gpu: Gpu) -> Any:
    supported = supported_reasons(gpu)
    return supported if isinstance(supported, Refusal) else gpu.ask("GetCurrentClocksEventReasons")


def mask(reasons: Read) -> Read:
    def reader(gpu: Gpu) -> Any:
        bits = reasons(gpu)
        return bits if isinstance(bits, Refusal) else f"0x{bits:016X}"

    return reader


def reason(bit: int, says_why: bool) -> Read:
    def reader(gpu: Gpu) -> Any:
        supported = supported_reasons(gpu)
        if isinstance(supported, Refusal):
            return supported if says_why else Refusal(NOT_SUPPORTED)
        if not supported & bit:
            return Refusal(NOT_SUPPORTED)
        active = active_reasons(gpu)
        return active if isinstance(active, Refusal) else "Active" if active & bit else "Not Active"

    return reader


def driver_capability(gpu: Gpu) -> Any:
    value = ask("nvmlGetVgpuDriverCapabilities", 0)
    return value if isinstance(value, Refusal) else NO_YES[value > 0]


def system(name: str) -> Read:
    return lambda gpu: ask(name)


def clock(name: str, kind: int) -> Read:
    return read(name, kind)


def ecc() -> Iterator[tuple[str, tuple[str, Read]]]:
    for error, error_name in enumerate(("corrected", "uncorrected")):
        for counter, counter_name in enumerate(("volatile", "aggregate")):
            prefix = f"ecc.errors.{error_name}.{counter_name}"
            for name, location in LOCATIONS.items():
                yield f"{prefix}.{name}", ("", read("GetMemoryErrorCounter", error, counter, location))
            yield f"{prefix}.total", ("", read("GetTotalEccErrors", error, counter))


MODE = one_of(DISABLED_ENABLED)
MEMORY = ("GetMemoryInfo", nvml.nvmlMemory_v2)
PROTECTED = "GetConfComputeProtectedMemoryUsage"

# Units and readers, in the order of --help-query-gpu.
FIELDS: dict[str, tuple[str, Read]] = {
    "timestamp": ("", now),
    "driver_version": ("", system("nvmlSystemGetDriverVersion")),
    "vgpu_driver_capability.heterogenous_multivGPU": ("", driver_capability),
    "count": ("", system("nvmlDeviceGetCount")),
    "name": ("", read("GetName")),
    "serial": ("", read("GetSerial")),
    "uuid": ("", read("GetUUID")),
    "pci.bus_id": ("", read("GetPciInfo", form=lambda pci: str(pci.busId))),
    "pci.domain": ("", read("GetPciInfo", form=hexadecimal("domain", 4))),
    "pci.bus": ("", read("GetPciInfo", form=hexadecimal("bus", 2))),
    "pci.device": ("", read("GetPciInfo", form=hexadecimal("device", 2))),
    "pci.device_id": ("", read("GetPciInfo", form=hexadecimal("pciDeviceId", 8))),
    "pci.sub_device_id": ("", read("GetPciInfo", form=hexadecimal("pciSubSystemId", 8))),
    "vgpu_device_capability.fractional_multiVgpu": ("", read("GetVgpuCapabilities", 0, form=one_of(NO_YES))),
    "vgpu_device_capability.heterogeneous_timeSlice_profile": ("", read("GetVgpuCapabilities", 1, form=one_of(NO_YES))),
    "vgpu_device_capability.heterogeneous_timeSlice_sizes": ("", read("GetVgpuCapabilities", 2, form=one_of(NO_YES))),
    "pcie.link.gen.current": ("", read("GetCurrPcieLinkGeneration")),
    "pcie.link.gen.gpucurrent": ("", read("GetCurrPcieLinkGeneration")),
    "pcie.link.gen.max": ("", read("GetMaxPcieLinkGeneration")),
    "pcie.link.gen.gpumax": ("", read("GetGpuMaxPcieLinkGeneration")),
    "pcie.link.gen.hostmax": ("", host_generation),
    "pcie.link.width.current": ("", read("GetCurrPcieLinkWidth")),
    "pcie.link.width.max": ("", read("GetMaxPcieLinkWidth")),
    "index": ("", read("GetIndex")),
    "display_mode": ("", read("GetDisplayMode", form=MODE)),
    "display_active": ("", read("GetDisplayActive", form=MODE)),
    "persistence_mode": ("", read("GetPersistenceMode", form=MODE)),
    "addressing_mode": ("", read("GetAddressingMode", form=one_of(ADDRESSING_MODES))),
    "accounting.mode": ("", read("GetAccountingMode", form=MODE)),
    "accounting.buffer_size": ("", read("GetAccountingBufferSize")),
    "driver_model.current": ("", read("GetCurrentDriverModel")),
    "driver_model.pending": ("", read("GetPendingDriverModel")),
    "vbios_version": ("", read("GetVbiosVersion")),
    "inforom.img": ("", read("GetInforomImageVersion")),
    "inforom.oem": ("", read("GetInforomVersion", 0)),
    "inforom.ecc": ("", read("GetInforomVersion", 1)),
    "inforom.pwr": ("", read("GetInforomVersion", 2)),
    "reset_status.reset_required": ("", field(226, one_of(NO_YES))),
    "reset_status.drain_and_reset_recommended": ("", field(227, one_of(NO_YES))),
    "gom.current": ("", read("GetGpuOperationMode", form=part(0))),
    "gom.pending": ("", read("GetGpuOperationMode", form=part(1))),
    "fan.speed": ("%", read("GetFanSpeed")),
    "pstate": ("", read("GetPerformanceState", form=pstate)),
    "clocks_event_reasons.supported": ("", mask(supported_reasons)),
    "clocks_event_reasons.active": ("", mask(active_reasons)),
    **{f"clocks_event_reasons.{name}": ("", reason(*how)) for name, how in REASONS.items()},
    "memory.total": ("MiB", read(*MEMORY, form=mebibytes("total"))),
    "memory.reserved": ("MiB", read(*MEMORY, form=mebibytes("reserved"))),
    "memory.used": ("MiB", read(*MEMORY, form=mebibytes("used"))),
    "memory.free": ("MiB", read(*MEMORY, form=mebibytes("free"))),
    "compute_mode": ("", read("GetComputeMode", form=one_of(COMPUTE_MODES))),
    "compute_cap": ("", read("GetCudaComputeCapability", form=lambda version: "{}.{}".format(*version))),
    "utilization.gpu": ("%", read("GetUtilizationRates", form=lambda rates: str(rates.gpu))),
    "utilization.memory": ("%", read("GetUtilizationRates", form=lambda rates: str(rates.memory))),
    "utilization.encoder": ("%", read("GetEncoderUtilization", form=part(0))),
    "utilization.decoder": ("%", read("GetDecoderUtilization", form=part(0))),
    "utilization.jpeg": ("%", read("GetJpgUtilization", form=part(0))),
    "utilization.ofa": ("%", read("GetOfaUtilization", form=part(0))),
    "encoder.stats.sessionCount": ("", read("GetEncoderStats", form=part(0))),
    "encoder.stats.averageFps": ("", read("GetEncoderStats", form=part(1))),
    "encoder.stats.averageLatency": ("", read("GetEncoderStats", form=part(2))),
    "ecc.mode.current": ("", read("GetEccMode", form=part(0, MODE))),
    "ecc.mode.pending": ("", read("GetEccMode", form=part(1, MODE))),
    **dict(ecc()),
    "retired_pages.single_bit_ecc.count": ("", read("GetRetiredPages", 0, form=lambda pages: str(len(pages)))),
    "retired_pages.double_bit.count": ("", read("GetRetiredPages", 1, form=lambda pages: str(len(pages)))),
    "retired_pages.pending": ("", read("GetRetiredPagesPendingStatus", form=one_of(NO_YES))),
    "temperature.gpu": ("", read("GetTemperature", 0)),
    "temperature.gpu.tlimit": ("", read("GetMarginTemperature")),
    "temperature.memory": ("", memory_temperature),
    "power.management": ("", read("GetPowerManagementMode", form=MODE)),
    "power.draw": ("W", read("GetPowerUsage", form=watts)),
    "power.draw.average": ("W", field(185, watts)),
    "power.draw.instant": ("W", field(186, watts)),
    "power.limit": ("W", read("GetPowerManagementLimit", form=watts)),
    "enforced.power.limit": ("W", read("GetEnforcedPowerLimit", form=watts)),
    "power.default_limit": ("W", read("GetPowerManagementDefaultLimit", form=watts)),
    "power.min_limit": ("W", read("GetPowerManagementLimitConstraints", form=part(0, watts))),
    "power.max_limit": ("W", read("GetPowerManagementLimitConstraints", form=part(1, watts))),
    "clocks.current.graphics": ("MHz", clock("GetClockInfo", 0)),
    "clocks.current.sm": ("MHz", clock("GetClockInfo", 1)),
    "clocks.current.memory": ("MHz", clock("GetClockInfo", 2)),
    "clocks.current.video": ("MHz", clock("GetClockInfo", 3)),
    "clocks.applications.graphics": ("MHz", clock("GetApplicationsClock", 0)),
    "clocks.applications.memory": ("MHz", clock("GetApplicationsClock", 2)),
    "clocks.default_applications.graphics": ("MHz", clock("GetDefaultApplicationsClock", 0)),
    "clocks.default_applications.memory": ("MHz", clock("GetDefaultApplicationsClock", 2)),
    "clocks.max.graphics": ("MHz", clock("GetMaxClockInfo", 0)),
    "clocks.max.sm": ("MHz", clock("GetMaxClockInfo", 1)),
    "clocks.max.memory": ("MHz", clock("GetMaxClockInfo", 2)),
    "mig.mode.current": ("", read("GetMigMode", form=part(0, MODE))),
    "mig.mode.pending": ("", read("GetMigMode", form=part(1, MODE))),
    "gsp.mode.current": ("", read("GetGspFirmwareMode", form=part(0, MODE))),
    "gsp.mode.default": ("", read("GetGspFirmwareMode", form=part(1, MODE))),
    "protected_memory.total": ("MiB", read(PROTECTED, form=mebibytes("total"))),
    "protected_memory.used": ("MiB", read(PROTECTED, form=mebibytes("used"))),
    "protected_memory.free": ("MiB", read(PROTECTED, form=mebibytes("free"))),
    "fabric.state": ("", fabric_state),
    "fabric.status": ("", fabric_status),
}

ALIASES = {
    "gpu_name": "name",
    "gpu_serial": "serial",
    "gpu_uuid": "uuid",
    "gpu_bus_id": "pci.bus_id",
    "inforom.image": "inforom.img",
    "inforom.power": "inforom.pwr",
    "gpu_operation_mode.current": "gom.current",
    "gpu_operation_mode.pending": "gom.pending",
    **{name.replace("event", "throttle"): name for name in FIELDS if name.startswith("clocks_event_reasons")},
    "retired_pages.sbe": "retired_pages.single_bit_ecc.count",
    "retired_pages.dbe": "retired_pages.double_bit.count",
    "clocks.gr": "clocks.current.graphics",
    "clocks.sm": "clocks.current.sm",
    "clocks.mem": "clocks.current.memory",
    "clocks.video": "clocks.current.video",
    "clocks.applications.gr": "clocks.applications.graphics",
    "clocks.applications.mem": "clocks.applications.memory",
    "clocks.default_applications.gr": "clocks.default_applications.graphics",
    "clocks.default_applications.mem": "clocks.default_applications.memory",
    "clocks.max.gr": "clocks.max.graphics",
    "clocks.max.mem": "clocks.max.memory",
}


# What a GPU has several of: the fields of one of them, behind those that tell whose it is.
OF_GPU = {
    "timestamp": ("", now),
    "gpu_name": FIELDS["name"],
    "gpu_bus_id": FIELDS["pci.bus_id"],
    "gpu_serial": FIELDS["serial"],
    "gpu_uuid": FIELDS["uuid"],
}
Items = tuple[Callable[[Gpu], list[Any]], dict[str, tuple[str, Read]], dict[str, str]]


def compute_apps(gpu: Gpu) -> list[Any]:
    processes = gpu.ask("GetComputeRunningProcesses")
    return [] if isinstance(processes, Refusal) else list(processes)


def used_memory(process: Any) -> Any:
    used = process.usedGpuMemory
    return Refusal(NOT_SUPPORTED) if used is None else str(used // MIB)


ITEMS: dict[str, Items] = {
    "--query-compute-apps": (
        compute_apps,
        {
            "pid": ("", lambda process: str(process.pid)),
            "process_name": ("", lambda process: ask("nvmlSystemGetProcessName", process.pid)),
            "used_gpu_memory": ("MiB", used_memory),
        },
        {"name": "process_name", "used_memory": "used_gpu_memory"},
    ),
}


def gpus(call: Call) -> int:
    """A row for each GPU."""
    names, units, header = _chosen(call, "--query-gpu", FIELDS, ALIASES)
    if header:
        _write_header(call, names, FIELDS)
    for gpu in call.gpus:
        _write_row(call, [(FIELDS[name], gpu) for name in names], units)
    return 0


def items(call: Call) -> int:
    """Rows for what the GPUs have several of."""
    query = next(name for name in ITEMS if name in call.options)
    list_items, of_item, aliases = ITEMS[query]
    fields = OF_GPU | of_item
    names, units, header = _chosen(call, query, fields, aliases)
    if header:
        _write_header(call, names, fields)
    for gpu in call.gpus:
        for item in list_items(gpu):
            _write_row(call, [(fields[name], item if name in of_item else gpu) for name in names], units)
    return 0


def _chosen(
    call: Call, query: str, fields: dict[str, tuple[str, Read]], aliases: dict[str, str]
) -> tuple[list[str], bool, bool]:
    """The fields, whether with units, and whether below a header."""
    if "--format" not in call.options:
        raise Problem("\"--format=\" switch is missing. Please run 'nvidia-smi -h' for help.\n\n", 2)
    formats = list(filter(None, call.options["--format"].split(",")))
    if not {"csv", "noheader", "nounits"}.issuperset(formats):
        raise Problem("Format modifier is not recognized.\n", 2)
    if "csv" not in formats:
        raise Problem("Format modifier --format=csv is mandatory.\n", 2)
    names = []
    for name in filter(None, call.options[query].split(",")):
        names.append(aliases.get(name, name))
        if names[-1] not in fields:
            raise Problem(f'Field "{name}" is not a valid field to query.\n\n', 2)
    return names, "nounits" not in formats, "noheader" not in formats and not call.round


def _write_header(call: Call, names: list[str], fields: dict[str, tuple[str, Read]]) -> None:
    units = (fields[name][0] for name in names)
    cells = (f"{name} [{unit}]" if unit else name for name, unit in zip(names, units, strict=True))
    call.out.write(", ".join(cells) + "\n")


def _write_row(call: Call, cells: list[tuple[tuple[str, Read], Any]], units: bool) -> None:
    texts = []
    for (unit, reader), whose in cells:
        value = reader(whose)
        if isinstance(value, Refusal):
            texts.append(f"[{value}]")
        else:
            texts.append(f"{value} {unit}" if unit and units else str(value))
    call.out.write(", ".join(texts) + "\n")
