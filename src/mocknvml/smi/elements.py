"""What `nvidia-smi -q` prints: the elements in their order, by the driver.

Which call nvidia-smi makes for an element was seen by tracing the unmodified programs of drivers 470, 535 and 550 on a
library that answers one thing differently at a time; names and order of other drivers are those of captures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pynvml as nvml

from mocknvml.smi import lists
from mocknvml.smi.calls import Ask, Call, Constant, FieldValue, Slot, call, fill, system
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal
from mocknvml.smi.kinds import (
    ADDRESSING,
    ARCHITECTURE,
    ARCHITECTURE_UP_TO_HOPPER,
    ATOMICS,
    BANKS,
    BRAND,
    CELSIUS,
    COMPUTE_MODE,
    COUNT,
    EGM,
    ENABLED,
    FABRIC_STATE,
    FABRIC_STATUS,
    GUID,
    GUID_SHORT,
    HEALTH,
    HEX,
    HEX_BYTE,
    HEX_DIGIT,
    HEX_ID,
    HEX_LONG,
    HEX_WORD,
    IDENTITY,
    KB_S,
    MHZ,
    MIB,
    MICROSECONDS,
    MILLIVOLTS,
    MULTIPLIER,
    NANOSECONDS,
    NUMBER,
    PEER,
    PERCENT,
    PSTATE,
    RECOVERY,
    SUPPORTED,
    TEXT,
    TIME,
    VERSION,
    VIRTUALIZATION,
    WATTS,
    WIDTH,
    YES,
    Kind,
    bit,
    bits,
)

Where = Callable[[Gpu], bool]


class Element(NamedTuple):
    """A line of the report. `drivers`: in which there is one, as in `535-555 570-`, without the last; in all if empty.

    Without a name in XML or a label in text it is not there. `parts`: of -d. `inner`: what stands below it in text, and
    behind it in XML.
    """

    xml: str
    text: str
    kind: Kind
    ask: Ask
    drivers: str = ""
    parts: str = ""
    where: Where | None = None
    inner: tuple[Element, ...] = ()
    whole: bool = True


class Section(NamedTuple):
    """Elements under a name. `folded`: where this is refused, the section is one line that says so.

    `whole`: it is part of the report in text without -d.
    """

    xml: str
    text: str
    elements: tuple[Any, ...]
    drivers: str = ""
    parts: str = ""
    where: Where | None = None
    folded: Ask | None = None
    whole: bool = True


class Listed(NamedTuple):
    """What is there as often as the GPU has of it."""

    xml: str
    text: str
    rows: Callable[[Gpu], Any]  # gives what lists.py describes
    drivers: str = ""
    parts: str = ""
    where: Where | None = None
    whole: bool = True


Item = Element | Section | Listed


def element(xml: str, text: str, kind: Kind, ask: Ask, drivers: str = "", **more: Any) -> Element:
    return Element(xml, text, kind, ask, drivers, **more)


def section(xml: str, text: str, *elements: Any, drivers: str = "", **more: Any) -> Section:
    return Section(xml, text, elements, drivers, **more)


# --- what the form of a report depends on


def has_margin(gpu: Gpu) -> bool:
    """Whether temperatures are told as the distance to their limits; all but NOT_SUPPORTED says so."""
    answer = MARGIN(gpu)
    return not (isinstance(answer, Refusal) and answer.code == NOT_SUPPORTED)


def has_thresholds(gpu: Gpu) -> bool:
    return not has_margin(gpu)


def counts_bits(gpu: Gpu) -> bool:
    """Whether ECC errors are counted as single and double bit errors: before Turing."""
    architecture = ARCHITECTURE_OF(gpu)
    return isinstance(architecture, Refusal) or int(architecture) < nvml.NVML_DEVICE_ARCH_TURING


def counts_banks(gpu: Gpu) -> bool:
    return not counts_bits(gpu)


def tells_sources(gpu: Gpu) -> bool:
    """Whether uncorrectable errors of SRAM are told by their source: from Ampere on."""
    architecture = ARCHITECTURE_OF(gpu)
    return not isinstance(architecture, Refusal) and int(architecture) >= nvml.NVML_DEVICE_ARCH_AMPERE


def tells_sum(gpu: Gpu) -> bool:
    return counts_banks(gpu) and not tells_sources(gpu)


MARGIN = Slot(240, public=call("nvmlDeviceGetMarginTemperature"))
ARCHITECTURE_OF = call("nvmlDeviceGetArchitecture")
DEPRECATED = Constant("Requested functionality has been deprecated")
NONE = Constant(Refusal(NOT_SUPPORTED))
MODULE, MEMORY = nvml.NVML_POWER_SCOPE_MODULE, nvml.NVML_POWER_SCOPE_MEMORY
CLOCKS = (("graphics", "Graphics", 0), ("sm", "SM", 1), ("mem", "Memory", 2), ("video", "Video", 3))
GRAPHICS_AND_MEMORY = (CLOCKS[0], CLOCKS[2])
SOURCES = "535.161-"  # drivers that tell the sources of errors


def memory(member: str) -> Call:
    """Drivers before 510 have no version 2, which tells reserved memory too."""
    return call("nvmlDeviceGetMemoryInfo", nvml.nvmlMemory_v2, at=member)


def free_memory(gpu: Gpu) -> Any:
    """What nvidia-smi counts itself, in MiB and without a sign."""
    info = gpu.ask("GetMemoryInfo")
    return info if isinstance(info, Refusal) else ((info.total >> 20) - (info.used >> 20)) % 2**64 << 20


MEMORY_V1: dict[str, Ask] = {
    "total": call("nvmlDeviceGetMemoryInfo", at="total"),
    "used": call("nvmlDeviceGetMemoryInfo", at="used"),
    "free": free_memory,
}


def sram(member: str) -> Ask:
    return while_ecc(fill("nvmlDeviceGetSramEccErrorStatus", "c_nvmlEccSramErrorStatus_v1_t", member))


class WhileEcc(NamedTuple):
    """A counter, which nvidia-smi does not ask for while ECC is off."""

    counter: Any

    @property
    def function(self) -> str:
        return str(self.counter.function)

    def __call__(self, gpu: Gpu) -> Any:
        mode = gpu.ask("GetEccMode")
        if isinstance(mode, Refusal):
            return mode
        return self.counter(gpu) if mode[0] else Refusal(NOT_SUPPORTED)


def while_ecc(counter: Any) -> WhileEcc:
    return WhileEcc(counter)


def errors(kind: int, counter: int, location: int) -> Ask:
    return while_ecc(call("nvmlDeviceGetMemoryErrorCounter", kind, counter, location))


def total_errors(kind: int, counter: int) -> Ask:
    return while_ecc(call("nvmlDeviceGetTotalEccErrors", kind, counter))


def fabric_v2(member: str) -> Call:
    return fill("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v2_t", member)


def fabric(member: str) -> Call:
    return fill("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v3_t", member)


def platform(member: str) -> Call:
    return fill("nvmlDeviceGetPlatformInfo", "c_nvmlPlatformInfo_v2_t", member)


def platform_octets(member: str) -> Call:
    return platform(member)._replace(octets=True)


def inforom(kind: int) -> Call:
    return call("nvmlDeviceGetInforomVersion", kind)


def threshold(kind: int) -> Call:
    return call("nvmlDeviceGetTemperatureThreshold", kind)


def field(name: str, scope: int = 0) -> FieldValue:
    return FieldValue(f"NVML_FI_DEV_{name}", scope)


def active(reason: int) -> Kind:
    return bit(reason, "Active", "Not Active")


# --- subjects

REASONS = (
    ("gpu_idle", "Idle", nvml.nvmlClocksEventReasonGpuIdle),
    ("applications_clocks_setting", "Applications Clocks Setting", nvml.nvmlClocksEventReasonApplicationsClocksSetting),
    ("sw_power_cap", "SW Power Cap", nvml.nvmlClocksEventReasonSwPowerCap),
    ("hw_slowdown", "HW Slowdown", nvml.nvmlClocksThrottleReasonHwSlowdown),
    ("sync_boost", "Sync Boost", nvml.nvmlClocksEventReasonSyncBoost),
    ("sw_thermal_slowdown", "SW Thermal Slowdown", nvml.nvmlClocksEventReasonSwThermalSlowdown),
    ("display_clocks_setting", "Display Clock Setting", nvml.nvmlClocksEventReasonDisplayClockSetting),
)
REASONS_OF_HARDWARE = (
    ("hw_thermal_slowdown", "HW Thermal Slowdown", nvml.nvmlClocksThrottleReasonHwThermalSlowdown),
    ("hw_power_brake_slowdown", "HW Power Brake Slowdown", nvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown),
)
SUPPORTED_REASONS = call("nvmlDeviceGetSupportedClocksEventReasons")
CURRENT_REASONS = call("nvmlDeviceGetCurrentClocksEventReasons")


def all_reasons(gpu: Gpu) -> Any:
    supported = SUPPORTED_REASONS(gpu)
    return supported if isinstance(supported, Refusal) else CURRENT_REASONS(gpu)


def reasons(word: str, title: str, drivers: str) -> Section:
    def one(xml: str, text: str, reason: int, **more: Any) -> Element:
        return element(f"clocks_{word}_reason_{xml}", text, active(reason), CURRENT_REASONS, **more)

    of_hardware = tuple(one(*inner) for inner in REASONS_OF_HARDWARE)
    return section(
        f"clocks_{word}_reasons",
        f"Clocks {title} Reasons",
        *(one(*reason, inner=of_hardware if reason[0] == "hw_slowdown" else ()) for reason in REASONS),
        drivers=drivers,
        parts="PERFORMANCE",
        folded=all_reasons,
    )


LIMITS = (
    ("current_power_limit", "Current Power Limit", "CURRENT"),
    ("requested_power_limit", "Requested Power Limit", "REQUESTED"),
    ("default_power_limit", "Default Power Limit", "DEFAULT"),
    ("min_power_limit", "Min Power Limit", "MIN"),
    ("max_power_limit", "Max Power Limit", "MAX"),
)


def limits(scope: int, *names: str) -> tuple[Element, ...]:
    return tuple(
        element(xml, text, WATTS, field(f"POWER_{name}_LIMIT", scope))
        for xml, text, name in LIMITS
        if not names or name in names
    )


ONE_READING, TWO_READINGS = "535-550.144 555-570", "550.144-555 570-"


def draws(scope: int) -> tuple[Element, ...]:
    """The driver's releases went back and forth between one reading and two."""
    one: Ask = field("POWER_AVERAGE", scope) if scope else call("nvmlDeviceGetPowerUsage")
    return (
        element("power_draw", "Power Draw", WATTS, one, ONE_READING),
        element("average_power_draw", "Average Power Draw", WATTS, field("POWER_AVERAGE", scope), TWO_READINGS),
        element("instant_power_draw", "Instantaneous Power Draw", WATTS, field("POWER_INSTANT", scope), TWO_READINGS),
    )


