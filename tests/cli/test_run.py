import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

INIT = "import pynvml; pynvml.nvmlInit()"
PRINT_ENVIRONMENT = "import os, sys; print(*(os.environ.get(name, '-') for name in sys.argv[1:]), sep='|')"
Seen = Callable[..., list[str]]

MINE = "inherits: t4\nsource: ours\nidentity: {name: Mine}\n"
MACHINE = """
source: ours
gpus:
  - {board: ./mine.yaml, address: "0000:01:00.0"}
  - {board: t4, address: "0000:02:00.0"}
"""

VARIABLES = ("MOCK_NVML_PROFILE", "MOCK_NVML_NUM_DEVICES", "MOCK_NVML_DRIVER_VERSION")


@pytest.fixture
def seen(cli: Cli) -> Seen:
    """Runs `mocknvml run OPTIONS` and returns what the command sees of the named variables."""

    def run(*options: str, names: Sequence[str] = VARIABLES, **env: str) -> list[str]:
        result = cli("run", *options, "--", sys.executable, "-c", PRINT_ENVIRONMENT, *names, **env)
        assert result.returncode == 0, result.stderr
        return result.stdout.rstrip("\n").split("|")

    return run


def test_options_become_variables(seen: Seen) -> None:
    assert seen("--profile", "t4", "--gpus", "3", "--driver", "535.129.03") == ["t4", "3", "535.129.03"]


def test_without_options_variables_are_left_alone(seen: Seen) -> None:
    assert seen() == ["-", "-", "-"]
    assert seen(MOCK_NVML_PROFILE="t4", MOCK_NVML_NUM_DEVICES="2") == ["t4", "2", "-"]


def test_an_option_wins_over_its_variable(seen: Seen) -> None:
    assert seen("--gpus", "0", MOCK_NVML_PROFILE="t4", MOCK_NVML_NUM_DEVICES="2") == ["t4", "0", "-"]


def test_an_option_wins_over_a_node_in_the_environment(seen: Seen) -> None:
    assert seen("--gpus", "1", names=["MOCK_NVML_NODE"], MOCK_NVML_NODE="/node") != ["/node"]
    assert seen(names=["MOCK_NVML_NODE"], MOCK_NVML_NODE="/node") == ["/node"]


DESCRIBE = """
import pynvml as n
n.nvmlInit()
gpus = [n.nvmlDeviceGetHandleByIndex(index) for index in range(n.nvmlDeviceGetCount())]
print(n.nvmlSystemGetDriverVersion(), *(n.nvmlDeviceGetName(gpu) for gpu in gpus), sep="|")
"""


@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (["--profile", "t4", "--gpus", "2", "--driver", "535.129.03"], {}),
        (["--gpus", "2"], {"MOCK_NVML_PROFILE": "t4", "MOCK_NVML_DRIVER_VERSION": "535.129.03"}),
    ],
)
def test_the_node_is_what_options_and_variables_say(cli: Cli, options: list[str], variables: dict[str, str]) -> None:
    result = cli("run", *options, "--", sys.executable, "-c", DESCRIBE, **variables)

    assert (result.stdout, result.stderr) == ("535.129.03|Tesla T4|Tesla T4\n", "")


def test_a_file_describes_the_node(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE)
    (tmp_path / "machine.yaml").write_text(MACHINE)

    board = cli("run", "--profile", f"{tmp_path}/mine.yaml", "--gpus", "1", "--", sys.executable, "-c", DESCRIBE)
    system = cli("run", "--", sys.executable, "-c", DESCRIBE, MOCK_NVML_PROFILE=f"{tmp_path}/machine.yaml")

    assert (board.stdout, board.stderr) == ("550.54.15|Mine\n", "")
    assert (system.stdout, system.stderr) == ("550.54.15|Mine|Tesla T4\n", "")


def test_a_mistake_in_a_file_is_one_line_and_exit_status_2(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE + "power:\n  limt: 60 W\n")

    result = cli("run", "--profile", f"{tmp_path}/mine.yaml", "--", "echo", "ran")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"mocknvml: error: {tmp_path}/mine.yaml:5: power.limt: no such field (did you mean limit?)\n"
    )


def test_all_processes_of_the_command_see_one_machine(cli: Cli) -> None:
    change = "import os, mocknvml as m; m.Node.open(os.environ['MOCK_NVML_NODE']).gpus[0].set('power.usage', '7 W')"
    ask = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetPowerUsage(n.nvmlDeviceGetHandleByIndex(0)))"

    result = cli("run", "--", "sh", "-ec", '"$0" -c "$1"; "$0" -c "$2"', sys.executable, change, ask)

    assert (result.stdout, result.stderr) == ("7000\n", "")


