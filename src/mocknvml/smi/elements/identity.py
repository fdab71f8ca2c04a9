"""What a GPU is, and where it stands."""

from __future__ import annotations

import pynvml as nvml

from mocknvml.smi import lists
from mocknvml.smi.calls import Call, Slot, call, fill
from mocknvml.smi.elements.shape import ARCHITECTURE_OF, DEPRECATED, NONE, Item, Listed, element, field, section
from mocknvml.smi.kinds import (
    ADDRESSING,
    ARCHITECTURE,
    ARCHITECTURE_UP_TO_HOPPER,
    BRAND,
    ENABLED,
    GUID,
    GUID_SHORT,
    HEX,
    HEX_LONG,
    MICROSECONDS,
    NUMBER,
    PEER,
    RECOVERY,
    TEXT,
    TIME,
    VIRTUALIZATION,
    YES,
)


def inforom(kind: int) -> Call:
    return call("nvmlDeviceGetInforomVersion", kind)


def platform(member: str) -> Call:
    return fill("nvmlDeviceGetPlatformInfo", "c_nvmlPlatformInfo_v2_t", member)


def platform_octets(member: str) -> Call:
    return platform(member)._replace(octets=True)


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


GSP_VERSION = Slot(211, room=80, public=call("nvmlDeviceGetGspFirmwareVersion"))
GSP = element("gsp_firmware_version", "GSP Firmware Version", TEXT, GSP_VERSION)


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
    element("gpu_module_id", "Module ID", NUMBER, Slot(207, public=call("nvmlDeviceGetModuleId")), "470-565"),
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
