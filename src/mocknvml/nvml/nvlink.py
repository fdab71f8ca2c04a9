"""NVLink: links that a board lacks have no state."""

from mocknvml.table import Block, Domain, Record, flag, getter, member, native, records, refuses, u32, u64

# NVML_NVLINK_MAX_LINKS. For the state of a link beyond its 18, a B200 or GB200 answers INVALID_ARGUMENT
# (NVIDIA/TensorRT-LLM, pull requests 17060 and 19210).
Link = Domain.count(36)
# Capabilities are those of the GPU: the same B200 has them for all 36.
AnyLink = Domain.count(36)
Capability = Domain.of(
    "nvmlNvLinkCapability_t",
    *("p2p", "sysmem_access", "p2p_atomics", "sysmem_atomics", "sli_bridge", "valid"),
)

Error = Domain.of("nvmlNvLinkErrorCounter_t", "replay", "recovery", "crc_flit", "crc_data", "ecc_data")
Lane = Domain.count(4)
C2cLink = Domain.count(14)
C2cError = Domain(("crc", "replay", "replay_back_to_back"))

# Boards have at most 18 links.
CountedLink = Domain.count(18)
Transfer = Domain(("data_tx", "data_rx", "raw_tx", "raw_rx"))
# The counters of NVLink 5, as NVML_FI_DEV_NVLINK_COUNT_* calls them.
Counter = Domain(
    (
        *("xmit_packets", "xmit_bytes", "rcv_packets", "rcv_bytes", "malformed_packet_errors"),
        *("buffer_overrun_errors", "rcv_errors", "rcv_remote_errors", "rcv_general_errors"),
        *("local_link_integrity_errors", "xmit_discards", "link_recovery_successful_events"),
        *("link_recovery_failed_events", "link_recovery_events", "effective_errors", "effective_ber"),
        *("symbol_errors", "symbol_ber"),
        *("fec_history_0", "fec_history_1", "fec_history_2", "fec_history_3", "fec_history_4", "fec_history_5"),
        *("fec_history_6", "fec_history_7", "fec_history_8", "fec_history_9", "fec_history_10", "fec_history_11"),
        *("fec_history_12", "fec_history_13", "fec_history_14", "fec_history_15"),
        *("raw_errors_lane0", "raw_errors_lane1", "raw_ber_lane0", "raw_ber_lane1", "raw_ber"),
        *("plr_xmit_blocks", "plr_xmit_retry_blocks"),
    )
)


class BandwidthMode(Record):
    """A reduced bandwidth mode, as nvmlDeviceSetNvlinkBwMode takes it."""

    mode = member("u32")


class Firmware(Record):
    """The version of a part of the links' firmware; `kind` is an NVML_NVLINK_FIRMWARE_UCODE_TYPE_*."""

    kind = member("u32")
    major = member("u32")
    minor = member("u32")
    sub_minor = member("u32")


class Nvlink(Block):
    count = u32(counts=Link)
    state = flag(per=Link)
    version = u32(per=Link)
    speed = u32("MB/s", per=Link)
    capability = u32(per=(AnyLink, Capability))
    errors = u64(per=(Link, Error))
    counters = u64(per=(CountedLink, Counter))
    throughput = u64("KiB", per=(CountedLink, Transfer))
    # What only nvidia-smi nvlink -ec shows, and nvlink -e up to driver 470 (`native/export.c`): of NVLink 3.
    lanes = u32()
    lane_corrections = u32(per=(Domain.count(12), Lane))
    data_rate = u32("MB/s", per=Link)
    low_power = flag(per=Link)
    remote_type = u32(per=Link)  # nvmlIntNvLinkDeviceType_t
    bandwidth_mode = u32()
    bandwidth_best = flag()
    bandwidth_modes = records(BandwidthMode, capacity=23)
    node_bandwidth_mode = u32()  # of Hopper, whose mode is that of the node
    # How long a link idles before it sleeps; in units of NVML_FI_DEV_NVLINK_GET_POWER_THRESHOLD_UNITS.
    power_threshold_supported = flag()
    power_threshold_unit = u32()  # NVML_NVLINK_LOW_POWER_THRESHOLD_UNIT_*
    power_threshold = u32()
    power_threshold_min = u32()
    power_threshold_max = u32()
    power_threshold_default = u32()
    encryption = flag()
    encryption_ready = flag()
    firmware = records(Firmware, capacity=8)
    # The PCI address and ids of what a link leads to: another GPU, or an NVSwitch.
    remote_domain = u32(per=Link)
    remote_bus = u32(per=Link)
    remote_device = u32(per=Link)
    remote_device_id = u32(per=Link)
    remote_subsystem_id = u32(per=Link)
    remote_link = u32(per=Link)


