"""What nvml.h cannot say in its types: per function, each with the source of the exception.

Everything else about a function's shape is read off its prototype.
"""

from __future__ import annotations

from typing import Final

# Lists that may be asked for their size: nvml.h lets this array be NULL ("a count of 0", "NULL to query the size").
OPTIONAL: Final[dict[str, tuple[str, ...]]] = {
    "nvmlSystemGetHicVersion": ("hwbcEntries",),
    "nvmlSystemGetTopologyGpuSet": ("deviceArray",),
    "nvmlUnitGetDevices": ("devices",),
    "nvmlDeviceGetTopologyNearestGpus": ("deviceArray",),
    "nvmlDeviceGetSupportedMemoryClocks": ("clocksMHz",),
    "nvmlDeviceGetSupportedGraphicsClocks": ("clocksMHz",),
    "nvmlDeviceGetEncoderSessions": ("sessionInfos",),
    "nvmlDeviceGetFBCSessions": ("sessionInfo",),
    "nvmlDeviceGetComputeRunningProcesses": ("infos",),
    "nvmlDeviceGetComputeRunningProcesses_v2": ("infos",),
    "nvmlDeviceGetComputeRunningProcesses_v3": ("infos",),
    "nvmlDeviceGetGraphicsRunningProcesses": ("infos",),
    "nvmlDeviceGetGraphicsRunningProcesses_v2": ("infos",),
    "nvmlDeviceGetGraphicsRunningProcesses_v3": ("infos",),
    "nvmlDeviceGetMPSComputeRunningProcesses": ("infos",),
    "nvmlDeviceGetMPSComputeRunningProcesses_v2": ("infos",),
    "nvmlDeviceGetMPSComputeRunningProcesses_v3": ("infos",),
    "nvmlDeviceGetSamples": ("samples",),
    "nvmlDeviceGetAccountingPids": ("pids",),
    "nvmlDeviceGetRetiredPages": ("addresses",),
    "nvmlDeviceGetRetiredPages_v2": ("addresses", "timestamps"),
    "nvmlDeviceGetProcessUtilization": ("utilization",),
    "nvmlDeviceGetSupportedVgpus": ("vgpuTypeIds",),
    "nvmlDeviceGetCreatableVgpus": ("vgpuTypeIds",),
    "nvmlDeviceGetActiveVgpus": ("vgpuInstances",),
    "nvmlDeviceGetVgpuUtilization": ("utilizationSamples",),
    "nvmlDeviceGetVgpuProcessUtilization": ("utilizationSamples",),
    "nvmlDeviceGetVgpuMetadata": ("pgpuMetadata",),
    "nvmlDeviceGetPgpuMetadataString": ("pgpuMetadata",),
    "nvmlVgpuTypeGetClass": ("vgpuTypeClass",),
    "nvmlVgpuTypeGetName": ("vgpuTypeName",),
    "nvmlVgpuInstanceGetEncoderSessions": ("sessionInfo",),
    "nvmlVgpuInstanceGetFBCSessions": ("sessionInfo",),
    "nvmlVgpuInstanceGetGpuPciId": ("vgpuPciId",),
    "nvmlVgpuInstanceGetMetadata": ("vgpuMetadata",),
    "nvmlVgpuInstanceGetAccountingPids": ("pids",),
    "nvmlDeviceGetGpuInstancePossiblePlacements": ("placements",),
    "nvmlDeviceGetGpuInstancePossiblePlacements_v2": ("placements",),
    "nvmlGpuInstanceGetComputeInstancePossiblePlacements": ("placements",),
    # nvml.h: an error only "if both current and pending are NULL"; nvidia-smi 535 passes one.
    "nvmlDeviceGetDriverModel": ("current", "pending"),
    "nvmlDeviceGetDriverModel_v2": ("current", "pending"),
    # nvidia-smi asks for one at a time, and shows [N/A] where a GPU has no modes.
    "nvmlDeviceGetGpuOperationMode": ("current", "pending"),
    # nvml.h, nvmlDeviceDiscoverGpus: the PCI tree to search; NULL is no error that it lists.
    "nvmlDeviceDiscoverGpus": ("pciInfo",),
}

# Lists whose size query, a count of 0, succeeds with the count: nvml.h, "call this function with *sessionCount = 0. The
# code will return NVML_SUCCESS". Everywhere else it is INSUFFICIENT_SIZE with the count.
SIZE_QUERY_SUCCEEDS: Final = ("nvmlDeviceGetEncoderSessions", "nvmlDeviceGetFBCSessions")

# Old symbols whose callers were compiled with shorter structs than today's prototype says: the type of native/legacy.h.
LEGACY: Final[dict[str, tuple[str, str]]] = {
    "nvmlDeviceGetPciInfo": ("mock_legacy_pci_info_v1_t", "pci"),
    "nvmlDeviceGetPciInfo_v2": ("mock_legacy_pci_info_v2_t", "pci"),
    "nvmlDeviceGetNvLinkRemotePciInfo": ("mock_legacy_pci_info_v2_t", "pci"),
    "nvmlDeviceRemoveGpu": ("mock_legacy_pci_info_v2_t", "pciInfo"),
    "nvmlEventSetWait": ("mock_legacy_event_data_v1_t", "data"),
    "nvmlDeviceGetAttributes": ("mock_legacy_device_attributes_v1_t", "attributes"),
    "nvmlComputeInstanceGetInfo": ("mock_legacy_compute_instance_info_v1_t", "info"),
    "nvmlDeviceGetGridLicensableFeatures": ("mock_legacy_grid_licensable_features_v1_t", "pGridLicensableFeatures"),
    "nvmlDeviceGetGridLicensableFeatures_v2": ("mock_legacy_grid_licensable_features_v2_t", "pGridLicensableFeatures"),
    "nvmlDeviceGetGridLicensableFeatures_v3": ("mock_legacy_grid_licensable_features_v3_t", "pGridLicensableFeatures"),
    "nvmlVgpuInstanceGetLicenseInfo": ("mock_legacy_vgpu_license_info_v1_t", "licenseInfo"),
}

# Texts whose room no argument tells.
TEXT_ROOM: Final[dict[str, str]] = {
    # nvml.h: "the buffer must be of size NVML_GSP_FIRMWARE_VERSION_BUF_SIZE"
    "nvmlDeviceGetGspFirmwareVersion": "NVML_GSP_FIRMWARE_VERSION_BUF_SIZE",
}

# Exported by every real library, but in no prototype of today's header. The excluded-device functions had these names
# before driver 470 and nvml.h still maps them; nvidia-smi finds the table by its name.
EXTRA_PROTOTYPES: Final = """
nvmlReturn_t nvmlGetBlacklistDeviceCount(unsigned int *deviceCount);
nvmlReturn_t nvmlGetBlacklistDeviceInfoByIndex(unsigned int index, nvmlExcludedDeviceInfo_t *info);
nvmlReturn_t nvmlInternalGetExportTable(const void **table, const void *guid);
"""
