"""The NVLink fabric and the rack that a GPU belongs to. Only boards of NVSwitch systems from Hopper on have one."""

from mocknvml.nvml.identity import Identity
from mocknvml.table import Block, getter, native, octets, u32


class Fabric(Block):
    cluster_uuid = octets(16)
    status = u32()  # nvmlReturn_t of the registration
    clique_id = u32()
    state = u32()  # NVML_GPU_FABRIC_STATE_*
    health_mask = u32()  # NVML_GPU_FABRIC_HEALTH_MASK_*
    health_summary = u32()  # NVML_GPU_FABRIC_HEALTH_SUMMARY_*
    clique_types = u32()  # NVML_GPU_FABRIC_CLIQUE_TYPE_*, from 0 on: 2 on Hopper, 4 on Blackwell (nvml.h)


class Platform(Block):
    ib_guid = octets(16)
    chassis_serial = octets(16)
    slot_number = u32()
    tray_index = u32()
    host_id = u32()
    peer_type = u32()


FUNCTIONS = (
    getter(
        "nvmlDeviceGetGpuFabricInfo",
        clusterUuid=Fabric.cluster_uuid,
        status=Fabric.status,
        cliqueId=Fabric.clique_id,
        state=Fabric.state,
    ),
    getter(
        "nvmlDeviceGetGpuFabricInfoV",
        clusterUuid=Fabric.cluster_uuid,
        status=Fabric.status,
        cliqueId=Fabric.clique_id,
        state=Fabric.state,
        healthMask=Fabric.health_mask,
        healthSummary=Fabric.health_summary,
    ),
    native("nvmlDeviceGetGpuFabricInfo_v4", "fabric.c"),
    native("nvmlDeviceSetHostname_v1", "fabric.c"),
    native("nvmlSystemGetCPER_v1", "fabric.c"),
    # Version 2 renames members of version 1, rackGuid to chassisSerialNumber among them: NVML change log, 570.
    getter(
        "nvmlDeviceGetPlatformInfo",
        ibGuid=Platform.ib_guid,
        rackGuid=Platform.chassis_serial,
        chassisPhysicalSlotNumber=Platform.slot_number,
        computeSlotIndex=Platform.tray_index,
        nodeIndex=Platform.host_id,
        chassisSerialNumber=Platform.chassis_serial,
        slotNumber=Platform.slot_number,
        trayIndex=Platform.tray_index,
        hostId=Platform.host_id,
        peerType=Platform.peer_type,
        moduleId=Identity.module_id,
    ),
)
