"""The wheel for aarch64 works: a cross-compiled C program loads its library in an emulator."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mocknvml.codegen.header import include_folder
from tests.debian import fetch_or_skip

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("show_gpus.c")


@pytest.fixture(scope="module")
def emulator() -> list[str | Path]:
    program = fetch_or_skip("qemu-user-static") / "usr/bin/qemu-aarch64-static"
    # There it looks for what a program expects below /: its loader and libc.
    system = fetch_or_skip("libc6-arm64-cross") / "usr/aarch64-linux-gnu"
    return [program, "-L", system]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("aarch64")


@pytest.fixture(scope="module")
def aarch64_library(folder: Path) -> Path:
    """The library from a wheel built as `make wheels` does."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    environment = os.environ | {"MOCKNVML_TARGET": "aarch64"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=600)
    (wheel,) = folder.glob("mocknvml-*-py3-none-manylinux_2_17_aarch64.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract("mocknvml/lib/libnvidia-ml.so.1", folder))


@pytest.fixture(scope="module")
def program(folder: Path) -> Path:
    path = folder / "show_gpus"
    # Without a cache that can be written zig waits for ever.
    environment = os.environ | {name: f"{folder}/zig" for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}
    compiler = [sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-gnu.2.17"]
    command = [*compiler, "-Wall", "-Werror", "-I", include_folder(), "-o", path, PROGRAM]
    subprocess.run(command, env=environment, check=True, timeout=600)
    return path


def test_a_program_for_aarch64_sees_the_default_node(
    emulator: list[str | Path], aarch64_library: Path, program: Path, mock_env: dict[str, str]
) -> None:
    command = [*emulator, program, aarch64_library]
    result = subprocess.run(command, env=mock_env, check=False, capture_output=True, text=True, timeout=60)

    assert result.stderr == ""
    assert result.returncode == 0
    assert result.stdout.splitlines() == [
        "driver 550.54.15",
        "count 8",
        *[f"gpu {index}: NVIDIA A100-SXM4-40GB, {40960 * 1024**2} bytes" for index in range(8)],
    ]
