"""What nvidia-smi's queries may ask for: the fields of a GPU, and of what it has several of."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pynvml as nvml

from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal, ask, ask_slot, branch

MIB = 1 << 20
NO_YES = ("No", "Yes")
DISABLED_ENABLED = ("Disabled", "Enabled")
COMPUTE_MODES = ("Default", "Exclusive_Thread", "Prohibited", "Exclusive_Process")
ADDRESSING_MODES = ("None", "HMM", "ATS")
FABRIC_STATES = {1: "Not Started", 2: "In Progress", 3: "Completed"}
FABRIC_COMPLETED = 3
THROTTLE_UNTIL = 525  # the newest branch of the driver to say "throttle" for "event"
REASONS = {
    "gpu_idle": 0x1,
    "applications_clocks_setting": 0x2,
    "sw_power_cap": 0x4,
    "hw_slowdown": 0x8,
    "hw_thermal_slowdown": 0x40,
    "hw_power_brake_slowdown": 0x80,
    "sw_thermal_slowdown": 0x20,
    "sync_boost": 0x10,
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

Fields = dict[str, tuple[str, Read]]  # the unit and how it is read, by name


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


def memory(name: str) -> Read:
    def reader(gpu: Gpu) -> Any:
        info = gpu.memory()
        if isinstance(info, Refusal):
            return info
        if name == "free" and branch() < 525:  # which counts it itself, and in 64 bits
            return str((info.total // MIB - info.used // MIB) % (1 << 64))
        return mebibytes(name)(info)

    return reader


def hexadecimal(name: str, digits: int) -> Callable[[Any], str]:
    return lambda pci: f"0x{getattr(pci, name):0{digits}X}"


def pci_class(name: str) -> Read:
    def reader(gpu: Gpu) -> Any:
        info = gpu.filled("GetPciInfoExt", nvml.nvmlPciInfoExt_v1_t(version=nvml.nvmlPciInfoExt_v1))
        return info if isinstance(info, Refusal) else f"0x{getattr(info, name):X}"

    return reader


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
    return gpu.filled("GetGpuFabricInfo", nvml.c_nvmlGpuFabricInfo_t())


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


def reason(bit: int) -> Read:
    def reader(gpu: Gpu) -> Any:
        # Where these are refused, nvidia-smi shows a part of the reasons as N/A, another part in each version.
        supported = supported_reasons(gpu)
        if isinstance(supported, Refusal):
            return supported
        active = active_reasons(gpu) if supported & bit else Refusal(NOT_SUPPORTED)
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
PROTECTED = "GetConfComputeProtectedMemoryUsage"

# Units and readers, in the order of --help-query-gpu.
FIELDS: Fields = {
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
    "pci.baseClass": ("", pci_class("baseClass")),
    "pci.subClass": ("", pci_class("subClass")),
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
    **{f"clocks_event_reasons.{name}": ("", reason(bit)) for name, bit in REASONS.items()},
    "memory.total": ("MiB", memory("total")),
    "memory.reserved": ("MiB", memory("reserved")),
    "memory.used": ("MiB", memory("used")),
    "memory.free": ("MiB", memory("free")),
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
    "c2c.mode": ("", read("GetC2cModeInfoV", form=lambda info: MODE(info.isC2cEnabled))),
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


# By the branch of the driver whose nvidia-smi is the first to know them; all others are older than 470.
SINCE = {
    525: (
        *("vgpu_driver_capability.heterogenous_multivGPU", "compute_cap", "memory.reserved", "temperature.gpu.tlimit"),
        *("vgpu_device_capability.fractional_multiVgpu", "vgpu_device_capability.heterogeneous_timeSlice_profile"),
        *("vgpu_device_capability.heterogeneous_timeSlice_sizes", "pcie.link.gen.gpucurrent", "pcie.link.gen.gpumax"),
        *("pcie.link.gen.hostmax", "power.draw.average", "power.draw.instant", "fabric.state", "fabric.status"),
    ),
    535: (
        *("addressing_mode", "reset_status.reset_required", "reset_status.drain_and_reset_recommended"),
        *("utilization.encoder", "utilization.decoder", "utilization.jpeg", "utilization.ofa"),
        *("gsp.mode.current", "gsp.mode.default"),
        *("protected_memory.total", "protected_memory.used", "protected_memory.free"),
    ),
    550: ("pci.baseClass", "pci.subClass", "c2c.mode"),
}


def of_gpu() -> tuple[Fields, dict[str, str]]:
    """The fields of a GPU that nvidia-smi of the driver's branch knows, and other names for them."""
    unknown = {name for first, names in SINCE.items() if branch() < first for name in names}
    fields = {name: how for name, how in FIELDS.items() if name not in unknown}
    if branch() <= THROTTLE_UNTIL:
        fields = {name.replace("clocks_event_", "clocks_throttle_"): how for name, how in fields.items()}
    return fields, {other: name for other, name in ALIASES.items() if name in fields}


