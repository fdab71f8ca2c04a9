"""What may vary between captures of one board: what its owner, its place, or the maker of the card decides.

A node of a capture gets these fields from the capture itself; all else that it answers is the profile's.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import NamedTuple

from mocknvml.smi.gpus import NOT_SUPPORTED
from mocknvml.smi.kinds import ATOMIC_NAMES
from mocknvml.state.node import Gpu
from tests.conformance.extract import UNTOLD
from tests.conformance.lines import REFUSED


class Setting(NamedTuple):
    """A field of the state, and how its value is read from what nvidia-smi prints."""

    field: str
    read: Callable[[str], object] = str


def enabled(text: str) -> bool:
    return {"Enabled": True, "Disabled": False}[text]


def told(text: str) -> bool:
    return text != REFUSED


def hexadecimal(text: str) -> int:
    return int(text, 16)


def name(text: str) -> str:
    return text.lower().replace("-", "")


def atomics(text: str) -> int:
    return sum(1 << ATOMIC_NAMES.index(operation) for operation in text.split())


def moment(text: str) -> str:
    at = datetime.strptime(text, "%Y/%m/%d %H:%M:%S.%f").replace(tzinfo=timezone.utc)
    return f"{int(at.timestamp()) * 10**6 + at.microsecond} us"


def banks(text: str) -> int:
    return int(text.removesuffix(" bank(s)"))


def octets(text: str) -> str:
    return text.encode().ljust(16, b"\0").hex()


def blank(text: str) -> str:
    return octets("")


def peer(text: str) -> int:
    return ("Direct Connected", "Switch Connected").index(text)


# Of a board that has such a thing; whether it has is the profile's to say.
OWNER = {
    "display_mode": Setting("modes.display", enabled),
    "display_active": Setting("modes.display_active", enabled),
    "persistence_mode": Setting("modes.persistence", enabled),
    "accounting_mode": Setting("modes.accounting", enabled),
    "addressing_mode": Setting("identity.addressing", name),
    "gpu_virtualization_mode/virtualization_mode": Setting("modes.virtualization", name),
    "gsp_firmware_version": Setting("gsp.enabled", told),  # an option of the kernel module
    "serial": Setting("identity.serial"),
    "uuid": Setting("identity.uuid"),
    "minor_number": Setting("identity.minor_number", int),
    "vbios_version": Setting("identity.vbios_version"),
    "pci/pci_bus": Setting("pci.bus", hexadecimal),
    "pci/pci_device": Setting("pci.device", hexadecimal),
    "pci/pci_gpu_link_info/pcie_gen/max_link_gen": Setting("pcie.generation_max", int),  # the slot's
    "fb_memory_usage/reserved": Setting("memory.reserved"),  # the driver's
    "bar1_memory_usage/total": Setting("bar1.total"),  # resizable
    "gpu_power_readings/current_power_limit": Setting("power.limit"),
    "temperature/gpu_target_temperature": Setting("thermal.threshold.acoustic"),
}

# Which no profile has, as each GPU of a board has its own: its place in the machine, and what happened to it.
PLACE = {
    "display_attached": Setting("modes.display", lambda text: text == "Yes"),
    "gpu_part_number": Setting("identity.board_part_number"),  # of drivers before 525
    "pdi": Setting("identity.pdi", hexadecimal),
    "gpu_module_id": Setting("identity.module_id", int),
    "pci/atomic_caps_outbound": Setting("pcie.atomics.outbound", atomics),  # the root port's
    "pci/atomic_caps_inbound": Setting("pcie.atomics.inbound", atomics),
    "platformInfo/chassis_serial_number": Setting("platform.chassis_serial", octets),
    "platformInfo/slot_number": Setting("platform.slot_number", int),
    "platformInfo/tray_index": Setting("platform.tray_index", int),
    "platformInfo/host_id": Setting("platform.host_id", int),
    "platformInfo/peer_type": Setting("platform.peer_type", peer),
    "platformInfo/gpu_fabric_guid": Setting("platform.ib_guid", blank),  # the facts have only that there is one
    "inforom_bbx_flush/latest_timestamp": Setting("identity.black_box_flushed", moment),
    "inforom_bbx_flush/latest_duration": Setting("identity.black_box_flush_time"),
}

# Of a card by another maker than that of the profile's: one with another subsystem id.
MAKER = {
    "pci/pci_sub_system_id": Setting("pci.subsystem_id", hexadecimal),
    "gpu_power_readings/min_power_limit": Setting("power.limit_min"),
    "gpu_power_readings/max_power_limit": Setting("power.limit_max"),
    "max_clocks/graphics_clock": Setting("clocks.max.graphics"),
    "max_clocks/sm_clock": Setting("clocks.max.sm"),
}

# What no call of nvml.h tells, or what differs from GPU to GPU of one machine; the real nvidia-smi shows it.
PRIVATE = {
    "board_part_number": Setting("identity.board_part_number"),
    "gpu_part_number": Setting("identity.gpu_part_number"),
    "pci/pci_domain": Setting("pci.domain", hexadecimal),
    "pci/pci_gpu_link_info/pcie_gen/max_host_link_gen": Setting("pcie.host_generation_max", int),  # none in a guest
    "remapped_rows/row_remapper_histogram/row_remapper_histogram_max": Setting("remap.banks.max", banks),
}

SETTINGS = {"owner, machine or driver": OWNER, "place and past": PLACE, "maker of the card": MAKER}


def settle(gpu: Gpu, values: Mapping[str, str]) -> None:
    """Gives a GPU of its board the settings that a capture tells."""
    table = {key: setting for key, setting in OWNER.items() if gpu.status(setting.field) == 0} | PLACE
    if values.get("pci/pci_sub_system_id") != f"{int(gpu.get('pci.subsystem_id')):X}":
        table |= MAKER
    change = {
        setting.field: setting.read(values[key])
        for key, setting in table.items()
        if key in values and (values[key] != REFUSED or setting.read is told)
    }
    gpu.update(change)


def settle_private(gpu: Gpu, printed: Mapping[str, str]) -> None:
    """Gives it what its report by nvidia-smi tells besides."""
    told = {setting: printed[key] for key, setting in PRIVATE.items() if key in printed and printed[key] not in UNTOLD}
    for setting, text in told.items():
        if text != REFUSED:
            gpu.set(setting.field, setting.read(text))
        else:
            gpu.fail(setting.field, NOT_SUPPORTED)
