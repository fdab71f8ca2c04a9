"""Asks NVML in another process, through pynvml."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SCRIPT = Path(__file__).parent / "ask_nvml.py"

Ask = Callable[..., list[object]]


def asker(node: Path, environment: dict[str, str]) -> Ask:
    """The answers to expressions of `ask_nvml.py`, one after the other, in a process of their own."""

    def answers(*calls: str) -> list[object]:
        command = [sys.executable, str(SCRIPT)]
        variables = environment | {"MOCK_NVML_NODE": str(node)}
        done = subprocess.run(
            command, input=json.dumps(calls), env=variables, capture_output=True, text=True, check=True
        )
        return list(json.loads(done.stdout).values())

    return answers
