"""Node files that are not what they should be: one clear line and a failing init, never a crash."""

import mmap
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest

from mocknvml import Node, NodeError

ROOT = Path(__file__).resolve().parents[2]
NOT_SUPPORTED, DRIVER_NOT_LOADED, VERSION_MISMATCH, UNKNOWN = 3, 9, 18, 999
HEADER = 40  # bytes of the file's header: magic, format, GPU count, layout, size, checksum
BODY = 4096  # where the blocks begin
HOSTILE_WORDS = (0, NOT_SUPPORTED, 0xFFFF_FFFF_FFFF_0000 | NOT_SUPPORTED, 1 << 16 | NOT_SUPPORTED, 2**64 - 1)


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


def noise(data: bytearray, seed: int) -> None:
    """Bytes here and there; what says whether there is a GPU is mostly left alone."""
    random_ = random.Random(seed)
    for _ in range(len(data) // 100):
        data[random_.randrange(BODY, len(data))] = random_.randrange(256)


def everything_at_once(data: bytearray) -> None:
    """Each word is a field that has a value, a signal, and the greatest length."""
    data[BODY:] = struct.pack("<Q", 0xFFFF_FFFF_FFFF_0000 | NOT_SUPPORTED) * ((len(data) - BODY) // 8)


def ones(data: bytearray) -> None:
    data[BODY:] = b"\xff" * (len(data) - BODY)


def zeroes(data: bytearray) -> None:
    data[BODY:] = bytes(len(data) - BODY)


def start_reading(library: Path, env: dict[str, str], *paths: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.processes.read_everything", str(library), *map(str, paths)]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_no_contents_of_a_body_crash_a_reader(library: Path, mock_env: dict[str, str], node_path: Path) -> None:
    changes = [*(partial(noise, seed=seed) for seed in range(4)), everything_at_once, ones, zeroes]
    paths = []
    for number, change in enumerate(changes):
        data = bytearray(node_path.read_bytes())
        change(data)
        paths.append(node_path.with_name(f"node-{number}"))
        paths[-1].write_bytes(data)

    out, errors = (reader := start_reading(library, mock_env, *paths)).communicate(timeout=120)

    assert (reader.returncode, out, errors) == (0, "read\n", "")


def test_a_body_that_changes_under_a_reader_does_not_crash_it(
    library: Path, mock_env: dict[str, str], node_path: Path
) -> None:
    random_ = random.Random(0)
    with node_path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        words = memoryview(memory).cast("Q")
        reader = start_reading(library, mock_env, node_path, node_path)
        while reader.poll() is None:
            for _ in range(1000):
                words[random_.randrange(BODY // 8, len(words))] = random_.choice(HOSTILE_WORDS)
        words.release()
        out, errors = reader.communicate(timeout=60)

    assert (reader.returncode, out, errors) == (0, "read\n", "")


def test_a_node_file_has_all_its_blocks(node_path: Path) -> None:
    """A full file system must not kill who writes to a node, or reads it, later."""
    status = node_path.stat()

    assert status.st_blocks * 512 >= status.st_size


def test_a_node_for_which_there_is_no_room_is_not_made(tmp_path: Path) -> None:
    program = """
import resource, sys
from mocknvml import Node, NodeError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    Node.create(sys.argv[1])
except NodeError as error:
    print(error)
"""

    command = [sys.executable, "-c", program, str(tmp_path / "node")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == (f"{tmp_path / 'node'}: File too large\n", "")
    assert list(tmp_path.iterdir()) == []


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
