"""What nvidia-smi -q prints: the element in XML, the line in text, its kind, and the NVML call behind it.

Names differ between drivers: alternatives stand with a bar. Which call nvidia-smi makes for a line was seen by tracing
the unmodified programs of drivers 535 and 550 on a library that answers one thing differently at a time.
"""

import pynvml as n

from tests.conformance.calls import (
    ANSWERED,
    BANKS,
    CELSIUS,
    ENABLED,
    HEX,
    KB_S,
    LISTED,
    MASKED,
    MASKED_HEX,
    MASKED_UUID,
    MHZ,
    MIB,
    MICROSECONDS,
    NANOSECONDS,
    NUMBER,
    PERCENT,
    PSTATE,
    TEXT,
    TIME,
    VERSION,
    WATTS,
    WIDTH,
    YES,
    Call,
    Element,
    FieldValue,
    Kind,
    bit,
    bits,
    call,
    choice,
    element,
    fill,
    system,
)

BRAND = choice(
    {
        1: "Quadro",
        2: "Tesla",
        5: "GeForce",
        6: "Titan",
        n.NVML_BRAND_NVIDIA_VWS: "NVIDIA RTX Virtual Workstation",
        n.NVML_BRAND_QUADRO_RTX: "Quadro RTX",
        n.NVML_BRAND_NVIDIA_RTX: "NVIDIA RTX",
        n.NVML_BRAND_NVIDIA: "NVIDIA",
        n.NVML_BRAND_GEFORCE_RTX: "GeForce RTX",
        n.NVML_BRAND_TITAN_RTX: "Titan RTX",
    }
)
ARCHITECTURE = choice(
    {
        4: "Pascal",
        5: "Volta",
        6: "Turing",
        7: "Ampere",
        8: "Ada Lovelace",
        9: "Hopper",
        10: "Blackwell",
    }
)
COMPUTE_MODE = choice({0: "Default", 1: "Exclusive_Thread", 2: "Prohibited", 3: "Exclusive_Process"})
VIRTUALIZATION = choice({0: "None", 1: "Pass-Through", 2: "VGPU", 3: "Host VGPU", 4: "Host VSGA"})
ADDRESSING = choice({0: "None", 1: "HMM", 2: "ATS"})
SUPPORTED = choice({0: "N/A", 1: "Supported"})
RECOVERY = choice({0: "None", 1: "Reset", 2: "Reboot", 3: "Drain P2P", 4: "Drain and Reset"})
EGM = bit(n.NVML_DEV_CAP_EGM, "enabled", "disabled")
FABRIC_STATE = choice({0: "N/A", 1: "Not Started", 2: "In Progress", 3: "Completed"})
FABRIC_STATUS = choice({0: "Success"})
HEALTH = choice({0: "N/A", 1: "Healthy", 2: "Unhealthy", 3: "Limited Capacity"})
PEER = choice({0: "Direct Connected", 1: "Switch Connected"})
ATOMICS = Kind(lambda mask: " ".join(name for at, name in enumerate(ATOMIC_NAMES) if mask >> at & 1) or "N/A")
ATOMIC_NAMES = ("FETCHADD_32", "FETCHADD_64", "SWAP_32", "SWAP_64", "CAS_32", "CAS_64", "CAS_128")
COUNT = Kind(lambda pages: str(len(pages)))


def link(generation: str) -> str:
    return f"pci/pci_gpu_link_info/{generation}"


def memory(member: str) -> Call:
    """Drivers before 510 have no version 2, which tells reserved memory too; what both tell is asked of version 1."""
    if member != "reserved":
        return call("nvmlDeviceGetMemoryInfo", at=member)
    return call("nvmlDeviceGetMemoryInfo", n.nvmlMemory_v2, at=member)


def sram(member: str) -> Call:
    return fill("nvmlDeviceGetSramEccErrorStatus", "c_nvmlEccSramErrorStatus_v1_t", member)


def fabric(member: str) -> Call:
    return fill("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v3_t", member)


def platform(member: str) -> Call:
    return fill("nvmlDeviceGetPlatformInfo", "c_nvmlPlatformInfo_v2_t", member)


def inforom(kind: int) -> Call:
    return call("nvmlDeviceGetInforomVersion", kind)


def threshold(kind: int) -> Call:
    return call("nvmlDeviceGetTemperatureThreshold", kind)


def cleared(*reasons: int) -> Kind:
    return bit(sum(reasons), "Active", "Not Active")


def errors(kind: int, counter: int, location: int) -> Call:
    return call("nvmlDeviceGetMemoryErrorCounter", kind, counter, location)


def power_limits(element_of: str, title: str, scope: int) -> tuple[Element, ...]:
    """The limits of a module; those of the GPU itself are settings and facts of the board."""
    return tuple(
        element(f"{element_of}/{xml}", f"{title}/{text}", WATTS, FieldValue(f"NVML_FI_DEV_POWER_{field}", scope))
        for xml, text, field in (
            ("current_power_limit", "Current Power Limit", "CURRENT_LIMIT"),
            ("requested_power_limit", "Requested Power Limit", "REQUESTED_LIMIT"),
            ("default_power_limit", "Default Power Limit", "DEFAULT_LIMIT"),
            ("min_power_limit", "Min Power Limit", "MIN_LIMIT"),
            ("max_power_limit", "Max Power Limit", "MAX_LIMIT"),
        )
    )


