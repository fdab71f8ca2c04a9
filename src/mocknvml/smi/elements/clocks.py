"""Clocks and voltage."""

from __future__ import annotations

from typing import Any

from mocknvml.smi import lists
from mocknvml.smi.calls import Slot, call
from mocknvml.smi.elements.shape import DEPRECATED, NONE, Item, Listed, Section, element, section
from mocknvml.smi.kinds import ENABLED, MHZ, MILLIVOLTS, TEXT

CLOCKS = (("graphics", "Graphics", 0), ("sm", "SM", 1), ("mem", "Memory", 2), ("video", "Video", 3))


GRAPHICS_AND_MEMORY = (CLOCKS[0], CLOCKS[2])


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