POWER_STATE = (
    element("power_state", "", PSTATE, call("nvmlDeviceGetPowerState"), "-590"),
    element("power_state", "", TEXT, DEPRECATED, "590-"),
)

POWER: tuple[Item, ...] = (
    section(
        "power_readings",
        "Power Readings",
        element("power_state", "", PSTATE, call("nvmlDeviceGetPowerState")),
        element("power_management", "Power Management", SUPPORTED, call("nvmlDeviceGetPowerManagementMode")),
        element("power_draw", "Power Draw", WATTS, call("nvmlDeviceGetPowerUsage")),
        element("power_limit", "Power Limit", WATTS, call("nvmlDeviceGetPowerManagementLimit")),
        element("default_power_limit", "Default Power Limit", WATTS, call("nvmlDeviceGetPowerManagementDefaultLimit")),
        element("enforced_power_limit", "Enforced Power Limit", WATTS, call("nvmlDeviceGetEnforcedPowerLimit")),
        *(
            element(
                f"{name}_power_limit",
                f"{name.title()} Power Limit",
                WATTS,
                call("nvmlDeviceGetPowerManagementLimitConstraints", at=at),
            )
            for at, name in enumerate(("min", "max"))
        ),
        drivers="-535",
        parts="POWER",
    ),
    section(
        "gpu_power_readings",
        "GPU Power Readings",
        *POWER_STATE,
        *draws(0),
        *(limit._replace(drivers="-610") for limit in limits(0, "CURRENT", "REQUESTED", "DEFAULT")),
        section(
            "gpu_ceiling_power_limit",
            "GPU Ceiling Power Limit",
            *limits(0, "CURRENT", "REQUESTED", "DEFAULT"),
            drivers="610-",
        ),
        section(
            "gpu_base_power",
            "GPU Base Power",
            *(
                element(f"{name}_base_power", f"{name.title()} Base Power", WATTS, NONE)
                for name in ("current", "requested", "default")
            ),
            drivers="610-",
        ),
        *limits(0, "MIN", "MAX"),
        drivers="535-",
        parts="POWER",
    ),
    Listed("", "Power Samples", lists.samples(0, WATTS), parts="POWER", whole=False),
    section("gpu_memory_power_readings", "GPU Memory Power Readings ", *draws(MEMORY), drivers="550-", parts="POWER"),
    section(
        "module_power_readings",
        "Module Power Readings",
        *POWER_STATE,
        *draws(MODULE),
        *limits(MODULE),
        drivers="535-",
        parts="POWER",
    ),
    element("power_smoothing", "Power Smoothing", TEXT, NONE, "570-", parts="POWER"),
    section(
        "power_profiles",
        "Workload Power Profiles",
        element("power_profile_requested_profiles", "Requested Profiles", TEXT, NONE),
        element("power_profile_enforced_profiles", "Enforced Profiles", TEXT, NONE),
        drivers="570-",
        parts="POWER",
    ),
    element("edpp_multiplier", "EDPp Multiplier", MULTIPLIER, field("EDPP_MULTIPLIER"), "590-", parts="POWER"),
)

