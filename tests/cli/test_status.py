import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from mocknvml import Node
from mocknvml.cli import main, status
from tests.cli.conftest import Cli


def test_the_node_and_its_gpus_are_shown(cli: Cli, node: Node) -> None:
    node.gpus[0].update({"thermal.temperature.gpu": "91 C", "utilization.gpu": "87 %", "memory.allocated": "8 GiB"})

    lines = cli("status", MOCK_NVML_NODE=str(node.path)).stdout.splitlines()

    assert lines[0] == f"node {node.path}, because MOCK_NVML_NODE names it; driver 550.54.15"
    assert lines[2].split() == ["GPU", "NAME", "BUS", "TEMP", "POWER", "MEMORY", "UTIL", "MEM", "UUID"]
    uuid = node.gpus[0].get("identity.uuid")
    assert lines[3] == (
        f"0    NVIDIA H100 80GB HBM3  00000000:19:00.0  91 C  69 / 700 W  8192 / 81559 MiB  87 %  0 %  {uuid}"
    )


def test_what_was_changed_is_shown_beside_what_it_was(cli: Cli, node: Node) -> None:
    node.gpus[1].set("power.limit", "350 W")
    node.gpus[1].fail("power.usage", "GPU_IS_LOST")
    node.gpus[0].set("thermal.temperature.gpu_max", "95 C")
    node.set("driver.version", "535.129.03")

    text = cli("status", "--node", str(node.path)).stdout
    found = json.loads(cli("status", "--node", str(node.path), "--json").stdout)

    assert [" ".join(line.split()) for line in text.splitlines()[-5:]] == [
        "GPU CHANGED NOW WAS",
        "node driver.version 535.129.03 550.54.15",
        "0 thermal.temperature.gpu_max 95 C NOT_SUPPORTED",
        "1 power.usage GPU_IS_LOST 68570 mW",
        "1 power.limit 350 W 700 W",
    ]
    assert found["overrides"] == [
        {"gpu": None, "field": "driver.version", "now": "535.129.03", "was": "550.54.15"},
        {"gpu": 0, "field": "thermal.temperature.gpu_max", "now": "95 C", "was": "NOT_SUPPORTED"},
        {"gpu": 1, "field": "power.usage", "now": "GPU_IS_LOST", "was": "68570 mW"},
        {"gpu": 1, "field": "power.limit", "now": "350 W", "was": "700 W"},
    ]


def test_a_long_value_is_cut_in_the_table_alone(cli: Cli, node: Node) -> None:
    node.gpus[0].set("processes.running", [{"pid": 1, "name": "x" * 150}])

    lines = cli("status", "--node", str(node.path)).stdout.splitlines()
    (override,) = json.loads(cli("status", "--node", str(node.path), "--json").stdout)["overrides"]

    assert all(len(line) < 160 for line in lines)
    assert lines[-1].startswith('0    processes.running  [{"pid": 1, ') and "…" in lines[-1]
    assert json.loads(override["now"])[0]["name"] == "x" * 150


def test_nothing_is_said_of_changes_where_there_are_none(cli: Cli, node: Node) -> None:
    node.gpus[0].set("power.limit", "350 W")
    node.clock.step("1 s")  # energy grows
    node.gpus[0].set("power.limit", "700 W")

    assert node.gpus[0].overrides() == []
    assert "power" not in cli("status", "--node", str(node.path)).stdout


def test_a_lost_gpu_has_no_readings(cli: Cli, node: Node) -> None:
    node.gpus[1].fail("health.present", "GPU_IS_LOST")

    text = cli("status", "--node", str(node.path)).stdout
    found = json.loads(cli("status", "--node", str(node.path), "--json").stdout)["gpus"]

    (line,) = [line for line in text.splitlines() if "(GPU_IS_LOST)" in line]
    assert " ".join(line.split()).startswith(
        "1 NVIDIA H100 80GB HBM3 (GPU_IS_LOST) 00000000:3B:00.0 - - / - - / - - - GPU-"
    )
    assert [(gpu["error"], gpu["power"]) for gpu in found] == [(None, 68570), ("GPU_IS_LOST", None)]


def test_what_a_gpu_has_not_is_a_dash_and_null(cli: Cli, node: Node) -> None:
    for key in ("thermal.temperature.gpu", "power.limit", "identity.name", "pci.bus"):
        node.gpus[0].remove(key)

    line = cli("status", "--node", str(node.path)).stdout.splitlines()[3]
    found = json.loads(cli("status", "--node", str(node.path), "--json").stdout)["gpus"][0]

    assert " ".join(line.split()).startswith("0 - - - 69 / - 0 / 81559 MiB 0 % 0 % GPU-")
    assert [found[name] for name in ("name", "bus_id", "temperature", "power_limit")] == [None] * 4
    assert (found["power"], found["memory_total"]) == (68570, 81559 * 2**20)


