"""Functions that refuse on purpose, and functions that are not modelled, each group with its reason.

Both answer NOT_SUPPORTED, after the entry checks. A function that becomes a row elsewhere leaves this file.
"""

from mocknvml.table import refuses, unmodelled

FUNCTIONS = (
    *refuses(
        "S-class units (Tesla S1070, S2050) and their host interface cards: no machine with a current driver has one",
        "nvmlUnitGetHandleByIndex",
        "nvmlUnitGetUnitInfo",
        "nvmlUnitGetLedState",
        "nvmlUnitGetPsuInfo",
        "nvmlUnitGetTemperature",
        "nvmlUnitGetFanSpeedInfo",
        "nvmlUnitGetDevices",
        "nvmlUnitSetLedState",
    ),
    *refuses(
        'Windows only: nvml.h, "For Windows only"',
        "nvmlDeviceGetDriverModel_v2",
        "nvmlDeviceSetDriverModel",
        "nvmlDeviceGetDriverModel",
    ),
    *unmodelled(
        "Confidential computing",
        "nvmlDeviceSetDramEncryptionMode",
        "nvmlDeviceGetConfComputeGpuCertificate",
        "nvmlDeviceGetConfComputeGpuAttestationReport",
        "nvmlDeviceSetConfComputeUnprotectedMemSize",
        "nvmlSystemSetConfComputeGpusReadyState",
        "nvmlSystemSetConfComputeKeyRotationThresholdInfo",
        "nvmlSystemGetConfComputeSettings_v2",
    ),
    *unmodelled(
        "Drain state, removal and discovery of GPUs",
        "nvmlDeviceModifyDrainState",
        "nvmlDeviceQueryDrainState",
        "nvmlDeviceRemoveGpu_v2",
        "nvmlDeviceDiscoverGpus",
        "nvmlDeviceRemoveGpu",
    ),
    *unmodelled(
        "Registers of the links' firmware on Blackwell and newer: no public source has their contents",
        "nvmlDeviceReadWritePRM_v1",
        "nvmlDeviceReadPRMCounters_v1",
    ),
    *unmodelled(
        "Power profiles, power smoothing and power modes",
        "nvmlDeviceGetPowerMizerMode_v1",
        "nvmlDeviceGetAdaptiveTgpModeInfo_v1",
        "nvmlDeviceWorkloadPowerProfileGetProfilesInfo",
        "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles",
    ),
    *unmodelled(
        "Clock tables, offsets and event reasons",
        "nvmlDeviceGetDynamicPstatesInfo",
        "nvmlDeviceGetSupportedPerformanceStates",
        "nvmlDeviceGetClkMonStatus",
    ),
    *unmodelled(
        "Retired pages, row remapping and error details",
        "nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts",
    ),
    *unmodelled(
        "Samples, encoder and frame-buffer-capture sessions, utilization of processes",
        "nvmlDevicePerfMetricsGetSamples_v1",
    ),
    *unmodelled(
        "InfoROM and firmware",
        "nvmlDeviceValidateInforom",
        "nvmlDeviceGetBridgeChipInfo",
    ),
    *unmodelled(
        "Thermal sensors and fans beyond the basic ones",
        "nvmlDeviceGetThermalSettings",
    ),
    *unmodelled(
        "Other readers",
        "nvmlDeviceGetMemoryLimits_v1",
        "nvmlDeviceGetMemoryBusWidth",
    ),
)
