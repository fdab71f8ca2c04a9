"""The performance state, and why clocks are lowered."""

from __future__ import annotations

from typing import Any

import pynvml as nvml

from mocknvml.smi.calls import Slot, call
from mocknvml.smi.elements.shape import Element, Item, Section, element, field, section
from mocknvml.smi.gpus import Gpu, Refusal
from mocknvml.smi.kinds import ENABLED, NANOSECONDS, PERCENT, PSTATE, Kind, bit

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


# By the names that all drivers have.
SUPPORTED_REASONS = call("nvmlDeviceGetSupportedClocksThrottleReasons")
CURRENT_REASONS = call("nvmlDeviceGetCurrentClocksThrottleReasons")


def all_reasons(gpu: Gpu) -> Any:
    supported = SUPPORTED_REASONS(gpu)
    return supported if isinstance(supported, Refusal) else CURRENT_REASONS(gpu)


def active(reason: int) -> Kind:
    return bit(reason, "Active", "Not Active")


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


PERFORMANCE: tuple[Item, ...] = (
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
)
