"""GPUs for tests: nodes that this process and its children see. The pytest plugin is made of this, too."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from mocknvml import defaults
from mocknvml.errors import MocknvmlError, NodeError
from mocknvml.state.native import LIBRARY_FOLDER
from mocknvml.state.node import Node

__all__ = ["gpu_node"]

SONAME = "libnvidia-ml.so.1"
GUID = bytes.fromhex("6d6f636b6e766d6c8e1b4f279a53d001")  # of native/init.c

# What bindings keep of a library: the functions that they have found, its handle, and a count of their inits.
# nvidia-ml-py, its ports and the copies of it in other packages; pynvml 8.
KEPT = {
    "_nvmlGetFunctionPointer_cache": ("nvmlLib", "_nvmlLib_refcount"),
    "_func_pointer_cache": ("nvml_lib", "nvml_lib_refcount"),
}


@contextmanager
def gpu_node(
    profile: str | os.PathLike[str] = defaults.PROFILE, gpus: int | None = None, driver: str = defaults.DRIVER
) -> Iterator[Node]:
    """Make a node that NVML finds in this process and its children until the block ends.

    >>> with gpu_node("t4", gpus=2) as node:
    ...     node.gpus[0].set("thermal.temperature.gpu", "91 C")
    """
    with Nodes() as nodes, nodes.found(profile, gpus, driver) as node, _environment(nodes.environment):
        yield node


class Nodes:
    """The node files of a test run: one per kind, made once and reset for each test."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="mocknvml-")).absolute()
        self._folder.chmod(0o755)  # as with a real driver, a child that changes its user still sees the GPUs
        self._names = count()
        self._made: dict[tuple[str, int | None, str], Node] = {}
        # One path for all nodes: a server that multiprocessing forks from keeps the environment of its first test.
        self._current = self._folder / "node"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which the library and the node are found."""
        # No trailing colon after the folder if there is nothing else: an empty entry would mean the working folder.
        path = filter(None, (str(LIBRARY_FOLDER), os.environ.get("LD_LIBRARY_PATH")))
        return {"MOCK_NVML_NODE": str(self._current), "LD_LIBRARY_PATH": ":".join(path)}

    @contextmanager
    def found(
        self,
        profile: str | os.PathLike[str] = defaults.PROFILE,
        gpus: int | None = None,
        driver: str = defaults.DRIVER,
    ) -> Iterator[Node]:
        """A node as it was made, which NVML finds by the environment until the block ends. No init outlasts that."""
        before = _hide(False)
        forget()
        try:
            node = self._fresh((os.fspath(profile), gpus, driver))
            node.log_calls()
            link = self._folder / "link"
            link.symlink_to(node.path.name)
            link.replace(self._current)
            try:
                yield node
            finally:
                with suppress(NodeError):
                    node.rules.clear()  # whoever hangs by one goes on
        finally:
            self._current.unlink(missing_ok=True)
            _hide(before)
            forget()

    def _fresh(self, kind: tuple[str, int | None, str]) -> Node:
        node = self._made.get(kind)
        if node is None or not self._reset(node):
            path = self._folder / str(next(self._names))
            node = self._made[kind] = Node.create(path, *kind, privileges="any")
        return node

    @staticmethod
    def _reset(node: Node) -> bool:
        """Whether the node could be reset: a test may have closed it, or removed or replaced its file."""
        try:
            node.reset()
            host, wall = time.monotonic_ns(), time.time_ns()
            node.update({"time.host": f"{host} ns", "time.epoch": f"{wall // 1000} us"})  # as of a node made now
        except NodeError:
            node.close()
            return False
        return True

    def __enter__(self) -> Nodes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self._made.values():
            node.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def forget() -> None:
    """Bring the bindings that this process has imported back to where they were before their first init."""
    for name in [name for name in tuple(sys.modules) if "nvml" in name]:  # as the names of all copies have it
        names = getattr(sys.modules.get(name), "__dict__", {})
        for functions, (handle, inits) in KEPT.items():
            if functions in names and handle in names:
                names[functions].clear()
                names.update({handle: None, inits: 0})
        if name == "nvitop.api.libnvml":
            names.get("__flags", []).clear()
            names["__initialized"] = False


def _hide(hide: bool) -> bool:
    """End all inits of this process, and choose whether later ones find anything. Returns what held before."""
    return bool(_testing_table()(hide))


@cache
def _testing_table() -> Any:
    """The library's function for tests. The library is loaded for good: whoever asks for its soname now gets it."""
    path = LIBRARY_FOLDER.resolve() / SONAME
    loaded = _loaded()
    for other in loaded:
        if other.parent == path.parent:
            continue
        raise MocknvmlError(
            f"this process has loaded {other}: tests with a simulated node need a process that has not, "
            "so run them on their own, and see which import or fixture loads it"
        )
    if not path.exists():
        raise MocknvmlError(f"{path} is missing: install mocknvml with pip, or run make in its sources")
    library = ctypes.CDLL(str(path))
    ctypes.CDLL(str(path.with_name("libnvidia-ml.so")))  # some ask for this name
    table = ctypes.POINTER(ctypes.c_void_p)()
    if library.nvmlInternalGetExportTable(ctypes.byref(table), GUID) or not table:
        raise MocknvmlError(f"{path} was built from other sources than this package: build it again")
    hide = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_bool)(table[1])
    if not loaded and str(LIBRARY_FOLDER) not in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        hide(True)  # without a node this process finds no library, as before
    return hide


def _loaded() -> set[Path]:
    """The NVML libraries that this process has mapped."""
    maps = Path("/proc/self/maps").read_text(errors="surrogateescape").splitlines()
    return {Path(line.split(maxsplit=5)[5].removesuffix(" (deleted)")) for line in maps if "/libnvidia-ml.so" in line}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