TEMPERATURE: tuple[Item, ...] = (
    section(
        "temperature",
        "Temperature",
        element("gpu_temp", "GPU Current Temp", CELSIUS, call("nvmlDeviceGetTemperature", 0)),
        element("gpu_temp_tlimit", "GPU T.Limit Temp", CELSIUS, MARGIN, "525-610"),
        element("gpu_temp_tlimit", "GPU Current T.Limit Temp", CELSIUS, MARGIN, "610-"),
        *(
            it
            for xml, text, kind, limit in (
                ("gpu_temp_max", "GPU Shutdown", 0, "SHUTDOWN"),
                ("gpu_temp_slow", "GPU Slowdown", 1, "SLOWDOWN"),
                ("gpu_temp_max_gpu", "GPU Max Operating", 3, "GPU_MAX"),
            )
            for it in (
                element(f"{xml}_threshold", f"{text} Temp", CELSIUS, threshold(kind), "-535"),
                element(f"{xml}_threshold", f"{text} Temp", CELSIUS, threshold(kind), "535-", where=has_thresholds),
                element(
                    f"{xml}_tlimit_threshold",
                    f"{text} T.Limit Temp",
                    CELSIUS,
                    field(f"TEMPERATURE_{limit}_TLIMIT"),
                    "535-",
                    where=has_margin,
                ),
            )
        ),
        element("gpu_target_temperature", "GPU Target Temperature", CELSIUS, threshold(5), "-610"),
        element("gpu_target_temperature", "GPU Target Temperature Specification", CELSIUS, threshold(5), "610-"),
        element("memory_temp", "Memory Current Temp", CELSIUS, field("MEMORY_TEMP")),
        element("gpu_temp_max_mem_threshold", "Memory Max Operating Temp", CELSIUS, threshold(2), "-535"),
        element(
            "gpu_temp_max_mem_threshold",
            "Memory Max Operating Temp",
            CELSIUS,
            threshold(2),
            "535-",
            where=has_thresholds,
        ),
        element(
            "gpu_temp_max_mem_tlimit_threshold",
            "Memory Max Operating T.Limit Temp",
            CELSIUS,
            field("TEMPERATURE_MEM_MAX_TLIMIT"),
            "535-",
            where=has_margin,
        ),
        parts="TEMPERATURE",
    ),
    section(
        "supported_gpu_target_temp",
        "Supported GPU_TARGET_TEMP",
        element("gpu_target_temp_min", "Min", CELSIUS, threshold(4)),
        element("gpu_target_temp_max", "Max", CELSIUS, threshold(6)),
        parts="SUPPORTED_GPU_TARGET_TEMP",
        whole=False,
    ),
)

COUNTERS = (("volatile", "Volatile", 0), ("aggregate", "Aggregate", 1))
BIT_LOCATIONS = (
    ("device_memory", "Device Memory", 2),
    ("register_file", "Register File", 3),
    ("l1_cache", "L1 Cache", 0),
    ("l2_cache", "L2 Cache", 1),
    ("texture_memory", "Texture Memory", 4),
    ("texture_shm", "Texture Shared", 5),
    ("cbu", "CBU", 6),
)


def bit_errors(name: str, title: str, counter: int) -> Section:
    return section(
        name,
        title,
        *(
            section(
                f"{kind}_bit",
                f"{kind.title()} Bit            ",
                *(
                    element(xml, text, NUMBER, errors(bits_of, counter, location))
                    for xml, text, location in BIT_LOCATIONS
                ),
                element("total", "Total", NUMBER, total_errors(bits_of, counter)),
            )
            for kind, bits_of in (("single", 0), ("double", 1))
        ),
        where=counts_bits,
    )


