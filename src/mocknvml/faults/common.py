"""What several faults share: codes, bits, parameters, and amounts that depend on the GPU."""

from __future__ import annotations

from typing import Final

from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import ALL, Amount, Change, Event, Parameter, Parameters, When, put

GPU_IS_LOST: Final = 15
RESET_REQUIRED: Final = 16
UNKNOWN: Final = 999

# nvmlDeviceGpuRecoveryAction_t
GPU_RESET: Final = 1
NODE_REBOOT: Final = 2

# nvmlClocksEventReason*
IDLE: Final = 0x1
POWER_CAP: Final = 0x4
HW_SLOWDOWN: Final = 0x8
SW_THERMAL: Final = 0x20
HW_THERMAL: Final = 0x40
POWER_BRAKE: Final = 0x80

CATALOG: Final = "NVIDIA Xid catalog, docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html"
MEMORY_GUIDE: Final = "NVIDIA GPU Memory Error Management, docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt"

LINK: Final = Parameter("link", "which NVLink", default=ALL, high=35, all=True)
CLOCK: Final = Parameter("clock", "the graphics and SM clock meanwhile", unit="MHz", optional=True)
SECOND: Final = 10**9  # of throttling, in the nanoseconds of its counters


def count(what: str, default: int = 1) -> Parameter:
    return Parameter("count", f"how many {what}", default=default, low=1, high=10**9)


def rate(what: str) -> Parameter:
    return Parameter("rate", f"how many {what} a second follow, in node time", default=0, high=10**9)


def value_of(key: str) -> Amount:
    """The value of another field."""
    return lambda draft, parameters: draft.value(key)


def at_most(key: str, amount: Amount, when: When = None) -> Change:
    """Lower a number."""

    def lowered(draft: Draft, parameters: Parameters) -> int | None:
        limit, value = draft.amount(amount, parameters), draft.value(key)
        return None if limit is None or value is None else min(limit, value)

    return put(key, lowered, when)


def clocks(slowdown: bool, when: When = None) -> tuple[Change, ...]:
    """The clocks of a throttled GPU: what the user says, else with a slowdown at most half of the highest.

    nvml.h: the hardware's slowdowns reduce the core clocks "by a factor of 2 or more".
    """

    def clock(draft: Draft, parameters: Parameters) -> int | None:
        given, highest = draft.amount("clock", parameters), draft.value("clocks.max.graphics")
        return given if given is not None or highest is None or not slowdown else highest // 2

    return (at_most("clocks.current.graphics", clock, when), at_most("clocks.current.sm", clock, when))


def recovery(when: When = None) -> tuple[Event, ...]:
    """The events of a changed recovery action. Xid 154 comes from driver 565 on: the catalog links it to R565."""
    return (
        Event("xid", 154, when or {}, changed="recovery.action", driver=565),
        Event("gpu_recovery_action", when=when or {}, changed="recovery.action"),
    )
