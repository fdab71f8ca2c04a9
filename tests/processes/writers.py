"""Builds and runs writers.c. `python -m tests.processes.writers --write` runs it for docs/reliability.md."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from mocknvml import Node
from mocknvml.codegen import header
from mocknvml.codegen.build import FLAGS, NATIVE, SHARED, TIMEOUT, generate, zig
from mocknvml.state.native import LIBRARY_FOLDER

SOURCE = Path(__file__).with_suffix(".c")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
START, END = "<!-- Written by writers.py: -->\n", "<!-- End of what it writes. -->"
WRITERS, READERS, SECONDS, KILLS = 4, 8, 30, 1000


def build(folder: Path) -> Path:
    """The program, with the compiler and the flags of the library."""
    os.environ["ZIG_GLOBAL_CACHE_DIR"] = os.environ["ZIG_LOCAL_CACHE_DIR"] = str(folder / "zig")
    compiler = zig(platform.machine())
    generate(folder / "generated", compiler)
    includes = [f"-I{path}" for path in (folder / "generated", NATIVE, header.include_folder())]
    sources = [str(SOURCE), *(str(NATIVE / name) for name in SHARED)]
    command = [*compiler, *FLAGS, *includes, *sources, "-ldl", "-o", str(folder / "writers")]
    subprocess.run(command, check=True, timeout=TIMEOUT)
    return folder / "writers"


def run(program: Path, library: Path, *numbers: int) -> dict[str, int]:
    """What has happened, by what the program calls it. It fails, and says why, where anything went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # some readers become another user
        Node.create(f"{folder}/node", gpus=8).close()
        command = [str(program), f"{folder}/node", shutil.copy(library, folder), *map(str, numbers)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}\n{done.stderr}"
    return {name: int(value) for name, value in (line.split("\t") for line in done.stdout.splitlines())}


def table(program: Path, library: Path) -> str:
    runs = {
        "nobody is killed": (WRITERS, READERS, SECONDS * 1000, 0),
        "kill -9 at any moment": (WRITERS, READERS, 0, KILLS),
        "kill -9 amid publishing": (READERS, KILLS),
    }
    rows = [["", "changes", "reads", "kills", "seconds"], ["-" * 23, *["-" * 12 + ":"] * 4]]
    for name, numbers in runs.items():
        start = time.monotonic()
        counts = run(program, library, *numbers)
        rows.append([name, *(str(counts[count]) for count in ("changes", "reads", "kills"))])
        rows[-1].append(str(round(time.monotonic() - start)))
    return "".join(f"| {name:<23} | " + " | ".join(f"{cell:>13}" for cell in cells) + " |\n" for name, *cells in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = table(build(Path(folder)), LIBRARY_FOLDER / "libnvidia-ml.so.1")
    print(text, end="")
    if args.write:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(f"{page.split(START)[0]}{START}\n{text}\n{END}{page.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