def bank_errors(name: str, title: str, counter: int) -> Section:
    uncorrectable = errors(1, counter, 7)
    return section(
        name,
        title,
        element("sram_correctable", "SRAM Correctable", NUMBER, errors(0, counter, 7)),
        element("sram_uncorrectable", "SRAM Uncorrectable", NUMBER, uncorrectable, "-535.161"),
        element("sram_uncorrectable", "SRAM Uncorrectable", NUMBER, uncorrectable, SOURCES, where=tells_sum),
        element(
            "sram_uncorrectable_parity",
            "SRAM Uncorrectable Parity",
            NUMBER,
            sram(f"{name}UncParity"),
            SOURCES,
            where=tells_sources,
        ),
        element(
            "sram_uncorrectable_secded",
            "SRAM Uncorrectable SEC-DED",
            NUMBER,
            sram(f"{name}UncSecDed"),
            SOURCES,
            where=tells_sources,
        ),
        element("dram_correctable", "DRAM Correctable", NUMBER, errors(0, counter, 2)),
        element("dram_uncorrectable", "DRAM Uncorrectable", NUMBER, errors(1, counter, 2)),
        *(
            [
                element(
                    "sram_threshold_exceeded",
                    "SRAM Threshold Exceeded",
                    YES,
                    sram("bThresholdExceeded"),
                    SOURCES,
                    where=tells_sources,
                )
            ]
            if counter
            else []
        ),
        where=counts_banks,
    )


ECC = section(
    "ecc_errors",
    "ECC Errors",
    *(bit_errors(*counter) for counter in COUNTERS),
    *(bank_errors(*counter) for counter in COUNTERS),
    section(
        "aggregate_uncorrectable_sram_sources",
        "Aggregate Uncorrectable SRAM Sources",
        *(
            element(f"sram_{xml}", f"SRAM {text}", NUMBER, sram(f"aggregateUncBucket{member}"))
            for xml, text, member in (
                ("l2", "L2", "L2"),
                ("sm", "SM", "Sm"),
                ("microcontroller", "Microcontroller", "Mcu"),
                ("pcie", "PCIE", "Pcie"),
                ("other", "Other", "Other"),
            )
        ),
        drivers=SOURCES,
        where=tells_sources,
    ),
    *(
        element(xml, text, YES, ask, drivers, where=tells_sources)
        for xml, text, ask, drivers in (
            ("channel_repair_pending", "Channel Repair Pending", call("nvmlDeviceGetRepairStatus", at=0), "580-"),
            ("tpc_repair_pending", "TPC Repair Pending", call("nvmlDeviceGetRepairStatus", at=1), "580-"),
            (
                "unrepairable_memory",
                "Unrepairable Memory",
                call("nvmlDeviceGetUnrepairableMemoryFlag_v1"),
                "580.173-",
            ),
        )
    ),
    parts="ECC",
)

INACTIVE = "580.173-590 595-"


def inactive(name: str, title: str, member: str) -> Element:
    ask = fill("nvmlDeviceGetRemappedRows_v2", "c_nvmlRemappedRowsInfo_v2_t", f"{member}InactiveRemaps")
    return element(f"remapped_row_{name}_inactive", f"Inactive {title} Error", NUMBER, ask, INACTIVE)


REMAPPED = call("nvmlDeviceGetRemappedRows")
HISTOGRAM = call("nvmlDeviceGetRowRemapperHistogram")
PENDING = call("nvmlDeviceGetRetiredPagesPendingStatus")
PAGES: tuple[Item, ...] = (
    section(
        "retired_pages",
        "Retired Pages",
        *(
            section(
                f"{xml}_retirement",
                "",
                element("retired_count", f"{text} Bit ECC", COUNT, call("nvmlDeviceGetRetiredPages", cause)),
                Listed("retired_pagelist", "", lists.retired_pages(cause)),
            )
            for xml, text, cause in (("multiple_single_bit", "Single", 0), ("double_bit", "Double", 1))
        ),
        element("pending_blacklist", "Pending Page Blacklist", YES, PENDING),
        element("pending_retirement", "", YES, PENDING),
        parts="PAGE_RETIREMENT",
    ),
    section(
        "remapped_rows",
        "Remapped Rows",
        element("remapped_row_corr", "Correctable Error", NUMBER, REMAPPED._replace(path=(0,))),
        inactive("corr", "Correctable", "corr"),
        element("remapped_row_unc", "Uncorrectable Error", NUMBER, REMAPPED._replace(path=(1,))),
        inactive("unc", "Uncorrectable", "unc"),
        element("remapped_row_pending", "Pending", YES, REMAPPED._replace(path=(2,))),
        element("remapped_row_failure", "Remapping Failure Occurred", YES, REMAPPED._replace(path=(3,))),
        section(
            "row_remapper_histogram",
            "Bank Remap Availability Histogram",
            *(
                element(f"row_remapper_histogram_{name}", name.title(), BANKS, HISTOGRAM._replace(path=(name,)))
                for name in ("max", "high", "partial", "low", "none")
            ),
            folded=HISTOGRAM,
        ),
        parts="ROW_REMAPPER",
        folded=REMAPPED,
    ),
)


def clocks(xml: str, text: str, function: str, of: Any, drivers: str = "") -> Section:
    return section(
        xml,
        text,
        *(element(f"{name}_clock", label, MHZ, call(function, clock)) for name, label, clock in of),
        drivers=drivers,
        parts="CLOCK",
    )


def no_clocks(xml: str, text: str) -> Section:
    return section(
        xml,
        text,
        *(element(f"{name}_clock", label, TEXT, DEPRECATED) for name, label, _ in GRAPHICS_AND_MEMORY),
        drivers="590-",
        parts="CLOCK",
    )


