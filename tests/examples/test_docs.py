"""Every snippet of the documentation runs as it stands.

Blocks of one page run in order, in one empty folder. A yaml block is a file whose name its first line gives, and so is
a Python block with such a line; tests in it run. A diff of CONTRIBUTING is how something was added:
where it is in, it is taken out of a copy of the sources and put in again. What the block after it says must fail before
and pass then.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs" / "how-to").glob("*.md")])
TIMEOUT = 120

# What a page names as an example of the reader's own, or what is itself the run of all tests.
NOT_RUN = {"make demo", "make test"}
STAND_INS = {"my_monitor.py": "import pynvml\npynvml.nvmlInit()\nprint(pynvml.nvmlDeviceGetCount())\n"}


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Language and text of each fenced block."""
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        yield match[1], match[2]


def environment() -> dict[str, str]:
    """The tests' own Python and its commands come first; no setting of the caller's changes the node."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_snippets_of_a_page_run(page: Path, tmp_path: Path) -> None:
    for name, text in STAND_INS.items():
        (tmp_path / name).write_text(text)

    for language, text in blocks(page):
        if text.strip() in NOT_RUN:
            continue
        if name := re.match(r"# (\S+\.(yaml|py))$", text, re.M):
            (tmp_path / name[1]).write_text(text)
            if not name[1].startswith("test_"):
                continue
            command = [sys.executable, "-m", "pytest", "-W", "error", "--strict-markers", name[1]]
        else:
            command = {"sh": ["bash", "-euc", text], "python": [sys.executable, "-W", "error", "-c", text]}[language]
        done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=TIMEOUT)
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


def contributing_recipes() -> list[tuple[str, str, str]]:
    """Title, diff and check of each recipe."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    pattern = r"^## (Add [^\n]+)\n.*?^```diff\n(.*?)^```$.*?^```python\n(.*?)^```$"
    return re.findall(pattern, text, re.M | re.S)


@pytest.mark.slow
@pytest.mark.parametrize(("title", "diff", "check"), contributing_recipes())
def test_recipes_of_contributing_work(title: str, diff: str, check: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("lib", "__pycache__"))
    out = tmp_path / "src" / "mocknvml" / "lib"
    env = environment() | {"PYTHONPATH": str(tmp_path / "src"), "LD_LIBRARY_PATH": str(out)}

    def apply(*options: str) -> bool:
        command = ["git", "apply", *options, "-"]
        return subprocess.run(command, cwd=tmp_path, input=diff, text=True, timeout=TIMEOUT).returncode == 0

    def passes() -> bool:
        build = [sys.executable, "-m", "mocknvml.codegen", "build", str(out)]
        subprocess.run(build, env=env, check=True, timeout=TIMEOUT)
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        return subprocess.run([sys.executable, "-c", check], cwd=folder, env=env, timeout=TIMEOUT).returncode == 0

    if apply("--reverse", "--check"):
        assert apply("--reverse"), title
    assert not passes(), f"{title}: the check passes without the change"
    assert apply(), title
    assert passes(), title


def test_contributing_has_its_three_recipes() -> None:
    titles = [title for title, _, _ in contributing_recipes()]

    assert titles == ["Add a getter", "Add a profile", "Add a native function"]


def test_reference_pages_are_up_to_date() -> None:
    check = [sys.executable, "-m", "mocknvml.codegen", "docs", str(ROOT / "docs" / "reference"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=TIMEOUT, cwd=ROOT)

    assert done.returncode == 0, done.stderr
