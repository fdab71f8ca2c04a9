"""Installation as a user does it: from a fresh checkout, with nothing but Python and pip."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

import mocknvml

ROOT = Path(__file__).resolve().parents[2]
LOOP = """
import pynvml as n
n.nvmlInit()
for index in range(n.nvmlDeviceGetCount()):
    gpu = n.nvmlDeviceGetHandleByIndex(index)
    print(n.nvmlDeviceGetName(gpu), n.nvmlDeviceGetMemoryInfo(gpu).total // 2**20, "MiB")
"""
Run = Callable[..., str]


@pytest.fixture(scope="module")
def installed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs a command in a fresh environment into which the checkout is installed; no compiler is on PATH."""
    venv = tmp_path_factory.mktemp("install") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MOCK_NVML_", "LD_"))}
    env["PATH"] = str(venv / "bin")
    assert not any(shutil.which(compiler, path=env["PATH"]) for compiler in ("cc", "gcc", "clang"))

    def run(*command: str) -> str:
        return subprocess.run(
            command, cwd=checkout, env=env, check=True, stdout=subprocess.PIPE, text=True, timeout=600
        ).stdout

    run("pip", "install", ".")
    return run


@pytest.mark.slow
def test_pynvml_sees_eight_gpus(installed: Run) -> None:
    installed("pip", "install", f"nvidia-ml-py=={version('nvidia-ml-py')}")

    output = installed("mocknvml", "run", "--", "python", "-c", LOOP)

    assert output == "NVIDIA A100-SXM4-40GB 40960 MiB\n" * 8


@pytest.mark.slow
def test_the_same_source_gives_the_same_library_elsewhere(installed: Run) -> None:
    folder = Path(installed("mocknvml", "library").removesuffix("\n"))
    here = Path(mocknvml.__file__).parent / "lib"

    assert folder != here
    files = [{path.name: path.read_bytes() for path in lib.iterdir() if path.is_file()} for lib in (folder, here)]
    assert files[0] == files[1]


@pytest.mark.slow
def test_the_library_builds_where_there_is_no_home_folder(library: Path, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ZIG_"))}

    subprocess.run(
        [sys.executable, "-m", "mocknvml.codegen", "build", tmp_path],
        env=env | {"HOME": "/dev/null", "PATH": ""},
        check=True,
        timeout=300,
    )

    assert (tmp_path / library.name).exists()


@pytest.mark.slow
def test_an_sdist_builds_into_a_wheel(checkout: Path, tmp_path: Path) -> None:
    # Without options `build` makes the wheel from the sdist, not from the checkout.
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path], cwd=checkout, check=True, timeout=600
    )

    (wheel,) = tmp_path.glob(f"mocknvml-*-py3-none-manylinux_2_17_{platform.machine()}.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name for name in names if name.startswith("mocknvml/lib/")} == {
        f"mocknvml/lib/{name}"
        for name in (
            *("libnvidia-ml.so.1", "libnvidia-ml.so", "_node.so"),
            *("functions.json", "calls.json", "__init__.py", "views.pyi"),
        )
    }
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"mocknvml"}


@pytest.fixture
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_another_machine_is_refused_in_one_line(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOCKNVML_TARGET", raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    with pytest.raises(SystemExit, match=r"^mocknvml runs on Linux with glibc on x86_64 or aarch64, not on .*$"):
        hook.target_machine()


def test_another_libc_is_refused_in_one_line(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOCKNVML_TARGET", raising=False)
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))

    with pytest.raises(SystemExit, match=r"^mocknvml runs on Linux with glibc .*$"):
        hook.target_machine()


def test_a_mistyped_target_is_refused_in_one_line(hook: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCKNVML_TARGET", "arm64")

    with pytest.raises(SystemExit, match=r"^MOCKNVML_TARGET is 'arm64', but must be x86_64 or aarch64$"):
        hook.target_machine()


def test_the_development_environment_builds_with_the_same_requirements() -> None:
    text = (ROOT / "pyproject.toml").read_text()

    blocks = re.findall(r"^(?:requires|build) = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)

    isolated, development = (re.findall(r'"(.+?)"', block) for block in blocks)
    assert isolated == development