CLOCK: tuple[Item, ...] = (
    clocks("clocks", "Clocks", "nvmlDeviceGetClockInfo", CLOCKS),
    clocks(
        "applications_clocks",
        "Applications Clocks",
        "nvmlDeviceGetApplicationsClock",
        GRAPHICS_AND_MEMORY,
        "-590",
    ),
    no_clocks("applications_clocks", "Applications Clocks"),
    clocks(
        "default_applications_clocks",
        "Default Applications Clocks",
        "nvmlDeviceGetDefaultApplicationsClock",
        GRAPHICS_AND_MEMORY,
        "-590",
    ),
    no_clocks("default_applications_clocks", "Default Applications Clocks"),
    section(
        "deferred_clocks",
        "Deferred Clocks",
        element("mem_clock", "Memory", MHZ, NONE),
        drivers="525-",
        parts="CLOCK",
    ),
    clocks("max_clocks", "Max Clocks", "nvmlDeviceGetMaxClockInfo", CLOCKS),
    clocks(
        "max_customer_boost_clocks",
        "Max Customer Boost Clocks",
        "nvmlDeviceGetMaxCustomerBoostClock",
        CLOCKS[:1],
    ),
    Listed("", "SM Clock Samples", lists.samples(5, MHZ), parts="CLOCK", whole=False),
    Listed("", "Memory Clock Samples", lists.samples(6, MHZ), parts="CLOCK", whole=False),
    section(
        "clock_policy",
        "Clock Policy",
        element("auto_boost", "Auto Boost", ENABLED, call("nvmlDeviceGetAutoBoostedClocksEnabled", at=0)),
        element(
            "auto_boost_default", "Auto Boost Default", ENABLED, call("nvmlDeviceGetAutoBoostedClocksEnabled", at=1)
        ),
        parts="CLOCK",
    ),
    section(
        "voltage",
        "Voltage",
        element("graphics_volt", "Graphics", MILLIVOLTS, Slot(209)),
        drivers="470-580",
        parts="VOLTAGE",
    ),
)

BANDWIDTH = {1: "Degraded", 2: "Full"}
FABRIC = section(
    "fabric",
    "Fabric",
    *(
        it
        for drivers, ask in (("525-570", fabric_v2), ("570-", fabric))
        for it in (
            element("state", "State", FABRIC_STATE, ask("state"), drivers),
            element("status", "Status", FABRIC_STATUS, ask("status"), drivers),
        )
    ),
    element("cliqueId", "CliqueId", NUMBER, fabric_v2("cliqueId"), "550-570"),
    element("clusterUuid", "ClusterUUID", IDENTITY, fabric_v2("clusterUuid"), "550-570"),
    element("cliqueId", "CliqueId", NUMBER, fabric("cliqueId"), "570-"),
    element("clusterUuid", "ClusterUUID", IDENTITY, fabric("clusterUuid"), "570-"),
    section(
        "health",
        "Health",
        element("bandwidth", "Bandwidth", bits(0, 2, BANDWIDTH), fabric_v2("healthMask"), "-570"),
        element("summary", "Summary", HEALTH, fabric("healthSummary"), "580-"),
        *(
            element(xml, text, bits(shift, width, names), fabric("healthMask"), drivers)
            for xml, text, shift, width, names, drivers in (
                ("bandwidth", "Bandwidth", 0, 2, BANDWIDTH, "570-"),
                ("route_recovery_in_progress", "Route Recovery in progress", 2, 2, {1: "True", 2: "False"}, "570-"),
                ("route_unhealthy", "Route Unhealthy", 4, 2, {1: "True", 2: "False"}, "570-"),
                ("access_timeout_recovery", "Access Timeout Recovery", 6, 2, {1: "True", 2: "False"}, "570-"),
                ("incorrect_configuration", "Incorrect Configuration", 8, 4, {1: "None"}, "580-"),
                ("partition_assigned", "Partition Assigned", 12, 2, {1: "True", 2: "False"}, INACTIVE),
            )
        ),
        drivers="550-",
    ),
    drivers="525-",
)

PCI = section(
    "pci",
    "PCI",
    *(
        element(xml, text, kind, ask, drivers)
        for xml, text, kind, old, new in (
            ("pci_bus", "Bus", HEX_BYTE, "bus", "bus"),
            ("pci_device", "Device", HEX_BYTE, "device", "device"),
            ("pci_domain", "Domain", HEX_WORD, "domain", "domain"),
            ("pci_base_class", "Base Classcode", HEX_DIGIT, "", "baseClass"),
            ("pci_sub_class", "Sub Classcode", HEX_DIGIT, "", "subClass"),
            ("pci_device_id", "Device Id", HEX_ID, "pciDeviceId", "pciDeviceId"),
            ("pci_bus_id", "Bus Id", TEXT, "busId", "busId"),
            ("pci_sub_system_id", "Sub System Id", HEX_ID, "pciSubSystemId", "pciSubSystemId"),
        )
        for ask, drivers in (
            *([(call("nvmlDeviceGetPciInfo", at=old), "-550")] if old else []),
            (fill("nvmlDeviceGetPciInfoExt", "nvmlPciInfoExt_v1_t", new), "550-"),
        )
    ),
    section(
        "pci_gpu_link_info",
        "GPU Link Info",
        section(
            "pcie_gen",
            "PCIe Generation",
            element("max_link_gen", "Max", NUMBER, call("nvmlDeviceGetMaxPcieLinkGeneration")),
            element("current_link_gen", "Current", NUMBER, call("nvmlDeviceGetCurrPcieLinkGeneration")),
            element(
                "device_current_link_gen",
                "Device Current",
                NUMBER,
                call("nvmlDeviceGetCurrPcieLinkGeneration"),
                "525-",
            ),
            element("max_device_link_gen", "Device Max", NUMBER, call("nvmlDeviceGetGpuMaxPcieLinkGeneration"), "525-"),
            element("max_host_link_gen", "Host Max", NUMBER, Slot(230), "525-"),
        ),
        section(
            "link_widths",
            "Link Width",
            element("max_link_width", "Max", WIDTH, call("nvmlDeviceGetMaxPcieLinkWidth")),
            element("current_link_width", "Current", WIDTH, call("nvmlDeviceGetCurrPcieLinkWidth")),
        ),
    ),
    section(
        "pci_bridge_chip",
        "Bridge Chip",
        element(
            "bridge_chip_type", "Type", NUMBER, call("nvmlDeviceGetBridgeChipInfo", at=("bridgeChipInfo", 0, "type"))
        ),
        element(
            "bridge_chip_fw",
            "Firmware",
            NUMBER,
            call("nvmlDeviceGetBridgeChipInfo", at=("bridgeChipInfo", 0, "fwVersion")),
        ),
    ),
    element("replay_counter", "Replays Since Reset", NUMBER, call("nvmlDeviceGetPcieReplayCounter")),
    element("replay_rollover_counter", "Replay Number Rollovers", NUMBER, field("PCIE_REPLAY_ROLLOVER_COUNTER")),
    element("tx_util", "Tx Throughput", KB_S, call("nvmlDeviceGetPcieThroughput", 0)),
    element("rx_util", "Rx Throughput", KB_S, call("nvmlDeviceGetPcieThroughput", 1)),
    element("atomic_caps_inbound", "Atomic Caps Inbound", ATOMICS, NONE, "525-560"),
    element("atomic_caps_outbound", "Atomic Caps Outbound", ATOMICS, field("PCIE_OUTBOUND_ATOMICS_MASK"), "525-"),
    element("atomic_caps_inbound", "Atomic Caps Inbound", ATOMICS, field("PCIE_INBOUND_ATOMICS_MASK"), "560-"),
)

