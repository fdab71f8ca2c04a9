"""Clients from npm, unmodified: each version in a folder of its own, installed once."""

import shutil
from pathlib import Path

import pytest

from tests.clients.pypi import installed


def install_or_skip(package: str, version: str) -> Path:
    """The folder into which npm has put the package and what it needs; skip the test where there is no npm."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on PATH")
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]
    return installed(f"npm-{package}-{version}", lambda target: [*npm, target, f"{package}@{version}"])
