"""The nvidia-smi that a command finds below `mocknvml run`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Cli, cli

__all__ = ["cli"]

THEIRS = "#!/bin/sh\necho the real one $*\n"


@pytest.fixture
def real(tmp_path: Path) -> str:
    """A folder with another nvidia-smi."""
    program = tmp_path / "real" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(THEIRS)
    program.chmod(0o755)
    return str(program.parent)


SYSTEM = "/usr/bin:/bin"
RUN = ("run", "--profile", "t4", "--gpus", "2")


def test_the_stand_in_is_there_where_no_other_is(cli: Cli) -> None:
    done = cli(*RUN, "--", "nvidia-smi", "-L", PATH=SYSTEM)

    assert [line.split(" (")[0] for line in done.stdout.splitlines()] == ["GPU 0: Tesla T4", "GPU 1: Tesla T4"]
    assert (done.returncode, done.stderr) == (0, "")


def test_a_real_one_on_the_path_is_preferred(cli: Cli, real: str) -> None:
    assert cli(*RUN, "--", "nvidia-smi", "-L", PATH=f"{SYSTEM}:{real}").stdout == "the real one -L\n"
    assert cli(*RUN, "--smi", "real", "--", "nvidia-smi", PATH=f"{real}:{SYSTEM}").stdout == "the real one\n"


def test_the_stand_in_can_be_asked_for(cli: Cli, real: str) -> None:
    assert "Tesla T4" in cli(*RUN, "--smi=ours", "--", "nvidia-smi", "-L", PATH=f"{real}:{SYSTEM}").stdout


def test_none_leaves_the_path_alone(cli: Cli, real: str) -> None:
    assert cli(*RUN, "--smi=none", "--", "nvidia-smi", PATH=SYSTEM).returncode == 127
    assert cli(*RUN, "--smi=none", "--", "nvidia-smi", PATH=f"{SYSTEM}:{real}").stdout == "the real one\n"


def test_a_real_one_that_is_missing_is_a_mistake(cli: Cli) -> None:
    done = cli(*RUN, "--smi=real", "--", "nvidia-smi", PATH=SYSTEM)

    assert done.returncode == 2
    assert "there is no nvidia-smi on PATH" in done.stderr


def test_a_run_within_a_run_chooses_again(cli: Cli, real: str) -> None:
    inner = "mocknvml run --smi=real -- nvidia-smi -q"
    python = f"import sys, subprocess as s; s.run([sys.executable, '-m', *{inner.split()!r}], check=True)"

    done = cli(*RUN, "--smi=ours", "--", "sh", "-c", f'"$MOCKNVML_PYTHON" -c "{python}"', PATH=f"{SYSTEM}:{real}")

    assert done.stdout == "the real one -q\n"


def test_modules_of_the_working_folder_do_not_disturb_it(cli: Cli, tmp_path: Path) -> None:
    for name in ("pynvml.py", "argparse.py", "mocknvml.py"):
        (tmp_path / name).write_text("raise SystemExit(99)")

    done = cli(*RUN, "--", "sh", "-c", f"cd {tmp_path} && nvidia-smi -L", PATH=SYSTEM)

    assert (done.returncode, done.stdout.count("Tesla T4")) == (0, 2)


def test_it_ends_with_the_status_of_nvidia_smi(cli: Cli) -> None:
    assert cli(*RUN, "--", "nvidia-smi", "--bogus", PATH=SYSTEM).returncode == 255
