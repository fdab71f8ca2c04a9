"""Builds and runs stress.c against a library."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from mocknvml.codegen.header import include_folder

SOURCE = Path(__file__).with_name("stress.c")
TIMEOUT = 120


def build(compiler: Sequence[str], library: Path, folder: Path, flags: Sequence[str] = ()) -> Path:
    """The program, linked to the library, in a folder."""
    program = folder / "stress"
    old_symbols = "-DNVML_NO_UNVERSIONED_FUNC_DEFS"
    command = [*compiler, "-std=gnu11", "-O1", "-g", "-Wno-deprecated-declarations", old_symbols, *flags]
    command += [f"-I{include_folder()}", str(SOURCE), str(library), "-o", str(program), "-lpthread"]
    command += [f"-Wl,-rpath,{library.parent}"]
    subprocess.run(command, check=True, timeout=TIMEOUT)
    return program


def run(program: Path, scenario: str, rounds: int, *arguments: str, env: Mapping[str, str]) -> str:
    """What a scenario prints; it must end well, and say nothing on stderr."""
    command = [str(program), scenario, str(rounds), *arguments]
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stderr) == (0, ""), f"{scenario}: {done.returncode}\n{done.stderr}"
    return done.stdout


def system_compiler() -> str | None:
    return shutil.which("gcc")
