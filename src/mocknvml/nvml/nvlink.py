"""NVLink: links that a board lacks have no state."""

from mocknvml.table import Block, Domain, flag, getter, native, u32, u64

# NVML_NVLINK_MAX_LINKS
Link = Domain.count(36)
Capability = Domain.of(
    "nvmlNvLinkCapability_t",
    *("p2p", "sysmem_access", "p2p_atomics", "sysmem_atomics", "sli_bridge", "valid"),
)

Error = Domain.of("nvmlNvLinkErrorCounter_t", "replay", "recovery", "crc_flit", "crc_data", "ecc_data")


class Nvlink(Block):
    count = u32()
    state = flag(per=Link)
    version = u32(per=Link)
    speed = u32("MB/s", per=Link)
    capability = u32(per=(Link, Capability))
    errors = u64(per=(Link, Error))
    remote_type = u32(per=Link)  # nvmlIntNvLinkDeviceType_t
    bandwidth_mode = u32()
    bandwidth_best = flag()
    # The PCI address and ids of what a link leads to: another GPU, or an NVSwitch.
    remote_domain = u32(per=Link)
    remote_bus = u32(per=Link)
    remote_device = u32(per=Link)
    remote_device_id = u32(per=Link)
    remote_subsystem_id = u32(per=Link)


FUNCTIONS = (
    getter("nvmlDeviceGetNvLinkState", Nvlink.state.by("link")),
    getter("nvmlDeviceGetNvLinkVersion", Nvlink.version.by("link")),
    getter("nvmlDeviceGetNvLinkCapability", Nvlink.capability.by("link", "capability")),
    getter("nvmlDeviceGetNvLinkErrorCounter", Nvlink.errors.by("link", "counter")),
    getter("nvmlDeviceGetNvLinkRemoteDeviceType", Nvlink.remote_type.by("link")),
    getter("nvmlDeviceGetNvlinkBwMode", bIsBest=Nvlink.bandwidth_best, bwMode=Nvlink.bandwidth_mode),
    native("nvmlDeviceGetNvLinkRemotePciInfo", "pci.c"),
    native("nvmlDeviceGetNvLinkRemotePciInfo_v2", "pci.c"),
)
