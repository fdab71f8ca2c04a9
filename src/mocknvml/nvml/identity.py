"""Who a GPU is: name, identifiers, architecture, engine counts, firmware versions."""

from mocknvml.table import Block, Domain, choice, finder, flag, getter, native, text, u32

Brand = Domain.of(
    "nvmlBrandType_t",
    *("unknown", "quadro", "tesla", "nvs", "grid", "geforce", "titan", "nvidia_vapps", "nvidia_vpc", "nvidia_vcs"),
    *("nvidia_vws", "nvidia_cloud_gaming", "quadro_rtx", "nvidia_rtx", "nvidia", "geforce_rtx", "titan_rtx"),
    *("nvidia_dla", "nvidia_vgamedev", "nvidia_npu"),
)
# NVML_DEVICE_ARCH_* are macros from 2 on, not an enum.
Architecture = Domain(
    (*("0", "1", "kepler", "maxwell", "pascal", "volta", "turing", "ampere", "ada", "hopper", "blackwell"),)
)


class Health(Block):
    """The status of `present` stands before that of every other field: GPU_IS_LOST here loses the GPU."""

    present = flag()


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
    vbios_version = text(32)
    inforom_image_version = text(16)
    multi_gpu_board = flag()


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
    getter("nvmlDeviceGetIndex", Identity.index),
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