# Becomes the parent of what outlives the command, runs it, and waits for all of them.
REAP = """
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True, start_new_session=True)
try:
    while True:
        os.wait()
except ChildProcessError:
    print(done.stdout.strip(), done.returncode)
"""


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("exit 3", 3),
        ("kill -KILL $$", -9),
        ("kill -TERM $$", -15),
        ("kill -TERM 0", -15),
        ("exec no-such-program 2>&-", 127),
    ],
)
def test_the_node_goes_with_the_command(mock_env: dict[str, str], ending: str, status: int) -> None:
    command = [sys.executable, "-m", "mocknvml", "run", "--gpus", "1", "--", "sh", "-c"]
    command.append(f"test -f $MOCK_NVML_NODE && echo $MOCK_NVML_NODE; {ending}")

    done = subprocess.run(
        [sys.executable, "-c", REAP, *command], env=mock_env, check=True, capture_output=True, text=True, timeout=60
    )

    node, ended = done.stdout.split()
    assert int(ended) == status
    assert not Path(node).parent.exists()


def test_the_node_goes_where_python_or_the_kernel_has_no_pidfd(mock_env: dict[str, str]) -> None:
    old = "import os, sys; del os.pidfd_open; from mocknvml.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", old, "run", "--gpus", "1", "--", "sh", "-c", "echo $MOCK_NVML_NODE"]

    done = subprocess.run(
        [sys.executable, "-c", REAP, *command], env=mock_env, check=True, capture_output=True, text=True, timeout=60
    )

    node, ended = done.stdout.split()
    assert (int(ended), Path(node).parent.exists()) == (0, False)


def test_a_node_that_is_there_is_used_and_kept(cli: Cli, tmp_path: Path) -> None:
    node = tmp_path / "node"
    assert cli("node", "create", str(node), "--profile", "t4", "--gpus", "1").returncode == 0

    result = cli("run", "--node", str(node), "--", sys.executable, "-c", DESCRIBE)

    assert (result.stdout, result.stderr) == ("550.54.15|Tesla T4\n", "")
    assert node.exists()


def test_a_node_that_is_not_there_is_told(cli: Cli, tmp_path: Path) -> None:
    result = cli("run", "--node", f"{tmp_path}/absent", "--", "echo", "ran")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"mocknvml: error: {tmp_path}/absent: no such node file; create the node first\n"


def test_a_node_takes_no_other_gpus(cli: Cli, tmp_path: Path) -> None:
    result = cli("run", "--node", f"{tmp_path}/node", "--gpus", "1", "--", "echo", "ran")

    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "--node" in result.stderr


@pytest.mark.parametrize(("before", "after"), [("", ""), ("/opt/lib:/usr/lib", ":/opt/lib:/usr/lib")])
def test_the_library_comes_first_on_the_library_path(seen: Seen, cli: Cli, before: str, after: str) -> None:
    folder = cli("library").stdout.rstrip("\n")

    assert seen(names=["LD_LIBRARY_PATH"], LD_LIBRARY_PATH=before) == [folder + after]


def test_the_command_finds_the_simulated_gpus(cli: Cli) -> None:
    count = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount())"

    result = cli("run", "--gpus", "3", "--", sys.executable, "-c", count)

    assert (result.stdout, result.stderr) == ("3\n", "")


def test_arguments_reach_the_command_as_they_are(cli: Cli) -> None:
    arguments = ["--gpus", "--", "", "a b", "-h", "*"]

    result = cli("run", "--", sys.executable, "-c", "import sys; print(sys.argv[1:])", *arguments)

    assert result.stdout == f"{arguments}\n"


def test_the_double_dash_may_be_left_out(cli: Cli) -> None:
    result = cli("run", "--gpus", "1", "echo", "--gpus", "7", "--", "x")

    assert result.stdout == "--gpus 7 -- x\n"


@pytest.mark.parametrize("status", [0, 1, 2, 77, 255])
def test_exit_status_is_that_of_the_command(cli: Cli, status: int) -> None:
    assert cli("run", "--", "sh", "-c", f"exit {status}").returncode == status


