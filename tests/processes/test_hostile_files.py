"""Node files that are not what they should be: one clear line and a failing init, never a crash."""

import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mocknvml import Node, NodeError

UNKNOWN, NO_PERMISSION, DRIVER_NOT_LOADED, VERSION_MISMATCH = 999, 4, 9, 18
HEADER = 40  # bytes of the file's header: magic, format, GPU count, layout, size, checksum


def init(path: Path, program: Path, env: dict[str, str]) -> tuple[int, str]:
    """What an init answers, and the line that it prints."""
    command = [str(program), "init", "1"]
    environment = env | {"MOCK_NVML_NODE": str(path)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60)
    return int(done.stdout), done.stderr


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def other_layout(data: bytes) -> bytes:
    return data[:16] + struct.pack("<Q", 1) + data[24:]


def other_format(data: bytes) -> bytes:
    return data[:8] + struct.pack("<I", 99) + data[12:]


def more_gpus(data: bytes) -> bytes:
    return data[:12] + struct.pack("<I", 10_000) + data[16:]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (cut, UNKNOWN, "damaged"),
        (other_layout, VERSION_MISMATCH, "another version of mocknvml"),
        (other_format, VERSION_MISMATCH, "another version of mocknvml"),
        (more_gpus, UNKNOWN, "damaged"),
        (lambda data: b"", UNKNOWN, "not a mocknvml node file"),
        (lambda data: b"\x7fELF" * 3000, UNKNOWN, "not a mocknvml node file"),
    ],
)
def test_a_wrong_file_is_refused(
    change: object, code: int, text: str, node_path: Path, program: Path, mock_env: dict[str, str]
) -> None:
    assert callable(change)
    node_path.write_bytes(change(node_path.read_bytes()))

    answered, said = init(node_path, program, mock_env)

    assert answered == code
    assert said.startswith(f"mocknvml: MOCK_NVML_NODE={node_path}: ")
    assert text in said
    assert said.count("\n") == 1
    with pytest.raises(NodeError, match=text):
        Node.open(node_path)


def test_a_missing_file_is_refused(tmp_path: Path, program: Path, mock_env: dict[str, str]) -> None:
    answered, said = init(tmp_path / "none", program, mock_env)

    assert answered == DRIVER_NOT_LOADED
    assert said.count("\n") == 1
    assert "no such node file" in said


def test_a_folder_is_refused(tmp_path: Path, program: Path, mock_env: dict[str, str]) -> None:
    answered, said = init(tmp_path, program, mock_env)

    assert answered == UNKNOWN
    assert said.count("\n") == 1


@pytest.mark.parametrize("position", range(HEADER))
def test_a_flipped_byte_of_the_header_is_noticed(
    position: int, node_path: Path, program: Path, mock_env: dict[str, str]
) -> None:
    data = bytearray(node_path.read_bytes())
    data[position] ^= 0x40
    node_path.write_bytes(data)

    answered, said = init(node_path, program, mock_env)

    assert answered in (UNKNOWN, VERSION_MISMATCH)
    assert said.count("\n") == 1


@pytest.mark.parametrize("seed", range(8))
def test_random_bytes_in_the_body_crash_nobody(seed: int, node_path: Path, mock_env: dict[str, str]) -> None:
    """Every reader of the table and of Python gets over whatever stands there."""
    noise = random.Random(seed)
    data = bytearray(node_path.read_bytes())
    for _ in range(20_000):
        data[noise.randrange(4096, len(data))] = noise.randrange(256)
    node_path.write_bytes(data)
    reading = """
import os, sys
import pynvml as n
from mocknvml import FieldStatus, Node
n.nvmlInit()
for index in range(n.nvmlDeviceGetCount()):
    gpu = n.nvmlDeviceGetHandleByIndex(index)
    for name in dir(n):
        if name.startswith("nvmlDeviceGet"):
            try:
                getattr(n, name)(gpu)
            except (n.NVMLError, TypeError, UnicodeDecodeError, AttributeError, OverflowError, ValueError):
                pass
    try:
        n.nvmlDeviceGetFieldValues(gpu, list(range(1, 300)))
    except n.NVMLError:
        pass
node = Node.open(os.environ["MOCK_NVML_NODE"])
for block in (node, *node.gpus):
    for key in block.field_keys():
        try:
            block.get(key)
        except FieldStatus:
            pass
node.gpus[0].set("power.usage", "1 W")
"""

    command = [sys.executable, "-c", reading]
    done = subprocess.run(command, env=mock_env | {"MOCK_NVML_NODE": str(node_path)}, capture_output=True, timeout=120)

    assert done.returncode == 0, done.stderr.decode()


def test_a_file_of_another_user_is_seen_and_not_written(node_path: Path) -> None:
    program = """
import os, sys
from mocknvml import Node, NodeError
from mocknvml.state.native import native
native()  # all that is imported may be out of reach for the other user
os.setuid(65534)
node = Node.open(sys.argv[1])
assert node.gpus[0].get("power.limit") == 400_000
try:
    node.gpus[0].set("power.limit", "300 W")
except NodeError as error:
    print(error)
"""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        command = [sys.executable, "-c", program, shutil.copy(node_path, folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert "no permission to write" in done.stdout, done.stderr
