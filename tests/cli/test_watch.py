import json
import os
import pty
import signal
import subprocess
import sys

from mocknvml import Node
from tests.cli.conftest import Cli


def test_the_table_comes_as_often_as_asked(cli: Cli, node: Node) -> None:
    result = cli("watch", "--count", "2", "--interval", "0.01", "--node", str(node.path))

    tables = result.stdout.split("\n\n")
    assert result.returncode == 0
    assert [table.splitlines()[1].split()[:5] for table in tables] == [["0", "NVIDIA", "H100", "80GB", "HBM3"]] * 2
    assert "\x1b" not in result.stdout


def test_json_is_a_line_each_time(cli: Cli, node: Node) -> None:
    result = cli("watch", "--count", "3", "--interval", "0.01", "--json", "--node", str(node.path))

    seen = [json.loads(line) for line in result.stdout.splitlines()]
    assert [each["gpus"][1]["temperature"] for each in seen] == [29, 29, 29]
    assert seen[0]["time"] < seen[1]["time"] < seen[2]["time"]


def test_a_change_is_seen_and_an_interrupt_ends_it(node: Node, mock_env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mocknvml", "watch", "--json", "--interval", "0.01", "--node", str(node.path)]
    watching = subprocess.Popen(command, env=mock_env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with watching:
        assert watching.stdout and watching.stderr
        first = json.loads(watching.stdout.readline())
        node.gpus[0].set("thermal.temperature.gpu", "91 C")
        later = (json.loads(line)["gpus"][0]["temperature"] for line in watching.stdout)
        seen = next(temperature for temperature in later if temperature != 29)
        watching.send_signal(signal.SIGINT)
        rest = watching.stdout.read()
        complaint = watching.stderr.read()

    assert (first["gpus"][0]["temperature"], seen) == (29, 91)
    assert (watching.returncode, complaint) == (0, "")
    assert all(json.loads(line) for line in rest.splitlines())


def test_a_terminal_shows_it_in_place_and_no_wider_than_it_is(node: Node, mock_env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mocknvml", "watch", "--count", "2", "--interval", "0.01"]
    env = mock_env | {"MOCK_NVML_NODE": str(node.path), "COLUMNS": "40", "LINES": "5"}
    terminal, end = pty.openpty()
    with subprocess.Popen(command, env=env, stdin=end, stdout=end, stderr=end):
        os.close(end)
        shown = b""
        while chunk := read(terminal):
            shown += chunk
    os.close(terminal)

    screens = shown.decode().split("\x1b[H\x1b[2J")[1:]
    assert [len(screen.splitlines()) for screen in screens] == [4, 4]
    assert all(len(line) <= 40 for screen in screens for line in screen.splitlines())
    assert "NVIDIA H100 80GB HBM3" in screens[1]


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end is closed
        return b""


def test_a_node_that_goes_away_ends_it_with_one_line(cli: Cli, node: Node) -> None:
    node.path.unlink()

    result = cli("watch", "--node", str(node.path))

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"mocknvml: error: {node.path}: no such node file; create the node first\n"
