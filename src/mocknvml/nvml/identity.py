"""Who a GPU is: name, identifiers, architecture, engine counts, firmware versions."""

from mocknvml.table import (
    CLEARED,
    Block,
    Domain,
    Record,
    choice,
    finder,
    flag,
    getter,
    member,
    native,
    records,
    text,
    u32,
    u64,
)

Brand = Domain.of(
    "nvmlBrandType_t",
    *("unknown", "quadro", "tesla", "nvs", "grid", "geforce", "titan", "nvidia_vapps", "nvidia_vpc", "nvidia_vcs"),
    *("nvidia_vws", "nvidia_cloud_gaming", "quadro_rtx", "nvidia_rtx", "nvidia", "geforce_rtx", "titan_rtx"),
    *("nvidia_dla", "nvidia_vgamedev", "nvidia_npu"),
)
# NVML_DEVICE_ARCH_* are macros from 2 on, not an enum.
Architecture = Domain(
    (
        *("0", "1", "kepler", "maxwell", "pascal", "volta", "turing", "ampere", "ada", "hopper", "blackwell"),
        *("dla", "dla2", "rubin", "14", "npu3"),
    )
)

InforomObject = Domain.of("nvmlInforomObject_t", "oem", "ecc", "power", "den")
Addressing = Domain.of("nvmlDeviceAddressingModeType_t", "none", "hmm", "ats")


class BridgeChip(Record):
    """A PCI bridge on the board; the first is the closest to the GPU."""

    type = member("u32")  # nvmlBridgeChipType_t
    firmware = member("u32")


class Health(Block):
    """The status of `present` stands before that of every other field: GPU_IS_LOST here loses the GPU. That of `handle`
    is what asking for a handle answers, if it has a value; without one nothing is wrong."""

    present = flag()
    handle = flag()


class Identity(Block):
    name = text(96)
    uuid = text(80)
    serial = text(32)
    index = u32()
    minor_number = u32()
    module_id = u32()
    brand = choice(Brand)
    architecture = choice(Architecture)
    compute_capability_major = u32()
    compute_capability_minor = u32()
    cores = u32()
    board_part_number = text(80)
    gpu_part_number = text(80)  # of the chip; only nvidia-smi shows it (`native/export.c`)
    vbios_version = text(32)
    inforom_image_version = text(16)
    inforom_version = text(16, per=InforomObject)
    inforom_checksum = u32()
    inforom_valid = flag()
    bridges = records(BridgeChip, capacity=8)
    multi_gpu_board = flag()
    pdi = u64()
    hostname = text(64, reset=CLEARED)
    irq = u32()
    numa_node = u32()
    capabilities = u32()  # NVML_DEVICE_CAP_* bits
    addressing = choice(Addressing)
    c2c = flag()
    uptime = u32("s", reset=CLEARED)
    black_box_time = u32("s")
    black_box_flushed = u64("us")
    black_box_flush_time = u64("us")


class Gsp(Block):
    """The firmware of the GPU's system processor."""

    version = text(64)
    enabled = flag()
    default_mode = u32()


class Attributes(Block):
    """Engine counts of a MIG device; a whole GPU has none, as nvml.h says of nvmlDeviceGetAttributes_v2."""

    multiprocessors = u32()
    copy_engines = u32()
    decoders = u32()
    encoders = u32()
    jpeg_engines = u32()
    ofa_engines = u32()
    gpu_instance_slices = u32()
    compute_instance_slices = u32()
    memory = u32("MiB")


FUNCTIONS = (
    finder("nvmlDeviceGetHandleByUUID", Identity.uuid),
    native("nvmlDeviceGetHandleByUUIDV", "find.c"),
    finder("nvmlDeviceGetHandleBySerial", Identity.serial),
    getter("nvmlDeviceGetName", Identity.name),
    getter("nvmlDeviceGetUUID", Identity.uuid),
    getter("nvmlDeviceGetSerial", Identity.serial),
    native("nvmlDeviceGetIndex", "find.c"),
    getter("nvmlDeviceGetMinorNumber", Identity.minor_number),
    getter("nvmlDeviceGetModuleId", Identity.module_id),
    getter("nvmlDeviceGetBrand", Identity.brand),
    getter("nvmlDeviceGetArchitecture", Identity.architecture),
    getter(
        "nvmlDeviceGetCudaComputeCapability",
        major=Identity.compute_capability_major,
        minor=Identity.compute_capability_minor,
    ),
    getter("nvmlDeviceGetNumGpuCores", Identity.cores),
    getter("nvmlDeviceGetBoardPartNumber", Identity.board_part_number),
    native("nvmlDeviceGetBoardId", "pci.c"),
    getter("nvmlDeviceGetMultiGpuBoard", Identity.multi_gpu_board),
    getter("nvmlDeviceGetVbiosVersion", Identity.vbios_version),
    getter("nvmlDeviceGetInforomImageVersion", Identity.inforom_image_version),
    getter("nvmlDeviceGetInforomVersion", Identity.inforom_version.by("object")),
    getter("nvmlDeviceGetInforomConfigurationChecksum", Identity.inforom_checksum),
    native("nvmlDeviceValidateInforom", "board.c"),
    native("nvmlDeviceGetBridgeChipInfo", "board.c"),
    getter("nvmlDeviceGetBBXTimeData_v1", timeRun=Identity.black_box_time),
    getter(
        "nvmlDeviceGetLastBBXFlushTime",
        timestamp=Identity.black_box_flushed,
        durationUs=Identity.black_box_flush_time,
    ),
    getter("nvmlDeviceGetPdi", value=Identity.pdi),
    getter("nvmlDeviceGetHostname_v1", value=Identity.hostname),
    getter("nvmlDeviceGetIrqNum", Identity.irq),
    getter("nvmlDeviceGetNumaNodeId", Identity.numa_node),
    getter("nvmlDeviceGetCapabilities", capMask=Identity.capabilities),
    getter("nvmlDeviceGetAddressingMode", value=Identity.addressing),
    getter("nvmlDeviceGetC2cModeInfoV", isC2cEnabled=Identity.c2c),
    getter("nvmlDeviceGetGpuUptime_v1", uptime=Identity.uptime),
    getter("nvmlDeviceGetGspFirmwareVersion", Gsp.version, supported=Gsp.enabled),
    getter("nvmlDeviceGetGspFirmwareMode", isEnabled=Gsp.enabled, defaultMode=Gsp.default_mode),
    getter(
        "nvmlDeviceGetAttributes",
        multiprocessorCount=Attributes.multiprocessors,
        sharedCopyEngineCount=Attributes.copy_engines,
        sharedDecoderCount=Attributes.decoders,
        sharedEncoderCount=Attributes.encoders,
        sharedJpegCount=Attributes.jpeg_engines,
        sharedOfaCount=Attributes.ofa_engines,
    ),
    getter(
        "nvmlDeviceGetAttributes_v2",
        multiprocessorCount=Attributes.multiprocessors,
        sharedCopyEngineCount=Attributes.copy_engines,
        sharedDecoderCount=Attributes.decoders,
        sharedEncoderCount=Attributes.encoders,
        sharedJpegCount=Attributes.jpeg_engines,
        sharedOfaCount=Attributes.ofa_engines,
        gpuInstanceSliceCount=Attributes.gpu_instance_slices,
        computeInstanceSliceCount=Attributes.compute_instance_slices,
        memorySizeMB=Attributes.memory,
    ),
)
