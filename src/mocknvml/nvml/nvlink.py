"""NVLink: links that a board lacks have no state."""

from mocknvml.table import Block, Domain, flag, getter, u32

# NVML_NVLINK_MAX_LINKS
Link = Domain.count(36)
Capability = Domain.of(
    "nvmlNvLinkCapability_t",
    *("p2p", "sysmem_access", "p2p_atomics", "sysmem_atomics", "sli_bridge", "valid"),
)


class Nvlink(Block):
    count = u32()
    state = flag(per=Link)
    version = u32(per=Link)
    speed = u32("MB/s", per=Link)
    capability = u32(per=(Link, Capability))


FUNCTIONS = (
    getter("nvmlDeviceGetNvLinkState", Nvlink.state.by("link")),
    getter("nvmlDeviceGetNvLinkVersion", Nvlink.version.by("link")),
    getter("nvmlDeviceGetNvLinkCapability", Nvlink.capability.by("link", "capability")),
)