MODULE, MEMORY = n.NVML_POWER_SCOPE_MODULE, n.NVML_POWER_SCOPE_MEMORY
CLOCKS = (("graphics", "Graphics", 0), ("sm", "SM", 1), ("mem", "Memory", 2), ("video", "Video", 3))

# What a board is: the same on all boards of its kind.
STATIC = (
    element("product_name", "Product Name", TEXT, call("nvmlDeviceGetName")),
    element("product_brand", "Product Brand", BRAND, call("nvmlDeviceGetBrand")),
    element("product_architecture", "Product Architecture", ARCHITECTURE, call("nvmlDeviceGetArchitecture")),
    element(
        "accounting_mode_buffer_size",
        "Accounting Mode Buffer Size",
        NUMBER,
        call("nvmlDeviceGetAccountingBufferSize"),
    ),
    element("driver_model/current_dm", "Driver Model/Current", NUMBER, call("nvmlDeviceGetDriverModel", at=0)),
    element("driver_model/pending_dm", "Driver Model/Pending", NUMBER, call("nvmlDeviceGetDriverModel", at=1)),
    element("multigpu_board", "MultiGPU Board", YES, call("nvmlDeviceGetMultiGpuBoard")),
    element("inforom_version/oem_object", "Inforom Version/OEM Object", TEXT, inforom(n.NVML_INFOROM_OEM)),
    element("inforom_version/ecc_object", "Inforom Version/ECC Object", TEXT, inforom(n.NVML_INFOROM_ECC)),
    element(
        "inforom_version/pwr_object", "Inforom Version/Power Management Object", TEXT, inforom(n.NVML_INFOROM_POWER)
    ),
    element(
        "gpu_operation_mode/current_gom",
        "GPU Operation Mode/Current",
        NUMBER,
        call("nvmlDeviceGetGpuOperationMode", at=0),
    ),
    element(
        "gpu_operation_mode/pending_gom",
        "GPU Operation Mode/Pending",
        NUMBER,
        call("nvmlDeviceGetGpuOperationMode", at=1),
    ),
    element("c2c_mode", "GPU C2C Mode", ENABLED, call("nvmlDeviceGetC2cModeInfoV", at="isC2cEnabled")),
    element(
        "gpu_virtualization_mode/host_vgpu_mode",
        "GPU Virtualization Mode/Host VGPU Mode",
        NUMBER,
        call("nvmlDeviceGetHostVgpuMode"),
    ),
    element(
        "gpu_virtualization_mode/vgpu_heterogeneous_mode",
        "GPU Virtualization Mode/vGPU Heterogeneous Mode",
        ENABLED,
        call("nvmlDeviceGetVgpuHeterogeneousMode"),
    ),
    element(
        "gpu_reset_status/reset_required",
        "GPU Reset Status/Reset Required",
        YES,
        FieldValue("NVML_FI_DEV_RESET_STATUS"),
    ),
    element(
        "gpu_reset_status/drain_and_reset_recommended",
        "GPU Reset Status/Drain and Reset Recommended",
        YES,
        FieldValue("NVML_FI_DEV_DRAIN_AND_RESET_STATUS"),
    ),
    element(
        "gpu_recovery_action",
        "GPU Recovery Action",
        RECOVERY,
        FieldValue("NVML_FI_DEV_GET_GPU_RECOVERY_ACTION"),
    ),
    element(
        "pci/pci_base_class",
        "PCI/Base Classcode",
        HEX,
        fill("nvmlDeviceGetPciInfoExt", "nvmlPciInfoExt_v1_t", "baseClass"),
    ),
    element(
        "pci/pci_sub_class",
        "PCI/Sub Classcode",
        HEX,
        fill("nvmlDeviceGetPciInfoExt", "nvmlPciInfoExt_v1_t", "subClass"),
    ),
    element("pci/pci_device_id", "PCI/Device Id", HEX, call("nvmlDeviceGetPciInfo", at="pciDeviceId")),
    element("pci/pci_sub_system_id", "PCI/Sub System Id", HEX, call("nvmlDeviceGetPciInfo", at="pciSubSystemId")),
    element(
        link("pcie_gen/max_device_link_gen"),
        "PCI/GPU Link Info/PCIe Generation/Device Max",
        NUMBER,
        call("nvmlDeviceGetGpuMaxPcieLinkGeneration"),
    ),
    element(
        link("link_widths/max_link_width"),
        "PCI/GPU Link Info/Link Width/Max",
        WIDTH,
        call("nvmlDeviceGetMaxPcieLinkWidth"),
    ),
    element(
        "pci/pci_bridge_chip/bridge_chip_type",
        "PCI/Bridge Chip/Type",
        NUMBER,
        call("nvmlDeviceGetBridgeChipInfo", at=("bridgeChipInfo", 0, "type")),
    ),
    element(
        "pci/pci_bridge_chip/bridge_chip_fw",
        "PCI/Bridge Chip/Firmware",
        NUMBER,
        call("nvmlDeviceGetBridgeChipInfo", at=("bridgeChipInfo", 0, "fwVersion")),
    ),
    element("fb_memory_usage/total", "FB Memory Usage/Total", MIB, memory("total")),
    element(
        "cc_protected_memory_usage/total",
        "Conf Compute Protected Memory Usage/Total",
        MIB,
        call("nvmlDeviceGetConfComputeProtectedMemoryUsage", at="total"),
    ),
    element(
        "dram_encryption_mode/current_dram_encryption",
        "DRAM Encryption Mode/Current",
        ENABLED,
        call("nvmlDeviceGetDramEncryptionMode", at=0),
    ),
    element(
        "dram_encryption_mode/pending_dram_encryption",
        "DRAM Encryption Mode/Pending",
        ENABLED,
        call("nvmlDeviceGetDramEncryptionMode", at=1),
    ),
    element(
        "remapped_rows/row_remapper_histogram/row_remapper_histogram_max",
        "Remapped Rows/Bank Remap Availability Histogram/Max",
        BANKS,
        call("nvmlDeviceGetRowRemapperHistogram", at="max"),
    ),
    element("temperature/gpu_temp_max_threshold", "Temperature/GPU Shutdown Temp", CELSIUS, threshold(0)),
    element("temperature/gpu_temp_slow_threshold", "Temperature/GPU Slowdown Temp", CELSIUS, threshold(1)),
    element("temperature/gpu_temp_max_gpu_threshold", "Temperature/GPU Max Operating Temp", CELSIUS, threshold(3)),
    element("temperature/gpu_temp_max_mem_threshold", "Temperature/Memory Max Operating Temp", CELSIUS, threshold(2)),
    *(
        element(
            f"temperature/{xml}", f"Temperature/{text}", CELSIUS, FieldValue(f"NVML_FI_DEV_TEMPERATURE_{field}_TLIMIT")
        )
        for xml, text, field in (
            ("gpu_temp_max_tlimit_threshold", "GPU Shutdown T.Limit Temp", "SHUTDOWN"),
            ("gpu_temp_slow_tlimit_threshold", "GPU Slowdown T.Limit Temp", "SLOWDOWN"),
            ("gpu_temp_max_gpu_tlimit_threshold", "GPU Max Operating T.Limit Temp", "GPU_MAX"),
            ("gpu_temp_max_mem_tlimit_threshold", "Memory Max Operating T.Limit Temp", "MEM_MAX"),
        )
    ),
    element(
        "supported_gpu_target_temp/gpu_target_temp_min",
        "Supported GPU Target Temp/GPU Target Temp Min",
        CELSIUS,
        threshold(4),
    ),
    element(
        "supported_gpu_target_temp/gpu_target_temp_max",
        "Supported GPU Target Temp/GPU Target Temp Max",
        CELSIUS,
        threshold(6),
    ),
    element(
        "power_readings/power_management",
        "Power Readings/Power Management",
        SUPPORTED,
        call("nvmlDeviceGetPowerManagementMode"),
    ),
    element(
        "gpu_power_readings/default_power_limit|power_readings/default_power_limit",
        "GPU Power Readings/Default Power Limit|Power Readings/Default Power Limit|"
        "GPU Power Readings/GPU Ceiling Power Limit/Default Power Limit",
        WATTS,
        call("nvmlDeviceGetPowerManagementDefaultLimit"),
    ),
    element(
        "gpu_power_readings/min_power_limit|power_readings/min_power_limit",
        "GPU Power Readings/Min Power Limit|Power Readings/Min Power Limit",
        WATTS,
        call("nvmlDeviceGetPowerManagementLimitConstraints", at=0),
    ),
    element(
        "gpu_power_readings/max_power_limit|power_readings/max_power_limit",
        "GPU Power Readings/Max Power Limit|Power Readings/Max Power Limit",
        WATTS,
        call("nvmlDeviceGetPowerManagementLimitConstraints", at=1),
    ),
    *power_limits("module_power_readings", "Module Power Readings", MODULE),
    *(
        element(f"max_clocks/{xml}_clock", f"Max Clocks/{text}", MHZ, call("nvmlDeviceGetMaxClockInfo", clock))
        for xml, text, clock in CLOCKS
    ),
    *(
        element(
            f"default_applications_clocks/{xml}_clock",
            f"Default Applications Clocks/{text}",
            MHZ,
            call("nvmlDeviceGetDefaultApplicationsClock", clock),
        )
        for xml, text, clock in (CLOCKS[0], CLOCKS[2])
    ),
    element(
        "max_customer_boost_clocks/graphics_clock",
        "Max Customer Boost Clocks/Graphics",
        MHZ,
        call("nvmlDeviceGetMaxCustomerBoostClock", 0),
    ),
    element(
        "clock_policy/auto_boost",
        "Clock Policy/Auto Boost",
        ENABLED,
        call("nvmlDeviceGetAutoBoostedClocksEnabled", at=0),
    ),
    element(
        "clock_policy/auto_boost_default",
        "Clock Policy/Auto Boost Default",
        ENABLED,
        call("nvmlDeviceGetAutoBoostedClocksEnabled", at=1),
    ),
    element("supported_clocks", "Supported Clocks", TEXT, call("nvmlDeviceGetSupportedMemoryClocks")),
    element(
        "capabilities/egm",
        "Capabilities/EGM",
        EGM,
        fill("nvmlDeviceGetCapabilities", "c_nvmlDeviceCapabilities_v1_t", "capMask"),
    ),
    element(
        "edpp_multiplier",
        "EDPp Multiplier",
        Kind(lambda value: f"{value}.00%"),
        FieldValue("NVML_FI_DEV_EDPP_MULTIPLIER"),
    ),
)

