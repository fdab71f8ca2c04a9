import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


def test_version_is_that_of_the_package(cli: Cli) -> None:
    result = cli("--version")

    assert (result.returncode, result.stdout) == (0, f"mocknvml {version('mocknvml')}\n")


def test_help_lists_the_commands(cli: Cli) -> None:
    result = cli("--help")

    assert result.returncode == 0
    listed = {line.split()[0] for line in result.stdout.splitlines() if line}
    assert listed >= {"run", "node", "library", "profiles", "explain", "get", "set", "status", "watch"}


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("run", ("--profile", "--gpus", "--driver", "--node", "MOCK_NVML_NUM_DEVICES", "127")),
        ("node", ("create", "show", "reset", "rm")),
        ("library", ("LD_LIBRARY_PATH",)),
        ("profiles", ("NAME", "--json", "--verbose", "schema")),
        ("explain", ("FUNCTION", "--json")),
        ("get", ("GPUS", "FIELD", "--json", "--node")),
        ("set", ("GPUS", "FIELD=VALUE", "--json", "--node")),
        ("status", ("--json", "--node")),
        ("watch", ("--interval", "--count", "--json", "--node")),
    ],
)
def test_help_of_a_command_tells_its_options(cli: Cli, command: str, options: tuple[str, ...]) -> None:
    result = cli(command, "--help")

    assert result.returncode == 0
    assert [option for option in options if option not in result.stdout] == []


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "fly",
        "--fly",
        "library here",
        "explain",
        "run --gpus",
        "run --gpu 1 -- true",
        "run --fly true",
        "node",
        "node create here there",
        "profiles t4",
        "get",
        "set 0",
        "watch --count 0",
        "watch --count -1",
        "watch --interval 0",
        "watch --interval nan",
        "watch --interval often",
    ],
)
def test_wrong_usage_is_one_line_and_exit_status_2(cli: Cli, arguments: str) -> None:
    result = cli(*arguments.split())

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("mocknvml: error: ")
    assert result.stderr.count("\n") == 1


def test_a_reader_that_leaves_early_is_no_error(mock_env: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    result = subprocess.run(
        [sys.executable, "-m", "mocknvml", "library"], env=mock_env, check=False, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)

    assert (result.returncode, result.stderr) == (1, b"")


def test_console_script_is_the_same_command(mock_env: dict[str, str]) -> None:
    script = Path(sys.executable).with_name("mocknvml")

    result = subprocess.run([script, "--version"], env=mock_env, check=True, capture_output=True, text=True)

    assert result.stdout.startswith("mocknvml ")
