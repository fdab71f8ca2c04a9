"""`nvidia-smi topo`: how near GPUs are to one another, and what they can do together."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

import pynvml as nvml

from mocknvml.smi.calls import Slot, call
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Problem, Refusal, ask, ask_slot, branch, chosen, every
from mocknvml.smi.options import FLAG, NEW, NUMBER, TEXT, number, read

HELP = """
    topo -- how the GPUs of this machine are connected

    nvidia-smi topo -m            the nearest connection between each two GPUs, and the CPUs near each; -mp: by PCIe
    nvidia-smi topo -p2p INDEX    what two GPUs can do together: r read, w write, n NVLink, a atomics, p PCI
    nvidia-smi topo -c CPU        the GPUs near a CPU
    nvidia-smi topo -i GPU -n LEVEL      the GPUs that are as near to one, from 0 (the same board) to 5 (anywhere)
    nvidia-smi topo -i GPU,GPU -p        how near two GPUs are
    nvidia-smi topo -i GPU -C | -M | -gnid    NUMA nodes: of the CPUs and the memory near a GPU, of its own memory

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
OPTIONS = {
    "-i --id": TEXT,
    "-m --matrix": FLAG,
    "-mp --matrix_pci": FLAG,
    "-c --cpu": NUMBER,
    "-n --nearest_gpus": NUMBER,
    "-p --gpu_path": FLAG,
    "-p2p --p2pstatus": TEXT,
}
NEW_OPTIONS = {
    "-C --get-numa-id-of-nearby-cpu": FLAG,
    "-M --get-numa-id-of-nearby-mem": FLAG,
}
NEWER_OPTIONS = {"-gnid --gpu-numa-id": FLAG}  # since 535
OLD_NUMBERS = {"-c --cpu": "CPU affinity", "-n --nearest_gpus": "nearest GPU"}  # which 470 reads later
OF_GPUS = {  # what is said where -i does not give their number of GPUs
    "--nearest_gpus": ("Nearest GPUs argument must be used in conjunction", 1),
    "--gpu_path": ("Path command line flag must be used in conjection", 2),
    "--get-numa-id-of-nearby-cpu": ("NUMA ID of nearest CPU must be used in conjunction", 1),
    "--get-numa-id-of-nearby-mem": ("NUMA ID of nearest memory must be used in conjunction", 1),
    "--gpu-numa-id": ("GPU NUMA ID command must be used in conjunction", 1),
}
# By a tenth of nvmlGpuTopologyLevel_t.
PATHS = (
    "by way of an on-board PCIe switch",
    "by way of a single PCIe switch",
    "by way of multiple PCIe switches",
    "by way of a PCIe host bridge",
    "by way of an on-CPU interconnect between PCIe host bridges",
    "by way of an SMP interconnect link between NUMA nodes",
)
NEAREST = (
    "by way of an single on-board PCIe switch",
    "by way of a single PCIe switch",
    "by way of potentially multiple PCIe switches",
    "by the same PCIe host bridge",
    *PATHS[4:],
)
WORDS = 20  # of 64 CPUs each; nvidia-smi asks for as many
MOST_LINKS_OF_470 = 12
NVLINKS_TO_SWITCH = 147  # the field value
NODES_OF_CPUS = 223  # of the private table
NUMA_NODE = Slot(241, public=call("nvmlDeviceGetNumaNodeId"))  # of the memory of the GPU


def run(arguments: Sequence[str], out: TextIO) -> int:
    further = NEW_OPTIONS if branch() >= NEW else dict.fromkeys(OLD_NUMBERS, TEXT)
    given = read(arguments, OPTIONS | further | (NEWER_OPTIONS if branch() >= 535 else {}))
    if not given or "--help" in given:
        out.write(HELP)
        return 0
    gpus = chosen(given["--id"]) if "--id" in given else []
    for option, what in OLD_NUMBERS.items() if branch() < NEW else ():
        name = option.split()[-1]
        if name in given:
            given[name] = number(given[name])
            if given[name] is None or given[name] < 0:
                raise Problem(f"Failed to parse device specified for the {what} command-line flag\n\n", 2)
    for option, show in PARTS.items():
        if option in given:
            what, count = OF_GPUS.get(option, ("", len(gpus)))
            if len(gpus) != count:
                many = "two GPU identifiers" if count > 1 else "a single identifier"
                raise Problem(f"{what} with the -i argument which must be {many}.\n\n", 2)
            out.writelines(show(gpus, given[option]))
    if "--id" in given and not given.keys() & OF_GPUS.keys() and "--p2pstatus" not in given:
        raise Problem("The -i command line argument must be used in conjunction with -n or -p.\n\n", 255)
    for option in ("--matrix", "--matrix_pci"):
        if option in given:
            _matrix(out, only_pci=option == "--matrix_pci")
    return 0


