"""Debian packages that tests look at: unpacked below build/debian/, never installed.

apt runs with lists, cache and sources of its own, so that the machine's apt neither changes nor has to know the
non-free components. The sources are the machine's, with those components added.
"""

import fcntl
import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CACHE = Path(__file__).resolve().parent.parent / "build" / "debian"
COMPONENTS = "main contrib non-free non-free-firmware"

# `#clear` also drops the machine's hooks, which would work on the machine's own cache.
CONFIGURATION = """\
#clear APT::Update;
Dir::State "{apt}/state";
Dir::Cache "{apt}/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{apt}/sources";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
"""


def fetch(package: str) -> Path | None:
    """Give the root folder of the unpacked package, or None if it cannot be had here."""
    return _fetch(package, "")[0]


def fetch_or_skip(package: str, suite: str = "") -> Path:
    """The same of the machine's suite or another one, such as `bullseye`; skip the test where it cannot be had."""
    root, reason = _fetch(package, suite)
    if root is None:
        pytest.skip(f"Debian package {package}: {reason}")
    return root


@functools.cache
def _fetch(package: str, suite: str) -> tuple[Path | None, str]:
    root = CACHE / suite / package
    if root.is_dir():
        return root, ""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None, "apt-get or dpkg-deb is missing"
    with _locked():
        # Another test process may have been faster.
        if not root.is_dir() and (reason := _update(suite) or _unpack(package, root, suite)):
            return None, reason
    return root, ""


@functools.cache
def _update(suite: str) -> str:
    """Fetch the package lists; return why that failed, or nothing."""
    apt = CACHE / suite / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial", "sources"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    (apt / "apt.conf").write_text(CONFIGURATION.format(apt=apt))
    if not _write_sources(apt / "sources", suite):
        return "apt has no Debian sources"
    return _run(["apt-get", "-c", apt / "apt.conf", "update"])


def _unpack(package: str, root: Path, suite: str) -> str:
    """Download and unpack one package; return why that failed, or nothing."""
    # The rename makes a folder that is there a whole one, also after a kill.
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=f".{package}.") as folder:
        if reason := _run(["apt-get", "-c", CACHE / suite / "apt" / "apt.conf", "download", package], cwd=folder):
            return reason
        (archive,) = Path(folder).glob("*.deb")
        unpacked = Path(folder) / "root"
        if reason := _run(["dpkg-deb", "-x", archive, unpacked]):
            return reason
        unpacked.rename(root)
    return ""


def _write_sources(folder: Path, suite: str, etc: Path = Path("/etc/apt")) -> bool:
    """Write the machine's sources that have a component `main` with all of Debian's components, of another suite if one
    is named.
    """
    one_line = re.compile(r"^(deb\s+(?:\[[^]]*\]\s+)?\S+\s+\S+)\s+main\b.*$", re.MULTILINE)
    lists = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]
    lines = [source for path in lists if path.is_file() for source in one_line.findall(path.read_text())]

    field = re.compile(r"^Components:.*\bmain\b.*$", re.MULTILINE)
    stanzas = []
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        stanzas += [s for s in re.split(r"\n\s*\n", path.read_text()) if field.search(s)]

    if suite:  # updates and security come as suites of their own
        lines = [re.sub(r"(\S+)$", suite, line) for line in lines if not re.search(r"[-/]\S*$", line.split()[-1])]
        own = re.compile(r"^Suites:.*$", re.MULTILINE)
        stanzas = [own.sub(f"Suites: {suite}", s) for s in stanzas if "-security" not in s]
    (folder / "machine.list").write_text("".join(f"{line} {COMPONENTS}\n" for line in lines))
    (folder / "machine.sources").write_text("\n\n".join(field.sub(f"Components: {COMPONENTS}", s) for s in stanzas))
    return bool(lines or stanzas)


def _run(command: list[str | Path], cwd: Path | str | None = None) -> str:
    """Return the last line of what went wrong, or nothing."""
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return f"{command[0]} took longer than 300 s"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"{command[0]} failed"])[-1]


@contextmanager
def _locked() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
