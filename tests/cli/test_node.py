import json
import os
import stat
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.cli import main
from mocknvml.state import where
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
    assert described["path"] == str(node)
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


@pytest.mark.parametrize(("arguments", "privileges"), [((), 0), (("--privileges", "any"), 1)])
def test_a_node_may_give_privileges_to_all(
    arguments: tuple[str, ...], privileges: int, cli: Cli, tmp_path: Path
) -> None:
    done = cli("node", "create", str(tmp_path / "node"), *arguments)

    assert (done.returncode, done.stderr) == (0, "")
    with Node.open(tmp_path / "node") as node:
        assert node.get("access.privileges") == privileges


def test_reset_brings_back_what_the_node_was_made_with(cli: Cli, node: Node) -> None:
    node.gpus[1].set("power.limit", "350 W")
    node.set("driver.version", "535.129.03")

    result = cli("node", "reset", str(node.path))

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (node.gpus[1].get("power.limit"), node.get("driver.version")) == (700_000, "550.54.15")


class TestDefaultPaths:
    """As of a user who is not root, where /run is another folder."""

    @pytest.fixture(autouse=True)
    def folders(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("MOCK_NVML_NODE", *where.PRIVATE):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        (tmp_path / "run").mkdir()
        (tmp_path / "user").mkdir()
        monkeypatch.setattr(where, "SYSTEM", tmp_path / "run" / "mocknvml" / "node")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "user"))

    def test_root_makes_the_node_of_the_system(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)

        assert main(["node", "create", "--gpus", "1"]) == 0

        path = tmp_path / "run" / "mocknvml" / "node"
        assert capsys.readouterr().out == f"{path}\n"
        assert stat.filemode(path.parent.stat().st_mode) == "drwxr-xr-x"
        with Node.open() as node:
            assert node.path == path

    def test_without_a_folder_of_their_own_others_are_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{tmp_path}/absent")
        assert main(["node", "create"]) == 2
        monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
        assert main(["node", "create"]) == 2

        assert capsys.readouterr().err.splitlines() == [
            f"mocknvml: error: {tmp_path}/absent/mocknvml: No such file or directory",
            f"mocknvml: error: no default path: {tmp_path}/run/mocknvml/node needs root, "
            "and XDG_RUNTIME_DIR is not set; give a path",
        ]

    def test_others_make_a_node_of_their_own(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["node", "create", "--gpus", "1"]) == 0

        assert capsys.readouterr().out == f"{tmp_path}/user/mocknvml/node\n"

    def test_commands_find_it_and_rm_removes_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "user" / "mocknvml" / "node"
        path.parent.mkdir()
        Node.create(path, profile="t4", gpus=1).close()

        assert main(["get", "0", "identity.name"]) == 0
        assert capsys.readouterr().out == "Tesla T4\n"
        assert main(["node", "show"]) == 0
        assert "Tesla T4" in capsys.readouterr().out
        assert main(["node", "rm"]) == 0
        assert not path.exists()

    def test_the_environment_stands_before_them(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        Node.create(profile="t4", gpus=1).close()
        monkeypatch.setenv("MOCK_NVML_NODE", str(tmp_path / "mine"))
        Node.create(tmp_path / "mine", gpus=1).close()

        assert where.find() == (tmp_path / "mine", "MOCK_NVML_NODE names it")
        assert where.find("given") == (Path("given"), "it is named")

    def test_a_private_node_cannot_be_opened(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Node.create(profile="t4", gpus=1).close()
        monkeypatch.setenv("MOCK_NVML_PROFILE", "t4")

        assert main(["get", "0"]) == 2
        assert capsys.readouterr().err == (
            "mocknvml: error: each program has a private node, because MOCK_NVML_PROFILE is set; "
            "make a node file with `mocknvml node create`, or name one with --node or MOCK_NVML_NODE\n"
        )

    def test_without_a_node_the_message_says_how_to_make_one(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["get", "0"]) == 2
        assert capsys.readouterr().err == (
            "mocknvml: error: each program has a private node, because there is no node file at "
            f"{tmp_path}/run/mocknvml/node or {tmp_path}/user/mocknvml/node; "
            "make a node file with `mocknvml node create`, or name one with --node or MOCK_NVML_NODE\n"
        )

    @pytest.mark.parametrize("part", ["mocknvml", "mocknvml/node"])
    def test_what_all_may_write_is_no_default(
        self, tmp_path: Path, part: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "user" / "mocknvml" / "node"
        path.parent.mkdir()
        Node.create(path, gpus=1).close()
        (tmp_path / "user" / part).chmod(0o777)

        assert main(["get", "0"]) == 2
        assert capsys.readouterr().err.startswith(f"mocknvml: error: {tmp_path}/user/{part}: belongs to another user")


def test_a_node_may_have_the_cpus_of_the_host(cli: Cli, tmp_path: Path) -> None:
    for options, number in ((["--cpus", "host"], 1), (["--cpus", "profile"], 0), ([], 0)):
        assert cli("node", "create", f"{tmp_path}/node", *options).returncode == 0
        with Node.open(tmp_path / "node") as node:
            assert node.get("affinity.cpus") == number
            node.set("affinity.cpus", "host")
            node.reset()
            assert node.get("affinity.cpus") == number
    assert cli("node", "create", f"{tmp_path}/node", "--cpus", "all").returncode == 2
