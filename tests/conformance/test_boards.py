"""NVIDIA's unmodified nvidia-smi looks at every board: none lacks what its commands cannot do without."""

import re
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.profiles import builtin
from tests.clients.nvidia_smi import DRIVERS, Smi

pytestmark = pytest.mark.slow

COMMANDS = ("", "-L", "-q", "topo -m", "nvlink -s", "dmon -c 1", "pmon -c 1")
# Unknown alone: 550 does not know the architecture of Blackwell.
WRONG = re.compile(
    r"ERR!|Unknown Error|Uninitialized|Failed|Unable to (?!retrieve NVLink information as all)|[^\x00-\x7f]"
)


@pytest.mark.parametrize("board", builtin())
def test_every_command_says_something_of_every_board(board: str, mock_env: dict[str, str], tmp_path: Path) -> None:
    Node.create(tmp_path / "node", board, gpus=2, driver=DRIVERS[550]).close()
    smi = Smi(550, mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")})

    wrong = {}
    for command in COMMANDS:
        done = smi(*command.split())
        if done.returncode != 0 or done.stderr or WRONG.search(done.stdout):
            wrong[command] = (done.returncode, done.stdout + done.stderr)

    assert wrong == {}
