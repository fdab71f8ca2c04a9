"""Settings of the stand-in: what it says, and what another process sees then."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pynvml
import pytest

from mocknvml import Node
from mocknvml.smi.setters import SETTERS
from tests.smi.conftest import Smi

root = pytest.mark.skipif(os.geteuid() != 0, reason="setters need root")
BUS = "00000000:00:1B.0"


@pytest.fixture
def node(path: Path) -> Node:
    return Node.create(path, "t4", 1, "535.261.03")


def test_each_setting_asks_a_function_of_nvml() -> None:
    asked = [f"nvmlDevice{setting.function}" for setting in SETTERS.values() if setting.function]

    assert len(asked) > 18
    assert [name for name in asked if not hasattr(pynvml, name)] == []


# What a GPU has, a command, what it says, and what there is then.
DONE = (
    ({}, "-pl 65", f"Power limit for GPU {BUS} was set to 65.00 W from 70.00 W.", {"power.limit": 65_000}),
    (
        {"modes.operation": "all_on", "modes.operation_pending": "all_on"},
        "--gom=COMPUTE",
        f'GOM changed to "Compute" for GPU {BUS}.',
        {"modes.operation": 0, "modes.operation_pending": 1},
    ),
    ({"clocks.auto_boost_default": True}, "--auto-boost-default=0", "All done.", {"clocks.auto_boost_default": False}),
    (
        {"modes.restricted.auto_boosted_clocks": False},
        "--auto-boost-permission=RESTRICTED",
        "All done.",
        {"modes.restricted.auto_boosted_clocks": True},
    ),
    (
        {
            "thermal.threshold.acoustic": "80 C",
            "thermal.threshold.acoustic_min": "65 C",
            "thermal.threshold.acoustic_max": "90 C",
        },
        "-gtt 70",
        "All done.",
        {"thermal.threshold.acoustic": 70},
    ),
    ({}, "-lgc tdp,unlimited", f'GPU clocks set to "(gpuClkMin tdp, gpuClkMax unlimited)" for GPU {BUS}', {}),
)


@root
@pytest.mark.parametrize(("has", "command", "said", "then"), DONE, ids=[row[1] for row in DONE])
def test_a_setting_is_said_and_made(
    has: dict[str, object], command: str, said: str, then: dict[str, object], node: Node, smi: Smi
) -> None:
    node.gpus[0].update(has)
    done = smi(*command.split())

    assert done.returncode == 0
    assert said in done.stdout.splitlines()
    assert {key: node.gpus[0].get(key) for key in then} == then


NOT_HERE = {
    "-gtt 80": f"GPU Target Temperature Threshold not supported for GPU {BUS}.",
    "--gom=0": f"GOM mode cannot be changed on GPU {BUS}.",
    "-dm 1": f"Changing driver models is not supported for GPU {BUS} on this platform.",
    "-acp 0": "Warning: This option is deprecated and will be removed in future releases",
    "-cc 1": "Overriding CUDA clock limit is not supported for this device.",
    "-lmcd 405": f'Unable to set Memory locked clocks "(memClock 405)" for GPU {BUS}: Not Supported',
    "-vm 3": f"Setting virtualization mode is not supported for GPU {BUS}.",
    "-mig 1": f"Unable to enable MIG Mode for GPU {BUS}: Not Supported",
}


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("command", NOT_HERE)
def test_what_a_gpu_has_not_is_passed_over(command: str, smi: Smi) -> None:
    done = smi(*command.split())

    assert done.stdout == f"{NOT_HERE[command]}\nTreating as warning and moving on.\nAll done.\n"
    assert done.returncode == 0


def test_a_warning_is_an_error_where_that_is_asked_for(path: Path, smi: Smi) -> None:
    Node.create(path, "t4", 1, "550.163.01")
    done = smi("--gom=0", "-eow")

    assert done.stdout == f"GOM mode cannot be changed on GPU {BUS}.\nTerminating early due to previous errors.\n"
    assert done.returncode == 3


WRONG = {
    "-gtt x": (2, "ERROR: Option x is invalid for -gtt. Please run 'nvidia-smi -h' for help."),
    "-vm": (255, "ERROR: Option -vm is missing its value. Please run 'nvidia-smi -h' for help."),
    "-dm 7": (2, "Invalid driver model specified: 7"),
    "-e -5": (2, "Invalid ECC configuration code: 4294967291"),
    "-pm -1": (255, "Input combination for device modification is not valid."),
    "-m 1": (2, "Invalid combination of input arguments. '--mode' can only be used with '--lock-gpu-clocks'."),
    "-pl 65 -sc 2": (2, "Failed to set power management limit. Invalid device type."),
    "-pl 65 -gtt 80": (
        2,
        "Invalid combination of input arguments. Only one device modification may be done at a time.",
    ),
    "-rgc=1": (255, "ERROR: Option 1 is not recognized. Please run 'nvidia-smi -h' for help."),
}


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("command", WRONG)
def test_a_wrong_setting_is_refused(command: str, smi: Smi) -> None:
    done = smi(*command.split())

    assert (done.returncode, done.stdout.splitlines()[0]) == WRONG[command]


def test_470_has_other_words_for_it(path: Path, smi: Smi) -> None:
    Node.create(path, "t4", 1, "470.256.02")

    for command, said in {
        "-gtt x": "Provided [-gtt | --gpu-target-temp=] value is not a valid or is out of range: x.",
        "-gtt": "Missing value for -gtt argument.",
        "--gom 0": "Invalid combination of input arguments.",
        "-pl 65 -sc 0": "Invalid combination of input arguments.",
    }.items():
        done = smi(*command.split())
        assert (done.returncode, done.stdout) == (2, f"{said} Please run 'nvidia-smi -h' for help.\n\n")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="needs root, to give it up")
def test_nobody_sets_what_root_may(mock_env: dict[str, str]) -> None:
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    command = [*user, sys.executable, "-m", "mocknvml", "smi", "-i", "0", "-c", "3"]
    env = mock_env | {"MOCK_NVML_PROFILE": "t4"}
    done = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=60)

    assert done.returncode == 4
    assert done.stdout.startswith(f"Unable to set the compute mode for GPU {BUS}: Insufficient Permissions\n")
