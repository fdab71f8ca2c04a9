"""Power."""

from __future__ import annotations

import pynvml as nvml

from mocknvml.smi import lists
from mocknvml.smi.calls import Ask, call
from mocknvml.smi.elements.shape import DEPRECATED, NONE, Element, Item, Listed, element, field, section
from mocknvml.smi.kinds import MULTIPLIER, PSTATE, SUPPORTED, TEXT, WATTS

MODULE = nvml.NVML_POWER_SCOPE_MODULE


MEMORY = nvml.NVML_POWER_SCOPE_MEMORY


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


ONE_READING = "535-550.144 555-570"


TWO_READINGS = "550.144-555 570-"


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
