"""Systems: machines whose GPUs stand at addresses of their own, may be of several kinds, and override fields."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node, ProfileError
from mocknvml.profiles import builtin_systems, load_system

SHOW = """
import json, pynvml as n
n.nvmlInit()
gpus = [n.nvmlDeviceGetHandleByIndex(index) for index in range(n.nvmlDeviceGetCount())]
asks = (n.nvmlDeviceGetName, lambda gpu: n.nvmlDeviceGetPciInfo(gpu).busId, n.nvmlDeviceGetUUID)
print(json.dumps([[ask(gpu) for ask in asks] for gpu in gpus]))
"""


def shown(env: dict[str, str]) -> list[list[str]]:
    """Name, address and UUID of each GPU."""
    done = subprocess.run([sys.executable, "-c", SHOW], env=env, check=True, capture_output=True, text=True, timeout=60)
    gpus: list[list[str]] = json.loads(done.stdout)
    return gpus


@pytest.mark.parametrize("system", builtin_systems())
def test_a_system_has_its_gpus(system: str, mock_env: dict[str, str]) -> None:
    gpus = shown(mock_env | {"MOCK_NVML_PROFILE": system})

    described = load_system(system).gpus
    assert [name for name, _, _ in gpus] == [board.values["identity.name", ()] for board, _ in described]
    assert len({address for _, address, _ in gpus}) == len({uuid for _, _, uuid in gpus}) == len(described)


@pytest.mark.parametrize(("system", "count"), [("dgx-a100", 8), ("dgx-h100", 8), ("gb200-nvl72", 4), ("mixed", 5)])
def test_a_node_of_a_system_is_that_machine(system: str, count: int, mock_env: dict[str, str], tmp_path: Path) -> None:
    Node.create(tmp_path / "node", profile=system).close()

    gpus = shown(mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")})

    assert gpus == shown(mock_env | {"MOCK_NVML_PROFILE": system})
    assert len(gpus) == count


def test_a_gpu_overrides_what_its_board_says(tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", profile="gb200-nvl72") as node:
        assert [gpu.get("identity.module_id") for gpu in node.gpus] == [2, 1, 4, 3]


def test_more_gpus_are_the_same_machine_in_the_next_domain(mock_env: dict[str, str]) -> None:
    gpus = shown(mock_env | {"MOCK_NVML_PROFILE": "gb200-nvl72", "MOCK_NVML_NUM_DEVICES": "5"})

    assert gpus[4][1] == gpus[0][1].replace("00000000:", "00000001:")


EACH = """
source: ours
gpus:
  - board: t4
    address: "0000:01:00.0"
    identity: {serial: "0042", uuid: GPU-00000000-0000-0000-0000-000000000042, minor_number: 5}
    gsp: {version: "1.2"}
  - {board: ./mine.yaml, address: "0000:02:00.0", health: {present: false}}
  - {board: ./mine.yaml, address: "0000:03:00.0", identity: {name: Third}}
