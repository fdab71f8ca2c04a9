"""The PCI address and the link."""

from __future__ import annotations

from mocknvml.smi.calls import Slot, call, fill
from mocknvml.smi.elements.shape import NONE, element, field, section
from mocknvml.smi.kinds import ATOMICS, HEX_BYTE, HEX_DIGIT, HEX_ID, HEX_WORD, KB_S, NUMBER, TEXT, WIDTH

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
