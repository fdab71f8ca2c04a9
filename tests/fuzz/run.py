"""`python -m tests.fuzz.run SECONDS [TARGET...]`: random calls and damaged node files, under ASan and UBSan.

Each round is a process of its own with a seed of its own; what goes wrong is told with the command that does it again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mocknvml import Node
from tests.contracts.conftest import give_everything
from tests.fuzz.tables import tables
from tests.processes import stress
from tests.sanitizers import sanitized_build
from tests.sanitizers.sanitized_build import ADDRESS

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("fuzz.c")
TARGETS = ("private", "shared", "files", "python")
ROUND = 5  # seconds


@dataclass(frozen=True)
class Fuzz:
    """What is built for all targets, in a folder."""

    folder: Path

    @classmethod
    def build(cls, folder: Path) -> Fuzz:
        library = sanitized_build.library(folder, ADDRESS)
        sanitized_build.node_library(folder, ADDRESS)
        (folder / "generated" / "tables.h").write_text(tables(), encoding="utf-8")
        linking = ["-Wno-missing-field-initializers", str(library), "-lpthread", f"-Wl,-rpath,{folder}"]
        sanitized_build.compiled(folder / "fuzz", ADDRESS, [SOURCE], linking)
        with Node.create(folder / "good", gpus=2) as node:
            give_everything(node)
        return cls(folder)

    def command(self, target: str, seed: int) -> list[str]:
        path = self.folder / f"node-{target}"
        files = [str(self.folder / "good"), str(path)]
        if target == "python":
            module = [sys.executable, "-m", "tests.fuzz.fuzz_node", str(self.folder / "_node.so")]
            return [*module, str(ROUND), str(seed), *files]
        if target == "shared":
            shutil.copy(files[0], path)
            with Node.open(path) as node:
                node.log_calls(seed % 2 == 1)
        return [str(self.folder / "fuzz"), str(ROUND * 1000), str(seed), *(files if target == "files" else [])]

    def environment(self, target: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
        kept |= {"UBSAN_OPTIONS": "print_stacktrace=1", "ASAN_OPTIONS": "detect_leaks=0"}
        if target == "python":
            return kept | {"LD_PRELOAD": sanitized_build.runtime(ADDRESS), "PYTHONPATH": str(ROOT)}
        if target == "shared":
            return kept | {"MOCK_NVML_NODE": str(self.folder / "node-shared")}
        return kept | {"MOCK_NVML_PROFILE": "dgx-h100"}

    def run(self, target: str, seconds: float, first: int) -> int:
        """Rounds until the time is over; how many calls they made."""
        end, calls, seed = time.monotonic() + seconds, 0, first
        while time.monotonic() < end:
            command, environment = self.command(target, seed), self.environment(target)
            done = subprocess.run(
                command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=stress.TIMEOUT
            )
            told = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("mocknvml: "))
            assert (done.returncode, told) == (0, ""), f"{' '.join(command)}: {done.returncode}\n{told[-6000:]}"
            calls += int(done.stdout)
            seed += 1
        return calls


def main() -> None:
    seconds, chosen = float(sys.argv[1]), sys.argv[2:] or TARGETS
    with tempfile.TemporaryDirectory() as folder:
        fuzz = Fuzz.build(Path(folder))
        for target in chosen:
            print(f"{target}: {fuzz.run(target, seconds, int(time.time()))} calls")


if __name__ == "__main__":
    main()