def test_texts_cannot_move_the_cursor(cli: Cli, node: Node) -> None:
    node.gpus[0].set("identity.name", "Tesla\x1b[2J\n")

    assert (
        "Tesla\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}" in cli("status", "--node", str(node.path)).stdout
    )
    assert "\x1b" not in cli("get", "0", "identity.name", "--node", str(node.path)).stdout
    assert "\x1b" not in cli("get", "0", "identity", "--node", str(node.path)).stdout


def test_a_node_without_gpus(cli: Cli, tmp_path: Path) -> None:
    Node.create(tmp_path / "node", gpus=0).close()

    assert cli("status", "--node", f"{tmp_path}/node").stdout.endswith("\n\nno GPUs\n")
    assert cli("watch", "--count", "1", "--node", f"{tmp_path}/node").stdout.startswith("GPU  NAME")


def test_a_private_node_is_told_with_the_reason(cli: Cli) -> None:
    result = cli("status", MOCK_NVML_PROFILE="t4")
    described = json.loads(cli("status", "--json", MOCK_NVML_PROFILE="t4").stdout)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("each program has a private node, t4, because MOCK_NVML_PROFILE is set\n")
    assert (described["node"], described["why"]) == (None, "MOCK_NVML_PROFILE is set")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n", "550.54.15"),
        ("something else\n", "of an unknown version"),
    ],
)
def test_a_real_driver_is_told(
    node: Node,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    version: str,
) -> None:
    (tmp_path / "version").write_text(text)
    monkeypatch.setattr(status, "REAL_DRIVER", tmp_path / "version")

    assert main(["status", "--node", str(node.path)]) == 0
    assert f"\nNVIDIA's driver {version} is loaded on this machine: " in capsys.readouterr().out
    main(["status", "--node", str(node.path), "--json"])
    assert json.loads(capsys.readouterr().out)["real_driver"] == version


def test_a_node_that_cannot_be_opened_is_one_line_and_exit_status_2(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear reader")

    result = cli("status", "--node", f"{tmp_path}/letter")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"mocknvml: error: {tmp_path}/letter: not a mocknvml node file\n"


def test_active_faults_are_shown(
    node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [
        SimpleNamespace(name="xid", gpu=1, parameters={"xid": 79}),
        SimpleNamespace(name="no-gpu", gpu=None, parameters={}),
    ]
    monkeypatch.setattr(Node, "faults", faults, raising=False)

    main(["status", "--node", str(node.path)])
    text = capsys.readouterr().out
    main(["status", "--node", str(node.path), "--json"])
    found = json.loads(capsys.readouterr().out)["faults"]

    assert [" ".join(line.split()) for line in text.splitlines()[-3:]] == [
        "GPU FAULT WITH",
        "1 xid xid=79",
        "node no-gpu",
    ]
    assert found == [
        {"gpu": 1, "fault": "xid", "parameters": {"xid": 79}},
        {"gpu": None, "fault": "no-gpu", "parameters": {}},
    ]


def test_rules_are_shown(node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    rules = [
        SimpleNamespace(id=1, function="nvmlDeviceGetName", gpu=0, code=15, delay=None, calls=5, acted=2),
        SimpleNamespace(id=2, function="nvmlDeviceGet*", gpu=None, code=None, delay=2_000_000_000, calls=0, acted=0),
        SimpleNamespace(id=3, function="nvmlInit_v2", gpu=None, code=None, delay="hang", calls=1, acted=1),
    ]
    monkeypatch.setattr(Node, "rules", rules, raising=False)

    main(["status", "--node", str(node.path)])
    text = capsys.readouterr().out
    main(["status", "--node", str(node.path), "--json"])
    found = json.loads(capsys.readouterr().out)["rules"]

    assert [" ".join(line.split()) for line in text.splitlines()[-4:]] == [
        "GPU RULE ANSWERS CALLS ACTED",
        "0 1 nvmlDeviceGetName GPU_IS_LOST 5 2",
        "all 2 nvmlDeviceGet* after 2000 ms 0 0",
        "all 3 nvmlInit_v2 hang 1 1",
    ]
    assert [rule["code"] for rule in found] == ["GPU_IS_LOST", None, None]
