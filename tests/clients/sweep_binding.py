"""Call the wrappers of nvidia-ml-py, and print what each answers as JSON: `sweep_binding.py readers` or `... changers`.

Each wrapper's name is written to stderr before the call, so that the last one is known when the program dies.
"""

import contextlib
import ctypes
import inspect
import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pynvml as nvml

# Not functions of the library: helpers of the binding, and what the program itself does at its start and end.
NOT_CALLED = {"nvmlExceptionClass", "nvmlStructToFriendlyObject", "nvmlFriendlyObjectToStruct"}
CHANGES = re.compile(
    r"nvml(Shutdown|[A-Z][a-z2A-Z]*?(Set|Reset|Clear|Freeze|Create(?!dVgpus|able)|Destroy|Modify|Remove|Discover|Activate|"
    r"Update|ForceGsp|Validate)[A-Z0-9]\w*)"
)


def changes(wrapper: str) -> bool:
    """Whether the wrapper changes what others answer; creating and freeing an event set does not."""
    return bool(CHANGES.fullmatch(wrapper)) and "EventSet" not in wrapper and "GetHandle" not in wrapper


def gpu() -> Any:
    return nvml.nvmlDeviceGetHandleByIndex(0)


def other_gpu() -> Any:
    return nvml.nvmlDeviceGetHandleByIndex(7)


def mig_gpu() -> Any:
    """A GPU in MIG mode; once in it, it stays so."""
    device = nvml.nvmlDeviceGetHandleByIndex(1)
    if nvml.nvmlDeviceGetMigMode(device)[0] == nvml.NVML_DEVICE_MIG_DISABLE:
        nvml.nvmlDeviceSetMigMode(device, nvml.NVML_DEVICE_MIG_ENABLE)
    return device


def profile_id(device: Any) -> int:
    return int(nvml.nvmlDeviceGetGpuInstanceProfileInfo(device, nvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE).id)


def gpu_instance() -> Any:
    """One that has room for a compute instance; it takes the place of the one before."""
    device = mig_gpu()
    for instance_id in range(16):
        try:
            instance = nvml.nvmlDeviceGetGpuInstanceById(device, instance_id)
        except nvml.NVMLError:
            continue
        destroy(instance)
    return nvml.nvmlDeviceCreateGpuInstance(device, profile_id(device))


def destroy(instance: Any) -> None:
    with contextlib.suppress(nvml.NVMLError_NotFound):
        nvml.nvmlComputeInstanceDestroy(nvml.nvmlGpuInstanceGetComputeInstanceById(instance, 0))
    nvml.nvmlGpuInstanceDestroy(instance)


def compute_instance() -> Any:
    return nvml.nvmlGpuInstanceCreateComputeInstance(gpu_instance(), 0)


def mig_device() -> Any:
    compute_instance()
    return nvml.nvmlDeviceGetMigDeviceHandleByIndex(mig_gpu(), 0)


def system_event_set() -> Any:
    return nvml.nvmlSystemEventSetCreate(nvml.nvmlSystemEventSetCreateRequest_v1)


def gpm_sample() -> Any:
    sample = nvml.nvmlGpmSampleAlloc()
    nvml.nvmlGpmSampleGet(gpu(), sample)
    return sample


def gpm_request() -> Any:
    request = nvml.c_nvmlGpmMetricsGet_t(version=nvml.NVML_GPM_METRICS_GET_VERSION, numMetrics=1)
    request.sample1, request.sample2 = gpm_sample(), gpm_sample()
    request.metrics[0].metricId = nvml.NVML_GPM_METRIC_SM_UTIL
    return request


def telemetry() -> Any:
    room = (ctypes.c_ulonglong * 8)()
    sample = nvml.c_nvmlNvlinkTelemetrySample_v1_t(sampleCount=8)
    sample.samples = ctypes.cast(room, ctypes.POINTER(ctypes.c_ulonglong))
    return nvml.c_nvmlNvlinkTelemetrySamples_v1_t(1, ctypes.pointer(sample))


def prm_counters() -> Any:
    counter = nvml.c_nvmlPRMCounter_v1_t(1, nvml.c_nvmlPRMCounterInput_v1_t(1))
    return nvml.c_nvmlPRMCounterList_v1_t(1, ctypes.pointer(counter))