PLATFORM: tuple[Item, ...] = (
    section(
        "platformInfo",
        "Platform Info",
        element("rack_serial_number", "RACK Serial Number", TEXT, NONE),
        element("chassis_physical_slot_number", "Chassis Physical Slot Number", NUMBER, platform("slotNumber")),
        element("compute_slot_index", "Compute Slot Index", NUMBER, platform("trayIndex")),
        element("node_index", "Node Index", NUMBER, platform("hostId")),
        element("peer_type", "Peer Type", PEER, platform("peerType")),
        element("module_id", "Module Id", NUMBER, call("nvmlDeviceGetModuleId")),
        drivers="565-570",
    ),
    section(
        "platformInfo",
        "Platform Info",
        element("chassis_serial_number", "Chassis Serial Number", TEXT, platform("chassisSerialNumber")),
        element("slot_number", "Slot Number", NUMBER, platform("slotNumber")),
        element("tray_index", "Tray Index", NUMBER, platform("trayIndex")),
        element("host_id", "Host ID", NUMBER, platform("hostId")),
        element("peer_type", "Peer Type", PEER, platform("peerType")),
        element("module_id", "Module Id", NUMBER, call("nvmlDeviceGetModuleId")),
        element("gpu_fabric_guid", "GPU Fabric GUID", GUID_SHORT, platform_octets("ibGuid"), "-580"),
        element("gpu_fabric_guid", "GPU Fabric GUID", GUID, platform_octets("ibGuid"), "580-"),
        drivers="570-",
    ),
)

GSP = element("gsp_firmware_version", "GSP Firmware Version", TEXT, call("nvmlDeviceGetGspFirmwareVersion"))

