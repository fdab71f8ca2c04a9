"""Modes of a GPU: performance state, persistence, compute, display, MIG, virtualization."""

from mocknvml.table import ROOT, Block, Domain, choice, flag, getter, native, setter, u32

ComputeMode = Domain.of("nvmlComputeMode_t", "default", "exclusive_thread", "prohibited", "exclusive_process")
Virtualization = Domain.of("nvmlGpuVirtualizationMode_t", "none", "passthrough", "vgpu", "host_vgpu", "host_vsga")


class Modes(Block):
    performance_state = u32()  # 0 is P0
    persistence = flag()
    compute = choice(ComputeMode)
    display = flag()
    display_active = flag()
    mig = u32()
    mig_pending = u32()
    virtualization = choice(Virtualization)


FUNCTIONS = (
    getter("nvmlDeviceGetPerformanceState", Modes.performance_state),
    getter("nvmlDeviceGetPowerState", Modes.performance_state),
    getter("nvmlDeviceGetPersistenceMode", Modes.persistence),
    setter("nvmlDeviceSetPersistenceMode", Modes.persistence, needs=ROOT),
    getter("nvmlDeviceGetComputeMode", Modes.compute),
    setter("nvmlDeviceSetComputeMode", Modes.compute, needs=ROOT),
    getter("nvmlDeviceGetDisplayMode", Modes.display),
    getter("nvmlDeviceGetDisplayActive", Modes.display_active),
    getter("nvmlDeviceGetMigMode", currentMode=Modes.mig, pendingMode=Modes.mig_pending),
    getter("nvmlDeviceGetVirtualizationMode", Modes.virtualization),
    # No MIG device exists, so every valid handle is that of a whole GPU.
    native("nvmlDeviceIsMigDeviceHandle", "find.c"),
)
