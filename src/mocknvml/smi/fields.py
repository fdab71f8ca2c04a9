"""The fields of a GPU that `nvidia-smi --query-gpu` may ask for.

Those of drivers up to 555 and their calls were seen with the unmodified programs. The later ones, their units and their
refusals are those of recordings of 580.173, 590.48, 595.71, 595.80 and 610.57; between them and 555, a field comes with
what NVIDIA's manual or the report of -q has of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import pynvml as nvml

from mocknvml.smi import kinds
from mocknvml.smi.calls import Ask, FieldValue, Slot, call, fabric, fill
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal, ask, branch, driver, is_of

MIB = 1 << 20
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


def read(name: str, *arguments: Any, form: Callable[[Any], Any] = str) -> Read:
    """What nvmlDeviceNAME answers, as a text."""

    def reader(gpu: Gpu) -> Any:
        value = gpu.ask(name, *arguments)
        return value if isinstance(value, Refusal) else str(form(value))

    return reader


def told(ask: Ask, form: Callable[[Any], str] = str) -> Read:
    def reader(gpu: Gpu) -> Any:
        value = ask(gpu)
        return value if isinstance(value, Refusal) else form(value)

    return reader


def field(name: str, form: Callable[[Any], str] = str, scope: int = 0) -> Read:
    return told(FieldValue(f"NVML_FI_{name}", scope), form)


def slot(number: int, public: str = "", form: Callable[[Any], str] = str) -> Read:
    """What an entry of the driver's private table holds, or a function of newer drivers."""
    return told(Slot(number, public=call(f"nvmlDevice{public}") if public else None), form)


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


def without_brackets(read: Read) -> Read:
    """How a few fields say that they are not supported."""

    def reader(gpu: Gpu) -> Any:
        value = read(gpu)
        return "N/A" if isinstance(value, Refusal) and value.code == NOT_SUPPORTED else value

    return reader


def of_fabric(member: str, form: Callable[[Any], str] = str) -> Read:
    """Of drivers from 580 on."""
    state, value = (fill("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v3_t", it) for it in ("state", member))
    return without_brackets(told(lambda gpu: value(gpu) if state(gpu) else Refusal(NOT_SUPPORTED), form))


def fabric_health(shift: int, width: int, names: dict[int, str]) -> Read:
    return of_fabric("healthMask", kinds.bits(shift, width, names).show)


def fabric_state(gpu: Gpu) -> Any:
    if driver() >= (580,):
        return of_fabric("state", kinds.FABRIC_STATE.show)(gpu)
    return told(fabric("state"), lambda state: f"state  {kinds.FABRIC_STATE.show(state)}")(gpu)


def fabric_status(gpu: Gpu) -> Any:
    state, code = fabric("state")(gpu), fabric("status")(gpu)
    status = "N/A" if state != FABRIC_COMPLETED else Refusal(code).reason if code else "Success"
    if driver() >= (580,):
        return status
    return state if isinstance(state, Refusal) else f"status {status}"


def supported_reasons(gpu: Gpu) -> Any:
    return gpu.ask("GetSupportedClocksThrottleReasons")


def active_reasons(gpu: Gpu) -> Any:
    supported = supported_reasons(gpu)
    return supported if isinstance(supported, Refusal) else gpu.ask("GetCurrentClocksThrottleReasons")


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


