"""Topology as clients see it: relations, peers and affinity of the built-in systems, and of nodes that are changed."""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Node

SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, UNKNOWN, INJECTED = 0, 2, 3, 999, 27

# What `nvidia-smi topo -m` shows of a pair, from the same calls.
ASK = """
import json, pynvml as n
n.nvmlInit()
gpus = [n.nvmlDeviceGetHandleByIndex(index) for index in range(n.nvmlDeviceGetCount())]
at = [n.nvmlDeviceGetPciInfo(gpu).busId for gpu in gpus]
def ask(call, *arguments):
    try:
        return call(*arguments)
    except n.NVMLError as error:
        return error.value
def links(one, other):
    found = 0
    for link in range(n.NVML_NVLINK_MAX_LINKS):
        if ask(n.nvmlDeviceGetNvLinkState, gpus[one], link) != 1:
            continue
        if ask(n.nvmlDeviceGetNvLinkRemoteDeviceType, gpus[one], link) == n.NVML_NVLINK_DEVICE_TYPE_SWITCH:
            found += 1
        else:
            found += ask(lambda: n.nvmlDeviceGetNvLinkRemotePciInfo(gpus[one], link).busId) == at[other]
    return found
def cell(one, other):
    if one == other:
        return "X"
    level = {0: "PIX", 10: "PIX", 20: "PXB", 30: "PHB", 40: "NODE", 50: "SYS"}
    count = links(one, other)
    return f"NV{count}" if count else level[n.nvmlDeviceGetTopologyCommonAncestor(gpus[one], gpus[other])]
def bits(words):
    return words if isinstance(words, int) else [at for at in range(1024) if words[at // 64] >> at % 64 & 1]
everyone = range(len(gpus))
print(json.dumps({
    "matrix": [" ".join(cell(one, other) for other in everyone) for one in everyone],
    "pcie": [n.nvmlDeviceGetTopologyCommonAncestor(gpus[0], gpu) for gpu in gpus],
    "cpus": [bits(ask(n.nvmlDeviceGetCpuAffinity, gpu, 16)) for gpu in gpus],
    "socket": [bits(ask(n.nvmlDeviceGetCpuAffinityWithinScope, gpu, 16, 1)) for gpu in gpus],
    "nodes": [bits(ask(n.nvmlDeviceGetMemoryAffinity, gpu, 16, 0)) for gpu in gpus],
    "socket_nodes": [bits(ask(n.nvmlDeviceGetMemoryAffinity, gpu, 16, 1)) for gpu in gpus],
    "p2p": [n.nvmlDeviceGetP2PStatus(gpus[0], gpus[1], index) for index in range(5)],
    "remote": [ask(lambda: n.nvmlDeviceGetNvLinkRemotePciInfo(gpus[0], link).busId) for link in (0, 5, 11)],
}))
"""


