"""What NVIDIA's own library does without a GPU, ours does too: each test runs on both.

NVIDIA's is Debian's libnvidia-ml1 (535 in Debian 12), unpacked for this and never installed. What the tests claim was
also seen in 550.163.01 and 555.58.02.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.debian import fetch_or_skip

PROBE = Path(__file__).with_name("oracle_probe.py")

SUCCESS = 0
UNINITIALIZED = 1
INVALID_ARGUMENT = 2
INSUFFICIENT_SIZE = 7
DRIVER_NOT_LOADED = 9

TEXTS = {
    0: "Success",
    1: "Uninitialized",
    2: "Invalid Argument",
    3: "Not Supported",
    4: "Insufficient Permissions",
    5: "Already Initialized",
    6: "Not Found",
    7: "Insufficient Size",
    8: "Insufficient External Power",
    9: "Driver Not Loaded",
    10: "Timeout",
    11: "Interrupt Request Issue",
    12: "NVML Shared Library Not Found",
    13: "Function Not Found",
    14: "Corrupted infoROM",
    15: "GPU is lost",
    16: "GPU requires reset",
    17: "GPU access blocked by the operating system",
    18: "Driver/library version mismatch",
    19: "In use by another client",
    20: "Insufficient Memory",
    21: "No data",
    22: "vGPU ECC not supported",
    23: "Insufficient Resources",
    24: "Invalid Frequency",
    25: "Argument version mismatch",
    26: "Requested functionality has been deprecated",
    27: "System is not in ready state",
    999: "Unknown Error",
}
# In 550, but not yet in 535.
NEWER_TEXTS = {
    28: "No supported GPUs were found",
    29: "Resource not in correct state to perform requested operation",
}
UNKNOWN_CODES = [31, 998, 1000, -1, 2**31 - 1]


def observe(library: Path) -> dict[str, Any]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    command = [sys.executable, PROBE, library]
    result = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    observed: dict[str, Any] = json.loads(result.stdout)
    return observed


@pytest.fixture(scope="session")
def real() -> dict[str, Any]:
    (library,) = fetch_or_skip("libnvidia-ml1").glob("usr/lib/*/nvidia/current/libnvidia-ml.so.1")
    return observe(library)


@pytest.fixture(scope="session")
def mock(library: Path) -> dict[str, Any]:
    return observe(library)


# The real one must be downloaded first.
@pytest.fixture(params=["mock", pytest.param("real", marks=pytest.mark.slow)])
def observed(request: pytest.FixtureRequest) -> dict[str, Any]:
    answers: dict[str, Any] = request.getfixturevalue(request.param)
    return answers


@pytest.mark.slow
def test_ours_exports_every_function_of_the_real_library(mock: dict[str, Any], real: dict[str, Any]) -> None:
    assert set(real["exported"]) - set(mock["exported"]) == set()


@pytest.mark.parametrize("arguments", ["nothing", "garbage", "scratch memory"])
@pytest.mark.parametrize("moment", ["before init", "after shutdown"])
def test_every_function_that_needs_init_refuses(observed: dict[str, Any], moment: str, arguments: str) -> None:
    answers = observed[moment]["answers"][arguments]

    assert len(answers) > 300
    assert {name: code for name, code in answers.items() if code != UNINITIALIZED} == {}


@pytest.mark.parametrize("moment", ["before init", "after shutdown"])
def test_a_refusing_function_writes_nothing(observed: dict[str, Any], moment: str) -> None:
    assert observed[moment]["bytes written"] == 0


def test_shutdown_without_init_succeeds_any_number_of_times(observed: dict[str, Any]) -> None:
    # nvml.h lists UNINITIALIZED, but also says that too many calls are no error.
    assert observed["shutdown before init"] == [SUCCESS] * 3


def test_every_init_function_answers_the_same_and_its_shutdown_succeeds(observed: dict[str, Any]) -> None:
    inits = observed["init"]

    assert inits["nvmlInit"] in ([SUCCESS, SUCCESS], [DRIVER_NOT_LOADED, SUCCESS])
    assert inits["nvmlInit"] == inits["nvmlInit_v2"] == inits["nvmlInitWithFlags"]


@pytest.mark.parametrize("code", TEXTS)
def test_an_error_has_the_text_of_nvml(observed: dict[str, Any], code: int) -> None:
    assert observed["error strings"]["texts"][str(code)] == TEXTS[code]


@pytest.mark.parametrize("code", NEWER_TEXTS)
def test_an_error_newer_than_the_real_library_has_the_text_of_later_ones(mock: dict[str, Any], code: int) -> None:
    assert mock["error strings"]["texts"][str(code)] == NEWER_TEXTS[code]


@pytest.mark.parametrize("code", UNKNOWN_CODES)
def test_an_unknown_code_is_an_unknown_error(observed: dict[str, Any], code: int) -> None:
    assert observed["error strings"]["texts"][str(code)] == "Unknown Error"


def test_an_error_text_stays_where_it_is(observed: dict[str, Any]) -> None:
    assert observed["error strings"]["stable"]


def test_the_nvml_version_needs_no_init(observed: dict[str, Any]) -> None:
    whole = observed["version"]["whole"]

    assert whole["answer"] == SUCCESS
    # That of CUDA, then the driver's.
    assert re.fullmatch(r"\d+\.\d{3}\.\d+(\.\d+)?", whole["text"])


def test_the_nvml_version_fits_in_its_length_and_a_zero_and_nothing_else_is_written(observed: dict[str, Any]) -> None:
    version = observed["version"]

    assert version["fitting"] == version["whole"]
    assert version["fitting"]["written"] == len(version["whole"]["text"]) + 1


@pytest.mark.parametrize("room", ["one byte short", "no room"])
def test_a_too_short_buffer_for_the_nvml_version_is_not_written(observed: dict[str, Any], room: str) -> None:
    assert observed["version"][room] == {"answer": INSUFFICIENT_SIZE, "written": 0, "text": None}


@pytest.mark.parametrize("call", ["null", "null and no room"])
def test_null_is_refused_before_the_size_is_looked_at(observed: dict[str, Any], call: str) -> None:
    assert observed["version"][call] == INVALID_ARGUMENT


def test_the_export_table_needs_no_init_and_stays_where_it_is(observed: dict[str, Any]) -> None:
    tables = observed["export table"]

    assert tables["known"]["answer"] == SUCCESS
    assert tables["again"] == tables["known"]


def test_the_export_table_starts_with_its_size_in_bytes(observed: dict[str, Any]) -> None:
    size = observed["export table"]["size"]

    # 535 has 1960, and its nvidia-smi uses slots up to 243; a later one uses more.
    assert size >= 1960
    assert size % 8 == 0


def test_an_unknown_export_table_is_refused_and_its_pointer_cleared(observed: dict[str, Any]) -> None:
    assert observed["export table"]["unknown"] == {"answer": INVALID_ARGUMENT, "table": None}


def test_an_export_table_without_guid_is_refused_and_its_pointer_left_alone(observed: dict[str, Any]) -> None:
    assert observed["export table"]["no guid"] == {"answer": INVALID_ARGUMENT, "table": "untouched"}


def test_an_export_table_without_output_is_refused(observed: dict[str, Any]) -> None:
    assert observed["export table"]["no output"] == INVALID_ARGUMENT