class C2c(Block):
    """The chip-to-chip links between a GPU and its CPU."""

    count = u32(counts=C2cLink)
    active = flag(per=C2cLink)
    bandwidth = u32("MB/s", per=C2cLink)
    low_power = flag(per=C2cLink)
    errors = u32(per=(C2cLink, C2cError))


FUNCTIONS = (
    getter("nvmlDeviceGetNvLinkState", Nvlink.state.by("link")),
    getter("nvmlDeviceGetNvLinkVersion", Nvlink.version.by("link")),
    getter("nvmlDeviceGetNvLinkCapability", Nvlink.capability.by("link", "capability")),
    getter("nvmlDeviceGetNvLinkErrorCounter", Nvlink.errors.by("link", "counter")),
    getter("nvmlDeviceGetNvLinkRemoteDeviceType", Nvlink.remote_type.by("link")),
    getter("nvmlDeviceGetNvlinkBwMode", bIsBest=Nvlink.bandwidth_best, bwMode=Nvlink.bandwidth_mode),
    native("nvmlDeviceGetNvLinkRemotePciInfo", "pci.c"),
    native("nvmlDeviceGetNvLinkRemotePciInfo_v2", "pci.c"),
    native("nvmlDeviceResetNvLinkErrorCounters", "nvlink.c"),
    native("nvmlDeviceSetNvLinkDeviceLowPowerThreshold", "nvlink.c"),
    native("nvmlSystemGetNvlinkBwMode", "nvlink.c"),
    native("nvmlSystemSetNvlinkBwMode", "nvlink.c"),
    native("nvmlDeviceGetNvlinkSupportedBwModes", "nvlink.c"),
    native("nvmlDeviceSetNvlinkBwMode", "nvlink.c"),
    native("nvmlDeviceGetNvLinkInfo", "nvlink.c"),
    native("nvmlDeviceGetNvLinkInfo_v3", "nvlink.c"),
    *refuses(
        'Utilization counters: nvml.h, "no longer supported" (deprecated since CUDA 11, driver 450)',
        "nvmlDeviceSetNvLinkUtilizationControl",
        "nvmlDeviceGetNvLinkUtilizationControl",
        "nvmlDeviceGetNvLinkUtilizationCounter",
        "nvmlDeviceFreezeNvLinkUtilizationCounter",
        "nvmlDeviceResetNvLinkUtilizationCounter",
    ),
    *refuses(
        "Rubin and newer (nvml.h), of which no board is out",
        "nvmlDeviceSetNvlinkBwModeAsync_v1",
        "nvmlDeviceGetNvLinkTelemetrySamples_v1",
    ),
    *refuses(
        "Link encryption (NVLE): a mode of confidential computing, off on bare metal",
        "nvmlDeviceGetNvlinkRemapTableInfo_v1",
        "nvmlDeviceSetNvlinkNvleReady_v1",
        "nvmlDeviceLockNvlinkRemapTable_v1",
        "nvmlDeviceSetupNvlinkNvleEncryptionKey_v1",
        "nvmlDeviceGetNvlinkNvlePrivateInfo_v1",
    ),
)
