"""`make` from a fresh checkout, as the README promises it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

Make = Callable[..., str]


@pytest.fixture(scope="module")
def folder(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(checkout, tmp_path_factory.mktemp("make") / "mocknvml"))


@pytest.fixture(scope="module")
def make(folder: Path) -> Make:
    """Runs `make TARGETS` in the checkout, in which nothing is built at first, and returns what it prints."""
    # The variables of a `make` that runs these tests would reach this one.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "MOCK_NVML_"))}

    def run(*targets: str) -> str:
        command = ["make", f"PYTHON={sys.executable}", *targets]
        return subprocess.run(
            command, cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True, timeout=600
        ).stdout

    return run


def test_the_demo_is_a_table_of_eight_gpus(make: Make) -> None:
    output = make("demo")

    assert output.count("A100-SXM4-40GB") == 8


def test_the_library_is_named_as_a_driver_names_it(make: Make, folder: Path, driver_version: str) -> None:
    make()

    lib = folder / "build" / "lib"
    library = lib / f"libnvidia-ml.so.{driver_version}"
    assert library.read_bytes() == (folder / "src" / "mocknvml" / "lib" / "libnvidia-ml.so.1").read_bytes()
    assert sorted(lib.iterdir()) == [lib / "libnvidia-ml.so", lib / "libnvidia-ml.so.1", library]
    assert (lib / "libnvidia-ml.so").resolve() == (lib / "libnvidia-ml.so.1").resolve() == library


def test_nothing_is_built_twice(make: Make) -> None:
    make()

    assert "Nothing to be done" in make()


def test_help_lists_the_targets(make: Make) -> None:
    listed = {line.split()[1] for line in make("help").splitlines()}

    assert listed >= {"all", "demo", "test", "test-slow", "bench", "lint", "wheels", "docker-build", "clean"}