# What a GPU has several of: fields of one of them, behind those that tell whose it is.
OWNER = {
    "timestamp": ("", now),
    "gpu_name": FIELDS["name"],
    "gpu_bus_id": FIELDS["pci.bus_id"],
    "gpu_serial": FIELDS["serial"],
    "gpu_uuid": FIELDS["uuid"],
}
CAUSES = ("Single Bit ECC", "Double Bit ECC")


class Items(NamedTuple):
    list_them: Callable[[Gpu], list[Any]]  # a refusal stands for a row whose fields show it
    fields: Fields
    aliases: dict[str, str]


def attribute(name: str, form: Callable[[Any], str] = str) -> Read:
    """An attribute of an item; None is what NVML does not tell."""

    def reader(item: Any) -> Any:
        value = item if isinstance(item, Refusal) else getattr(item, name)
        if value is None:
            return Refusal(NOT_SUPPORTED)
        return value if isinstance(value, Refusal) else form(value)

    return reader


def mib(size: int) -> str:
    return str(size // MIB)


def compute_apps(gpu: Gpu) -> list[Any]:
    processes = gpu.ask("GetComputeRunningProcesses")
    if isinstance(processes, Refusal):
        return [processes] if branch() < 525 else []
    return list(processes)


def process_name(process: Any) -> Any:
    return process if isinstance(process, Refusal) else ask("nvmlSystemGetProcessName", process.pid)


class Clocks(NamedTuple):
    memory: int
    graphics: int


def supported_clocks(gpu: Gpu) -> list[Any]:
    memory = gpu.ask("GetSupportedMemoryClocks")
    if isinstance(memory, Refusal):
        return [memory]
    rows: list[Any] = []
    for clock in memory:
        graphics = gpu.ask("GetSupportedGraphicsClocks", clock)
        rows += [graphics] if isinstance(graphics, Refusal) else [Clocks(clock, other) for other in graphics]
    return rows


class Accounted(NamedTuple):
    pid: int
    stats: Any


def accounted_apps(gpu: Gpu) -> list[Any]:
    pids = gpu.ask("GetAccountingPids")
    if isinstance(pids, Refusal):
        return [pids]
    return [Accounted(pid, gpu.ask("GetAccountingStats", pid)) for pid in pids]


def accounted(name: str, form: Callable[[Any], str] = str) -> Read:
    def reader(item: Any) -> Any:
        return item if isinstance(item, Refusal) else attribute(name, form)(item.stats)

    return reader


class Page(NamedTuple):
    address: Any
    time: Any
    cause: str


def retired_pages(gpu: Gpu) -> list[Any]:
    rows = []
    for number, cause in enumerate(CAUSES):
        pages = gpu.ask("GetRetiredPages_v2", number)
        if isinstance(pages, Refusal):
            rows.append(Page(pages, pages, cause))
        else:
            rows += [Page(f"0x{page['address']:016x}", date(page["timestamp"]), cause) for page in pages]
    return rows


def date(seconds: int) -> Any:
    try:
        return time.strftime("%a %b %e %H:%M:%S %Y", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):
        return Refusal(NOT_SUPPORTED)


def remapped_rows(gpu: Gpu) -> list[Any]:
    rows = gpu.ask("GetRemappedRows")
    return [rows]


def remapped(place: int) -> Read:
    return lambda rows: rows if isinstance(rows, Refusal) else str(rows[place])


ITEMS = {
    "--query-compute-apps": Items(
        compute_apps,
        {
            "pid": ("", attribute("pid")),
            "process_name": ("", process_name),
            "used_gpu_memory": ("MiB", attribute("usedGpuMemory", mib)),
        },
        {"name": "process_name", "used_memory": "used_gpu_memory"},
    ),
    "--query-accounted-apps": Items(
        accounted_apps,
        {
            "vgpu_instance": ("", lambda item: item if isinstance(item, Refusal) else "N/A"),
            "pid": ("", attribute("pid")),
            "gpu_utilization": ("%", accounted("gpuUtilization")),
            "mem_utilization": ("%", accounted("memoryUtilization")),
            "max_memory_usage": ("MiB", accounted("maxMemoryUsage", mib)),
            "time": ("ms", accounted("time")),
        },
        {"gpu_util": "gpu_utilization", "mem_util": "mem_utilization"},
    ),
    "--query-supported-clocks": Items(
        supported_clocks,
        {"memory": ("MHz", attribute("memory")), "graphics": ("MHz", attribute("graphics"))},
        {"mem": "memory", "gr": "graphics"},
    ),
    "--query-retired-pages": Items(
        retired_pages,
        {
            "retired_pages.address": ("", attribute("address")),
            "retired_pages.timestamp": ("", attribute("time")),
            "retired_pages.cause": ("", attribute("cause")),
        },
        {},
    ),
    "--query-remapped-rows": Items(
        remapped_rows,
        {
            "remapped_rows.correctable": ("", remapped(0)),
            "remapped_rows.uncorrectable": ("", remapped(1)),
            "remapped_rows.pending": ("", remapped(2)),
            "remapped_rows.failure": ("", remapped(3)),
        },
        {},
    ),
}
