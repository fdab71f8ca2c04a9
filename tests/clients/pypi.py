"""Clients from PyPI, unmodified: each version in a folder of its own, installed once."""

import subprocess
import sys
import tempfile
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "clients"


def install(package: str, version: str) -> Path:
    """The folder into which pip has put the package and what it needs."""
    folder = BUILD / f"{package}-{version}"
    if not folder.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
            target = Path(scratch) / "target"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), f"{package}=={version}"]
            subprocess.run(pip, check=True, timeout=300)
            target.rename(folder)  # at once, so that an interrupted installation is not taken for a whole one
    return folder
