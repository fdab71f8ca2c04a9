"""Confidential computing: what the system can do and does, and each GPU's protected memory."""

from mocknvml.table import ROOT, Block, System, flag, getter, native, refuses, setter, u32, u64


class ConfComputeSystem(System):
    cpu_capabilities = u32()
    gpu_capabilities = u32()
    environment = u32()
    feature = u32()
    developer_tools = u32()
    multi_gpu = u32()
    tdisp = u32()  # NVML_CC_SYSTEM_TDISP_STATE_*
    accepting_work = flag()
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
    native("nvmlSystemGetConfComputeState", "conf_compute.c"),
    getter(
        "nvmlSystemGetConfComputeSettings",
        environment=ConfComputeSystem.environment,
        ccFeature=ConfComputeSystem.feature,
        devToolsMode=ConfComputeSystem.developer_tools,
        multiGpuMode=ConfComputeSystem.multi_gpu,
    ),
    getter(
        "nvmlSystemGetConfComputeSettings_v2",
        environment=ConfComputeSystem.environment,
        ccFeature=ConfComputeSystem.feature,
        devToolsMode=ConfComputeSystem.developer_tools,
        multiGpuMode=ConfComputeSystem.multi_gpu,
        tdispState=ConfComputeSystem.tdisp,
    ),
    getter("nvmlSystemGetConfComputeGpusReadyState", ConfComputeSystem.accepting_work),
    setter("nvmlSystemSetConfComputeGpusReadyState", ConfComputeSystem.accepting_work, needs=ROOT),
    getter(
        "nvmlSystemGetConfComputeKeyRotationThresholdInfo",
        attackerAdvantage=ConfComputeSystem.attacker_advantage,
    ),
    native("nvmlSystemSetConfComputeKeyRotationThresholdInfo", "conf_compute.c"),
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
    setter("nvmlDeviceSetConfComputeUnprotectedMemSize", ConfCompute.unprotected_size, needs=ROOT),
    *refuses(
        "no certificate and no report without confidential computing, which is off",
        "nvmlDeviceGetConfComputeGpuCertificate",
        "nvmlDeviceGetConfComputeGpuAttestationReport",
    ),
)