# What an owner, a user, the driver or the place of a board decides; settings.py has those that vary between captures.
CONFIGURED = (
    element(
        "display_mode|display_attached",
        "Display Mode|Display Attached",
        ENABLED,
        call("nvmlDeviceGetDisplayMode"),
    ),
    element("display_active", "Display Active", ENABLED, call("nvmlDeviceGetDisplayActive")),
    element("persistence_mode", "Persistence Mode", ENABLED, call("nvmlDeviceGetPersistenceMode")),
    element("addressing_mode", "Addressing Mode", ADDRESSING, call("nvmlDeviceGetAddressingMode")),
    element("mig_mode/current_mig", "MIG Mode/Current", ENABLED, call("nvmlDeviceGetMigMode", at=0)),
    element("mig_mode/pending_mig", "MIG Mode/Pending", ENABLED, call("nvmlDeviceGetMigMode", at=1)),
    element("accounting_mode", "Accounting Mode", ENABLED, call("nvmlDeviceGetAccountingMode")),
    element("serial", "Serial Number", MASKED, call("nvmlDeviceGetSerial")),
    element("uuid", "GPU UUID", MASKED, call("nvmlDeviceGetUUID")),
    element("pdi", "GPU PDI", MASKED_HEX, call("nvmlDeviceGetPdi")),
    element("minor_number", "Minor Number", NUMBER, call("nvmlDeviceGetMinorNumber")),
    element("vbios_version", "VBIOS Version", TEXT, call("nvmlDeviceGetVbiosVersion")),
    element("board_id", "Board ID", HEX, call("nvmlDeviceGetBoardId")),
    element(
        "board_part_number",
        "Board Part Number",
        TEXT,
        call("nvmlDeviceGetBoardPartNumber"),
    ),
    element(  # printed also where nvmlDeviceGetPlatformInfo is refused
        "gpu_module_id|platformInfo/module_id",
        "Module ID|GPU Module ID|Platform Info/Module Id",
        NUMBER,
        call("nvmlDeviceGetModuleId"),
    ),
    element(
        "platformInfo/chassis_serial_number",
        "Platform Info/Chassis Serial Number",
        MASKED,
        platform("chassisSerialNumber"),
    ),
    element(
        "platformInfo/slot_number",
        "Platform Info/Slot Number|Platform Info/Chassis Physical Slot Number",
        NUMBER,
        platform("slotNumber"),
    ),
    element(
        "platformInfo/tray_index",
        "Platform Info/Tray Index|Platform Info/Compute Slot Index",
        NUMBER,
        platform("trayIndex"),
    ),
    element(
        "platformInfo/host_id",
        "Platform Info/Host ID|Platform Info/Node Index",
        NUMBER,
        platform("hostId"),
    ),
    element("platformInfo/peer_type", "Platform Info/Peer Type", PEER, platform("peerType")),
    element("platformInfo/gpu_fabric_guid", "Platform Info/GPU Fabric GUID", ANSWERED, platform("ibGuid")),
    element(
        "inforom_version/img_version",
        "Inforom Version/Image Version",
        TEXT,
        call("nvmlDeviceGetInforomImageVersion"),
    ),
    element("gsp_firmware_version", "GSP Firmware Version", TEXT, call("nvmlDeviceGetGspFirmwareVersion")),
    element(
        "gpu_virtualization_mode/virtualization_mode",
        "GPU Virtualization Mode/Virtualization Mode",
        VIRTUALIZATION,
        call("nvmlDeviceGetVirtualizationMode"),
    ),
    element("pci/pci_bus", "PCI/Bus", HEX, call("nvmlDeviceGetPciInfo", at="bus")),
    element("pci/pci_device", "PCI/Device", HEX, call("nvmlDeviceGetPciInfo", at="device")),
    element("pci/pci_domain", "PCI/Domain", HEX, call("nvmlDeviceGetPciInfo", at="domain")),
    element("pci/pci_bus_id", "PCI/Bus Id", TEXT, call("nvmlDeviceGetPciInfo", at="busId")),
    element(
        link("pcie_gen/max_link_gen"),
        "PCI/GPU Link Info/PCIe Generation/Max",
        NUMBER,
        call("nvmlDeviceGetMaxPcieLinkGeneration"),
    ),
    element(
        "pci/atomic_caps_outbound",
        "PCI/Atomic Caps Outbound",
        ATOMICS,
        FieldValue("NVML_FI_DEV_PCIE_OUTBOUND_ATOMICS_MASK"),
    ),
    element(
        "pci/atomic_caps_inbound",
        "PCI/Atomic Caps Inbound",
        ATOMICS,
        FieldValue("NVML_FI_DEV_PCIE_INBOUND_ATOMICS_MASK"),
    ),
    element("fb_memory_usage/reserved", "FB Memory Usage/Reserved", MIB, memory("reserved")),
    element(
        "bar1_memory_usage/total",
        "BAR1 Memory Usage/Total",
        MIB,
        call("nvmlDeviceGetBAR1MemoryInfo", at="bar1Total"),
    ),
    element("compute_mode", "Compute Mode", COMPUTE_MODE, call("nvmlDeviceGetComputeMode")),
    element(
        "ecc_mode/current_ecc",
        "ECC Mode/Current|Ecc Mode/Current",
        ENABLED,
        call("nvmlDeviceGetEccMode", at=0),
    ),
    element(
        "ecc_mode/pending_ecc",
        "ECC Mode/Pending|Ecc Mode/Pending",
        ENABLED,
        call("nvmlDeviceGetEccMode", at=1),
    ),
    element(
        "gpu_power_readings/current_power_limit|gpu_power_readings/power_limit|power_readings/power_limit",
        "GPU Power Readings/Current Power Limit|Power Readings/Power Limit|"
        "GPU Power Readings/GPU Ceiling Power Limit/Current Power Limit",
        WATTS,
        call("nvmlDeviceGetEnforcedPowerLimit"),
    ),
    element(
        "gpu_power_readings/requested_power_limit|power_readings/enforced_power_limit",
        "GPU Power Readings/Requested Power Limit|GPU Power Readings/GPU Ceiling Power Limit/Requested Power Limit",
        WATTS,
        call("nvmlDeviceGetPowerManagementLimit"),
    ),
    element(
        "temperature/gpu_target_temperature",
        "Temperature/GPU Target Temperature|Temperature/GPU Target Temperature Specification",
        CELSIUS,
        threshold(5),
    ),
    *(
        element(
            f"applications_clocks/{xml}_clock",
            f"Applications Clocks/{text}",
            MHZ,
            call("nvmlDeviceGetApplicationsClock", clock),
        )
        for xml, text, clock in (CLOCKS[0], CLOCKS[2])
    ),
    element(
        "inforom_bbx_flush/latest_timestamp",
        "Inforom BBX Object Flush/Latest Timestamp",
        TIME,
        call("nvmlDeviceGetLastBBXFlushTime", at=0),
    ),
    element(
        "inforom_bbx_flush/latest_duration",
        "Inforom BBX Object Flush/Latest Duration",
        MICROSECONDS,
        call("nvmlDeviceGetLastBBXFlushTime", at=1),
    ),
    element("fabric/cliqueId", "Fabric/CliqueId", NUMBER, fabric("cliqueId")),
    element("fabric/clusterUuid", "Fabric/ClusterUUID", MASKED_UUID, fabric("clusterUuid")),
)

