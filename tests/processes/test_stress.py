"""Forks, threads, signals and several processes: the scenarios of stress.c, on a private node and on a node file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node
from tests.processes.conftest import Stress

FORKS = 20
MORE_THAN_ARE_KEPT = 20  # nodes; init.c gives up the memory of the seventeenth
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")

PRIVATE_AND_SHARED = [
    ("fork-while-calling", FORKS),
    ("fork-while-cycling", FORKS),
    ("fork-while-waiting", FORKS),
    ("call-while-cycling", 20_000),
    ("read-while-setting", 1000),
    ("write-together", 300),
    ("signal-storm", 5),
    ("event-waits", 5),
    ("event-sets-end", 3000),
    ("events-to-all-sets", 1000),
]


@needs_root
@pytest.mark.parametrize(("scenario", "rounds"), PRIVATE_AND_SHARED)
def test_a_private_node_stands_it(scenario: str, rounds: int, run: Stress) -> None:
    run(scenario, rounds)


@needs_root
@pytest.mark.parametrize(("scenario", "rounds"), [*PRIVATE_AND_SHARED, ("fork-while-setting", FORKS)])
def test_a_node_file_stands_it(scenario: str, rounds: int, run: Stress, node_path: Path) -> None:
    run(scenario, rounds, MOCK_NVML_NODE=str(node_path))


@needs_root
@pytest.mark.parametrize(("scenario", "rounds"), [*PRIVATE_AND_SHARED, ("fork-while-setting", FORKS)])
def test_a_node_stands_it_while_its_calls_are_watched(scenario: str, rounds: int, run: Stress, node_path: Path) -> None:
    with Node.open(node_path) as node:
        node.log_calls()
        node.rules.add("nvml*", "UNKNOWN", after=2**62)

    run(scenario, rounds, MOCK_NVML_NODE=str(node_path))


@needs_root
def test_a_parent_does_not_see_what_its_child_sets_on_a_private_node(run: Stress) -> None:
    before, after = run("child-sets", 1).split()

    assert (before, after) == ("400000", "400000")


@needs_root
def test_a_parent_sees_what_its_child_sets_on_a_node_file(run: Stress, node_path: Path) -> None:
    before, after = run("child-sets", 1, MOCK_NVML_NODE=str(node_path)).split()

    assert (before, after) == ("400000", "300000")


@needs_root
@pytest.mark.parametrize(("nodes", "rounds"), [(2, 500), (MORE_THAN_ARE_KEPT, 300)])
def test_nodes_may_change_while_threads_are_calling(nodes: int, rounds: int, run: Stress, tmp_path: Path) -> None:
    paths = [str(tmp_path / str(number)) for number in range(nodes)]
    for number, path in enumerate(paths):
        Node.create(path, gpus=2 if number % 2 == 0 else 8).close()

    run("call-while-nodes-change", rounds, *paths)


@needs_root
def test_writers_of_two_processes_lose_no_update(program: Path, mock_env: dict[str, str], node_path: Path) -> None:
    env = mock_env | {"MOCK_NVML_NODE": str(node_path)}
    writers = [
        subprocess.Popen([str(program), "set-own-field", "2000", field], env=env, stderr=subprocess.PIPE, text=True)
        for field in ("limit", "mode")
    ]

    ends = [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers]

    assert ends == [("", 0), ("", 0)]


def test_a_killed_writer_leaves_the_node_whole(program: Path, mock_env: dict[str, str], node_path: Path) -> None:
    """Two values that one step changes together stay equal for every reader, whenever the writer dies."""
    env = mock_env | {"MOCK_NVML_NODE": str(node_path)}
    writing = (
        "import sys; from mocknvml import Node\n"
        "gpu = Node.open(sys.argv[1]).gpus[0]\n"
        "print(flush=True)\n"
        "for number in range(10**9):\n"
        "    watts = f'{100 + number % 300} W'\n"
        "    gpu.update({'power.limit_min': watts, 'power.limit_max': watts})\n"
    )
    with Node.open(node_path) as node:
        node.gpus[0].update({"power.limit_min": "100 W", "power.limit_max": "100 W"})
        reader = subprocess.Popen([str(program), "read-pairs", "1000"], env=env, stdin=subprocess.PIPE)
        for _ in range(10):
            writer = subprocess.Popen([sys.executable, "-c", writing, str(node_path)], stdout=subprocess.PIPE)
            assert writer.stdout is not None
            writer.stdout.readline()
            before = node.gpus[0].get("power.limit_min")
            while node.gpus[0].get("power.limit_min") == before:
                pass
            writer.send_signal(signal.SIGKILL)
            writer.communicate(timeout=60)
            node.gpus[0].update({"power.limit_min": "50 W", "power.limit_max": "50 W"})
            assert node.gpus[0].get("power.limit_max") == 50_000
        reader.communicate(timeout=60)

    assert reader.returncode == 0