def made(struct: str, version: str = "", **members: Any) -> Callable[[], Any]:
    """A struct for a wrapper that refers to it itself."""

    def make() -> Any:
        value = getattr(nvml, struct)()
        if version:
            value.version = getattr(nvml, version)
        for name, member in members.items():
            setattr(value, name, member)
        return value

    return make


def lent(struct: str, version: str = "", **members: Any) -> Callable[[], Any]:
    """A struct for a wrapper that hands on what it is given."""
    make = made(struct, version, **members)
    return lambda: ctypes.pointer(make())


def array(struct: str, length: int = 16) -> Callable[[], Any]:
    return lambda: (getattr(nvml, struct) * length)()


# What to pass by the name of a parameter; a function makes the value anew for each call.
ARGUMENTS: dict[str, Any] = {
    "handle": gpu,
    "device": gpu,
    "handle1": gpu,
    "handle2": other_gpu,
    "device1": gpu,
    "device2": other_gpu,
    "migDevice": mig_device,
    "gpuInstance": gpu_instance,
    "computeInstance": compute_instance,
    "gpuInstanceId": 1,
    "computeInstanceId": 0,
    "unit": None,
    "index": 0,
    "pid": 1,
    "cpuNumber": 0,
    "result": nvml.NVML_ERROR_NOT_SUPPORTED,
    "flags": 0,
    "serial": lambda: nvml.nvmlDeviceGetSerial(gpu()),
    "uuid": lambda: nvml.nvmlDeviceGetUUID(gpu()),
    "pciBusId": lambda: nvml.nvmlDeviceGetPciInfo(gpu()).busId,
    "pciInfo": lambda: nvml.nvmlDeviceGetPciInfo(other_gpu()),
    "cpuSetSize": 4,
    "nodeSetSize": 1,
    "scope": nvml.NVML_AFFINITY_SCOPE_NODE,
    "infoRomObject": nvml.NVML_INFOROM_ECC,
    "type": nvml.NVML_CLOCK_GRAPHICS,
    "clockType": nvml.NVML_CLOCK_GRAPHICS,
    "id": nvml.NVML_CLOCK_ID_CURRENT,
    "pstate": 0,
    "sensor": nvml.NVML_TEMPERATURE_GPU,
    "sensorindex": nvml.NVML_THERMAL_TARGET_ALL,
    "threshold": nvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,
    "temp": 80,
    "fan": 0,
    "speed": 50,
    "fanControlPolicy": nvml.NVML_FAN_POLICY_MANUAL,
    "memoryClockMHz": 2619,
    "minGpuClockMHz": 345,
    "maxGpuClockMHz": 1980,
    "minMemClockMHz": 2619,
    "maxMemClockMHz": 2619,
    "maxGraphicsClockMHz": 1980,
    "limit": 600_000,
    "powerScope": nvml.NVML_POWER_SCOPE_GPU,
    "powerLimit": 600_000,
    "offset": 0,
    "errorType": nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED,
    "counterType": nvml.NVML_VOLATILE_ECC,
    "locationType": nvml.NVML_MEMORY_LOCATION_DRAM,
    "sourceFilter": nvml.NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS,
    "apiType": nvml.NVML_RESTRICTED_API_SET_APPLICATION_CLOCKS,
    "isRestricted": 1,
    "mode": 0,
    "model": 0,
    "enabled": 0,
    "color": 0,
    "sampling_type": nvml.NVML_TOTAL_POWER_SAMPLES,
    "timeStamp": 0,
    "perfPolicyType": nvml.NVML_PERF_POLICY_POWER,
    "level": nvml.NVML_TOPOLOGY_SYSTEM,
    "p2pIndex": nvml.NVML_P2P_CAPS_INDEX_NVLINK,
    "link": 0,
    "counter": 0,
    "freeze": 0,
    "reset": 0,
    "control": made("nvmlNvLinkUtilizationControl_t"),
    "l1threshold": 100,
    "newState": nvml.NVML_FEATURE_ENABLED,
    "fieldIds": [nvml.NVML_FI_DEV_MEMORY_TEMP, (nvml.NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX, 0)],
    "eventTypes": nvml.nvmlEventTypeXidCriticalError,
    "eventSet": nvml.nvmlEventSetCreate,
    "setHandle": system_event_set,
    "timeoutms": 0,
    "timeoutMs": 0,
    "eventData": array("c_nvmlSystemEventData_v1_t", 1),
    "eventDataSize": 1,
    "encoderQueryType": nvml.NVML_ENCODER_QUERY_H264,
    "profile": nvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE,
    "engProfile": nvml.NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED,
    "profileId": lambda: profile_id(gpu()),
    "countRef": lambda: ctypes.pointer(ctypes.c_uint(16)),
    "state": nvml.NVML_FEATURE_ENABLED,
    "gpmSample": nvml.nvmlGpmSampleAlloc,
    "metricsGet": gpm_request,
    "capability": 0,
    "vgpuTypeId": 1,
    "vgpuInstance": 1,
    "virtualization_mode": nvml.NVML_GPU_VIRTUALIZATION_MODE_NONE,
    "heterogeneous_mode": 0,
    "encoder_capacity": 50,
    "vgpuMetadata": made("c_nvmlVgpuMetadata_t"),
    "pgpuMetadata": made("c_nvmlVgpuPgpuMetadata_t"),
    "vgpuVersion": made("c_nvmlVgpuVersion_t"),
    "max_atk_adv": 1,
    "c_nonce": [0] * nvml.NVML_CC_GPU_CEC_NONCE_SIZE,
    "c_ccMemSize": ctypes.c_ulonglong(0),
    "hostname": "mock",
    "settings": made("c_nvmlRusdSettings_v1_t"),
    "cper": made("c_nvmlGetCPER_v1_t"),
    "caps": lent("c_nvmlDeviceCapabilities_v1_t"),
    "counts": lent("c_nvmlEccSramUniqueUncorrectedErrorCounts_v1_t"),
    "platformInfo": lent("c_nvmlPlatformInfo_v2_t"),
    "profilesInfo": lent("c_nvmlWorkloadPowerProfileProfilesInfo_v1_t"),
    "currentProfiles": lent("c_nvmlWorkloadPowerProfileCurrentProfiles_v1_t"),
    "requestedProfiles": lent("c_nvmlWorkloadPowerProfileRequestedProfiles_v1_t"),
    "updateProfiles": lent("c_nvmlWorkloadPowerProfileUpdateProfiles_v1_t"),
    "supportedBwModes": lent("c_nvmlNvlinkSupportedBwModes_v1_t"),
    "getBwMode": lent("c_nvmlNvlinkGetBwMode_v1_t"),
    "setBwMode": lent("c_nvmlNvlinkSetBwMode_v1_t"),
    "setBwModeAsync": lent("c_nvmlNvlinkSetBwModeAsync_v1_t"),
    "c_vgpus": made("c_nvmlVgpuTypeIdInfo_v1_t", "nvmlVgpuTypeIdInfo_v1"),
    "c_vgpu_instance_info": made("c_nvmlActiveVgpuInstanceInfo_v1_t", "nvmlActiveVgpuInstanceInfo_v1"),
    "c_vgpu_sched_state_info": made("c_nvmlVgpuSchedulerStateInfo_v1_t", "nvmlVgpuSchedulerStateInfo_v1"),
    "c_vgpu_sched_log_info": made("c_nvmlVgpuSchedulerLogInfo_v1_t", "nvmlVgpuSchedulerLogInfo_v1"),
    "c_vgpu_placements": made("c_nvmlVgpuCreatablePlacementInfo_v1_t", "nvmlVgpuCreatablePlacementInfo_v1"),
    "c_vgpu_sched_state_info_v2": made("c_nvmlVgpuSchedulerStateInfo_v2_t"),
    "c_vgpu_sched_log_info_v2": made("c_nvmlVgpuSchedulerLogInfo_v2_t"),
    "sched_state_v2": made("c_nvmlVgpuSchedulerState_v2_t"),
}

