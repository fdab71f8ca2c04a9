"""Clients written in Go."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent / "deviceplugin"
BUILD = Path(__file__).parents[2] / "build" / "deviceplugin"


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the built Go programs: `plugin`, `kubelet` and `limit`."""
    for tool in ("go", "gcc"):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on PATH; the programs are built with Go and cgo")
    BUILD.mkdir(parents=True, exist_ok=True)
    env = os.environ | {
        "CGO_ENABLED": "1",
        # go-nvml wraps deprecated functions too; their warnings would bury an error.
        "CGO_CFLAGS": "-O2 -Wno-deprecated-declarations",
    }
    # NVML's symbols are undefined until go-nvml has opened the library, but some linkers bind at start by default.
    lazy = "-ldflags=-extldflags=-Wl,-z,lazy"
    command = ["go", "build", "-buildvcs=false", lazy, "-o", f"{BUILD}/", "./..."]
    # Go writes a program only if it has changed, so whoever comes second through the lock disturbs no running one.
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(command, cwd=SOURCES, env=env, check=True, timeout=600)
    return BUILD
