"""The PCI address and ids of a GPU, and its PCIe link."""

from mocknvml.table import CLEARED, Block, Domain, getter, native, u32, u64

Direction = Domain.of("nvmlPcieUtilCounter_t", "tx", "rx")

Atomics = Domain(("outbound", "inbound"))
Error = Domain(
    (
        *("l0_to_recovery", "correctable", "naks_received", "receiver", "bad_tlp", "naks_sent", "bad_dllp"),
        *("non_fatal", "fatal", "unsupported_request", "lcrc", "lane"),
    )
)


class Pci(Block):
    domain = u32()
    bus = u32()
    device = u32()
    device_id = u32()
    subsystem_id = u32()
    base_class = u32()
    sub_class = u32()


class Pcie(Block):
    generation = u32()
    generation_max = u32()
    gpu_generation_max = u32()
    host_generation_max = u32()  # only nvidia-smi shows it (`native/export.c`)
    width = u32()
    width_max = u32()
    throughput = u32("KB/s", per=Direction)
    replays = u32(reset=CLEARED)  # nvidia-smi: "Replays Since Reset"
    replay_rollovers = u32(reset=CLEARED)
    speed = u32("Mbps")
    speed_max = u32()  # NVML_PCIE_LINK_MAX_SPEED_*
    bus_type = u32()  # NVML_BUS_TYPE_*
    atomics = u32(per=Atomics)  # NVML_PCIE_ATOMICS_CAP_* bits
    errors = u32(per=Error)
    bytes = u64("B", per=Direction, reset=CLEARED)  # since the driver was loaded


FUNCTIONS = (
    native("nvmlDeviceGetPciInfo", "pci.c"),
    native("nvmlDeviceGetPciInfo_v2", "pci.c"),
    native("nvmlDeviceGetPciInfo_v3", "pci.c"),
    native("nvmlDeviceGetPciInfoExt", "pci.c"),
    getter("nvmlDeviceGetCurrPcieLinkGeneration", Pcie.generation),
    getter("nvmlDeviceGetMaxPcieLinkGeneration", Pcie.generation_max),
    getter("nvmlDeviceGetGpuMaxPcieLinkGeneration", Pcie.gpu_generation_max),
    getter("nvmlDeviceGetCurrPcieLinkWidth", Pcie.width),
    getter("nvmlDeviceGetMaxPcieLinkWidth", Pcie.width_max),
    getter("nvmlDeviceGetPcieThroughput", Pcie.throughput.by("counter")),
    getter("nvmlDeviceGetPcieReplayCounter", Pcie.replays),
    getter("nvmlDeviceGetPcieSpeed", Pcie.speed),
    getter("nvmlDeviceGetPcieLinkMaxSpeed", Pcie.speed_max),
    getter("nvmlDeviceGetBusType", Pcie.bus_type),
)
