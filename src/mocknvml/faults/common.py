"""What several faults share: codes, bits and parameters."""

from __future__ import annotations

from typing import Final

from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import ALL, Amount, Parameter, Parameters

GPU_IS_LOST: Final = 15
RESET_REQUIRED: Final = 16
UNKNOWN: Final = 999

# nvmlDeviceGpuRecoveryAction_t
GPU_RESET: Final = 1
NODE_REBOOT: Final = 2

# nvmlClocksEventReasons
IDLE: Final = 0x1
POWER_CAP: Final = 0x4
HW_SLOWDOWN: Final = 0x8
SW_THERMAL: Final = 0x20
HW_THERMAL: Final = 0x40
POWER_BRAKE: Final = 0x80

CATALOG: Final = "NVIDIA Xid catalog, docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html"
MEMORY_GUIDE: Final = "NVIDIA GPU Memory Error Management, docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt"

LINK: Final = Parameter("link", "which NVLink", default=ALL, high=35, all=True)


def count(what: str, default: int = 1) -> Parameter:
    return Parameter("count", f"how many {what}", default=default, low=1, high=10**9)


def value_of(key: str) -> Amount:
    """The value of another field."""

    def amount(draft: Draft, parameters: Parameters) -> int | None:
        return draft.value(key)

    return amount


def part_of(key: str, divisor: int) -> Amount:
    def amount(draft: Draft, parameters: Parameters) -> int | None:
        value = draft.value(key)
        return None if value is None else value // divisor

    return amount
