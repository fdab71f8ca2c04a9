"""The library under AddressSanitizer with UndefinedBehaviorSanitizer, and under ThreadSanitizer: no report at all."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from mocknvml import Node, defaults
from tests.processes import stress
from tests.processes.test_stress import MORE_THAN_ARE_KEPT, PRIVATE_AND_SHARED
from tests.sanitizers import sanitized_build

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 0.2  # of those without a sanitizer, which slows down five- to tenfold

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(stress.system_compiler() is None, reason="no gcc on PATH"),
    pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver"),
]


class Sanitized(NamedTuple):
    library: Path
    program: Path
    runtime: str
    env: dict[str, str]


@pytest.fixture(scope="module", params=["address,undefined", "thread"])
def sanitized(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sanitized:
    """The library and the stress program with one kind of sanitizer."""
    kind: str = request.param
    folder = tmp_path_factory.mktemp(kind.partition(",")[0])
    library = sanitized_build.library(folder, kind)
    program = stress.build(["gcc"], library, folder, [f"-fsanitize={kind}"])
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MOCK_NVML_")}
    kept["MOCK_NVML_DRIVER_VERSION"] = defaults.DRIVER  # keeps it from a node at a default path
    options = {"UBSAN_OPTIONS": "print_stacktrace=1", "TSAN_OPTIONS": "die_after_fork=0"}
    return Sanitized(library, program, sanitized_build.runtime(kind), kept | options)


SCENARIOS = [*PRIVATE_AND_SHARED, ("fork-while-setting", 20)]


@pytest.mark.parametrize(("scenario", "rounds"), SCENARIOS)
@pytest.mark.parametrize("node", ["private", "shared", "watched"])
def test_a_scenario_has_no_report(scenario: str, rounds: int, node: str, sanitized: Sanitized, tmp_path: Path) -> None:
    env = sanitized.env
    if node != "private":
        with Node.create(tmp_path / "node", gpus=2) as made:
            if node == "watched":
                made.log_calls()
                made.rules.add("nvml*", "UNKNOWN", after=2**62)
        env = env | {"MOCK_NVML_NODE": str(tmp_path / "node")}

    stress.run(sanitized.program, scenario, max(1, int(rounds * ROUNDS)), env=env)


@pytest.mark.parametrize("nodes", [2, MORE_THAN_ARE_KEPT])
@pytest.mark.parametrize("watched", [False, True])
def test_nodes_that_change_have_no_report(nodes: int, watched: bool, sanitized: Sanitized, tmp_path: Path) -> None:
    paths = [str(tmp_path / str(number)) for number in range(nodes)]
    for number, path in enumerate(paths):
        with Node.create(path, gpus=2 if number % 2 == 0 else 8) as made:
            made.log_calls(watched)

    stress.run(sanitized.program, "call-while-nodes-change", 10, *paths, env=sanitized.env)


@pytest.mark.parametrize(
    "tests",
    [
        "tests/contracts/test_order.py",
        "tests/contracts/test_domains.py",
        "tests/functions/test_mutation.py",
        "tests/functions/test_events.py",
        "tests/functions/test_rules.py",
        "tests/processes/test_calls.py",
        "tests/processes/test_hostile_files.py",
        "tests/processes/test_edits.py",
        "tests/processes/test_footprint.py::test_two_nodes_are_seen_in_turn",
        "tests/processes/test_footprint.py::test_1024_gpus_are_told_apart",
    ],
)
def test_other_tests_have_no_report(tests: str, sanitized: Sanitized) -> None:
    run_tests(tests, sanitized)


def test_contracts_have_no_report_while_calls_are_watched(sanitized: Sanitized) -> None:
    run_tests("tests/contracts/test_order.py", sanitized, MOCKNVML_TEST_ARMED="1")


def run_tests(tests: str, sanitized: Sanitized, **variables: str) -> None:
    env = sanitized.env | {
        "MOCKNVML_TEST_LIBRARY": str(sanitized.library),
        "LD_PRELOAD": sanitized.runtime,
        "ASAN_OPTIONS": "detect_leaks=0",  # Python's own
        **variables,
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", tests]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "Sanitizer" not in done.stdout + done.stderr