# Readings that move, by the reason why: compared are that there is one, and that it makes sense.
VOLATILE: dict[str, tuple[Element, ...]] = {
    "what the GPU does": (
        element("performance_state", "Performance State", PSTATE, call("nvmlDeviceGetPerformanceState")),
        element(
            "gpu_power_readings/power_state|power_readings/power_state|module_power_readings/power_state",
            "GPU Power Readings/Power State|Power Readings/Power State",
            PSTATE,
            call("nvmlDeviceGetPowerState"),
        ),
        element(
            "utilization/gpu_util",
            "Utilization/Gpu|Utilization/GPU",
            PERCENT,
            call("nvmlDeviceGetUtilizationRates", at="gpu"),
        ),
        element(
            "utilization/memory_util", "Utilization/Memory", PERCENT, call("nvmlDeviceGetUtilizationRates", at="memory")
        ),
        element(
            "utilization/encoder_util", "Utilization/Encoder", PERCENT, call("nvmlDeviceGetEncoderUtilization", at=0)
        ),
        element(
            "utilization/decoder_util", "Utilization/Decoder", PERCENT, call("nvmlDeviceGetDecoderUtilization", at=0)
        ),
        element("utilization/jpeg_util", "Utilization/JPEG", PERCENT, call("nvmlDeviceGetJpgUtilization", at=0)),
        element("utilization/ofa_util", "Utilization/OFA", PERCENT, call("nvmlDeviceGetOfaUtilization", at=0)),
        element(
            "encoder_stats/session_count",
            "Encoder Stats/Active Sessions",
            NUMBER,
            call("nvmlDeviceGetEncoderStats", at=0),
        ),
        element(
            "encoder_stats/average_fps", "Encoder Stats/Average FPS", NUMBER, call("nvmlDeviceGetEncoderStats", at=1)
        ),
        element(
            "encoder_stats/average_latency",
            "Encoder Stats/Average Latency",
            NUMBER,
            call("nvmlDeviceGetEncoderStats", at=2),
        ),
        element(
            "fbc_stats/session_count",
            "FBC Stats/Active Sessions",
            NUMBER,
            call("nvmlDeviceGetFBCStats", at="sessionsCount"),
        ),
        element(
            "fbc_stats/average_fps", "FBC Stats/Average FPS", NUMBER, call("nvmlDeviceGetFBCStats", at="averageFPS")
        ),
        element(
            "fbc_stats/average_latency",
            "FBC Stats/Average Latency",
            NUMBER,
            call("nvmlDeviceGetFBCStats", at="averageLatency"),
        ),
        *(
            element(f"clocks/{xml}_clock", f"Clocks/{text}", MHZ, call("nvmlDeviceGetClockInfo", clock))
            for xml, text, clock in CLOCKS
        ),
        *(
            element(
                f"clocks_event_reasons/clocks_event_reason_{xml}|clocks_throttle_reasons/clocks_throttle_reason_{xml}",
                f"Clocks Event Reasons/{text}",
                cleared(reason),
                call("nvmlDeviceGetCurrentClocksEventReasons"),
            )
            for xml, text, reason in (
                ("gpu_idle", "Idle", n.nvmlClocksEventReasonGpuIdle),
                (
                    "applications_clocks_setting",
                    "Applications Clocks Setting",
                    n.nvmlClocksEventReasonApplicationsClocksSetting,
                ),
                ("sw_power_cap", "SW Power Cap", n.nvmlClocksEventReasonSwPowerCap),
                ("hw_slowdown", "HW Slowdown", n.nvmlClocksThrottleReasonHwSlowdown),
                ("hw_thermal_slowdown", "HW Slowdown/HW Thermal Slowdown", n.nvmlClocksThrottleReasonHwThermalSlowdown),
                (
                    "hw_power_brake_slowdown",
                    "HW Slowdown/HW Power Brake Slowdown",
                    n.nvmlClocksThrottleReasonHwPowerBrakeSlowdown,
                ),
                ("sync_boost", "Sync Boost", n.nvmlClocksEventReasonSyncBoost),
                ("sw_thermal_slowdown", "SW Thermal Slowdown", n.nvmlClocksEventReasonSwThermalSlowdown),
                ("display_clocks_setting", "Display Clock Setting", n.nvmlClocksEventReasonDisplayClockSetting),
            )
        ),
    ),
    "the surroundings, and what the GPU does": (
        element("fan_speed", "Fan Speed", PERCENT, call("nvmlDeviceGetFanSpeed")),
        element("temperature/gpu_temp", "Temperature/GPU Current Temp", CELSIUS, call("nvmlDeviceGetTemperature", 0)),
        element(
            "temperature/gpu_temp_tlimit",
            "Temperature/GPU T.Limit Temp|Temperature/GPU Current T.Limit Temp",
            CELSIUS,
            call("nvmlDeviceGetMarginTemperature"),
        ),
        element(
            "temperature/memory_temp", "Temperature/Memory Current Temp", CELSIUS, FieldValue("NVML_FI_DEV_MEMORY_TEMP")
        ),
        element(
            "gpu_power_readings/power_draw|power_readings/power_draw",
            "GPU Power Readings/Power Draw|Power Readings/Power Draw",
            WATTS,
            call("nvmlDeviceGetPowerUsage"),
        ),
        element(
            "gpu_power_readings/average_power_draw",
            "GPU Power Readings/Average Power Draw",
            WATTS,
            FieldValue("NVML_FI_DEV_POWER_AVERAGE"),
        ),
        element(
            "gpu_power_readings/instant_power_draw",
            "GPU Power Readings/Instantaneous Power Draw",
            WATTS,
            FieldValue("NVML_FI_DEV_POWER_INSTANT"),
        ),
        *(
            element(f"{xml}/{reading}", f"{text}/{title}", WATTS, FieldValue(field, scope))
            for xml, text, scope in (
                ("gpu_memory_power_readings", "GPU Memory Power Readings", MEMORY),
                ("module_power_readings", "Module Power Readings", MODULE),
            )
            for reading, title, field in (
                (
                    f"average_power_draw|{xml}/power_draw",
                    f"Average Power Draw|{text}/Power Draw",
                    "NVML_FI_DEV_POWER_AVERAGE",
                ),
                ("instant_power_draw", "Instantaneous Power Draw", "NVML_FI_DEV_POWER_INSTANT"),
            )
        ),
    ),
    "what programs have taken": (
        element("fb_memory_usage/used", "FB Memory Usage/Used", MIB, memory("used")),
        element("fb_memory_usage/free", "FB Memory Usage/Free", MIB, memory("free")),
        element(
            "bar1_memory_usage/used", "BAR1 Memory Usage/Used", MIB, call("nvmlDeviceGetBAR1MemoryInfo", at="bar1Used")
        ),
        element(
            "bar1_memory_usage/free", "BAR1 Memory Usage/Free", MIB, call("nvmlDeviceGetBAR1MemoryInfo", at="bar1Free")
        ),
        element(
            "cc_protected_memory_usage/used",
            "Conf Compute Protected Memory Usage/Used",
            MIB,
            call("nvmlDeviceGetConfComputeProtectedMemoryUsage", at="used"),
        ),
        element(
            "cc_protected_memory_usage/free",
            "Conf Compute Protected Memory Usage/Free",
            MIB,
            call("nvmlDeviceGetConfComputeProtectedMemoryUsage", at="free"),
        ),
        element("processes", "Processes", LISTED, call("nvmlDeviceGetComputeRunningProcesses")),
    ),
    "the load and the saving of power of the link": (
        element(
            link("pcie_gen/current_link_gen"),
            "PCI/GPU Link Info/PCIe Generation/Current",
            NUMBER,
            call("nvmlDeviceGetCurrPcieLinkGeneration"),
        ),
        element(
            link("pcie_gen/device_current_link_gen"),
            "PCI/GPU Link Info/PCIe Generation/Device Current",
            NUMBER,
            call("nvmlDeviceGetCurrPcieLinkGeneration"),
        ),
        element(
            link("link_widths/current_link_width"),
            "PCI/GPU Link Info/Link Width/Current",
            WIDTH,
            call("nvmlDeviceGetCurrPcieLinkWidth"),
        ),
        element("pci/tx_util", "PCI/Tx Throughput", KB_S, call("nvmlDeviceGetPcieThroughput", 0)),
        element("pci/rx_util", "PCI/Rx Throughput", KB_S, call("nvmlDeviceGetPcieThroughput", 1)),
    ),
    "counters": (
        element(
            "inforom_time_data/time_run",
            "Inforom Time Data/Time Run",
            NUMBER,
            call("nvmlDeviceGetBBXTimeData_v1", at="timeRun"),
        ),
        element("pci/replay_counter", "PCI/Replays Since Reset", NUMBER, call("nvmlDeviceGetPcieReplayCounter")),
        element(
            "pci/replay_rollover_counter",
            "PCI/Replay Number Rollovers",
            NUMBER,
            FieldValue("NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER"),
        ),
        *(
            element(
                f"clocks_event_reasons_counters/clocks_event_reasons_counters_{xml}",
                f"Clocks Event Reasons Counters/{text}",
                NANOSECONDS,
                FieldValue(f"NVML_FI_DEV_CLOCKS_EVENT_REASON_{field}"),
            )
            for xml, text, field in (
                ("sw_power_cap", "SW Power Capping", "SW_POWER_CAP"),
                ("sync_boost", "Sync Boost", "SYNC_BOOST"),
                ("sw_therm_slowdown", "SW Thermal Slowdown", "SW_THERM_SLOWDOWN"),
                ("hw_therm_slowdown", "HW Thermal Slowdown", "HW_THERM_SLOWDOWN"),
                ("hw_power_brake", "HW Power Braking", "HW_POWER_BRAKE_SLOWDOWN"),
            )
        ),
        *(
            element(f"ecc_errors/{when}/{xml}", f"ECC Errors/{when.title()}/{text}", NUMBER, ask)
            for when, counter in (("volatile", 0), ("aggregate", 1))
            for xml, text, ask in (
                ("sram_correctable", "SRAM Correctable", errors(0, counter, 7)),
                ("sram_uncorrectable", "SRAM Uncorrectable", errors(1, counter, 7)),
                ("sram_uncorrectable_parity", "SRAM Uncorrectable Parity", sram(f"{when}UncParity")),
                ("sram_uncorrectable_secded", "SRAM Uncorrectable SEC-DED", sram(f"{when}UncSecDed")),
                ("dram_correctable", "DRAM Correctable", errors(0, counter, 2)),
                ("dram_uncorrectable", "DRAM Uncorrectable", errors(1, counter, 2)),
            )
        ),
        element(
            "ecc_errors/aggregate/sram_threshold_exceeded",
            "ECC Errors/Aggregate/SRAM Threshold Exceeded",
            YES,
            sram("bThresholdExceeded"),
        ),
        *(
            element(
                f"ecc_errors/aggregate_uncorrectable_sram_sources/sram_{xml}",
                f"ECC Errors/Aggregate Uncorrectable SRAM Sources/SRAM {text}",
                NUMBER,
                sram(f"aggregateUncBucket{member}"),
            )
            for xml, text, member in (
                ("l2", "L2", "L2"),
                ("sm", "SM", "Sm"),
                ("microcontroller", "Microcontroller", "Mcu"),
                ("pcie", "PCIE", "Pcie"),
                ("other", "Other", "Other"),
            )
        ),
        *(
            element(
                f"ecc_errors/{when}/{kind}_bit/{xml}",
                f"ECC Errors/{when.title()}/{kind.title()} Bit/{text}",
                NUMBER,
                call("nvmlDeviceGetTotalEccErrors", bits_of, counter)
                if location is None
                else errors(bits_of, counter, location),
            )
            for when, counter in (("volatile", 0), ("aggregate", 1))
            for kind, bits_of in (("single", 0), ("double", 1))
            for xml, text, location in (
                ("device_memory", "Device Memory", 2),
                ("register_file", "Register File", 3),
                ("l1_cache", "L1 Cache", 0),
                ("l2_cache", "L2 Cache", 1),
                ("texture_memory", "Texture Memory", 4),
                ("texture_shm", "Texture Shared", 5),
                ("cbu", "CBU", 6),
                ("total", "Total", None),
            )
        ),
        element(
            "ecc_errors/channel_repair_pending",
            "ECC Errors/Channel Repair Pending",
            YES,
            call("nvmlDeviceGetRepairStatus", at=0),
        ),
        element(
            "ecc_errors/tpc_repair_pending",
            "ECC Errors/TPC Repair Pending",
            YES,
            call("nvmlDeviceGetRepairStatus", at=1),
        ),
        element(
            "ecc_errors/unrepairable_memory",
            "ECC Errors/Unrepairable Memory",
            YES,
            call("nvmlDeviceGetUnrepairableMemoryFlag_v1"),
        ),
        *(
            element(
                f"retired_pages/{xml}_retirement/retired_count",
                f"Retired Pages/{text} Bit ECC",
                COUNT,
                call("nvmlDeviceGetRetiredPages", cause),
            )
            for xml, text, cause in (("multiple_single_bit", "Single", 0), ("double_bit", "Double", 1))
        ),
        *(
            element(
                f"retired_pages/{xml}_retirement/retired_pagelist",
                f"Retired Pages/{text} Bit List",
                LISTED,
                call("nvmlDeviceGetRetiredPages", cause),
            )
            for xml, text, cause in (("multiple_single_bit", "Single", 0), ("double_bit", "Double", 1))
        ),
        element(
            "retired_pages/pending_retirement",
            "Retired Pages/Pending Page Blacklist",
            YES,
            call("nvmlDeviceGetRetiredPagesPendingStatus"),
        ),
        element(
            "retired_pages/pending_blacklist",
            "Retired Pages/Pending Retirement",
            YES,
            call("nvmlDeviceGetRetiredPagesPendingStatus"),
        ),
        *(
            element(
                f"remapped_rows/remapped_row_{xml}",
                f"Remapped Rows/{text}",
                kind,
                call("nvmlDeviceGetRemappedRows", at=at),
            )
            for at, (xml, text, kind) in enumerate(
                (
                    ("corr", "Correctable Error", NUMBER),
                    ("unc", "Uncorrectable Error", NUMBER),
                    ("pending", "Pending", YES),
                    ("failure", "Remapping Failure Occurred", YES),
                )
            )
        ),
        element(
            "remapped_rows/remapped_row_corr_inactive",
            "Remapped Rows/Inactive Correctable Error",
            NUMBER,
            fill("nvmlDeviceGetRemappedRows_v2", "c_nvmlRemappedRowsInfo_v2_t", "corrInactiveRemaps"),
        ),
        element(
            "remapped_rows/remapped_row_unc_inactive",
            "Remapped Rows/Inactive Uncorrectable Error",
            NUMBER,
            fill("nvmlDeviceGetRemappedRows_v2", "c_nvmlRemappedRowsInfo_v2_t", "uncInactiveRemaps"),
        ),
        element("remapped_rows", "Remapped Rows", NUMBER, call("nvmlDeviceGetRemappedRows", at=0)),
        *(
            element(
                f"remapped_rows/row_remapper_histogram/row_remapper_histogram_{name}",
                f"Remapped Rows/Bank Remap Availability Histogram/{name.title()}",
                BANKS,
                call("nvmlDeviceGetRowRemapperHistogram", at=name),
            )
            for name in ("high", "partial", "low", "none")
        ),
    ),
    "the health of the fabric": (
        element("fabric/state", "Fabric/State", FABRIC_STATE, fabric("state")),
        element("fabric/status", "Fabric/Status", FABRIC_STATUS, fabric("status")),
        element("fabric/health/summary", "Fabric/Health/Summary", HEALTH, fabric("healthSummary")),
        *(
            element(f"fabric/health/{xml}", f"Fabric/Health/{text}", bits(shift, width, names), fabric("healthMask"))
            for xml, text, shift, width, names in (
                ("bandwidth", "Bandwidth", 0, 2, {1: "Degraded", 2: "Full"}),
                ("route_recovery_in_progress", "Route Recovery in progress", 2, 2, {1: "True", 2: "False"}),
                ("route_unhealthy", "Route Unhealthy", 4, 2, {1: "True", 2: "False"}),
                ("access_timeout_recovery", "Access Timeout Recovery", 6, 2, {1: "True", 2: "False"}),
                ("incorrect_configuration", "Incorrect Configuration", 8, 4, {1: "None"}),
                ("partition_assigned", "Partition Assigned", 12, 2, {1: "True", 2: "False"}),
            )
        ),
    ),
}

