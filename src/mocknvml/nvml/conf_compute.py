"""Confidential computing: what the system can do and does, and each GPU's protected memory."""

from mocknvml.table import Block, System, getter, u32, u64


class ConfComputeSystem(System):
    cpu_capabilities = u32()
    gpu_capabilities = u32()
    environment = u32()
    feature = u32()
    developer_tools = u32()
    multi_gpu = u32()
    accepting_work = u32()
    attacker_advantage = u64()


class ConfCompute(Block):
    protected_total = u64("B")
    protected_used = u64("B")
    protected_free = u64("B", derived=protected_total - protected_used)
    protected_size = u64("KiB")
    unprotected_size = u64("KiB")


FUNCTIONS = (
    getter(
        "nvmlSystemGetConfComputeCapabilities",
        cpuCaps=ConfComputeSystem.cpu_capabilities,
        gpusCaps=ConfComputeSystem.gpu_capabilities,
    ),
    getter(
        "nvmlSystemGetConfComputeState",
        environment=ConfComputeSystem.environment,
        ccFeature=ConfComputeSystem.feature,
        devToolsMode=ConfComputeSystem.developer_tools,
    ),
    getter(
        "nvmlSystemGetConfComputeSettings",
        environment=ConfComputeSystem.environment,
        ccFeature=ConfComputeSystem.feature,
        devToolsMode=ConfComputeSystem.developer_tools,
        multiGpuMode=ConfComputeSystem.multi_gpu,
    ),
    getter("nvmlSystemGetConfComputeGpusReadyState", ConfComputeSystem.accepting_work),
    getter(
        "nvmlSystemGetConfComputeKeyRotationThresholdInfo",
        attackerAdvantage=ConfComputeSystem.attacker_advantage,
    ),
    getter(
        "nvmlDeviceGetConfComputeProtectedMemoryUsage",
        total=ConfCompute.protected_total,
        free=ConfCompute.protected_free,
        used=ConfCompute.protected_used,
    ),
    getter(
        "nvmlDeviceGetConfComputeMemSizeInfo",
        protectedMemSizeKib=ConfCompute.protected_size,
        unprotectedMemSizeKib=ConfCompute.unprotected_size,
    ),
)
