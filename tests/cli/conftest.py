import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from mocknvml import Node


class Cli(Protocol):
    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def cli(mock_env: dict[str, str]) -> Cli:
    """Runs `mocknvml ARGUMENTS`, with further environment variables, and returns the finished process."""
    clean = {name: value for name, value in mock_env.items() if not name.startswith("MOCK_NVML_")}

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mocknvml", *arguments]
        return subprocess.run(command, env=clean | variables, check=False, capture_output=True, text=True, timeout=60)

    return run


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """Two H100s in a file."""
    with Node.create(tmp_path / "node", profile="h100-sxm5-80gb", gpus=2) as created:
        yield created