# Where a wrapper means something else by a name.
EXCEPTIONS: dict[str, dict[str, Any]] = {
    "nvmlDeviceGetHandleByUUIDV": {
        "type": nvml.NVML_UUID_TYPE_ASCII,
        "uuid": lambda: nvml.nvmlDeviceGetUUID(gpu()).encode(),
    },
    # the struct does not know its version
    "nvmlDeviceGetPciInfoExt": {"c_info": lent("nvmlPciInfoExt_v1_t", "nvmlPciInfoExt_v1")},
    "nvmlDeviceReadWritePRM_v1": {"c_info": made("c_nvmlPRMTLV_v1_t")},
    "nvmlDeviceReadPRMCounters_v1": {"c_info": prm_counters},
    "nvmlDeviceGetRunningProcessDetailList": {"version": nvml.nvmlProcessDetailList_v1},
    "nvmlSystemEventSetCreate": {"version": nvml.nvmlSystemEventSetCreateRequest_v1},
    "nvmlSystemEventSetFree": {"version": nvml.nvmlSystemEventSetFreeRequest_v1},
    "nvmlSystemRegisterEvents": {
        "version": nvml.nvmlSystemRegisterEventRequest_v1,
        "eventTypes": nvml.nvmlSystemEventTypeGpuDriverUnbind,
    },
    "nvmlSystemEventSetWait": {"version": nvml.nvmlSystemEventSetWaitRequest_v1},
    "nvmlEventSetRegisterGpuOperationalEvents_v1": {
        "config": lambda: nvml.c_nvmlGpuOperationalEventConfig_v1_t(nvml.nvmlDeviceGetUUID(gpu()))
    },
    "nvmlEventSetWait_v3": {"params": made("c_nvmlEventSetWait_v3_t")},
    "nvmlEventSetGetContextCount_v1": {"params": made("c_nvmlEventSetGetContextCount_v1_t")},
    "nvmlEventSetGetContextInfo_v1": {"params": made("c_nvmlEventSetGetContextInfo_v1_t")},
    "nvmlEventSetGetContextData_v1": {"params": made("c_nvmlEventSetGetContextData_v1_t")},
    "nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1": {
        "params": made("c_nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1_t")
    },
    "nvmlDeviceGetNvLinkTelemetrySamples_v1": {"samples": telemetry},
    "nvmlDevicePerfMetricsGetSamples_v1": {"samples": made("c_nvmlPerfMetricsSamples_v1_t")},
    "nvmlSystemGetConfComputeSettings": {"settings": lent("c_nvmlSystemConfComputeSettings_v1_t")},
    "nvmlDeviceGetGpuFabricInfo": {"gpuFabricInfo": lent("c_nvmlGpuFabricInfo_t")},
    "nvmlDeviceGetGpuFabricInfoV": {"gpuFabricInfo": lent("c_nvmlGpuFabricInfo_v3_t", "nvmlGpuFabricInfo_v3")},
    "nvmlDeviceGetGpuFabricInfo_v4": {"gpuFabricInfo": lent("c_nvmlGpuFabricInfo_v4_t")},
    "nvmlDeviceGetSramEccErrorStatus": {"status": lent("c_nvmlEccSramErrorStatus_v1_t")},
    "nvmlDeviceGetBankRemapperStatus_v1": {"status": lent("c_nvmlEccBankRemapperStatus_v1_t")},
    "nvmlDeviceGetPowerMizerMode_v1": {"info": lent("c_nvmlDevicePowerMizerModes_v1_t")},
    "nvmlDeviceSetPowerMizerMode_v1": {"info": lent("c_nvmlDevicePowerMizerModes_v1_t")},
    "nvmlDeviceGetClockOffsets": {"info": lent("c_nvmlClockOffset_t", "nvmlClockOffset_v1")},
    "nvmlDeviceSetClockOffsets": {"info": lent("c_nvmlClockOffset_t", "nvmlClockOffset_v1")},
    "nvmlDeviceGetNvLinkInfo": {"info": lent("c_nvmlNvLinkInfo_v2_t")},
    "nvmlDeviceGetRemappedRows_v2": {"info": lent("c_nvmlRemappedRowsInfo_v2_t")},
    "nvmlDeviceGetAdaptiveTgpModeInfo_v1": {"info": lent("c_nvmlAdaptiveTgpModeInfo_v1_t")},
    "nvmlDeviceSetMemoryLimits_v1": {"limits": made("c_nvmlSetMemoryLimits_v1_t")},
    "nvmlDeviceGetMemoryLimits_v1": {"limits": made("c_nvmlGetMemoryLimits_v1_t")},
    "nvmlDevicePowerSmoothingSetState": {"state": lent("c_nvmlPowerSmoothingState_v1_t")},
    "nvmlDevicePowerSmoothingActivatePresetProfile": {"profile": lent("c_nvmlPowerSmoothingProfile_v1_t")},
    "nvmlDevicePowerSmoothingUpdatePresetProfileParam": {"profile": lent("c_nvmlPowerSmoothingProfile_v1_t")},
    "nvmlDeviceSetVgpuSchedulerState": {"sched_state": made("c_nvmlVgpuSchedulerSetState_t")},
    "nvmlGpuInstanceSetVgpuSchedulerState": {
        "sched_state": made("c_nvmlVgpuSchedulerState_v1_t", "nvmlVgpuSchedulerState_v1")
    },
    "nvmlDeviceGetGpuInstancePossiblePlacements": {"placementsRef": array("c_nvmlGpuInstancePlacement_t")},
    "nvmlDeviceGetGpuInstances": {"device": mig_gpu, "gpuInstancesRef": array("c_nvmlGpuInstance_t")},
    "nvmlDeviceCreateGpuInstance": {"device": mig_gpu},
    "nvmlDeviceCreateGpuInstanceWithPlacement": {
        "device": mig_gpu,
        "placement": lent("c_nvmlGpuInstancePlacement_t", start=3, size=1),
    },
    "nvmlGpuInstanceGetComputeInstanceProfileInfo": {"device": gpu_instance, "profile": 0},
    "nvmlGpuInstanceGetComputeInstanceProfileInfoV": {"device": gpu_instance, "profile": 0},
    "nvmlGpuInstanceGetComputeInstanceRemainingCapacity": {"profileId": 0},
    "nvmlGpuInstanceGetComputeInstancePossiblePlacements": {
        "profileId": 0,
        "placementsRef": array("c_nvmlComputeInstancePlacement_t"),
    },
    "nvmlGpuInstanceCreateComputeInstance": {"profileId": 0},
    "nvmlGpuInstanceCreateComputeInstanceWithPlacement": {
        "profileId": 0,
        "placement": lent("c_nvmlComputeInstancePlacement_t", start=0, size=1),
    },
    "nvmlGpuInstanceGetComputeInstances": {"profileId": 0, "computeInstancesRef": array("c_nvmlComputeInstance_t")},
    "nvmlGpmMigSampleGet": {"device": mig_gpu},
    "nvmlDeviceGetGpuInstanceId": {"device": mig_device},
    "nvmlDeviceGetComputeInstanceId": {"device": mig_device},
    "nvmlDeviceGetAttributes": {"device": mig_device},
    "nvmlDeviceGetAttributes_v2": {"device": mig_device},
    "nvmlDeviceSetComputeMode": {"mode": nvml.NVML_COMPUTEMODE_EXCLUSIVE_PROCESS},
}


