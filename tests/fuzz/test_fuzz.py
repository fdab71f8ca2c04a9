"""Random calls and damaged files for a minute each (FUZZ_SECONDS): no crash, no report of a sanitizer, no hang."""

import os
import time

import pytest

from tests.fuzz.run import TARGETS, Fuzz
from tests.processes import stress

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(stress.system_compiler() is None, reason="no gcc on PATH"),
]


@pytest.fixture(scope="module")
def fuzz(tmp_path_factory: pytest.TempPathFactory) -> Fuzz:
    return Fuzz.build(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_that_a_caller_or_a_file_does_is_too_much(target: str, fuzz: Fuzz) -> None:
    assert fuzz.run(target, SECONDS, int(time.time())) > 1000
