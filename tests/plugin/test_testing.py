"""`mocknvml.testing.gpu_node`, for unittest and for fixtures of one's own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("cases.py")


@pytest.mark.parametrize(
    "options",
    [
        ("-W", "error"),
        ("-W", "error", "-m", "pytest", "-p", "no:cacheprovider", f"--rootdir={CASES.parent}", "-c", os.devnull),
    ],
    ids=["unittest", "pytest"],
)
def test_cases_pass(options: tuple[str, ...]) -> None:
    env = {name: value for name, value in os.environ.items() if not re.match("MOCK_NVML_|LD_LIBRARY_PATH", name)}

    done = subprocess.run([sys.executable, *options, str(CASES)], env=env, capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Ran 10 tests|10 passed", done.stdout + done.stderr)
