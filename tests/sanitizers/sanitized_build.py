"""Builds with sanitizers. Zig brings no runtime of theirs, so the same sources are compiled with gcc."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mocknvml.codegen import build, header
from mocknvml.codegen.build import NATIVE, OF_PYTHON, TIMEOUT

ADDRESS = "address,undefined"


def library(folder: Path, kind: str) -> Path:
    """The library, in a folder; what is generated for it stands beside it."""
    os.environ["ZIG_GLOBAL_CACHE_DIR"] = os.environ["ZIG_LOCAL_CACHE_DIR"] = str(folder / "zig")
    plans = build.generate(folder / "generated", build.zig(platform.machine()))
    sources = [folder / "generated" / "functions.c", *build.library_sources(plans)]
    return compiled(folder / "libnvidia-ml.so.1", kind, sources, ["-shared", "-Wl,-soname,libnvidia-ml.so.1"])


def node_library(folder: Path, kind: str) -> Path:
    """`_node.so`, which Python calls, in the folder of the library."""
    return compiled(folder / "_node.so", kind, [NATIVE / name for name in OF_PYTHON], ["-shared"])


def compiled(target: Path, kind: str, sources: Sequence[Path], more: Sequence[str]) -> Path:
    # gcc would part the assembler of export.c from its C.
    flags = [flag for flag in build.FLAGS if flag not in ("-g0", "-O2", "-Werror", "-flto")]
    # gcc warns that it does not model fences; all that they order are atomics.
    flags += [f"-fsanitize={kind}", "-fno-sanitize-recover=all", "-g", "-O1", "-Wno-tsan"]
    includes = [f"-I{path}" for path in (target.parent / "generated", NATIVE, header.include_folder())]
    command = ["gcc", *flags, *includes, *map(str, sources), *more, "-o", str(target)]
    subprocess.run(command, check=True, timeout=TIMEOUT)
    return target


def runtime(kind: str) -> str:
    """What must be loaded first in a process that was not built with the sanitizer."""
    name = "libasan.so" if kind == ADDRESS else "libtsan.so"
    command = ["gcc", f"-print-file-name={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
