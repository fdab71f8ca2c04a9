"""The build gives the same bytes wherever and whenever it runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mocknvml
from mocknvml.codegen.header import include_folder

pytestmark = pytest.mark.slow

FILES = [
    *("__init__.py", "_node.so", "calls.json", "functions.json"),
    *("libnvidia-ml.so", "libnvidia-ml.so.1", "views.pyi"),
]
SOURCES = Path(mocknvml.__file__).parent


def build(folder: Path, seed: str) -> Path:
    """Build in a folder of its own, temporary files included, and return where the libraries are."""
    out, temporary = folder / "out", folder / "temporary"
    temporary.mkdir(parents=True)
    env = os.environ | {
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": os.pathsep.join([str(SOURCES.parent), *sys.path]),
        "TMPDIR": str(temporary),
    }
    command = [sys.executable, "-m", "mocknvml.codegen", "build", str(out)]
    subprocess.run(command, cwd=folder, env=env, check=True, timeout=300)
    return out


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return [build(tmp_path_factory.mktemp(name) / name, seed) for name, seed in (("one", "1"), ("another", "2"))]


def test_a_build_makes_these_files_and_leaves_no_other(builds: list[Path]) -> None:
    assert sorted(file.name for file in builds[0].iterdir()) == FILES
    assert list((builds[0].parent / "temporary").iterdir()) == []


@pytest.mark.parametrize("name", FILES)
def test_a_second_build_gives_the_same_bytes(builds: list[Path], name: str) -> None:
    one, another = builds

    assert (one / name).read_bytes() == (another / name).read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_no_folder_of_the_build_is_in_its_files(builds: list[Path], name: str) -> None:
    data = (builds[0] / name).read_bytes()
    folders = [builds[0].parent, SOURCES, include_folder(), Path(sys.prefix)]

    assert [folder for folder in folders if os.fsencode(folder) in data] == []