def ask(env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", ASK], env=env, check=True, capture_output=True, text=True, timeout=60)
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def uniform(cell: str, count: int) -> list[str]:
    return [" ".join("X" if one == other else cell for other in range(count)) for one in range(count)]


def cpus(text: str) -> list[int]:
    """The CPUs of a list such as 0-3,8."""
    ranges = [each.split("-") for each in text.split(",")]
    return [cpu for each in ranges for cpu in range(int(each[0]), int(each[-1]) + 1)]


EPYC = ["48-63,176-191"] * 2 + ["16-31,144-159"] * 2 + ["112-127,240-255"] * 2 + ["80-95,208-223"] * 2
XEON = ["0-55,112-167"] * 4 + ["56-111,168-223"] * 4
# Matrix, CPU affinity and NUMA affinity, as in the outputs of nvidia-smi topo -m that the systems name.
SYSTEMS: dict[str, tuple[list[str], list[str], list[int]]] = {
    "dgx-a100": (uniform("NV12", 8), EPYC, [3, 3, 1, 1, 7, 7, 5, 5]),
    "dgx-h100": (uniform("NV18", 8), XEON, [0] * 4 + [1] * 4),
    "dgx-h200": (uniform("NV18", 8), ["0-47,96-143"] * 4 + ["48-95,144-191"] * 4, [0] * 4 + [1] * 4),
    "dgx-b200": (uniform("NV18", 8), XEON, [0] * 4 + [1] * 4),
    "gb200-nvl72": (uniform("NV18", 4), ["0-71"] * 2 + ["72-143"] * 2, [0, 0, 1, 1]),
    "hgx-a100-4": (uniform("NV4", 4), ["48-63,112-127", "32-47,96-111", "16-31,80-95", "0-15,64-79"], [3, 2, 1, 0]),
    "workstation-2x4090": (uniform("PHB", 2), ["0-15"] * 2, [0, 0]),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_has_the_topology_of_its_source(system: str, mock_env: dict[str, str]) -> None:
    matrix, affinity, nodes = SYSTEMS[system]

    answers = ask(mock_env | {"MOCK_NVML_PROFILE": system})

    assert answers["matrix"] == matrix
    assert answers["cpus"] == [cpus(each) for each in affinity]
    assert answers["nodes"] == [[node] for node in nodes]


@pytest.mark.parametrize("system", ["aws-g4dn", "aws-g6e", "mixed", "t4"])
def test_where_no_topology_is_known_the_gpus_only_share_the_system(system: str, mock_env: dict[str, str]) -> None:
    answers = ask(mock_env | {"MOCK_NVML_PROFILE": system})

    assert answers["matrix"] == uniform("SYS", len(answers["matrix"]))
    assert set(answers["cpus"]) == set(answers["socket_nodes"]) == {NOT_SUPPORTED}


def test_without_configuration_the_topology_is_that_of_a_dgx_a100(mock_env: dict[str, str]) -> None:
    assert ask(mock_env) == ask(mock_env | {"MOCK_NVML_PROFILE": "dgx-a100"})


def test_a_socket_has_the_cpus_and_memory_of_all_its_nodes(mock_env: dict[str, str]) -> None:
    answers = ask(mock_env)

    assert answers["socket"][0] == cpus("0-63,128-191")
    assert answers["socket_nodes"][0] == [0, 1, 2, 3]
    assert answers["socket"][7] == cpus("64-127,192-255")


def test_behind_nvlink_the_pcie_tree_of_a_dgx_a100_remains(mock_env: dict[str, str]) -> None:
    assert ask(mock_env)["pcie"] == [0, 20, 50, 50, 50, 50, 50, 50]


@pytest.mark.parametrize(
    ("system", "remote"),
    [
        ("dgx-a100", ["00000000:C7:00.0", "00000000:C6:00.0", "00000000:C8:00.0"]),
        ("dgx-h100", ["00000000:09:00.0", "00000000:09:00.0", "00000000:08:00.0"]),
        ("gb200-nvl72", ["FFFFFFFF:FF:FF.0"] * 3),
        ("hgx-a100-4", ["00000000:81:00.0", "00000000:C1:00.0", "00000000:41:00.0"]),
        ("aws-g6e", [NOT_SUPPORTED] * 3),
    ],
)
def test_links_lead_where_the_machine_says(system: str, remote: list[Any], mock_env: dict[str, str]) -> None:
    assert ask(mock_env | {"MOCK_NVML_PROFILE": system})["remote"] == remote


# Read, write, NVLink, atomics, PCI: OK 0, chipset not supported 1, not supported 5, unknown 6.
@pytest.mark.parametrize(
    ("system", "status"),
    [
        ("dgx-a100", [0, 0, 0, 0, 5]),
        ("gb200-nvl72", [0, 0, 0, 0, 5]),
        ("hgx-a100-4", [0, 0, 0, 0, 5]),
        ("workstation-2x4090", [1, 1, 5, 5, 5]),
        ("aws-g4dn", [6, 6, 5, 5, 6]),
        ("mixed", [5, 5, 5, 5, 5]),
    ],
)
def test_peers_reach_each_other_as_their_connection_allows(
    system: str, status: list[int], mock_env: dict[str, str]
) -> None:
    assert ask(mock_env | {"MOCK_NVML_PROFILE": system})["p2p"] == status


def test_more_gpus_are_machines_of_their_own(mock_env: dict[str, str]) -> None:
    answers = ask(mock_env | {"MOCK_NVML_PROFILE": "hgx-a100-4", "MOCK_NVML_NUM_DEVICES": "8"})

    half = uniform("NV4", 4)
    assert answers["matrix"] == [
        *(f"{row} SYS SYS SYS SYS" for row in half),
        *(f"SYS SYS SYS SYS {row}" for row in half),
    ]


class Library:
    """A node in which the test changes topology, and NVML on it in this process."""

    def __init__(self, node: Node, library: Path) -> None:
        self.node = node
        self.nvml = ctypes.CDLL(str(library))
        self.handles = []
        for index in range(len(node.gpus)):
            handle = ctypes.c_void_p()
            assert self.nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == SUCCESS
            self.handles.append(handle)

    def level(self, one: int, other: int) -> int:
        found = ctypes.c_uint(77)
        ask = self.nvml.nvmlDeviceGetTopologyCommonAncestor
        assert ask(self.handles[one], self.handles[other], ctypes.byref(found)) == SUCCESS
        return found.value

    def listed(self, function: str, *arguments: Any, room: int = 8) -> tuple[int, int, list[int]]:
        """Status, count and the indices of the handles."""
        count, array = ctypes.c_uint(room), (ctypes.c_void_p * 8)()
        status = getattr(self.nvml, function)(*arguments, ctypes.byref(count), array if room else None)
        known = [handle.value for handle in self.handles]
        return status, count.value, [known.index(value) for value in array if value]


@pytest.fixture
def library_on(tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    with Node.create(tmp_path / "node", profile="t4", gpus=4) as node:
        monkeypatch.setenv("MOCK_NVML_NODE", str(tmp_path / "node"))
        loaded = ctypes.CDLL(str(library))
        assert loaded.nvmlInit_v2() == SUCCESS
        yield Library(node, library)
        loaded.nvmlShutdown()


PLACES = ("numa_node", "host_bridge", "root_port", "pcie_switch", "board")
TREE = ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 1), (0, 0, 0, 1, 0))


def plant(node: Node, tree: tuple[tuple[int, ...], ...]) -> None:
    for gpu, place in zip(node.gpus, tree, strict=True):
        gpu.update({f"topology.{name}": at for name, at in zip(PLACES, place, strict=True)})


@pytest.mark.parametrize(("agree", "level"), list(enumerate((50, 40, 30, 20, 10, 0))))
def test_the_level_is_how_far_two_places_agree(agree: int, level: int, library_on: Library) -> None:
    other = tuple(0 if number < agree else 1 for number in range(5))
    plant(library_on.node, ((0,) * 5, other, (9,) * 5, (9,) * 5))

    assert library_on.level(0, 1) == library_on.level(1, 0) == level
    assert library_on.level(0, 0) == 0


def test_a_place_that_is_not_known_agrees_with_nothing(library_on: Library) -> None:
    plant(library_on.node, ((0,) * 5,) * 4)
    for gpu in library_on.node.gpus[:2]:
        gpu.remove("topology.root_port")

    assert library_on.level(0, 1) == 30


def test_an_error_of_a_place_comes_back(library_on: Library) -> None:
    library_on.node.gpus[1].fail("topology.numa_node", INJECTED)
    first, second = library_on.handles[:2]
    out = ctypes.byref(ctypes.c_uint())

    assert library_on.nvml.nvmlDeviceGetTopologyCommonAncestor(first, second, out) == INJECTED
    assert library_on.nvml.nvmlDeviceOnSameBoard(first, second, out) == INJECTED
    assert library_on.nvml.nvmlDeviceGetP2PStatus(first, second, 0, out) == INJECTED
    assert library_on.listed("nvmlDeviceGetTopologyNearestGpus", first, 50)[0] == INJECTED


@pytest.mark.parametrize(("level", "near"), [(0, [1]), (10, [1, 2]), (20, [1, 2, 3]), (40, [1, 2, 3]), (50, [1, 2, 3])])
def test_the_nearest_gpus_are_those_within_the_level(level: int, near: list[int], library_on: Library) -> None:
    plant(library_on.node, TREE)
    first = library_on.handles[0]

    assert library_on.listed("nvmlDeviceGetTopologyNearestGpus", first, level) == (SUCCESS, len(near), near)
    assert library_on.listed("nvmlDeviceGetTopologyNearestGpus", first, level, room=0) == (SUCCESS, len(near), [])
    assert library_on.listed("nvmlDeviceGetTopologyNearestGpus", first, level, room=1) == (SUCCESS, 1, near[:1])


def test_a_level_that_is_none_is_refused(library_on: Library) -> None:
    first = library_on.handles[0]

    for level in (5, 60, -10):
        assert library_on.listed("nvmlDeviceGetTopologyNearestGpus", first, level)[0] == INVALID_ARGUMENT
    some = ctypes.byref(ctypes.c_uint(1))
    assert library_on.nvml.nvmlDeviceGetTopologyNearestGpus(first, 50, some, None) == INVALID_ARGUMENT


def test_two_gpus_of_one_board_are_on_it(library_on: Library) -> None:
    plant(library_on.node, TREE)
    same = ctypes.c_int(77)
    asked = []
    for other in range(4):
        ask = library_on.nvml.nvmlDeviceOnSameBoard
        assert ask(library_on.handles[0], library_on.handles[other], ctypes.byref(same)) == SUCCESS
        asked.append(same.value)

    assert asked == [1, 1, 0, 0]


def test_the_gpus_of_a_cpu_are_those_with_it_in_their_affinity(library_on: Library) -> None:
    function = "nvmlSystemGetTopologyGpuSet"
    assert library_on.listed(function, 3)[0] == NOT_SUPPORTED
    for gpu, near in zip(library_on.node.gpus, ("0-3", "3", "4-1023", ""), strict=True):
        gpu.set("topology.cpus.node", near)

    assert library_on.listed(function, 3) == (SUCCESS, 2, [0, 1])
    assert library_on.listed(function, 3, room=0) == (SUCCESS, 2, [])
    assert library_on.listed(function, 1023) == (SUCCESS, 1, [2])
    assert library_on.listed(function, 1024)[0] == INVALID_ARGUMENT
    library_on.node.gpus[0].fail("topology.cpus.node", INJECTED)
    assert library_on.listed(function, 3)[0] == INJECTED


@pytest.mark.parametrize(
    ("function", "field"),
    [("nvmlDeviceGetCpuAffinityWithinScope", "cpus"), ("nvmlDeviceGetMemoryAffinity", "memory_nodes")],
)
def test_an_affinity_is_the_list_of_its_scope(function: str, field: str, library_on: Library) -> None:
    gpu, handle = library_on.node.gpus[0], library_on.handles[0]
    ask, words = getattr(library_on.nvml, function), (ctypes.c_ulong * 20)(*[77] * 20)
    gpu.set(f"topology.{field}.node", "0-3,64,1023")

    assert ask(handle, 18, words, 0) == SUCCESS
    assert list(words) == [15, 1, *[0] * 13, 1 << 63, 0, 0, 77, 77]
    assert ask(handle, 1, words, 1) == SUCCESS  # no socket is known: that of the node
    assert words[0] == 15
    gpu.set(f"topology.{field}.socket", "1")
    assert ask(handle, 1, words, 1) == SUCCESS
    assert words[0] == 2
    assert ask(handle, 0, words, 0) == ask(handle, 1, words, 2) == INVALID_ARGUMENT
    for text in ("x", "1-", "1;2", "0-3,,4"):
        gpu.set(f"topology.{field}.node", text)
        assert ask(handle, 1, words, 0) == UNKNOWN
    gpu.fail(f"topology.{field}.node", INJECTED)
    assert ask(handle, 1, words, 0) == INJECTED
    gpu.remove(f"topology.{field}.node")
    assert ask(handle, 1, words, 0) == NOT_SUPPORTED


def test_the_calling_thread_is_bound_to_the_cpus_that_exist(library_on: Library) -> None:
    gpu, handle = library_on.node.gpus[0], library_on.handles[0]
    allowed = os.sched_getaffinity(0)
    first = min(allowed)
    try:
        gpu.set("topology.cpus.node", f"{first},1023")
        assert library_on.nvml.nvmlDeviceSetCpuAffinity(handle) == SUCCESS
        assert os.sched_getaffinity(0) == {first}

        gpu.set("topology.cpus.node", "1023")  # none of this machine: nothing is bound
        assert library_on.nvml.nvmlDeviceSetCpuAffinity(handle) == SUCCESS
        assert os.sched_getaffinity(0) == {first}

        assert library_on.nvml.nvmlDeviceClearCpuAffinity(handle) == SUCCESS
        assert os.sched_getaffinity(0) >= allowed
        gpu.remove("topology.cpus.node")
        assert library_on.nvml.nvmlDeviceSetCpuAffinity(handle) == NOT_SUPPORTED
    finally:
        os.sched_setaffinity(0, allowed)


def test_affinities_of_the_host_are_folded_onto_its_cpus(library_on: Library) -> None:
    gpu, handle, nvml = library_on.node.gpus[0], library_on.handles[0], library_on.nvml
    online = [cpu for cpu in range(1024) if cpu in cpus(Path("/sys/devices/system/cpu/online").read_text().strip())]
    allowed = os.sched_getaffinity(0)
    words = (ctypes.c_ulong * 16)()
    gpu.set("topology.cpus.node", "1,1023")
    library_on.node.set("affinity.cpus", "host")
    folded = {online[1 % len(online)], online[1023 % len(online)]}

    assert nvml.nvmlDeviceGetCpuAffinity(handle, 16, words) == SUCCESS
    assert {cpu for cpu in range(1024) if words[cpu // 64] >> cpu % 64 & 1} == folded
    assert library_on.listed("nvmlSystemGetTopologyGpuSet", min(folded))[:2] == (SUCCESS, 1)
    try:
        assert nvml.nvmlDeviceSetCpuAffinity(handle) == SUCCESS
        assert os.sched_getaffinity(0) == (folded & allowed or allowed)
    finally:
        os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(("name", "number"), [("ok", 0), ("gpu_not_supported", 2), ("disabled_by_regkey", 4)])
def test_over_pcie_the_worse_of_two_gpus_decides(name: str, number: int, library_on: Library) -> None:
    for gpu in library_on.node.gpus:
        gpu.set("topology.pcie_peers", "ok")
    library_on.node.gpus[1].set("topology.pcie_peers", name)
    status = ctypes.c_uint()
    ask = library_on.nvml.nvmlDeviceGetP2PStatus
    first, second = library_on.handles[:2]

    for pair in ((first, second), (second, first)):
        assert [ask(*pair, index, ctypes.byref(status)) or status.value for index in range(5)] == [
            *(number, number, 5, 5, 0 if name == "ok" else 5),
        ]
    assert ask(first, second, 5, ctypes.byref(status)) == INVALID_ARGUMENT
    library_on.node.gpus[1].fail("topology.pcie_peers", INJECTED)
    assert ask(first, second, 0, ctypes.byref(status)) == INJECTED


def test_a_gpu_whose_links_are_down_reaches_no_peer_of_an_nvswitch_system(
    tmp_path: Path, mock_env: dict[str, str]
) -> None:
    with Node.create(tmp_path / "node", profile="dgx-b200") as node:
        node.gpus[1].update({f"nvlink.state.{link}": False for link in range(18)})
        answers = ask(mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")})

    assert answers["p2p"] == [5, 5, 5, 5, 5]
    assert answers["matrix"][1] == "NODE X NODE NODE SYS SYS SYS SYS"
