"""Commands that show a node print something whatever words it holds."""

import json
import random
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.cli import main
from mocknvml.state.layout import layout

HEADER = 4096


@pytest.fixture(params=range(4), ids=lambda seed: f"seed{seed}")
def garbage(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A node of one GPU whose blocks hold random words, a third of them small and a third zero."""
    path, chance = tmp_path / "node", random.Random(request.param)
    Node.create(path, gpus=1).close()
    data = bytearray(path.read_bytes())
    gpu = len(data) - layout().gpu.stride * 8
    for start, stride in ((HEADER, layout().node.stride * 8), (gpu, layout().gpu.stride * 8)):
        for at in range(start, start + stride, 8):
            word = chance.choice((0, chance.getrandbits(3), chance.getrandbits(64)))
            data[at : at + 8] = word.to_bytes(8, "little")
    path.write_bytes(data)
    return path


def told(command: tuple[str, ...], path: Path) -> list[str]:
    return [*command, *([] if command[0] == "node" else ["--node"]), str(path)]


@pytest.mark.parametrize(
    "command",
    [
        ("get", "0", "--json"),
        ("get", "node", "--json"),
        ("status", "--json"),
        ("watch", "--count", "1", "--json"),
        ("node", "show", "--json"),
    ],
    ids=" ".join,
)
def test_json_is_valid(garbage: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(told(command, garbage)) == 0
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "command", [("get", "0"), ("get", "node"), ("status",), ("watch", "--count", "1"), ("node", "show")], ids=" ".join
)
def test_text_is_printable(garbage: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(told(command, garbage)) == 0
    assert all(line.isprintable() for line in capsys.readouterr().out.split("\n"))


def test_a_reset_brings_a_baseline_back_that_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "node"
    with Node.create(path, gpus=1) as node:
        for key in ("identity.name", "processes.running", "pci.bus", "thermal.temperature.gpu"):
            node.gpus[0].fail(key, "UNKNOWN")

    assert main(["node", "reset", str(path)]) == 0
    with Node.open(path) as node:
        assert node.gpus[0].overrides() == []