def counter(name: str) -> Read:
    return field(f"DEV_CLOCKS_EVENT_REASON_{name}", lambda nanoseconds: str(nanoseconds // 1000))


def inforom_checksum(gpu: Gpu) -> Any:
    """One that is wrong is corrupted (NVIDIA's manual)."""
    valid = gpu.ask("ValidateInforom")
    if isinstance(valid, Refusal):
        return "invalid" if valid.code == nvml.NVML_ERROR_CORRUPTED_INFOROM else valid
    return "valid"


def sram(member: str, form: Callable[[Any], str] = str) -> Read:
    return told(fill("nvmlDeviceGetSramEccErrorStatus", "c_nvmlEccSramErrorStatus_v1_t", member), form)


def inactive_rows(member: str) -> Read:
    return told(fill("nvmlDeviceGetRemappedRows_v2", "c_nvmlRemappedRowsInfo_v2_t", f"{member}InactiveRemaps"))


def platform(member: str, none: str, form: Callable[[Any], str] = str, octets: bool = False) -> Read:
    """`none`: what recordings have of boards that are in no rack."""
    ask = fill("nvmlDeviceGetPlatformInfo", "c_nvmlPlatformInfo_v2_t", member)._replace(octets=octets)
    read = told(ask, form)

    def reader(gpu: Gpu) -> Any:
        value = read(gpu)
        return none if isinstance(value, Refusal) and value.code == NOT_SUPPORTED else value

    return reader


def smoothing(name: str, form: Callable[[Any], str] = str) -> Read:
    """No recording has a value of these: their forms are those of similar fields."""
    return field(f"PWR_SMOOTHING_{name}", form)


def of_profile(name: str, form: Callable[[Any], str] = str) -> Read:
    """Of power smoothing: of the preset that is active."""

    def reader(gpu: Gpu) -> Any:
        active = FieldValue("NVML_FI_PWR_SMOOTHING_ACTIVE_PRESET_PROFILE")(gpu)
        return active if isinstance(active, Refusal) else field(f"PWR_SMOOTHING_PROFILE_{name}", form, active)(gpu)

    return reader


def driver_capability(gpu: Gpu) -> Any:
    value = ask("nvmlGetVgpuDriverCapabilities", 0)
    return value if isinstance(value, Refusal) else YES(value > 0)


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


def smoothing_settings(prefix: str, of: Callable[..., Read]) -> Fields:
    return {
        f"power_smoothing.{prefix}.{name}": how
        for name, how in {
            "percent_tmp_floor": ("%", of("PERCENT_TMP_FLOOR")),
            "ramp_up_rate": ("W/s", of("RAMP_UP_RATE", watts)),
            "ramp_down_rate": ("W/s", of("RAMP_DOWN_RATE", watts)),
            "ramp_down_hysteresis": ("ms", of("RAMP_DOWN_HYST_VAL")),
            "secondary_power_floor": ("W", of("SECONDARY_POWER_FLOOR")),
            "primary_floor_act_window_multiplier": ("", of("PRIMARY_FLOOR_ACT_WIN_MULT")),
            "primary_floor_tar_window_multiplier": ("", of("PRIMARY_FLOOR_TAR_WIN_MULT")),
            "primary_floor_act_offset": ("W", of("PRIMARY_FLOOR_ACT_OFFSET")),
        }.items()
    }


MODE, YES = kinds.ENABLED.show, kinds.YES.show
MODULE = nvml.NVML_POWER_SCOPE_MODULE
BASE = 3  # NVML_POWER_SCOPE_GPU_BASE, which older bindings do not have
PROTECTED = "GetConfComputeProtectedMemoryUsage"

# Units and readers, in the order of --help-query-gpu.
FIELDS: Fields = {
    "timestamp": ("", now),
    "driver_version": ("", system("nvmlSystemGetDriverVersion")),
    "kmd_version": ("", system("nvmlSystemGetDriverVersion")),
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
    "pci.device_id": ("", read("GetPciInfo", form=hexadecimal("pciDeviceId", 4))),
    "pci.sub_device_id": ("", read("GetPciInfo", form=hexadecimal("pciSubSystemId", 4))),
    "vgpu_device_capability.fractional_multiVgpu": ("", read("GetVgpuCapabilities", 0, form=YES)),
    "vgpu_device_capability.heterogeneous_timeSlice_profile": ("", read("GetVgpuCapabilities", 1, form=YES)),
    "vgpu_device_capability.heterogeneous_timeSlice_sizes": ("", read("GetVgpuCapabilities", 2, form=YES)),
    "vgpu_device_capability.homogeneous_placements": ("", read("GetVgpuCapabilities", 9, form=YES)),
    "vgpu_device_capability.mig_timeSlicing": ("", read("GetVgpuCapabilities", 10, form=YES)),
    "vgpu_device_capability.mig_timeSlicing_mode": ("", read("GetVgpuCapabilities", 11, form=MODE)),
    "pcie.link.gen.current": ("", read("GetCurrPcieLinkGeneration")),
    "pcie.link.gen.gpucurrent": ("", read("GetCurrPcieLinkGeneration")),
    "pcie.link.gen.max": ("", read("GetMaxPcieLinkGeneration")),
    "pcie.link.gen.gpumax": ("", read("GetGpuMaxPcieLinkGeneration")),
    "pcie.link.gen.hostmax": ("", slot(230)),
    "pcie.link.width.current": ("", read("GetCurrPcieLinkWidth")),
    "pcie.link.width.max": ("", read("GetMaxPcieLinkWidth")),
    "index": ("", read("GetIndex")),
    "display_mode": ("", read("GetDisplayMode", form=MODE)),
    "display_attached": ("", read("GetDisplayMode", form=YES)),
    "display_active": ("", read("GetDisplayActive", form=MODE)),
    "persistence_mode": ("", read("GetPersistenceMode", form=MODE)),
    "addressing_mode": ("", slot(242, "GetAddressingMode", kinds.ADDRESSING.show)),
    "accounting.mode": ("", read("GetAccountingMode", form=MODE)),
    "accounting.buffer_size": ("", read("GetAccountingBufferSize")),
    "driver_model.current": ("", read("GetCurrentDriverModel")),
    "driver_model.pending": ("", read("GetPendingDriverModel")),
    "vbios_version": ("", read("GetVbiosVersion")),
    "inforom.img": ("", read("GetInforomImageVersion")),
    "inforom.oem": ("", read("GetInforomVersion", 0)),
    "inforom.ecc": ("", read("GetInforomVersion", 1)),
    "inforom.pwr": ("", read("GetInforomVersion", 2)),
    "inforom.checksum_validation": ("", inforom_checksum),
    "reset_status.reset_required": ("", field("DEV_RESET_STATUS", YES)),
    "reset_status.drain_and_reset_recommended": ("", field("DEV_DRAIN_AND_RESET_STATUS", YES)),
    "gpu_recovery_action": ("", field("DEV_GET_GPU_RECOVERY_ACTION", kinds.RECOVERY.show)),
    "gom.current": ("", read("GetGpuOperationMode", form=part(0))),
    "gom.pending": ("", read("GetGpuOperationMode", form=part(1))),
    "fan.speed": ("%", read("GetFanSpeed")),
    "pstate": ("", read("GetPerformanceState", form=pstate)),
    "clocks_event_reasons.supported": ("", mask(supported_reasons)),
    "clocks_event_reasons.active": ("", mask(active_reasons)),
    **{f"clocks_event_reasons.{name}": ("", reason(bit)) for name, bit in REASONS.items()},
    "clocks_event_reasons_counters.sw_power_cap": ("us", counter("SW_POWER_CAP")),
    "clocks_event_reasons_counters.sync_boost": ("us", counter("SYNC_BOOST")),
    "clocks_event_reasons_counters.sw_thermal_slowdown": ("us", counter("SW_THERM_SLOWDOWN")),
    "clocks_event_reasons_counters.hw_thermal_slowdown": ("us", counter("HW_THERM_SLOWDOWN")),
    "clocks_event_reasons_counters.hw_power_brake_slowdown": ("us", counter("HW_POWER_BRAKE_SLOWDOWN")),
    "memory.total": ("MiB", memory("total")),
    "memory.reserved": ("MiB", memory("reserved")),
    "memory.used": ("MiB", memory("used")),
    "memory.free": ("MiB", memory("free")),
    "compute_mode": ("", read("GetComputeMode", form=kinds.COMPUTE_MODE.show)),
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
    "dramEncryption.mode.current": ("", read("GetDramEncryptionMode", form=part(0, MODE))),
    "dramEncryption.mode.pending": ("", read("GetDramEncryptionMode", form=part(1, MODE))),
    "ecc.mode.current": ("", read("GetEccMode", form=part(0, MODE))),
    "ecc.mode.pending": ("", read("GetEccMode", form=part(1, MODE))),
    **dict(ecc()),
    "ecc.errors.uncorrected.volatile.sram.parity": ("", sram("volatileUncParity")),
    "ecc.errors.uncorrected.volatile.sram.secded": ("", sram("volatileUncSecDed")),
    "ecc.errors.uncorrected.aggregate.sram.parity": ("", sram("aggregateUncParity")),
    "ecc.errors.uncorrected.aggregate.sram.secded": ("", sram("aggregateUncSecDed")),
    "ecc.errors.uncorrected.aggregate.sram.thresholdExceeded": ("", sram("bThresholdExceeded", YES)),
    **{
        f"ecc.errors.uncorrected.aggregate.sram.{name.lower()}": ("", sram(f"aggregateUncBucket{name}"))
        for name in ("L2", "Sm", "Mcu", "Pcie", "Other")
    },
    "retired_pages.single_bit_ecc.count": ("", read("GetRetiredPages", 0, form=lambda pages: str(len(pages)))),
    "retired_pages.double_bit.count": ("", read("GetRetiredPages", 1, form=lambda pages: str(len(pages)))),
    "retired_pages.pending": ("", read("GetRetiredPagesPendingStatus", form=YES)),
    "remapped_rows.correctable": ("", read("GetRemappedRows", form=part(0))),
    "remapped_rows.correctable_inactive": ("", inactive_rows("corr")),
    "remapped_rows.uncorrectable": ("", read("GetRemappedRows", form=part(1))),
    "remapped_rows.uncorrectable_inactive": ("", inactive_rows("unc")),
    "remapped_rows.pending": ("", read("GetRemappedRows", form=part(2, YES))),
    "remapped_rows.failure": ("", read("GetRemappedRows", form=part(3, YES))),
    **{
        f"remapped_rows.histogram.{name}": ("", read("GetRowRemapperHistogram", form=attrgetter(name)))
        for name in ("max", "high", "partial", "low", "none")
    },
    "temperature.gpu": ("", read("GetTemperature", 0)),
    "temperature.gpu.tlimit": ("", slot(240, "GetMarginTemperature")),
    "temperature.memory": ("", without_brackets(field("DEV_MEMORY_TEMP"))),
    "power.management": ("", read("GetPowerManagementMode", form=MODE)),
    "power.draw": ("W", read("GetPowerUsage", form=watts)),
    "power.draw.average": ("W", field("DEV_POWER_AVERAGE", watts)),
    "power.draw.instant": ("W", field("DEV_POWER_INSTANT", watts)),
    "power.limit": ("W", read("GetPowerManagementLimit", form=watts)),
    "enforced.power.limit": ("W", read("GetEnforcedPowerLimit", form=watts)),
    "power.default_limit": ("W", read("GetPowerManagementDefaultLimit", form=watts)),
    "power.min_limit": ("W", read("GetPowerManagementLimitConstraints", form=part(0, watts))),
    "power.max_limit": ("W", read("GetPowerManagementLimitConstraints", form=part(1, watts))),
    "module.power.draw.average": ("W", field("DEV_POWER_AVERAGE", watts, MODULE)),
    "module.power.draw.instant": ("W", field("DEV_POWER_INSTANT", watts, MODULE)),
    "module.power.limit": ("W", field("DEV_POWER_REQUESTED_LIMIT", watts, MODULE)),
    "module.enforced.power.limit": ("W", field("DEV_POWER_CURRENT_LIMIT", watts, MODULE)),
    "module.power.default_limit": ("W", field("DEV_POWER_DEFAULT_LIMIT", watts, MODULE)),
    "module.power.min_limit": ("W", field("DEV_POWER_MIN_LIMIT", watts, MODULE)),
    "module.power.max_limit": ("W", field("DEV_POWER_MAX_LIMIT", watts, MODULE)),
    **{
        f"gpu.base.{name}": ("W", field(f"DEV_POWER_{name.upper()}_LIMIT", watts, BASE))
        for name in ("current", "requested", "default", "min", "max")
    },
    "power_smoothing.tmp_floor": ("W", smoothing("APPLIED_TMP_FLOOR")),
    "power_smoothing.tmp_ceil": ("W", smoothing("APPLIED_TMP_CEIL")),
    "power_smoothing.hw_lifetime_remaining_percent": ("%", smoothing("HW_CIRCUITRY_PERCENT_LIFETIME_REMAINING")),
    "power_smoothing.enabled": ("", smoothing("ENABLED", YES)),
    "power_smoothing.delayed_power_smoothing_supported": ("", smoothing("DELAYED_PWR_SMOOTHING_SUPPORTED", YES)),
    "power_smoothing.soc_power_smoothing_enabled": ("", smoothing("SOC_POWER_SMOOTHING_ENABLED", MODE)),
    "power_smoothing.priv_level": ("", smoothing("PRIV_LVL")),
    "power_smoothing.imm_ramp_down": ("", smoothing("IMM_RAMP_DOWN_ENABLED", MODE)),
    "power_smoothing.max_percent_tmp_floor": ("%", smoothing("MAX_PERCENT_TMP_FLOOR_SETTING")),
    "power_smoothing.min_percent_tmp_floor": ("%", smoothing("MIN_PERCENT_TMP_FLOOR_SETTING")),
    "power_smoothing.primary_power_floor": ("W", smoothing("PRIMARY_POWER_FLOOR")),
    "power_smoothing.secondary_power_floor": ("W", smoothing("SECONDARY_POWER_FLOOR")),
    "power_smoothing.min_primary_floor_activation_offset": ("W", smoothing("MIN_PRIMARY_FLOOR_ACT_OFFSET")),
    "power_smoothing.min_primary_floor_activation_point": ("W", smoothing("MIN_PRIMARY_FLOOR_ACT_POINT")),
    "power_smoothing.window_multiplier": ("ms", smoothing("WINDOW_MULTIPLIER")),
    "power_smoothing.num_preset_profiles": ("", smoothing("MAX_NUM_PRESET_PROFILES")),
    **smoothing_settings("curr_profile", of_profile),
    "power_smoothing.active_profile": ("", smoothing("ACTIVE_PRESET_PROFILE")),
    **smoothing_settings("admin_override", lambda name, form=str: smoothing(f"ADMIN_OVERRIDE_{name}", form)),
    "edpp_multiplier": ("%", field("DEV_EDPP_MULTIPLIER", "{}.00".format)),
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
    "fabric.cliqueId": ("", of_fabric("cliqueId")),
    "fabric.clusterUuid": ("", of_fabric("clusterUuid", kinds.IDENTITY.show)),
    "fabric.health.summary": ("", of_fabric("healthSummary", kinds.HEALTH.show)),
    "fabric.health.bandwidth": ("", fabric_health(0, 2, {1: "Degraded", 2: "Full"})),
    "fabric.health.route_recovery_in_progress": ("", fabric_health(2, 2, kinds.TRUE_FALSE)),
    "fabric.health.route_unhealthy": ("", fabric_health(4, 2, kinds.TRUE_FALSE)),
    "fabric.health.access_timeout_recovery": ("", fabric_health(6, 2, kinds.TRUE_FALSE)),
    "fabric.health.incorrect_configuration": ("", fabric_health(8, 4, {1: "None"})),
    "fabric.health.partition_assigned": ("", fabric_health(12, 2, kinds.TRUE_FALSE)),
    "platform.chassis_serial_number": ("", platform("chassisSerialNumber", "")),
    "platform.slot_number": ("", platform("slotNumber", "0")),
    "platform.tray_index": ("", platform("trayIndex", "0")),
    "platform.host_id": ("", platform("hostId", "1")),
    "platform.peer_type": ("", platform("peerType", "Direct Connected", kinds.PEER.show)),
    "platform.module_id": ("", read("GetModuleId")),
    "platform.gpu_fabric_guid": ("", platform("ibGuid", f"0x{0:016x}", kinds.GUID.show, octets=True)),
    "hostname": ("", read("GetHostname_v1")),
    "bbx.time_run": ("seconds", read("GetBBXTimeData_v1", form=attrgetter("timeRun"))),
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
    **{name.replace("event", "throttle"): name for name in FIELDS if name.startswith("clocks_event_reasons.")},
    "retired_pages.sbe": "retired_pages.single_bit_ecc.count",
    "retired_pages.dbe": "retired_pages.double_bit.count",
    "remapped_rows.sbe": "remapped_rows.correctable",
    "remapped_rows.dbe": "remapped_rows.uncorrectable",
    "gpu.power.draw.average": "power.draw.average",
    "gpu.power.draw.instant": "power.draw.instant",
    "gpu.power.requested_limit": "power.limit",
    "gpu.power.current_limit": "enforced.power.limit",
    **{f"gpu.power.{name}_limit": f"power.{name}_limit" for name in ("default", "min", "max")},
    "module.power.requested_limit": "module.power.limit",
    "module.power.current_limit": "module.enforced.power.limit",
    "clocks.gr": "clocks.current.graphics",
    "clocks.sm": "clocks.current.sm",
    "clocks.mem": "clocks.current.memory",
    "clocks.video": "clocks.current.video",
    "clocks.applications.gr": "clocks.applications.graphics",
    "clocks.applications.mem": "clocks.applications.memory",
    "clocks.default_applications.gr": "clocks.default_applications.graphics",
    "clocks.default_applications.mem": "clocks.default_applications.memory",
    "clocks.max.gr": "clocks.max.graphics",
    "clocks.max.sm": "clocks.max.sm",
    "clocks.max.mem": "clocks.max.memory",
}


# By the drivers that have them, as is_of reads them; those of all drivers are not here. What later drivers have and no
# recording shows is of 560 if it is an error of memory, and of 570 if it is about power or the platform (NVIDIA's
# manual, which says with which release they came), else of the driver whose -q has its element first.
DRIVERS: dict[str, str] = {
    **dict.fromkeys(
        (
            *("vgpu_driver_capability.heterogenous_multivGPU", "compute_cap", "memory.reserved"),
            *("vgpu_device_capability.fractional_multiVgpu", "vgpu_device_capability.heterogeneous_timeSlice_profile"),
            *("vgpu_device_capability.heterogeneous_timeSlice_sizes", "temperature.gpu.tlimit"),
            *("pcie.link.gen.gpucurrent", "pcie.link.gen.gpumax", "pcie.link.gen.hostmax"),
            *("power.draw.average", "power.draw.instant", "fabric.state", "fabric.status"),
        ),
        "525-",
    ),
    **dict.fromkeys(
        (
            *("addressing_mode", "gsp.mode.current", "gsp.mode.default"),
            *("utilization.encoder", "utilization.decoder", "utilization.jpeg", "utilization.ofa"),
            *("protected_memory.total", "protected_memory.used", "protected_memory.free"),
        ),
        "535-",
    ),
    **dict.fromkeys(("reset_status.reset_required", "reset_status.drain_and_reset_recommended"), "535-580"),
    **dict.fromkeys(("pci.baseClass", "pci.subClass", "c2c.mode"), "550-"),
    **{name: "560-" for name in FIELDS if ".sram." in name or name.startswith("remapped_rows.")},
    "gpu_recovery_action": "565-",
    **{name: "570-" for name in FIELDS if name.startswith(("dramEncryption.", "module.", "platform."))},
    **{name: "570-" for name in ALIASES if name.startswith("gpu.power.")},
    **{name: "580-" for name in FIELDS if name.startswith(("clocks_event_reasons_counters.", "fabric.c", "fabric.h"))},
    **dict.fromkeys(
        (
            *("vgpu_device_capability.homogeneous_placements", "vgpu_device_capability.mig_timeSlicing"),
            *("vgpu_device_capability.mig_timeSlicing_mode", "display_attached", "inforom.checksum_validation"),
            "hostname",
        ),
        "580-",
    ),
    "remapped_rows.correctable_inactive": "580.173-590 595-",
    "remapped_rows.uncorrectable_inactive": "580.173-590 595-",
    "fabric.health.partition_assigned": "580.173-590 595-",
    **{name: "610-" for name in FIELDS if name.startswith(("power_smoothing.", "gpu.base.", "bbx."))},
    **{
        name: "580-595 610-"
        for name in FIELDS
        if re.match(r"power_smoothing.*(primary|secondary|delayed|window)", name)
    },
    "edpp_multiplier": "590-",
    "kmd_version": "595-",
}
# By the drivers that only say that they are deprecated.
DEPRECATED = {
    "display_mode": "580-",
    "power.management": "590-",
    **{name: "590-" for name in FIELDS if "applications." in name},
}


def deprecated(gpu: Gpu) -> Any:
    return Refusal(26)  # NVML_ERROR_DEPRECATED, which older bindings do not have


def of_gpu() -> tuple[Fields, dict[str, str]]:
    """The fields of a GPU that nvidia-smi of the driver knows, and other names for them."""
    fields = {
        name: (unit, deprecated if is_of(driver(), DEPRECATED.get(name, "0-0")) else how)
        for name, (unit, how) in FIELDS.items()
        if is_of(driver(), DRIVERS.get(name, ""))
    }
    if branch() <= THROTTLE_UNTIL:
        fields = {name.replace("clocks_event_", "clocks_throttle_"): how for name, how in fields.items()}
    return fields, {
        other: name for other, name in ALIASES.items() if name in fields and is_of(driver(), DRIVERS.get(other, ""))
    }
