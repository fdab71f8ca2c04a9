import json
from pathlib import Path

from mocknvml import Node
from tests.cli.conftest import Cli


def test_a_node_is_made_shown_and_removed(cli: Cli, tmp_path: Path) -> None:
    node = tmp_path / "node"

    made = cli("node", "create", str(node), "--profile", "t4", "--gpus", "2", "--driver", "535.129.03")
    shown = cli("node", "show", str(node)).stdout.splitlines()
    described = json.loads(cli("node", "show", str(node), "--json").stdout)
    with Node.open(node) as opened:
        opened.log_calls()  # in a file of its own
    removed = cli("node", "rm", str(node))

    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    assert shown[0] == "driver 535.129.03, 2 GPUs"
    assert [line.startswith(f"{index}: Tesla T4 (GPU-") for index, line in enumerate(shown[1:])] == [True, True]
    assert [gpu["name"] for gpu in described["gpus"]] == ["Tesla T4", "Tesla T4"]
    assert (removed.returncode, list(tmp_path.iterdir())) == (0, [])


def test_the_environment_says_what_options_leave_open(cli: Cli, tmp_path: Path) -> None:
    cli("node", "create", f"{tmp_path}/node", MOCK_NVML_PROFILE="t4", MOCK_NVML_NUM_DEVICES="3")

    with Node.open(tmp_path / "node") as node:
        assert [gpu.get("identity.name") for gpu in node.gpus] == ["Tesla T4"] * 3


def test_a_built_in_node_is_the_same_from_the_library_and_from_yaml(cli: Cli, tmp_path: Path) -> None:
    cli("node", "create", f"{tmp_path}/built-in", "--profile", "aws-g4dn")
    Node.create(tmp_path / "yaml", profile="aws-g4dn").close()

    with Node.open(tmp_path / "built-in") as one, Node.open(tmp_path / "yaml") as other:
        for key in one.gpus[0].field_keys():
            assert [gpu.status(key) for gpu in one.gpus] == [gpu.status(key) for gpu in other.gpus]
            if one.gpus[0].status(key) == 0 and key != "power.energy":  # which follows the clock
                assert [gpu.get(key) for gpu in one.gpus] == [gpu.get(key) for gpu in other.gpus]


def test_a_node_is_replaced_but_no_other_file(cli: Cli, tmp_path: Path) -> None:
    node, letter = tmp_path / "node", tmp_path / "letter"
    letter.write_text("Dear reader")
    cli("node", "create", str(node), "--gpus", "1")

    again = cli("node", "create", str(node), "--gpus", "2")
    over = cli("node", "create", str(letter))
    away = cli("node", "rm", str(letter))

    assert again.returncode == 0
    assert [over.returncode, away.returncode] == [2, 2]
    assert over.stderr == away.stderr == f"mocknvml: error: {letter}: not a mocknvml node file, left alone\n"
    assert letter.read_text() == "Dear reader"


def test_what_is_not_there_is_told(cli: Cli, tmp_path: Path) -> None:
    absent = tmp_path / "absent"

    shown, removed = cli("node", "show", str(absent)), cli("node", "rm", str(absent))
    made = cli("node", "create", f"{absent}/node")

    assert [result.returncode for result in (shown, removed, made)] == [2, 2, 2]
    assert shown.stderr == f"mocknvml: error: {absent}: no such node file; create the node first\n"
    assert removed.stderr == f"mocknvml: error: {absent}: No such file or directory\n"
    assert made.stderr == f"mocknvml: error: {absent}/node: No such file or directory\n"