# The node, above its GPUs.
SYSTEM = (
    element("driver_version", "Driver Version", TEXT, system("nvmlSystemGetDriverVersion")),
    element("cuda_version", "CUDA Version", VERSION, system("nvmlSystemGetCudaDriverVersion_v2")),
    element("attached_gpus", "Attached GPUs", NUMBER, system("nvmlDeviceGetCount")),
)

INTERNAL = "asked through the driver's undocumented export table: no function of nvml.h answers it"
# Elements, or folders of them, that no call of nvml.h is behind.
OWN = {
    "timestamp|Timestamp": "the time of nvidia-smi itself",
    "gpu_part_number|GPU Part Number": INTERNAL,
    "gpu_fru_part_number|FRU Part Number": INTERNAL,
    "ibmnpu|IBMNPU": INTERNAL,
    f"{link('pcie_gen/max_host_link_gen')}|PCI/GPU Link Info/PCIe Generation/Host Max": INTERNAL,
    "sparse_operation_mode|Sparse Operation Mode": INTERNAL,
    "deferred_clocks|Deferred Clocks": INTERNAL,
    "voltage|Voltage": INTERNAL,
}
# Elements of subjects that are not modelled yet.
UNASKED = {
    "mig_devices|MIG Devices": "MIG devices",
    "accounted_processes|Accounted Processes": "accounting of processes",
    "power_smoothing|Power Smoothing": "power smoothing",
    "power_profiles|Workload Power Profiles": "workload power profiles",
    "GPU Power Readings/GPU Base Power": "the power scope of the GPU's base power",
    "Platform Info/RACK Serial Number": "the rack's GUID of nvmlPlatformInfo_v1_t",
}
