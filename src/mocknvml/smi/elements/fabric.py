"""The fabric of NVLinks."""

from __future__ import annotations

from mocknvml.smi.calls import Call, fabric, fill
from mocknvml.smi.elements.shape import INACTIVE, element, section
from mocknvml.smi.kinds import FABRIC_STATE, FABRIC_STATUS, HEALTH, IDENTITY, NUMBER, TRUE_FALSE, bits


def fabric_v2(member: str) -> Call:
    return fill("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v2_t", member)


def fabric_v3(member: str) -> Call:
    return fill("nvmlDeviceGetGpuFabricInfoV", "c_nvmlGpuFabricInfo_v3_t", member)


BANDWIDTH = {1: "Degraded", 2: "Full"}


FABRIC = section(
    "fabric",
    "Fabric",
    *(
        it
        for drivers, ask in (("525-550", fabric), ("550-570", fabric_v2), ("570-", fabric_v3))
        for it in (
            element("state", "State", FABRIC_STATE, ask("state"), drivers),
            element("status", "Status", FABRIC_STATUS, ask("status"), drivers),
        )
    ),
    element("cliqueId", "CliqueId", NUMBER, fabric_v2("cliqueId"), "550-570"),
    element("clusterUuid", "ClusterUUID", IDENTITY, fabric_v2("clusterUuid"), "550-570"),
    element("cliqueId", "CliqueId", NUMBER, fabric_v3("cliqueId"), "570-"),
    element("clusterUuid", "ClusterUUID", IDENTITY, fabric_v3("clusterUuid"), "570-"),
    section(
        "health",
        "Health",
        element("bandwidth", "Bandwidth", bits(0, 2, BANDWIDTH), fabric_v2("healthMask"), "-555"),
        element("bandwidth", "Bandwidth", bits(0, 1, {1: "Degraded"}), fabric_v2("healthMask"), "555-570"),
        element("summary", "Summary", HEALTH, fabric_v3("healthSummary"), "580-"),
        *(
            element(xml, text, bits(shift, width, names), fabric_v3("healthMask"), drivers)
            for xml, text, shift, width, names, drivers in (
                ("bandwidth", "Bandwidth", 0, 2, BANDWIDTH, "570-"),
                ("route_recovery_in_progress", "Route Recovery in progress", 2, 2, TRUE_FALSE, "570-"),
                ("route_unhealthy", "Route Unhealthy", 4, 2, TRUE_FALSE, "570-"),
                ("access_timeout_recovery", "Access Timeout Recovery", 6, 2, TRUE_FALSE, "570-"),
                ("incorrect_configuration", "Incorrect Configuration", 8, 4, {1: "None"}, "580-"),
                ("partition_assigned", "Partition Assigned", 12, 2, TRUE_FALSE, INACTIVE),
            )
        ),
        drivers="550-",
    ),
    drivers="525-",
)
