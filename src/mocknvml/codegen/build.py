"""Generates the C and compiles it with the compiler that PyPI's `ziglang` brings: no system compiler is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from mocknvml.codegen import explain, header, plan
from mocknvml.codegen.emit_calls import api_model, call_table_header
from mocknvml.codegen.emit_fields import field_table
from mocknvml.codegen.emit_functions import export_map, functions_source
from mocknvml.codegen.emit_profiles import profiles_header
from mocknvml.codegen.emit_resets import resets_header
from mocknvml.codegen.emit_state import state_header
from mocknvml.codegen.emit_views import views
from mocknvml.nvml import ROWS

NATIVE = Path(__file__).parent.parent / "native"
MACHINES = ("x86_64", "aarch64")
GLIBC = "2.17"
TIMEOUT = 300  # seconds for one compiler run, from an empty cache
SHARED = (  # in both libraries
    *("node.c", "driver.c", "signal.c", "profiles.c", "reset.c", "clock_limits.c", "running.c", "ring.c"),
    *("calls_file.c", "faults.c"),
)
OF_PYTHON = (*SHARED, "api.c", "calls_api.c")  # in _node.so
FURTHER = ("export_reset.c", "export_policies.c")  # in the library, though no function's body stands there
FLAGS = (
    "-DNVML_NO_UNVERSIONED_FUNC_DEFS",
    *("-std=gnu11", "-O2", "-flto", "-g0", "-fomit-frame-pointer", "-fPIC", "-fvisibility=hidden", "-fno-plt"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-deprecated-declarations", "-Wno-unused-variable", "-Wno-unused-parameter"),
)


def zig(machine: str) -> list[str]:
    return [sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-gnu.{GLIBC}"]


def generate(folder: Path, compiler: list[str], environment: Mapping[str, str] | None = None) -> list[plan.Plan]:
    """Write the generated C into a folder."""
    model = header.load(compiler, environment)
    plans = plan.plan_all(model, ROWS)
    sources = {
        "state.h": state_header(),
        "call_table.h": call_table_header(plans),
        "profiles.h": profiles_header(),
        "field_table.h": field_table(model),
        "resets.h": resets_header(),
        "functions.c": functions_source(plans),
        "exports.map": export_map(plans),
        "calls.json": json.dumps(api_model(model, plans)) + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        (folder / name).write_text(text, encoding="utf-8")
    return plans


def library_sources(plans: list[plan.Plan]) -> list[Path]:
    """In the order of memory: what an init touches first and together, in as few pages as can be."""
    first = [*SHARED, "init.c", "rules.c", "record.c"]
    return [NATIVE / name for name in [*first, *sorted(plan.natives(plans).union(FURTHER) - set(first))]]


def build(out: Path, machine: str = "x86_64") -> None:
    """Build into `out`: the libraries, what is known of their functions, and the stub of the Python views."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mocknvml-build-") as work:
        folder = Path(work)
        # Zig hangs where it cannot write to the home folder, so its caches stand here.
        environment = {
            **os.environ,
            "ZIG_GLOBAL_CACHE_DIR": str(folder / "zig-global"),
            "ZIG_LOCAL_CACHE_DIR": str(folder / "zig-local"),
        }
        compiler = zig(machine)
        generated = folder / "generated"
        plans = generate(generated, compiler, environment)
        includes = [f"-I{generated}", f"-I{NATIVE}", f"-I{header.include_folder()}"]
        maps = [f"-ffile-prefix-map={folder}=.", f"-ffile-prefix-map={NATIVE}=native"]

        def link(name: str, sources: list[Path], *more: str) -> None:
            target = folder / name
            linking = ("-shared", "-Wl,-z,defs", *map(str, sources), "-o", str(target))
            command = [*compiler, *FLAGS, *maps, *includes, *linking, *more]
            subprocess.run(command, check=True, timeout=TIMEOUT, env=environment, cwd=folder)
            # Beside it and renamed: a process may have the old one mapped.
            shutil.copy(target, out / f".{name}")
            (out / f".{name}").replace(out / name)

        soname = "libnvidia-ml.so.1"
        link(
            soname,
            [*library_sources(plans), generated / "functions.c"],
            *("-s", f"-Wl,-soname,{soname}", f"-Wl,--version-script={generated / 'exports.map'}"),
            "-Wl,--hash-style=gnu",
            "-Wl,-Bsymbolic",  # a function that hands itself over is no symbol to be looked up at the start
        )
        # A wheel holds no symbolic links; a library that needs the real one gives dlsym the same symbols.
        empty = folder / "empty.c"
        empty.write_text("")
        link(
            "libnvidia-ml.so",
            [empty],
            "-s",
            "-Wl,-soname,libnvidia-ml.so",
            "-Wl,-rpath,$ORIGIN",
            "-Wl,--no-as-needed",
            str(folder / soname),
        )
        link("_node.so", [NATIVE / name for name in OF_PYTHON], "-s")
        shutil.copy(generated / "calls.json", out)
        described = {item.function.name: explain.describe(item) for item in plans}
        (out / "__init__.py").write_text("")  # a package, in which type checkers find the stub
        (out / "views.pyi").write_text(views(), encoding="utf-8")
        (out / "functions.json").write_text(json.dumps(described, indent=0, sort_keys=True) + "\n", encoding="utf-8")
