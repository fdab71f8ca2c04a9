"""Clients from PyPI, unmodified: each version in a folder of its own, installed once."""

import fcntl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "clients"


def installed(name: str, command: Callable[[Path], Sequence[str | Path]]) -> Path:
    """The folder of a client, which a command has filled: the one that is given where to."""
    folder = BUILD / name
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test process may want the same
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
                target = Path(scratch) / "target"
                subprocess.run(command(target), check=True, timeout=300)
                target.rename(folder)  # at once, so that an interrupted installation is not taken for a whole one
    return folder


def install(package: str, version: str) -> Path:
    """The folder into which pip has put the package and what it needs."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target"]
    return installed(f"{package}-{version}", lambda target: [*pip, target, f"{package}=={version}"])
