"""Clients from npm, unmodified: each version in a folder of its own, installed once."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.clients.pypi import BUILD


def install_or_skip(package: str, version: str) -> Path:
    """The folder into which npm has put the package and what it needs; skip the test where there is no npm."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on PATH")
    folder = BUILD / f"npm-{package}-{version}"
    if not folder.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
            target = Path(scratch) / "target"
            npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run([*npm, "--prefix", target, f"{package}@{version}"], check=True, timeout=300)
            target.rename(folder)  # at once, so that an interrupted installation is not taken for a whole one
    return folder
