"""What the pytest fixture costs a test: set-up and tear-down of one with it, beside one without. Bound: 1 ms."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = 1000
WARM = 10  # the first ones import and make the node
BOUND = 1e6  # nanoseconds

SOURCE = f"""
import pynvml
import pytest

@pytest.mark.parametrize("n", range({TESTS}))
def test_without(n):
    pass

@pytest.mark.parametrize("n", range({TESTS}))
def test_with(gpu_node, n):
    gpu_node.gpus[0].set("thermal.temperature.gpu", "91 C")
    pynvml.nvmlInit()
"""


class Durations:
    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        assert not report.failed, report.longreprtext
        if report.when != "call":
            name = report.location[2].partition("[")[0]
            self.taken.setdefault(f"{name} {report.when}", []).append(report.duration * 1e9)


def main() -> int:
    durations = Durations()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(SOURCE, encoding="utf-8")
        quiet = ("-p", "no:terminal", "-p", "no:cacheprovider")
        pytest.main([*quiet, f"--rootdir={folder}", folder], [durations])
    medians = {}
    for name, taken in durations.taken.items():
        medians[name] = statistics.median(taken[WARM:])
        print(f"{name:24} median {medians[name] / 1000:7.1f} us, best {min(taken) / 1000:7.1f} us")
    return 0 if medians["test_with setup"] + medians["test_with teardown"] <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
