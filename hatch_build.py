"""Build hook: compiles the library into the wheel, or into the source tree for an editable install."""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MACHINES = ("x86_64", "aarch64")


def target_machine() -> str:
    """The machine to compile for: MOCKNVML_TARGET, or this one."""
    machine = os.environ.get("MOCKNVML_TARGET")
    if machine is None:
        machine = platform.machine()
        glibc = sys.platform == "linux" and platform.libc_ver()[0] == "glibc"
        if not glibc or machine not in MACHINES or sys.maxsize < 2**32:
            give_up(f"mocknvml runs on Linux with glibc on {' or '.join(MACHINES)}, not on {platform.platform()}")
    elif machine not in MACHINES:
        give_up(f"MOCKNVML_TARGET is {machine!r}, but must be {' or '.join(MACHINES)}")
    return machine


def give_up(message: str) -> None:
    # An exit and not an exception: pip shows what a build prints, and a traceback would bury the line.
    sys.exit(message)


class LibraryHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        machine = target_machine()
        if version == "editable":
            self.compile(Path(self.root, "src", "mocknvml", "lib"), machine)
        else:
            # Not in the source tree, where it would replace the library of an editable install.
            self.folder = tempfile.TemporaryDirectory(prefix="mocknvml-")
            self.compile(Path(self.folder.name), machine)
            build_data["force_include"][self.folder.name] = "mocknvml/lib"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_17_{machine}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            self.folder.cleanup()

    def compile(self, folder: Path, machine: str) -> None:
        # PYTHONPATH is also where pip's isolation puts the build requirements.
        path = os.pathsep.join(filter(None, (str(Path(self.root, "src")), os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "mocknvml.codegen", "build", str(folder), "--machine", machine]
        if subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False).returncode != 0:
            give_up("mocknvml could not be built; the reason stands above")
