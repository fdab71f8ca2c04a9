"""`mocknvml reset-gpu`: which GPUs, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml import Node
from tests.cli.conftest import Cli


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Two GPUs whose ECC mode is about to end."""
    with Node.create(tmp_path / "node", gpus=2) as made:
        for gpu in made.gpus:
            gpu.set("ecc.mode_pending", False)
        yield made


def modes(node: Node) -> list[object]:
    return [gpu.get("ecc.mode") for gpu in node.gpus]


def test_gpus_are_reset_by_index_uuid_bus_id_or_all(cli: Cli, node: Node) -> None:
    second = node.gpus[1]
    address = "{:04x}:{:02X}:{:02x}.0".format(*(second.get(f"pci.{key}") for key in ("domain", "bus", "device")))

    for selector in ("1", str(second.get("identity.uuid")), address, address[5:], address.rjust(16, "0")):
        second.set("ecc.mode", True)
        result = cli("reset-gpu", selector, "--node", str(node.path))
        assert (result.returncode, result.stdout, result.stderr) == (0, "GPU 1 was reset\n", "")
        assert modes(node) == [1, 0]
    assert cli("reset-gpu", "all", MOCK_NVML_NODE=str(node.path)).returncode == 0
    assert modes(node) == [0, 0]


@pytest.mark.parametrize("selector", ["2", "99999", "GPU-0", "00:00.0", "", "-1", "two"])
def test_a_gpu_that_is_not_there_is_one_line(cli: Cli, node: Node, selector: str) -> None:
    result = cli("reset-gpu", f"--node={node.path}", "--", selector)

    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(f"mocknvml: error: {selector!r}: no such GPU")
    assert modes(node) == [1, 1]


def test_a_gpu_in_use_is_not_reset(cli: Cli, node: Node) -> None:
    node.gpus[0].processes.add(pid=1)

    result = cli("reset-gpu", "all", "--node", str(node.path))

    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "in use by another client" in result.stderr
    assert modes(node) == [1, 1]
