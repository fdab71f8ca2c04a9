import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Node

CLIENT = Path(__file__).parent / "client.py"
Ask = Callable[[str], Any]


@pytest.fixture
def client(mock_env: dict[str, str]) -> Callable[[Node], "contextmanager[Ask]"]:
    """Starts a client of a node, which answers expressions as long as the block lasts."""

    @contextmanager
    def start(node: Node) -> Iterator[Ask]:
        environment = mock_env | {"MOCK_NVML_NODE": str(node.path)}
        command = [sys.executable, str(CLIENT)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True, bufsize=1) as process:
            assert process.stdin is not None
            assert process.stdout is not None

            def ask(expression: str) -> Any:
                assert process.stdin is not None
                assert process.stdout is not None
                print(expression, file=process.stdin, flush=True)
                return json.loads(process.stdout.readline())

            yield ask
            process.stdin.close()

    return start
