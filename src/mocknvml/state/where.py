"""Which node file a process sees when nobody names one: the same rules as in the library (`native/init.c`)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from mocknvml.errors import NodeError

VARIABLE = "MOCK_NVML_NODE"
PRIVATE = ("MOCK_NVML_NUM_DEVICES", "MOCK_NVML_DRIVER_VERSION", "MOCK_NVML_PROFILE")
SYSTEM = Path("/run/mocknvml/node")


class Found(NamedTuple):
    path: Path | None  # None: each program has a private node
    why: str


def defaults() -> list[Path]:
    """Where a node is looked for, in this order."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [SYSTEM, *([Path(runtime, "mocknvml", "node")] if runtime else [])]


def find(given: str | os.PathLike[str] | None = None) -> Found:
    """The node file that is meant by a path, or without one that which programs see, and why it is this one."""
    if given is not None:
        return Found(Path(given), "it is named")
    if os.environ.get(VARIABLE):
        return Found(Path(os.environ[VARIABLE]), f"{VARIABLE} names it")
    private = [name for name in PRIVATE if os.environ.get(name)]
    if private:
        return Found(None, f"{' and '.join(private)} {'is' if len(private) == 1 else 'are'} set")
    for path in defaults():
        if path.exists():
            refuse_strangers(path)
            return Found(path, "it is the default path")
    return Found(None, f"there is no node file at {' or '.join(map(str, defaults()))}")


def existing(given: str | os.PathLike[str] | None = None) -> Path:
    path, why = find(given)
    if path is None:
        raise NodeError(
            f"each program has a private node, because {why}; "
            f"make a node file with `mocknvml node create`, or name one with --node or {VARIABLE}"
        )
    return path


def refuse_strangers(path: Path) -> None:
    """A default path that others could have made or can change is not trusted."""
    for part in (path.parent, path):
        status = part.stat()
        if status.st_uid not in (0, os.geteuid()) or status.st_mode & stat.S_IWOTH:
            raise NodeError(
                f"{part}: belongs to another user or may be written by all, so it is no default; name it with --node"
            )


def to_make() -> Path:
    """The default path, with its folder, which others may read."""
    candidates = defaults() if os.geteuid() == 0 else defaults()[1:]
    for path in candidates:
        try:
            path.parent.mkdir(mode=0o755, exist_ok=True)
        except OSError:
            continue
        if os.access(path.parent, os.W_OK):
            return path
    raise NodeError(f"no default path: XDG_RUNTIME_DIR names no folder that you may write to, and {SYSTEM} needs root")
