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
        "Registers of the links' firmware on Blackwell and newer: no public source has their contents",
        "nvmlDeviceReadWritePRM_v1",
        "nvmlDeviceReadPRMCounters_v1",
    ),
    *unmodelled(
        "Setters and actions",
        "nvmlDeviceSetPowerMizerMode_v1",
        "nvmlDeviceSetAdaptiveTgpMode_v1",
        "nvmlDeviceSetMemoryLimits_v1",
        "nvmlDeviceWorkloadPowerProfileSetRequestedProfiles",
        "nvmlDeviceWorkloadPowerProfileClearRequestedProfiles",
        "nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1",
        "nvmlDevicePowerSmoothingActivatePresetProfile",
        "nvmlDevicePowerSmoothingUpdatePresetProfileParam",
    ),
    *unmodelled(
        "Power profiles, power smoothing and power modes",
        "nvmlDevicePowerSmoothingSetState",
    ),
    *unmodelled(
        "Samples, encoder and frame-buffer-capture sessions, utilization of processes",
        "nvmlDevicePerfMetricsGetSamples_v1",
    ),
)