"""
MINE = "inherits: t4\nsource: ours\nidentity: {name: Mine}\n"


def test_what_a_gpu_gives_stands_above_what_a_node_would_give_it(tmp_path: Path, mock_env: dict[str, str]) -> None:
    (tmp_path / "each.yaml").write_text(EACH)
    (tmp_path / "mine.yaml").write_text(MINE)
    with Node.create(tmp_path / "node", profile=str(tmp_path / "each.yaml"), gpus=4) as node:
        first, second, third, fourth = node.gpus
        assert [first.get(f"identity.{key}") for key in ("serial", "minor_number")] == ["0042", 5]
        assert first.get("gsp.version") == "1.2"
        assert second.get("health.present") == 0
        second.set("health.present", True)
        assert [gpu.get("identity.minor_number") for gpu in (second, third)] == [1, 2]
        # More GPUs than are listed: as the first, but with identifiers of its own.
        assert fourth.get("identity.serial") != "0042"

    gpus = shown(mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")})

    assert [name for name, _, _ in gpus] == ["Tesla T4", "Mine", "Third", "Tesla T4"]
    assert gpus[0][2] == "GPU-00000000-0000-0000-0000-000000000042"
    assert len({uuid for _, _, uuid in gpus}) == 4


T4 = "{board: t4, address: '0000:01:00.0'}"
T4_OF_UUID = "{board: t4, address: '0000:0%d:00.0', identity: {uuid: GPU-1}}"
H100 = "{board: h100-sxm5-80gb, address: '0000:01:00.0', topology: {numa_node: 0}}"
TWO = f"source: x\ngpus:\n  - {H100}\n  - {H100}\n"
WRONG = {
    f"source: x\ngpus:\n  - {T4}\n  - {T4}\n": "mine.yaml:4: address: that of GPU 0 too, each needs its own",
    f"source: x\ngpus:\n  - {T4_OF_UUID % 1}\n  - {T4_OF_UUID % 2}\n": "mine.yaml:4: identity.uuid: that of GPU 0 too",
    "inherits: t4\nsource: x\nidentity: {uuid: GPU-1}\n": "mine.yaml:1: identity.uuid: each GPU needs its own",
    "source: x\ngpus:\n  - t4\n": "mine.yaml:3: a GPU: give a mapping, such as `key: value`",
    "source: x\ngpus: t4\n": "mine.yaml:2: gpus: give a list, each with `board` and `address`",
    "source:\ngpus:\n  - {board: t4, address: '0000:01:00.0'}\n": "mine.yaml:1: source: say in words",
    "source: x\ngpus:\n  - {board: ./x.yaml, address: '0000:01:00.0'}\n": "mine.yaml:3: board: no file ",
    "source: x\ngpus:\n  - {board: t4, address: 1}\n": "mine.yaml:3: addresses: 1: give a PCI address such as",
    f"source: x\ngpus:\n  - {T4[:-1]}, pwoer: {{limit: 9 W}}}}\n": "mine.yaml:3: pwoer: no such block (did you mean",
    f"source: x\ngpus:\n  - {T4[:-1]}, power: {{limt: 9 W}}}}\n": "mine.yaml:3: power.limt: no such field (did you",
    "gpus: []\nsource: x\n": "mine.yaml:1: gpus: give a list, each with `board` and `address`",
    "gpus:\n  - {board: t4, address: '0000:01:00.0'}\n": "mine.yaml:2: source: say where the values come from",
    "source: x\ngpus:\n  - {address: '0000:01:00.0'}\n": "mine.yaml:3: board: say which board this GPU has",
    "source: x\ngpus:\n  - {board: t4}\n": "mine.yaml:3: address: say which address this GPU has",
    "source: x\ngpus:\n  - {board: tt4, address: '0000:01:00.0'}\n": "mine.yaml:3: board: no profile tt4",
    "source: x\nboards: 1\ngpus:\n  - {board: t4, address: '0000:01:00.0'}\n": "mine.yaml:2: boards: no such key",
    "source: x\ngpus:\n  - {board: t4, address: '0000:01:00.0', power: {limit: 9}}\n": "mine.yaml:3: power.limit: 9",
    f"{TWO}numa: 0\n": "mine.yaml:5: numa: give a mapping of NUMA nodes, each with `cpus`",
    f"{TWO}numa:\n  0: 1-3\n": "mine.yaml:6: numa.0: give `cpus`, and `socket` where it has several nodes",
    f"{TWO}numa:\n  0: {{cpu: 0-3}}\n": "mine.yaml:6: numa.0: give the number of a node, with `cpus`",
    f"{TWO}numa:\n  0: {{cpus: 0-}}\n": "mine.yaml:6: numa.0.cpus: give a list such as '0-15,64-79'",
    f"{TWO}numa:\n  0: {{cpus: 0-3, socket: x}}\n": "mine.yaml:6: numa.0.socket: 'x': give a whole number",
    f"{TWO}numa:\n  1: {{cpus: 0-3}}\n": "mine.yaml:6: numa: GPU 0 is on node 0, which is not listed",
    f"{TWO}nvlink: 4\n": "mine.yaml:5: nvlink: give `switches` or `pairs`",
    f"{TWO}nvlink: {{mesh: 4}}\n": "mine.yaml:5: nvlink: give `switches`, with their `device_id`, or `pairs`",
    f"{TWO}nvlink: {{switches: {{x: 4}}}}\n": "mine.yaml:5: nvlink.switches.x: x: give a PCI address such as",
    f"{TWO}nvlink: {{switches: {{hidden: 19}}}}\n": "mine.yaml:5: nvlink.switches.hidden: more links than the 18 that",
    f"{TWO}nvlink: {{switches: {{hidden: 1}}, ports: [FF/0]}}\n": "mine.yaml:5: nvlink.ports: give a text for each",
    f"{TWO}nvlink: {{switches: {{hidden: 1}}, ports: [FF/0, FE/0]}}\n": "mine.yaml:5: nvlink.ports: give each switch",
    f"{TWO}nvlink: {{pairs: {{0-2: 4}}}}\n": "mine.yaml:5: nvlink.pairs.0-2: give two GPUs from 0 to 1, such as 0-1",
    f"{TWO}nvlink: {{pairs: {{0-1: four}}}}\n": "mine.yaml:5: nvlink.pairs.0-1: 'four': give a whole number",
}


@pytest.mark.parametrize(("text", "message"), list(WRONG.items()))
def test_a_wrong_system_is_an_error_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)

    with pytest.raises(ProfileError) as error:
        load_system(str(file))

    assert str(error.value).startswith(f"{tmp_path}/{message}")
    assert "\n" not in str(error.value)
