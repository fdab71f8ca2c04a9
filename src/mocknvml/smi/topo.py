"""`nvidia-smi topo`: how near GPUs are to one another, and what they can do together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

import pynvml as nvml

from mocknvml.smi.calls import Slot, call
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Problem, Refusal, ask, branch, every

HELP = """
    topo -- how the GPUs of this machine are connected

    nvidia-smi topo -m            the nearest connection between each two GPUs, and the CPUs near each
    nvidia-smi topo -p2p INDEX    what two GPUs can do together: r read, w write, n NVLink, a atomics, p PCI

"""
# By a tenth of nvmlGpuTopologyLevel_t.
LEVELS = ("PIX", "PIX", "PXB", "PHB", "NODE", "SYS")
LEGEND = """
Legend:

  X    = Self
  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes (e.g., QPI/UPI)
  NODE = Connection traversing PCIe as well as the interconnect between PCIe Host Bridges within a NUMA node
  PHB  = Connection traversing PCIe as well as a PCIe Host Bridge (typically the CPU)
  PXB  = Connection traversing multiple PCIe bridges (without traversing the PCIe Host Bridge)
  PIX  = Connection traversing at most a single PCIe bridge
"""
LEGEND_OF_LINKS = "  NV#  = Connection traversing a bonded set of # NVLinks\n"
CAPABILITIES = {"r": 0, "w": 1, "n": 2, "a": 3, "p": 4}
STATUSES = {0: "OK", 1: "CNS", 2: "GNS", 3: "TNS", 5: "NS"}
STATUS_LEGEND = """
Legend:

  X    = Self
  OK   = Status Ok
  CNS  = Chipset not supported
  GNS  = GPU not supported
  TNS  = Topology not supported
  NS   = Not supported
  U    = Unknown
"""
UNDERLINED, PLAIN = "\033[4m", "\033[0m"
WORDS = 20  # of 64 CPUs each; nvidia-smi asks for as many
MOST_LINKS_OF_470 = 12
NVLINKS_TO_SWITCH = 147  # the field value
NUMA_NODE = Slot(241, public=call("nvmlDeviceGetNumaNodeId"))  # of the memory of the GPU


def run(arguments: Sequence[str], out: TextIO) -> int:
    capability: str | None = None
    matrix = ""
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if option in ("-m", "--matrix", "-mp", "--matrix_pci"):
            matrix = option
        elif option in ("-p2p", "--p2pstatus"):
            if not rest:
                raise Problem(f'Option "{option}" is missing its value.\n', 2)
            capability = rest.pop(0)
        elif option in ("-h", "--help"):
            matrix, rest = "", []
        else:
            raise Problem(f'Option "{option}" is not recognized.\n', 2)
    if capability is not None:
        return _peers(capability, out)
    if matrix:
        return _matrix(out, only_pci=matrix in ("-mp", "--matrix_pci"))
    out.write(HELP)
    return 0


def _matrix(out: TextIO, *, only_pci: bool) -> int:
    gpus = every()
    has_memory = branch() >= 535  # a column for the NUMA node of the GPU's own memory
    try:
        if not gpus or any(isinstance(gpu.ask("GetBrand"), Refusal) for gpu in gpus):
            raise LookupError
        rows = [[" X " if one is other else nearness(one, other, only_pci=only_pci) for other in gpus] for one in gpus]
    except LookupError:
        raise Problem("Failed to run topology matrix\n\n", 255) from None
    names = [f"GPU{gpu.index}" for gpu in gpus]
    places = ["CPU Affinity", "NUMA Affinity", *(["GPU NUMA ID"] if has_memory else [])]
    out.write("\t" + UNDERLINED + "\t".join([*names, *places]) + PLAIN + "\n")
    for gpu, cells in zip(gpus, rows, strict=True):
        near = [_listed(gpu, "GetCpuAffinity", WORDS), _listed(gpu, "GetMemoryAffinity", WORDS, 0)]
        node = ["", str(NUMA_NODE(gpu))] if has_memory else []
        out.write("\t".join([f"GPU{gpu.index}", *cells, *near, *node]) + "\n")
    out.write(LEGEND if only_pci else LEGEND + LEGEND_OF_LINKS)
    return 0


def nearness(one: Gpu, other: Gpu, *, only_pci: bool) -> str:
    count = 0 if only_pci else _links_to_switch(one) or _links_between(one, other)
    if count and (branch() >= 525 or count <= MOST_LINKS_OF_470):
        return f"NV{count}"
    level = ask("nvmlDeviceGetTopologyCommonAncestor", one.handle, other.handle)
    if isinstance(level, Refusal):
        raise LookupError
    return LEVELS[level // 10]


def _links_to_switch(gpu: Gpu) -> int:
    links = gpu.field(NVLINKS_TO_SWITCH)
    return 0 if isinstance(links, Refusal) else int(links)


def _links_between(one: Gpu, other: Gpu) -> int:
    peer = other.ask("GetPciInfo")
    if isinstance(peer, Refusal):
        raise LookupError
    ends = [one.ask("GetNvLinkRemotePciInfo", link) for link in range(nvml.NVML_NVLINK_MAX_LINKS)]
    if any(isinstance(end, Refusal) and end.code != NOT_SUPPORTED for end in ends):
        raise LookupError
    return sum(not isinstance(end, Refusal) and end.busId == peer.busId for end in ends)


def _listed(gpu: Gpu, function: str, *arguments: int) -> str:
    """The places of the bits of a mask, as in `0-3,8`; nothing where there is none."""
    words = gpu.ask(function, *arguments)
    if isinstance(words, Refusal):
        return ""
    places = [at for at in range(64 * len(words)) if words[at // 64] >> at % 64 & 1]
    firsts = [place for place in places if place - 1 not in places]
    lasts = [place for place in places if place + 1 not in places]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(firsts, lasts, strict=True))


def _peers(letter: str, out: TextIO) -> int:
    if letter[:1] not in CAPABILITIES:
        raise Problem("Invalid p2p capability index specified at the command-line\n", 2)
    gpus = every()
    names = "".join(f"GPU{gpu.index}\t" for gpu in gpus)
    out.write(f" \t{UNDERLINED}{names}{PLAIN}\n")
    for one in gpus:
        cells = ["X" if one is other else _status(one, other, CAPABILITIES[letter[0]]) for other in gpus]
        out.write(f" GPU{one.index}\t" + "".join(f"{cell}\t" for cell in cells) + "\n")
    out.write(STATUS_LEGEND)
    return 0


def _status(one: Gpu, other: Gpu, capability: int) -> str:
    status = ask("nvmlDeviceGetP2PStatus", one.handle, other.handle, capability)
    if isinstance(status, Refusal):
        raise Problem("Failed to display p2p capability matrix for the specified p2p Index\n\n", 255)
    return STATUSES.get(status, "U")
