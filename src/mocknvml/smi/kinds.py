"""How nvidia-smi prints a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pynvml as nvml

NOT_AVAILABLE = "N/A"


class Kind(NamedTuple):
    show: Callable[[Any], str]
    text_prefix: str = ""  # which XML does not have


def unit(name: str, divisor: int = 1) -> Kind:
    return Kind(lambda value: f"{int(value) // divisor} {name}")


def choice(names: Mapping[int, str], other: str = "Unknown") -> Kind:
    return Kind(lambda value: names.get(int(value), other))


def bit(mask: int, on: str, off: str) -> Kind:
    return Kind(lambda value: on if int(value) & mask else off)


def bits(shift: int, width: int, names: Mapping[int, str]) -> Kind:
    return Kind(lambda value: names.get(int(value) >> shift & (1 << width) - 1, NOT_AVAILABLE))


def hexadecimal(digits: int, prefix: str = "0x", text_prefix: str = "") -> Kind:
    return Kind(lambda value: f"{prefix}{int(value):0{digits}X}", text_prefix)


def _mebibytes(value: Any) -> str:
    return f"{int(value) // 2**20} MiB"


def _time(microseconds: int) -> str:
    moment = datetime.fromtimestamp(microseconds // 10**6, timezone.utc)
    return f"{moment:%Y/%m/%d %H:%M:%S}.{microseconds // 1000 % 1000:03}"


def _text(value: Any) -> str:
    return (value.decode() if isinstance(value, bytes) else str(value)) or NOT_AVAILABLE


def _identity(octets: Any) -> str:
    digits = bytes(octets).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


TEXT = Kind(_text)
NUMBER = Kind(str)
YES = choice({0: "No", 1: "Yes"})
ENABLED = choice({0: "Disabled", 1: "Enabled"})
MIB = Kind(_mebibytes)
MHZ = unit("MHz")
CELSIUS = unit("C")
PERCENT = unit("%")
KB_S = unit("KB/s")
MICROSECONDS = unit("us")
NANOSECONDS = unit("us", 1000)
BANKS = unit("bank(s)")
WATTS = Kind(lambda value: f"{value / 1000:.2f} W")
MILLIVOLTS = Kind(lambda value: f"{value / 1000:.3f} mV")
WIDTH = Kind(lambda value: f"{value}x")
PSTATE = Kind(lambda value: f"P{value}")
TIME = Kind(_time)
VERSION = Kind(lambda value: f"{value // 1000}.{value % 1000 // 10}")
HEX = Kind(lambda value: f"0x{int(value):x}")
HEX_BYTE = hexadecimal(2, "", "0x")
HEX_WORD = hexadecimal(4, "", "0x")
HEX_ID = hexadecimal(8, "", "0x")
HEX_DIGIT = hexadecimal(1, "", "0x")
HEX_LONG = Kind(lambda value: f"0x{int(value):016x}")
GUID = Kind(lambda octets: f"0x{int.from_bytes(octets[:8], 'little'):016x}")
GUID_SHORT = Kind(lambda octets: f"0x{int.from_bytes(octets[:8], 'little'):x}")
IDENTITY = Kind(_identity)
MULTIPLIER = Kind(lambda value: f"{value}.00%")
COUNT = Kind(lambda entries: str(len(entries)))

BRAND = choice(
    {
        1: "Quadro",
        2: "Tesla",
        5: "GeForce",
        6: "Titan",
        nvml.NVML_BRAND_NVIDIA_VWS: "NVIDIA RTX Virtual Workstation",
        nvml.NVML_BRAND_QUADRO_RTX: "Quadro RTX",
        nvml.NVML_BRAND_NVIDIA_RTX: "NVIDIA RTX",
        nvml.NVML_BRAND_NVIDIA: "NVIDIA",
        nvml.NVML_BRAND_GEFORCE_RTX: "GeForce RTX",
        nvml.NVML_BRAND_TITAN_RTX: "Titan RTX",
    }
)
_UP_TO_HOPPER = {4: "Pascal", 5: "Volta", 6: "Turing", 7: "Ampere", 8: "Ada Lovelace", 9: "Hopper"}
ARCHITECTURE_UP_TO_HOPPER = choice(_UP_TO_HOPPER)
ARCHITECTURE = choice({**_UP_TO_HOPPER, 10: "Blackwell"})
COMPUTE_MODE = choice({0: "Default", 1: "Exclusive_Thread", 2: "Prohibited", 3: "Exclusive_Process"})
VIRTUALIZATION = choice({0: "None", 1: "Pass-Through", 2: "VGPU", 3: "Host VGPU", 4: "Host VSGA"})
ADDRESSING = choice({0: "None", 1: "HMM", 2: "ATS"})
SUPPORTED = choice({0: NOT_AVAILABLE, 1: "Supported"})
RECOVERY = choice({0: "None", 1: "Reset", 2: "Reboot", 3: "Drain P2P", 4: "Drain and Reset"})
EGM = bit(nvml.NVML_DEV_CAP_EGM, "enabled", "disabled")
FABRIC_STATE = choice({0: NOT_AVAILABLE, 1: "Not Started", 2: "In Progress", 3: "Completed"})
FABRIC_STATUS = choice({0: "Success"})
HEALTH = choice({0: NOT_AVAILABLE, 1: "Healthy", 2: "Unhealthy", 3: "Limited Capacity"})
TRUE_FALSE = {1: "True", 2: "False"}
PEER = choice({0: "Direct Connected", 1: "Switch Connected"})
ATOMIC_NAMES = ("FETCHADD_32", "FETCHADD_64", "SWAP_32", "SWAP_64", "CAS_32", "CAS_64", "CAS_128")
ATOMICS = Kind(lambda mask: " ".join(name for at, name in enumerate(ATOMIC_NAMES) if mask >> at & 1) or NOT_AVAILABLE)
