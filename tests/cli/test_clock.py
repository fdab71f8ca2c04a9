import json
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Node
from tests.cli.conftest import Cli


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Node.create(tmp_path / "node", gpus=1).close()
    return tmp_path / "node"


def shown(cli: Cli, path: Path, *change: str) -> dict[str, Any]:
    done = cli("clock", *change, "--json", "--node", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    described: dict[str, Any] = json.loads(done.stdout)
    return described


def test_the_clock_is_frozen_stepped_and_let_run(cli: Cli, path: Path) -> None:
    frozen = shown(cli, path, "freeze")
    stepped = shown(cli, path, "step", "10m")

    assert stepped["now"] - frozen["now"] == 600 * 10**9
    assert (frozen["rate"], stepped["rate"], frozen["waits"]) == (0, 0, "host")
    assert frozen["wall"] < stepped["wall"]
    assert shown(cli, path, "rate", "60x")["rate"] == 60
    assert shown(cli, path, "rate", "0.5")["rate"] == 0.5
    assert shown(cli, path, "run")["rate"] == 1


def test_the_clock_is_told_in_words(cli: Cli, path: Path) -> None:
    quiet = cli("clock", "freeze", MOCK_NVML_NODE=str(path))
    told = cli("clock", MOCK_NVML_NODE=str(path))

    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")
    assert " s since the node was made, frozen\n" in told.stdout
    assert "timeouts of waits for events pass by the host's clock\n" in told.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("step",), "step: say how far, like 10m"),
        (("step", "5"), "give a number with a unit, one of ns, us, ms, s, m, h"),
        (("rate", "0x"), "give a rate from 1e-9 to 1000000"),
        (("rate", "fast"), "rate: 'fast': say how many times as fast as the host's, like 60x"),
        (("freeze", "now"), "freeze: takes no 'now'"),
        (("stop",), "invalid choice: 'stop'"),
    ],
)
def test_a_mistake_is_told_in_one_line(change: tuple[str, ...], message: str, cli: Cli, path: Path) -> None:
    done = cli("clock", *change, "--node", str(path))

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


def test_a_clock_needs_a_node(cli: Cli) -> None:
    done = cli("clock", MOCK_NVML_PROFILE="t4")

    assert done.returncode == 2
    assert done.stderr.startswith("mocknvml: error: each program has a private node, because MOCK_NVML_PROFILE is set")
