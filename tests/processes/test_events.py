"""Events between processes: unmodified clients that block in a wait while another process raises events."""

import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mocknvml import Node
from tests.processes.conftest import Stress

ROOT = Path(__file__).resolve().parents[2]
FUTEX = {"x86_64": "202", "aarch64": "98"}[platform.machine()]
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

Client = subprocess.Popen[str]
Start = Callable[..., Client]


def line(client: Client) -> str:
    assert client.stdout is not None
    return client.stdout.readline().strip()


def let_sleep(client: Client) -> None:
    """Until the kernel has put the client to sleep on a futex."""
    while Path(f"/proc/{client.pid}/syscall").read_text().split()[0] != FUTEX:
        assert client.poll() is None


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A node file that every user can read, and only its owner can write."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    Node.create(folder / "node", gpus=2).close()
    yield folder / "node"
    shutil.rmtree(folder)


@pytest.fixture
def start(mock_env: dict[str, str]) -> Iterator[Start]:
    """Starts a client that waits, and comes back when it is registered."""
    started: list[Client] = []

    def start_client(path: Path, *arguments: str) -> Client:
        command = [sys.executable, "-m", "tests.processes.waiting", *arguments]
        env = mock_env | {"MOCK_NVML_NODE": str(path)}
        client = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
        started.append(client)
        assert line(client) == "ready"
        return client

    yield start_client
    for client in started:
        client.kill()
        client.communicate()


def test_a_blocked_client_wakes_for_each_event(start: Start, node_path: Path) -> None:
    client = start(node_path)
    with Node.open(node_path) as node:
        for gpu, xid in ((0, 79), (1, 48), (0, 13)):
            let_sleep(client)
            node.gpus[gpu].events.add("xid", xid)
            assert line(client) == f"{gpu} {xid}"


def test_every_client_gets_every_event(start: Start, node_path: Path) -> None:
    clients = [start(node_path) for _ in range(3)]
    expected = [f"{number % 2} {number}" for number in range(200, -1, -1)]

    with Node.open(node_path) as node:
        for number in range(200, -1, -1):
            node.gpus[number % 2].events.add("xid", number)

    assert [[line(client) for _ in expected] for client in clients] == [expected] * 3


@needs_root
def test_a_client_that_may_not_write_wakes_too(start: Start, open_path: Path) -> None:
    client = start(open_path, str(NOBODY))
    let_sleep(client)

    with Node.open(open_path) as node:
        node.gpus[1].events.add("xid", 79)

    assert line(client) == "1 79"


@needs_root
def test_waits_end_where_the_node_cannot_be_written(run: Stress, open_path: Path) -> None:
    run("event-waits", 5, str(NOBODY), MOCK_NVML_NODE=str(open_path))


def test_a_killed_writer_leaves_the_ring_usable(start: Start, node_path: Path) -> None:
    writing = (
        "import sys; from mocknvml import Node\n"
        "node = Node.open(sys.argv[1])\n"
        "for number in range(1, 2**32):\n"
        "    node.gpus[0].events.add('xid', number)\n"
    )
    client = start(node_path)
    with Node.open(node_path) as node:
        for _ in range(5):
            writer = subprocess.Popen([sys.executable, "-c", writing, str(node_path)])
            numbers = [int(line(client).removeprefix("0 ")) for _ in range(100)]
            writer.send_signal(signal.SIGKILL)
            writer.communicate(timeout=60)
            node.gpus[1].events.add("xid", 1000)
            while (got := line(client)) != "1 1000":
                numbers.append(int(got.removeprefix("0 ")))
            assert numbers == sorted(set(numbers))


@needs_root
def test_a_child_goes_on_with_the_sets_of_its_parent(run: Stress, node_path: Path) -> None:
    run("events-across-fork", 20, MOCK_NVML_NODE=str(node_path))


TEN_MINUTES = str(600 * 1000)


def test_stepping_the_clock_ends_waits_by_the_node(start: Start, node_path: Path) -> None:
    with Node.open(node_path) as node:
        node.clock.waits = "node"
        node.clock.freeze()
        client = start(node_path, str(os.getuid()), TEN_MINUTES)
        let_sleep(client)

        node.clock.step("599 s")
        node.gpus[0].events.add("xid", 79)
        assert line(client) == "0 79"  # and begins to wait anew
        let_sleep(client)
        node.clock.step("599 s")
        node.clock.step("1 s")

        assert line(client) == "timeout"


def test_waits_by_the_node_are_as_fast_as_its_clock(start: Start, node_path: Path) -> None:
    with Node.open(node_path) as node:
        node.clock.waits = "node"
        client = start(node_path, str(os.getuid()), TEN_MINUTES)
        let_sleep(client)

        node.clock.rate(1_000_000)

        assert line(client) == "timeout"


def test_stepping_the_clock_ends_no_waits_by_the_host(start: Start, node_path: Path) -> None:
    with Node.open(node_path) as node:
        client = start(node_path, str(os.getuid()), TEN_MINUTES)
        let_sleep(client)

        node.clock.step("1 h")
        node.gpus[0].events.add("xid", 79)

        assert line(client) == "0 79"


def test_waits_go_over_to_the_clock_of_the_node(start: Start, node_path: Path) -> None:
    with Node.open(node_path) as node:
        client = start(node_path, str(os.getuid()), TEN_MINUTES)
        let_sleep(client)
        node.clock.step("1 h")

        node.clock.waits = "node"

        assert line(client) == "timeout"
