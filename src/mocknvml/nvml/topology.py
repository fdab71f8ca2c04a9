"""Where a GPU stands in its machine: NUMA node, CPUs, PCIe tree, and what reaches its peers.

Two GPUs are as near as their places agree, read from the outside in: machine, NUMA node, host bridge, root port, PCIe
switch, board. Each is a number within the one before it; where one has no value, the agreement ends.
"""

from mocknvml.table import Block, Domain, System, choice, native, text, u32

# NVML_AFFINITY_SCOPE_* are macros, not an enum.
Scope = Domain(("node", "socket"))
PeerStatus = Domain.of(
    "nvmlGpuP2PStatus_t",
    *("ok", "chipset_not_supported", "gpu_not_supported", "ioh_topology_not_supported"),
    *("disabled_by_regkey", "not_supported", "unknown"),
)


Cpus = Domain(("profile", "host"))


class Affinity(System):
    """Whose CPUs the affinities name: those of the profile, or those folded onto the online ones of this machine."""

    cpus = choice(Cpus)


class Topology(Block):
    machine = u32()  # of a node with more GPUs than its machine has: which copy of the machine
    numa_node = u32()
    host_bridge = u32()
    root_port = u32()
    pcie_switch = u32()
    board = u32()
    cpus = text(256, per=Scope)  # such as 0-15,64-79
    memory_nodes = text(64, per=Scope)
    pcie_peers = choice(PeerStatus)  # what answers for peers that only PCIe reaches


FUNCTIONS = (
    native("nvmlSystemGetTopologyGpuSet", "topology.c"),
    native("nvmlDeviceGetTopologyCommonAncestor", "topology.c"),
    native("nvmlDeviceGetTopologyNearestGpus", "topology.c"),
    native("nvmlDeviceOnSameBoard", "topology.c"),
    native("nvmlDeviceGetP2PStatus", "topology.c"),
    native("nvmlDeviceGetCpuAffinity", "topology.c"),
    native("nvmlDeviceGetCpuAffinityWithinScope", "topology.c"),
    native("nvmlDeviceGetMemoryAffinity", "topology.c"),
    native("nvmlDeviceSetCpuAffinity", "topology.c"),
    native("nvmlDeviceClearCpuAffinity", "topology.c"),
)