IDENTITY_OF_GPU: tuple[Item, ...] = (
    element("product_name", "Product Name", TEXT, call("nvmlDeviceGetName")),
    element("product_brand", "Product Brand", BRAND, call("nvmlDeviceGetBrand")),
    element("product_architecture", "Product Architecture", ARCHITECTURE_UP_TO_HOPPER, ARCHITECTURE_OF, "510-560"),
    element("product_architecture", "Product Architecture", ARCHITECTURE, ARCHITECTURE_OF, "560-"),
    element("display_mode", "Display Mode", ENABLED, call("nvmlDeviceGetDisplayMode"), "-580"),
    element("display_mode", "Display Mode", TEXT, DEPRECATED, "580-"),
    element("display_attached", "Display Attached", YES, call("nvmlDeviceGetDisplayMode"), "580-"),
    element("display_active", "Display Active", ENABLED, call("nvmlDeviceGetDisplayActive")),
    element("persistence_mode", "Persistence Mode", ENABLED, call("nvmlDeviceGetPersistenceMode")),
    element(
        "addressing_mode",
        "Addressing Mode",
        ADDRESSING,
        Slot(242, public=call("nvmlDeviceGetAddressingMode")),
        "535-",
    ),
    section(
        "mig_mode",
        "MIG Mode",
        element("current_mig", "Current", ENABLED, call("nvmlDeviceGetMigMode", at=0)),
        element("pending_mig", "Pending", ENABLED, call("nvmlDeviceGetMigMode", at=1)),
    ),
    Listed("mig_devices", "", lists.mig_devices),
    element("accounting_mode", "Accounting Mode", ENABLED, call("nvmlDeviceGetAccountingMode"), parts="ACCOUNTING"),
    element(
        "accounting_mode_buffer_size",
        "Accounting Mode Buffer Size",
        NUMBER,
        call("nvmlDeviceGetAccountingBufferSize"),
        parts="ACCOUNTING",
    ),
    section(
        "driver_model",
        "Driver Model",
        element("current_dm", "Current", NUMBER, call("nvmlDeviceGetDriverModel", at=0)),
        element("pending_dm", "Pending", NUMBER, call("nvmlDeviceGetDriverModel", at=1)),
    ),
    element("serial", "Serial Number", TEXT, call("nvmlDeviceGetSerial")),
    element("uuid", "GPU UUID", TEXT, call("nvmlDeviceGetUUID")),
    element("pdi", "GPU PDI", HEX_LONG, call("nvmlDeviceGetPdi"), "580-"),
    element("minor_number", "Minor Number", NUMBER, call("nvmlDeviceGetMinorNumber")),
    element("vbios_version", "VBIOS Version", TEXT, call("nvmlDeviceGetVbiosVersion")),
    element("multigpu_board", "MultiGPU Board", YES, call("nvmlDeviceGetMultiGpuBoard")),
    element("board_id", "Board ID", HEX, call("nvmlDeviceGetBoardId")),
    element("board_part_number", "Board Part Number", TEXT, call("nvmlDeviceGetBoardPartNumber"), "525-"),
    element("gpu_part_number", "GPU Part Number", TEXT, call("nvmlDeviceGetBoardPartNumber"), "-525"),
    element("gpu_part_number", "GPU Part Number", TEXT, Slot(231, room=80), "525-"),
    element("gpu_fru_part_number", "FRU Part Number", TEXT, Slot(237, room=20), "535-"),
    element("gpu_module_id", "Module ID", NUMBER, call("nvmlDeviceGetModuleId"), "470-565"),
    *PLATFORM,
    section(
        "inforom_version",
        "Inforom Version",
        element("img_version", "Image Version", TEXT, call("nvmlDeviceGetInforomImageVersion")),
        element("oem_object", "OEM Object", TEXT, inforom(nvml.NVML_INFOROM_OEM)),
        element("ecc_object", "ECC Object", TEXT, inforom(nvml.NVML_INFOROM_ECC)),
        element("pwr_object", "Power Management Object", TEXT, inforom(nvml.NVML_INFOROM_POWER)),
    ),
    section(
        "inforom_bbx_flush",
        "Inforom BBX Object Flush",
        element("latest_timestamp", "Latest Timestamp", TIME, call("nvmlDeviceGetLastBBXFlushTime", at=0)),
        element("latest_duration", "Latest Duration", MICROSECONDS, call("nvmlDeviceGetLastBBXFlushTime", at=1)),
        drivers="535.129-",
    ),
    section(
        "inforom_time_data",
        "Inforom Time Data",
        element("time_run", "Time Run", NUMBER, call("nvmlDeviceGetBBXTimeData_v1", at="timeRun")),
        drivers="610-",
    ),
    section(
        "gpu_operation_mode",
        "GPU Operation Mode",
        element("current_gom", "Current", NUMBER, call("nvmlDeviceGetGpuOperationMode", at=0)),
        element("pending_gom", "Pending", NUMBER, call("nvmlDeviceGetGpuOperationMode", at=1)),
    ),
    element("c2c_mode", "GPU C2C Mode", ENABLED, call("nvmlDeviceGetC2cModeInfoV", at="isC2cEnabled"), "550-"),
    GSP._replace(drivers="470-550"),
    section(
        "gpu_virtualization_mode",
        "GPU Virtualization Mode",
        element("virtualization_mode", "Virtualization Mode", VIRTUALIZATION, call("nvmlDeviceGetVirtualizationMode")),
        element("host_vgpu_mode", "Host VGPU Mode", NUMBER, call("nvmlDeviceGetHostVgpuMode")),
        element(
            "vgpu_heterogeneous_mode",
            "vGPU Heterogeneous Mode",
            ENABLED,
            call("nvmlDeviceGetVgpuHeterogeneousMode"),
            "550-",
        ),
    ),
    section(
        "gpu_reset_status",
        "GPU Reset Status",
        element("reset_required", "Reset Required", YES, field("RESET_STATUS")),
        element("drain_and_reset_recommended", "Drain and Reset Recommended", YES, field("DRAIN_AND_RESET_STATUS")),
        drivers="535-570",
        parts="RESET_STATUS",
    ),
    section(
        "gpu_reset_status",
        "GPU Reset Status",
        element("reset_required", "Reset Required", TEXT, DEPRECATED),
        element("drain_and_reset_recommended", "Drain and Reset Recommended", TEXT, DEPRECATED),
        drivers="570-580",
        parts="RESET_STATUS",
    ),
    element("gpu_recovery_action", "GPU Recovery Action", RECOVERY, field("GET_GPU_RECOVERY_ACTION"), "565-"),
    GSP._replace(drivers="550-", parts="GSP_FIRMWARE_VERSION"),
    section("ibmnpu", "IBMNPU", element("relaxed_ordering_mode", "Relaxed Ordering Mode", ENABLED, NONE)),
)

MEMORY_OF_GPU: tuple[Item, ...] = (
    section(
        "fb_memory_usage",
        "FB Memory Usage",
        *(
            it
            for name in ("total", "reserved", "used", "free")
            for it in (
                *([element(name, name.title(), MIB, MEMORY_V1[name], "-510")] if name in MEMORY_V1 else []),
                element(name, name.title(), MIB, memory(name), "510-"),
            )
        ),
        parts="MEMORY",
    ),
    section(
        "bar1_memory_usage",
        "BAR1 Memory Usage",
        *(
            element(name, name.title(), MIB, call("nvmlDeviceGetBAR1MemoryInfo", at=f"bar1{name.title()}"))
            for name in ("total", "used", "free")
        ),
        parts="MEMORY",
    ),
    section(
        "cc_protected_memory_usage",
        "Conf Compute Protected Memory Usage",
        *(
            element(name, name.title(), MIB, call("nvmlDeviceGetConfComputeProtectedMemoryUsage", at=name))
            for name in ("total", "used", "free")
        ),
        drivers="535-",
        parts="MEMORY",
    ),
)