def _asked(what: str, answer: Any) -> Any:
    if isinstance(answer, Refusal):
        raise Problem(f"Failed to display {what}\n\n", 255)
    return answer


def _indices(handles: Iterable[Any]) -> str:
    return ", ".join(str(ask("nvmlDeviceGetIndex", handle)) for handle in handles)


def _nearest(gpus: Sequence[Gpu], level: int) -> str:
    near = _asked("the nearest GPUs", gpus[0].ask("GetTopologyNearestGpus", 10 * level))
    way = NEAREST[level]
    if not near:
        return f"Device {gpus[0].ask('GetIndex')} is not connected to other devices {way}.\n\n"
    return f"Device {gpus[0].ask('GetIndex')} is connected {way} to device(s): {_indices(near)}\n\n"


def _path(gpus: Sequence[Gpu], _: Any) -> str:
    one, other = gpus
    level = _asked("the GPU path information", ask("nvmlDeviceGetTopologyCommonAncestor", one.handle, other.handle))
    return f"Device {one.ask('GetIndex')} is connected to device {other.ask('GetIndex')} {PATHS[level // 10]}.\n\n"


def _near_cpu(_: Sequence[Gpu], cpu: int) -> str:
    near = _asked("GPUs with affinity for a given CPU information", ask("nvmlSystemGetTopologyGpuSet", cpu))
    if not near:
        return f"No GPUs were found to have an affinity with CPU {cpu}.\n\n"
    return f"The GPUs that have an affinity with CPU {cpu} are:\n{_indices(near)}\n\n"


def _cpu_nodes(gpus: Sequence[Gpu], _: Any) -> str:
    mask = (ctypes.c_ulong * WORDS)()
    nodes = ask_slot(NODES_OF_CPUS, gpus[0].handle, WORDS, mask) or mask
    return f"NUMA IDs of closest CPU: {_places(_asked('NUMA ID of nearest CPU', nodes))}\n"


def _memory_nodes(gpus: Sequence[Gpu], _: Any) -> str:
    nodes = _asked("NUMA ID of nearest memory", gpus[0].ask("GetMemoryAffinity", WORDS, 0))
    return f"NUMA IDs of closest memory: {_places(nodes)}\n"


def _matrix(out: TextIO, *, only_pci: bool) -> None:
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
    words = gpu.ask(function, *arguments)
    return "" if isinstance(words, Refusal) else _ranges(words)


def _ranges(words: Sequence[int]) -> str:
    """The places of the bits of a mask, as in `0-3,8`; nothing where there is none."""
    places = [at for at in range(64 * len(words)) if words[at // 64] >> at % 64 & 1]
    firsts = [place for place in places if place - 1 not in places]
    lasts = [place for place in places if place + 1 not in places]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(firsts, lasts, strict=True))


def _places(words: Sequence[int]) -> str:
    return _ranges(words) or "\tN/A"


def _peers(_: Sequence[Gpu], letter: str) -> Iterator[str]:
    if letter[:1] not in CAPABILITIES:
        raise Problem("Invalid p2p capability index specified at the command-line\n", 2)
    gpus = every()
    names = "".join(f"GPU{gpu.index}\t" for gpu in gpus)
    yield f" \t{UNDERLINED}{names}{PLAIN}\n"
    for one in gpus:
        cells = ["X" if one is other else _status(one, other, CAPABILITIES[letter[0]]) for other in gpus]
        yield f" GPU{one.index}\t" + "".join(f"{cell}\t" for cell in cells) + "\n"
    yield STATUS_LEGEND


def _status(one: Gpu, other: Gpu, capability: int) -> str:
    status = ask("nvmlDeviceGetP2PStatus", one.handle, other.handle, capability)
    if isinstance(status, Refusal):
        raise Problem("Failed to display p2p capability matrix for the specified p2p Index\n\n", 255)
    return STATUSES.get(status, "U")


# In the order in which they are shown.
PARTS: dict[str, Callable[[Sequence[Gpu], Any], Iterable[str]]] = {
    "--nearest_gpus": _nearest,
    "--gpu_path": _path,
    "--cpu": _near_cpu,
    "--p2pstatus": _peers,
    "--get-numa-id-of-nearby-cpu": _cpu_nodes,
    "--get-numa-id-of-nearby-mem": _memory_nodes,
    "--gpu-numa-id": lambda gpus, _: f"{NUMA_NODE(gpus[0])}\n",
}
