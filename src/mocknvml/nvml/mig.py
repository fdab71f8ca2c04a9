"""MIG: on a GPU without MIG mode, or with MIG mode off, no GPU instance and no compute instance exists."""

from mocknvml.table import refuses, unmodelled

FUNCTIONS = (
    *unmodelled(
        "MIG mode cannot be turned on",
        "nvmlDeviceSetMigMode",
    ),
    *unmodelled(
        "a GPU that supports MIG lists its profiles also while MIG mode is off",
        "nvmlDeviceGetGpuInstanceProfileInfo",
        "nvmlDeviceGetGpuInstanceProfileInfoV",
        "nvmlDeviceGetGpuInstanceProfileInfoByIdV",
        "nvmlDeviceGetGpuInstancePossiblePlacements",
        "nvmlDeviceGetGpuInstancePossiblePlacements_v2",
    ),
    *refuses(
        'MIG mode is off: nvml.h, "If device doesn\'t have MIG mode enabled"',
        "nvmlDeviceGetGpuInstanceRemainingCapacity",
        "nvmlDeviceCreateGpuInstance",
        "nvmlDeviceCreateGpuInstanceWithPlacement",
        "nvmlDeviceGetGpuInstances",
        "nvmlDeviceGetGpuInstanceById",
        "nvmlDeviceGetMigDeviceHandleByIndex",
    ),
    *refuses(
        'a whole GPU is not a MIG device: nvml.h, "Target MIG device handle"',
        "nvmlDeviceGetGpuInstanceId",
        "nvmlDeviceGetComputeInstanceId",
    ),
    *refuses(
        'a whole GPU is not a MIG device: nvml.h, "if migDevice is invalid"',
        "nvmlDeviceGetDeviceHandleFromMigDeviceHandle",
        code="INVALID_ARGUMENT",
    ),
    *refuses(
        "no GPU instance and no compute instance exists, so no handle of one is valid",
        "nvmlGpuInstanceDestroy",
        "nvmlGpuInstanceGetInfo",
        "nvmlGpuInstanceGetComputeInstanceProfileInfo",
        "nvmlGpuInstanceGetComputeInstanceProfileInfoV",
        "nvmlGpuInstanceGetComputeInstanceRemainingCapacity",
        "nvmlGpuInstanceGetComputeInstancePossiblePlacements",
        "nvmlGpuInstanceCreateComputeInstance",
        "nvmlGpuInstanceCreateComputeInstanceWithPlacement",
        "nvmlGpuInstanceGetComputeInstances",
        "nvmlGpuInstanceGetComputeInstanceById",
        "nvmlComputeInstanceDestroy",
        "nvmlComputeInstanceGetInfo",
        "nvmlComputeInstanceGetInfo_v2",
        code="INVALID_ARGUMENT",
    ),
)
