import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mocknvml import Node
from tests.processes import stress

Stress = Callable[..., str]


@pytest.fixture(scope="session")
def program(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stress")
    # Zig hangs where it cannot write to the home folder.
    os.environ["ZIG_GLOBAL_CACHE_DIR"] = os.environ["ZIG_LOCAL_CACHE_DIR"] = str(folder / "zig")
    return stress.build([sys.executable, "-m", "ziglang", "cc"], library, folder)


@pytest.fixture
def run(program: Path, mock_env: dict[str, str]) -> Stress:
    """Runs a scenario of stress.c."""

    def run_scenario(scenario: str, rounds: int, *arguments: str, **env: str) -> str:
        return stress.run(program, scenario, rounds, *arguments, env=mock_env | env)

    return run_scenario


@pytest.fixture
def node_path(tmp_path: Path) -> Path:
    Node.create(tmp_path / "node", gpus=2).close()
    return tmp_path / "node"
