import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources as a clone would have them: what git tracks or would add, nothing built."""
    copy = tmp_path_factory.mktemp("checkout") / "mocknvml"
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():  # not what is deleted but still tracked
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture
def driver_version(mock_env: dict[str, str]) -> str:
    """What the library itself says."""
    script = "import pynvml as n; n.nvmlInit(); print(n.nvmlSystemGetDriverVersion(), end='')"
    return subprocess.run(
        [sys.executable, "-c", script], env=mock_env, check=True, capture_output=True, text=True
    ).stdout
