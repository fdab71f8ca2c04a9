import json
from pathlib import Path

import pytest

from mocknvml import Node
from tests.cli.conftest import Cli


def test_one_value_stands_alone_with_its_unit(cli: Cli, node: Node) -> None:
    result = cli("get", "0", "power.limit", MOCK_NVML_NODE=str(node.path))

    assert (result.returncode, result.stdout, result.stderr) == (0, "700 W\n", "")


def test_several_values_stand_beside_what_they_belong_to(cli: Cli, node: Node) -> None:
    node.gpus[1].set("thermal.temperature.gpu", "91 C")

    result = cli("get", "all", "power.limit", "thermal.gpu", "--node", str(node.path))

    assert result.stdout.splitlines() == [
        "0  power.limit              700 W",
        "0  thermal.temperature.gpu  29 C",
        "1  power.limit              700 W",
        "1  thermal.temperature.gpu  91 C",
    ]


def test_a_gpu_is_a_tree_of_what_it_has(cli: Cli, node: Node) -> None:
    lines = cli("get", "0", "--node", str(node.path)).stdout.splitlines()

    assert "  name                      NVIDIA H100 80GB HBM3" in lines
    assert lines[lines.index("  max") :][1:3] == ["    graphics  1980 MHz", "    sm        1980 MHz"]
    assert "  persistence" not in [line.rstrip() for line in lines]
    assert not any("NOT_SUPPORTED" in line for line in lines)


def test_a_block_is_a_tree_of_its_fields(cli: Cli, node: Node) -> None:
    node.gpus[0].update({"processes.running": [{"pid": 7, "memory": "8 GiB"}]})

    memory = cli("get", "0", "memory", "processes", "--node", str(node.path)).stdout

    assert memory.startswith("memory\n  total ") and "bus_width           5120 bits\n" in memory
    assert "processes\n  running\n    pid 7, contexts 0, memory 8 GiB, gpu_instance 4294967295" in memory


def test_all_of_no_gpu_is_nothing(cli: Cli, tmp_path: Path) -> None:
    Node.create(tmp_path / "node", gpus=0).close()

    shown = [
        cli("get", "all", *more, "--node", f"{tmp_path}/node").stdout for more in ((), ("power.limit",), ("--json",))
    ]

    assert shown == ["", "", "[]\n"]


def test_a_block_of_one_field_is_a_tree_too(cli: Cli, node: Node) -> None:
    assert cli("get", "0", "processes", "--node", str(node.path)).stdout == "processes\n  running  none\n"


def test_several_gpus_are_trees_under_their_names(cli: Cli, node: Node) -> None:
    lines = cli("get", "0-1", "gsp", "--node", str(node.path)).stdout.splitlines()

    assert [line for line in lines if not line.startswith(" ")] == ["GPU 0", "gsp", "", "GPU 1", "gsp"]


def test_json_has_exact_values_with_units_and_what_set_takes(cli: Cli, node: Node) -> None:
    keys = ("power.usage", "identity.brand", "modes.persistence", "thermal.threshold.gps", "clocks.max.graphics")

    found = json.loads(cli("get", "1", *keys, "--node", str(node.path), "--json").stdout)

    assert found == [
        {"gpu": 1, "field": "power.usage", "value": 68570, "unit": "mW", "text": "68570 mW"},
        {"gpu": 1, "field": "identity.brand", "value": 14, "text": "nvidia"},
        {"gpu": 1, "field": "modes.persistence", "value": True, "text": "true"},
        {"gpu": 1, "field": "thermal.threshold.gps", "error": "NOT_SUPPORTED"},
        {"gpu": 1, "field": "clocks.max.graphics", "value": 1980, "unit": "MHz", "text": "1980 MHz"},
    ]


def test_what_a_field_holds_instead_of_a_value_is_shown(cli: Cli, node: Node) -> None:
    node.gpus[0].fail("power.usage", "GPU_IS_LOST")
    node.gpus[0].remove("power.limit")
    node.gpus[0].set("identity.name", "NOT_SUPPORTED")

    assert "  name                      NOT_SUPPORTED\n" in cli("get", "0", "--node", str(node.path)).stdout
    assert cli("get", "0", "power.usage", "--node", str(node.path)).stdout == "GPU_IS_LOST\n"
    assert cli("get", "0", "power.limit", "--node", str(node.path)).stdout == "NOT_SUPPORTED\n"
    tree = cli("get", "0", "power", "--node", str(node.path)).stdout
    assert "GPU_IS_LOST" in tree and " limit " not in tree


def test_what_follows_from_other_fields_is_shown(cli: Cli, node: Node) -> None:
    total, reserved, allocated = (node.gpus[0].get(f"memory.{name}") for name in ("total", "reserved", "allocated"))
    node.gpus[0].set("processes.running", [{"pid": 1, "memory": "1 GiB"}])

    found = json.loads(cli("get", "0", "memory.free", "--node", str(node.path), "--json").stdout)

    assert isinstance(total, int) and isinstance(reserved, int) and isinstance(allocated, int)
    assert found[0]["value"] == total - reserved - allocated - 2**30


def test_a_text_that_the_locale_lacks_is_escaped(cli: Cli, node: Node) -> None:
    node.gpus[0].set("identity.name", "Tesla é")

    result = cli("get", "0", "identity.name", "--node", str(node.path), PYTHONIOENCODING="ascii")

    assert (result.returncode, result.stdout) == (0, "Tesla \\xe9\n")


@pytest.mark.parametrize("selector", ["1", "{uuid}", "{UUID}", "{address}", "0000{address}", "1,1", "1-1"])
def test_a_gpu_has_several_names(cli: Cli, node: Node, selector: str) -> None:
    gpu = node.gpus[1]
    gpu.set("identity.serial", "the second")
    uuid = str(gpu.get("identity.uuid"))
    bus, device = gpu.get("pci.bus"), gpu.get("pci.device")
    names = {"uuid": uuid, "UUID": uuid.upper(), "address": f"0000:{bus:02x}:{device:02x}.0"}

    result = cli("get", selector.format(**names), "identity.serial", "--node", str(node.path))

    assert (result.stdout, result.stderr) == ("the second\n", "")


def test_the_node_has_fields_of_its_own(cli: Cli, node: Node) -> None:
    assert cli("get", "node", "driver.version", "--node", str(node.path)).stdout == "550.54.15\n"
    assert cli("get", "node", "--node", str(node.path)).stdout.startswith("driver\n  version       550.54.15\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["2", "power.limit"], "'2': no such GPU: the node has 2 GPUs, 0-1; give an index, a range, a UUID"),
        (["1-0"], "'1-0': no such GPU"),
        (["", "power.limit"], "'': no such GPU"),
        (["GPU-0"], "'GPU-0': no such GPU"),
        (["0", "power.limt"], "power.limt: no such field (did you mean power.limit?)"),
        (["0", "clocks.max.graphcs"], "clocks.max.graphcs: graphcs is none of graphics, sm, memory, video"),
        (["0", "clocks.graphics"], "clocks.graphics: name the field: clocks.current.graphics, clocks.max.graphics, "),
        (["0", "power.limit.x"], "power.limit.x: name one element, as in power.limit"),
        (["0", ""], "'': no such field"),
        (["node", "power.limit"], "power.limit: no such field"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(cli: Cli, node: Node, arguments: list[str], message: str) -> None:
    result = cli("get", *arguments, "--node", str(node.path))

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"mocknvml: error: {message}")
    assert result.stderr.count("\n") == 1
