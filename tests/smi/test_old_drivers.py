"""The stand-in on a library that has no more functions than that of the driver had."""

import re
import subprocess
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import DRIVERS, SUITES
from tests.debian import fetch_or_skip
from tests.smi.conftest import TRAINER, Smi

COMMANDS = (
    *("", "-L", "-q", "-q -x", "topo -m", "topo -p2p n", "dmon -c 1 -s pucmet", "pmon -c 1"),
    "--query-compute-apps=pid,name,used_memory --format=csv",
)
DATE = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) .{15} \d{4}")


def exported(library: Path) -> set[str]:
    command = ["nm", "--dynamic", "--defined-only", "--format=posix", str(library)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[0].split("@")[0] for line in lines}


def of_the_age(branch: int, library: Path, folder: Path) -> Path:
    """A copy of the library in which no name is found that NVIDIA's library of the branch does not export.

    A lookup compares whole names, so that another letter in the table of names hides one.
    """
    (theirs,) = fetch_or_skip("libnvidia-ml1", SUITES[branch]).glob("usr/lib/*/nvidia/current/libnvidia-ml.so.1")
    content = library.read_bytes()
    for name in exported(library) - exported(theirs):
        assert content.count(f"\0{name}\0".encode()) == 1
        content = content.replace(f"\0{name}\0".encode(), f"\0-{name[1:]}\0".encode())
    copy = folder / "libnvidia-ml.so.1"
    copy.write_bytes(content)
    assert exported(copy) & exported(library) <= exported(theirs)
    return folder


def cells(text: str) -> list[str]:
    return re.split(r", |\n", DATE.sub("", text))


@pytest.mark.slow
@pytest.mark.parametrize("branch", SUITES)
@pytest.mark.parametrize("profile", ["dgx-a100", "t4"])
def test_it_says_the_same(branch: int, profile: str, library: Path, path: Path, smi: Smi, tmp_path: Path) -> None:
    node = Node.create(path, profile, 2, DRIVERS[branch])
    node.gpus[0].set("processes.running", [TRAINER])
    node.clock.freeze()
    old = {"LD_LIBRARY_PATH": str(of_the_age(branch, library, tmp_path))}
    fields = re.findall(r'^"([^"]+)"', smi("--help-query-gpu").stdout, re.MULTILINE)
    fields.remove("timestamp")

    for command in (*COMMANDS, f"--query-gpu={','.join(fields)} --format=csv"):
        usual, on_old = smi(*command.split()), smi(*command.split(), **old)
        assert cells(on_old.stdout) == cells(usual.stdout), command
        assert (on_old.returncode, on_old.stderr) == (0, "")