USE: tuple[Item, ...] = (
    element("compute_mode", "Compute Mode", COMPUTE_MODE, call("nvmlDeviceGetComputeMode"), parts="COMPUTE"),
    section(
        "utilization",
        "Utilization",
        element("gpu_util", "Gpu", PERCENT, call("nvmlDeviceGetUtilizationRates", at="gpu"), "-570"),
        element("gpu_util", "GPU", PERCENT, call("nvmlDeviceGetUtilizationRates", at="gpu"), "570-"),
        element("memory_util", "Memory", PERCENT, call("nvmlDeviceGetUtilizationRates", at="memory")),
        element("encoder_util", "Encoder", PERCENT, call("nvmlDeviceGetEncoderUtilization", at=0)),
        element("decoder_util", "Decoder", PERCENT, call("nvmlDeviceGetDecoderUtilization", at=0)),
        element("jpeg_util", "JPEG", PERCENT, call("nvmlDeviceGetJpgUtilization", at=0), "535-"),
        element("ofa_util", "OFA", PERCENT, call("nvmlDeviceGetOfaUtilization", at=0), "535-"),
        parts="UTILIZATION",
    ),
    *(
        Listed(
            "", f"{name} Utilization Samples", lists.samples(kind, PERCENT), drivers, parts="UTILIZATION", whole=False
        )
        for name, kind, drivers in (
            ("GPU", 1, ""),
            ("Memory", 2, ""),
            ("ENC", 3, ""),
            ("DEC", 4, ""),
            ("JPG", 8, "550-"),
            ("OFA", 9, "550-"),
        )
    ),
    section(
        "encoder_stats",
        "Encoder Stats",
        element("session_count", "Active Sessions", NUMBER, call("nvmlDeviceGetEncoderStats", at=0)),
        element("average_fps", "Average FPS", NUMBER, call("nvmlDeviceGetEncoderStats", at=1)),
        element("average_latency", "Average Latency", NUMBER, call("nvmlDeviceGetEncoderStats", at=2)),
        parts="ENCODER_STATS",
    ),
    section(
        "fbc_stats",
        "FBC Stats",
        element("session_count", "Active Sessions", NUMBER, call("nvmlDeviceGetFBCStats", at="sessionsCount")),
        element("average_fps", "Average FPS", NUMBER, call("nvmlDeviceGetFBCStats", at="averageFPS")),
        element("average_latency", "Average Latency", NUMBER, call("nvmlDeviceGetFBCStats", at="averageLatency")),
        parts="FBC_STATS",
    ),
    section(
        "dram_encryption_mode",
        "DRAM Encryption Mode",
        element("current_dram_encryption", "Current", ENABLED, call("nvmlDeviceGetDramEncryptionMode", at=0)),
        element("pending_dram_encryption", "Pending", ENABLED, call("nvmlDeviceGetDramEncryptionMode", at=1)),
        drivers="570-",
    ),
    *(
        section(
            "ecc_mode",
            title,
            element("current_ecc", "Current", ENABLED, call("nvmlDeviceGetEccMode", at=0)),
            element("pending_ecc", "Pending", ENABLED, call("nvmlDeviceGetEccMode", at=1)),
            drivers=drivers,
            parts="ECC",
        )
        for title, drivers in (("Ecc Mode", "-525"), ("ECC Mode", "525-"))
    ),
)

SYSTEM: tuple[Item, ...] = (
    element("driver_version", "Driver Version", TEXT, system("nvmlSystemGetDriverVersion")),
    element("cuda_version", "CUDA Version", VERSION, system("nvmlSystemGetCudaDriverVersion_v2")),
    element("kmd_version", "KMD Version", TEXT, system("nvmlSystemGetDriverVersion"), "610-"),
    element("cuda_umd_version", "CUDA UMD Version", VERSION, system("nvmlSystemGetCudaDriverVersion_v2"), "610-"),
    element("attached_gpus", "Attached GPUs", NUMBER, system("nvmlDeviceGetCount")),
)

GPU: tuple[Item, ...] = (
    *IDENTITY_OF_GPU,
    PCI,
    element("fan_speed", "Fan Speed", PERCENT, call("nvmlDeviceGetFanSpeed")),
    element(
        "performance_state", "Performance State", PSTATE, call("nvmlDeviceGetPerformanceState"), parts="PERFORMANCE"
    ),
    reasons("throttle", "Throttle", "-535"),
    reasons("event", "Event", "535-"),
    section(
        "clocks_event_reasons_counters",
        "Clocks Event Reasons Counters",
        *(
            element(f"clocks_event_reasons_counters_{xml}", text, NANOSECONDS, field(f"CLOCKS_EVENT_REASON_{name}"))
            for xml, text, name in (
                ("sw_power_cap", "SW Power Capping", "SW_POWER_CAP"),
                ("sync_boost", "Sync Boost", "SYNC_BOOST"),
                ("sw_therm_slowdown", "SW Thermal Slowdown", "SW_THERM_SLOWDOWN"),
                ("hw_therm_slowdown", "HW Thermal Slowdown", "HW_THERM_SLOWDOWN"),
                ("hw_power_brake", "HW Power Braking", "HW_POWER_BRAKE_SLOWDOWN"),
            )
        ),
        drivers="580-",
        parts="PERFORMANCE",
    ),
    element("sparse_operation_mode", "Sparse Operation Mode", ENABLED, Slot(243), "535.161-550", parts="PERFORMANCE"),
    element("sparse_operation_mode", "Sparse Operation Mode", ENABLED, Slot(249), "550-", parts="PERFORMANCE"),
    *MEMORY_OF_GPU,
    *USE,
    ECC,
    *PAGES,
    *TEMPERATURE,
    *POWER,
    *CLOCK,
    FABRIC,
    Listed("supported_clocks", "Supported Clocks", lists.supported_clocks, parts="SUPPORTED_CLOCKS", whole=False),
    Listed("processes", "Processes", lists.processes, parts="PIDS"),
    Listed("accounted_processes", "Accounted Processes", lists.accounted, parts="ACCOUNTING", whole=False),
    section(
        "capabilities",
        "Capabilities",
        element("egm", "EGM", EGM, fill("nvmlDeviceGetCapabilities", "c_nvmlDeviceCapabilities_v1_t", "capMask")),
        drivers="555-",
    ),
)
