"""All contracts again, on nodes whose calls are watched: nothing but time may tell."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
def test_contracts_hold_while_calls_are_watched() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(HERE)]
    env = os.environ | {"MOCKNVML_TEST_ARMED": "1"}

    done = subprocess.run(command, cwd=HERE.parents[1], env=env, capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