def test_death_by_a_signal_is_that_of_the_command(cli: Cli) -> None:
    assert cli("run", "--", "sh", "-c", "kill -KILL $$").returncode == -signal.SIGKILL


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_a_signal_to_the_wrapper_reaches_the_command(mock_env: dict[str, str], name: str) -> None:
    handle_it = (
        f"import signal, sys; signal.signal(signal.{name}, lambda *_: sys.exit(42)); print('ready', flush=True)\n"
        "signal.pause()"
    )
    command = [sys.executable, "-m", "mocknvml", "run", "--", sys.executable, "-c", handle_it]

    with subprocess.Popen(command, env=mock_env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(getattr(signal, name))

        assert process.wait(timeout=60) == 42


@pytest.mark.parametrize("name", ["SIGPIPE", "SIGXFSZ"])
def test_a_signal_that_python_ignores_is_not_ignored_in_the_command(cli: Cli, name: str) -> None:
    result = cli("run", "--", "grep", "SigIgn", "/proc/self/status")

    ignored = int(result.stdout.split()[1], 16)
    assert not ignored & 1 << (getattr(signal, name) - 1)


def test_a_missing_command_is_exit_status_127(cli: Cli) -> None:
    result = cli("run", "--", "no-such-command")

    assert result.returncode == 127
    assert result.stderr == "mocknvml: error: cannot run 'no-such-command': No such file or directory\n"


def test_a_file_without_permission_is_exit_status_126(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "script"
    file.write_text("#!/bin/sh\n")

    result = cli("run", "--", str(file))

    assert result.returncode == 126
    assert result.stderr == f"mocknvml: error: cannot run '{file}': Permission denied\n"


BAD_VALUES = [
    ("--gpus", "MOCK_NVML_NUM_DEVICES", "-1"),
    ("--gpus", "MOCK_NVML_NUM_DEVICES", "16385"),
    ("--gpus", "MOCK_NVML_NUM_DEVICES", "two"),
    ("--gpus", "MOCK_NVML_NUM_DEVICES", "1.5"),
    ("--gpus", "MOCK_NVML_NUM_DEVICES", "1_0"),
    ("--gpus", "MOCK_NVML_NUM_DEVICES", "٣"),
    ("--driver", "MOCK_NVML_DRIVER_VERSION", "550"),
    ("--driver", "MOCK_NVML_DRIVER_VERSION", "449.1"),
    ("--driver", "MOCK_NVML_DRIVER_VERSION", "550.54.15.1"),
    ("--driver", "MOCK_NVML_DRIVER_VERSION", "550.5415"),
    ("--driver", "MOCK_NVML_DRIVER_VERSION", "v550.54"),
    ("--profile", "MOCK_NVML_PROFILE", "../t4"),
]


@pytest.mark.parametrize(("option", "variable", "value"), BAD_VALUES)
def test_a_bad_value_is_one_line_and_exit_status_2(cli: Cli, option: str, variable: str, value: str) -> None:
    result = cli("run", f"{option}={value}", "--", "echo", "ran")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("mocknvml: error: ")
    assert value in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("option", "variable", "value"), BAD_VALUES)
def test_the_same_value_in_a_variable_is_refused(cli: Cli, option: str, variable: str, value: str) -> None:
    result = cli("run", "--", "echo", "ran", **{variable: value})

    assert (result.returncode, result.stdout) == (2, "")
    assert value in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("option", "variable", "value"), BAD_VALUES)
def test_the_library_refuses_the_same_value(mock_env: dict[str, str], option: str, variable: str, value: str) -> None:
    env = mock_env | {variable: value}

    result = subprocess.run(
        [sys.executable, "-c", INIT], env=env, check=False, capture_output=True, text=True, timeout=60
    )

    assert result.returncode == 1
    assert result.stderr.startswith(f"mocknvml: {variable}={value}: ")


@pytest.mark.parametrize("value", ["./mine.yaml", "mine.yml", "../t4"])
def test_the_library_says_what_to_do_with_a_file(mock_env: dict[str, str], value: str) -> None:
    env = mock_env | {"MOCK_NVML_PROFILE": value}

    result = subprocess.run(
        [sys.executable, "-c", INIT], env=env, check=False, capture_output=True, text=True, timeout=60
    )

    assert "the library reads no files" in result.stderr.splitlines()[0]
    assert "`mocknvml run --profile FILE -- COMMAND`" in result.stderr.splitlines()[0]


@pytest.mark.parametrize(
    "options",
    [
        "--gpus=0",
        "--gpus=007",
        "--gpus=16384",
        "--driver=450.1",
        "--driver=595.80",
        "--driver=550.54.15",
        "--profile=t4",
    ],
)
def test_the_library_accepts_what_the_wrapper_accepts(cli: Cli, options: str) -> None:
    result = cli("run", options, "--", sys.executable, "-c", INIT)

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("option", ["--gpus=", "--driver=", "--profile="])
def test_an_empty_value_is_no_value(cli: Cli, option: str) -> None:
    result = cli("run", option, "--", "echo", "ran")

    assert (result.returncode, result.stdout) == (2, "")


def test_a_mistyped_profile_is_told_its_name(cli: Cli) -> None:
    result = cli("run", "--profile", "a100-sxm-40gb", "--", "true")

    assert result.stderr.startswith("mocknvml: error: a100-sxm-40gb: no such profile (did you mean a100-sxm4-40gb?)")


def test_no_command_is_an_error(cli: Cli) -> None:
    result = cli("run", "--gpus", "1", "--")

    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