def plain(value: Any) -> Any:
    """As JSON has it: a struct by its members, a handle or another pointer to something as "handle"."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, (ctypes.Structure, ctypes.Union)):
        return {name: plain(getattr(value, name)) for name, *_ in value._fields_}
    if isinstance(value, (list, tuple, ctypes.Array)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, nvml.nvmlFriendlyObject):
        return {name: plain(item) for name, item in vars(value).items()}
    if isinstance(value, ctypes._SimpleCData):
        return value.value
    return value if value is None or isinstance(value, (str, int, float)) else "handle"


def arguments(wrapper: str) -> list[Any]:
    """What to call a wrapper with; a KeyError tells of a parameter that the tables do not know."""
    special = EXCEPTIONS.get(wrapper, {})
    parameters = inspect.signature(getattr(nvml, wrapper)).parameters.values()
    asked = [item.name for item in parameters if item.default is item.empty]
    values = [special[name] if name in special else ARGUMENTS[name] for name in asked]
    return [value() if callable(value) else value for value in values]


def lends(value: Any) -> bool:
    """Whether it points to a struct; that of a handle is opaque."""
    return isinstance(value, ctypes._Pointer) and hasattr(value._type_, "_fields_")


def attempt(wrapper: str) -> dict[str, Any]:
    print(wrapper, file=sys.stderr, flush=True)
    try:
        passed = arguments(wrapper)
    except KeyError as missing:
        return {"unknown": str(missing)}
    except nvml.NVMLError as error:
        return {"unprepared": type(error).__name__}
    try:
        answer = getattr(nvml, wrapper)(*passed)
    except nvml.NVMLError as error:
        return {"error": type(error).__name__}
    return {"answer": plain(answer), "filled": [plain(item.contents) for item in passed if lends(item)]}


def wrappers() -> list[str]:
    return [name for name, value in vars(nvml).items() if name.startswith("nvml") and inspect.isfunction(value)]


if __name__ == "__main__":
    nvml.nvmlInit()
    wanted = [name for name in wrappers() if name not in NOT_CALLED and changes(name) == (sys.argv[1] == "changers")]
    wanted.sort(key=lambda name: ("Shutdown" in name, "RemoveGpu" in name))
    json.dump({name: attempt(name) for name in wanted}, sys.stdout)
