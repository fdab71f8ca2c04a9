"""Modes of a GPU: performance state, persistence, compute, display, MIG, virtualization."""

from mocknvml.table import CLEARED, ROOT, Block, Cleared, Domain, choice, flag, getter, native, setter, u32, u64

ComputeMode = Domain.of("nvmlComputeMode_t", "default", "exclusive_thread", "prohibited", "exclusive_process")
Virtualization = Domain.of("nvmlGpuVirtualizationMode_t", "none", "passthrough", "vgpu", "host_vgpu", "host_vsga")

Operation = Domain.of("nvmlGpuOperationMode_t", "all_on", "compute", "low_dp")
TimeSlice = Domain(("default", "short", "medium", "long"))
Api = Domain.of("nvmlRestrictedAPI_t", "application_clocks", "auto_boosted_clocks")


class Modes(Block):
    """A reset brings into force what is pending, also where nvml.h wants a reboot, and ends what NVIDIA's "Data
    Persistence" ends with the driver. nvidia-smi -r keeps the persistence mode: its manual warns where it cannot.
    """

    performance_state = u32()  # 0 is P0
    persistence = flag()
    compute = choice(ComputeMode, reset=CLEARED)
    display = flag()
    display_active = flag()
    mig_pending = u32()
    mig = u32(reset=mig_pending)
    mig_resetless = flag()
    mig_query_independent = flag()
    virtualization = choice(Virtualization)
    host_vgpu = u32()
    operation_pending = choice(Operation)
    operation = choice(Operation, reset=operation_pending)
    accounting = flag(reset=CLEARED)
    accounting_buffer = u32()
    # nvml.h: everybody may boost until root restricts it; root alone sets the clocks of applications.
    restricted = flag(per=Api, reset=(Cleared("application_clocks", 1), Cleared("auto_boosted_clocks")))
    dram_encryption_pending = flag()
    dram_encryption = flag(reset=dram_encryption_pending)
    mig_devices_max = u32()
    # Only nvidia-smi shows these (`native/export.c`).
    sparse_operation = flag(reset=CLEARED)
    # Volta and newer: a Tesla P4 has none (kubernetes-sigs/dra-driver-nvidia-gpu issue 41), an RTX 3070 and a 4090 do.
    time_slice = choice(TimeSlice, reset=CLEARED)
    boost = u32(reset=CLEARED)  # its slider "vboost"
    boost_max = u32()
    shared_data_polling = u64()  # NVML_RUSD_POLL_* bits


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
    getter("nvmlDeviceGetHostVgpuMode", Modes.host_vgpu),
    getter("nvmlDeviceGetGpuOperationMode", current=Modes.operation, pending=Modes.operation_pending),
    setter("nvmlDeviceSetGpuOperationMode", Modes.operation_pending, needs=ROOT),
    getter("nvmlDeviceGetAPIRestriction", Modes.restricted.by("apiType")),
    setter("nvmlDeviceSetAPIRestriction", Modes.restricted.by("apiType"), needs=ROOT),
    getter(
        "nvmlDeviceGetDramEncryptionMode",
        **{
            "current.encryptionState": Modes.dram_encryption,
            "pending.encryptionState": Modes.dram_encryption_pending,
        },
    ),
    setter("nvmlDeviceSetDramEncryptionMode", encryptionState=Modes.dram_encryption_pending, needs=ROOT),
    native("nvmlDeviceSetRusdSettings_v1", "modes.c"),
    getter("nvmlDeviceGetMaxMigDeviceCount", Modes.mig_devices_max),
    # No MIG device exists, so every valid handle is that of a whole GPU.
    native("nvmlDeviceIsMigDeviceHandle", "find.c"),
)
