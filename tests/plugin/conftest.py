"""Runs of pytest as a user has them: in a process of their own, with the installed plugin, all warnings errors."""

import os
import re
from collections.abc import Callable

import pytest

OPTIONS = ("-W", "error", "--strict-markers", "-p", "no:cacheprovider")

Run = Callable[..., pytest.RunResult]
Passes = Callable[..., None]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs tests of a source, given as the body of a module, and returns the result."""
    for name in [*filter(re.compile("MOCK_NVML_|LD_LIBRARY_PATH|PYTEST_").match, os.environ)]:
        monkeypatch.delenv(name)

    def result(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=source)
        return pytester.runpytest_subprocess(*OPTIONS, *options, timeout=120)

    return result


@pytest.fixture
def passes(run: Run) -> Passes:
    """Runs tests that must all pass, as many as there are."""

    def check(source: str, *options: str, tests: int) -> None:
        result = run(source, *options)
        assert result.ret == 0, f"{result.stdout}\n{result.stderr}"
        result.assert_outcomes(passed=tests)

    return check
