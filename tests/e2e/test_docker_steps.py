"""The Dockerfile's steps, run as a script, because a test machine seldom has a container engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    lines = [line for line in dockerfile.read_text().splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", "")
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def test_its_steps_leave_the_library_as_a_driver_names_it(checkout: Path, driver_version: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    env = os.environ | {"PATH": f"{tmp_path / 'venv' / 'bin'}:/usr/bin:/bin"}
    steps = instructions(checkout / "Dockerfile")

    for _, command in (step for step in steps if step[0] == "RUN"):
        subprocess.run(["sh", "-c", command], cwd=checkout, env=env, check=True, timeout=600)

    # What the last stage copies, with WORKDIR standing for the checkout.
    (workdir,) = (rest for word, rest in steps if word == "WORKDIR")
    source = steps[-1][1].split()[1]
    lib = checkout / Path(source).relative_to(workdir)
    library = lib / f"libnvidia-ml.so.{driver_version}"
    assert library.read_bytes()[:4] == b"\x7fELF"
    assert sorted(lib.iterdir()) == [lib / "libnvidia-ml.so", lib / "libnvidia-ml.so.1", library]
    assert (lib / "libnvidia-ml.so").resolve() == (lib / "libnvidia-ml.so.1").resolve() == library
