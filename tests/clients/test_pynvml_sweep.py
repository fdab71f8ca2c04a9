"""Every wrapper of the newest nvidia-ml-py, called on a DGX H100: none crashes, and what the captures tell comes back.

`sweep_binding.py` has the arguments. A wrapper that its tables do not know fails here, so that a new one is noticed.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Node

Answers = dict[str, dict[str, Any]]

# Of the driver whose capture the board's profile quotes.
DRIVER = "580.105.08"
PROGRAM = Path(__file__).with_name("sweep_binding.py")

# What no wrapper may raise: the library is there and initialized, has the function, and knows what to answer.
NEVER = {f"NVMLError_{name}" for name in ("Unknown", "Uninitialized", "FunctionNotFound", "LibraryNotFound")}

# The node has no S-class unit, no vGPU type, no excluded GPU and no control group with limits to name.
NAMES_NOTHING = re.compile(
    r"nvmlUnit.*|nvml(Device\w*)?VgpuType.*|nvmlDeviceGetVgpuType.*|nvmlVgpuInstance.*|nvmlGetExcluded.*"
    # No control group is named, and a threshold of 0 C is below the least.
    r"|nvmlDevice[GS]etMemoryLimits_v1|nvmlDeviceSetTemperatureThreshold"
)

# These hand on the library's code instead of raising it.
CODES = (
    "nvmlDeviceGetCapabilities",
    "nvmlDeviceGetPowerMizerMode_v1",
    "nvmlDeviceSetPowerMizerMode_v1",
    "nvmlDeviceSetVirtualizationMode",
    "nvmlSystemGetConfComputeSettings",
    "nvmlVgpuInstanceSetEncoderCapacity",
)
SUCCESS, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 0, 3, 4, 6

MIB = 1 << 20

# nvidia-smi -q -x of an H100 80GB HBM3, driver 580.105.08 (NVIDIA/k8s-test-infra,
# tests/e2e/go/assertions/nvidiasmi/testdata/hardware/qx-h100.xml), in the words of the wrappers.
EXPECTED: dict[str, Any] = {
    "nvmlSystemGetDriverVersion": DRIVER,
    "nvmlSystemGetCudaDriverVersion": 13000,
    "nvmlDeviceGetCount": 8,
    "nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
    "nvmlDeviceGetBrand": 14,  # NVML_BRAND_NVIDIA
    "nvmlDeviceGetArchitecture": 9,  # NVML_DEVICE_ARCH_HOPPER
    "nvmlDeviceGetCudaComputeCapability": [9, 0],
    "nvmlDeviceGetMultiGpuBoard": 0,
    "nvmlDeviceGetMinorNumber": 0,
    "nvmlDeviceGetIndex": 0,
    "nvmlDeviceGetBoardPartNumber": "692-2G520-0200-000",
    "nvmlDeviceGetVbiosVersion": "96.00.99.00.01",
    "nvmlDeviceGetInforomImageVersion": "G520.0200.00.05",
    "nvmlDeviceGetInforomVersion": "7.16",  # of the ECC object
    "nvmlDeviceGetC2cModeInfoV": {"isC2cEnabled": 0},
    "nvmlDeviceGetGspFirmwareVersion": DRIVER,
    "nvmlDeviceGetMemoryInfo": {
        "total": 81559 * MIB,
        "free": 81079 * MIB,
        "used": 480 * MIB,
    },  # v1 counts what is reserved
    "nvmlDeviceGetBAR1MemoryInfo": {"bar1Total": 131072 * MIB, "bar1Free": 131071 * MIB, "bar1Used": MIB},
    "nvmlDeviceGetConfComputeProtectedMemoryUsage": {"total": 0, "free": 0, "used": 0},
    "nvmlDeviceGetDisplayMode": 1,
    "nvmlDeviceGetDisplayActive": 0,
    "nvmlDeviceGetPersistenceMode": 1,
    "nvmlDeviceGetComputeMode": 0,
    "nvmlDeviceGetAccountingMode": 0,
    "nvmlDeviceGetAccountingBufferSize": 4000,
    "nvmlDeviceGetMigMode": [0, 0],
    "nvmlDeviceGetEccMode": [1, 1],
    "nvmlDeviceGetTotalEccErrors": 0,
    "nvmlDeviceGetRemappedRows": [0, 0, 0, 0],
    "nvmlDeviceGetRowRemapperHistogram": {"max": 2560, "high": 0, "partial": 0, "low": 0, "none": 0},
    "nvmlDeviceGetRepairStatus": [0, 0],
    "nvmlDeviceGetTemperature": 29,
    "nvmlDeviceGetTemperatureV": 29,
    "nvmlDeviceGetMarginTemperature": 58,
    "nvmlDeviceGetPerformanceState": 0,
    "nvmlDeviceGetPowerManagementLimit": 700_000,
    "nvmlDeviceGetPowerManagementDefaultLimit": 700_000,
    "nvmlDeviceGetPowerManagementLimitConstraints": [200_000, 700_000],
    "nvmlDeviceGetEnforcedPowerLimit": 700_000,
    "nvmlDeviceGetPowerUsage": 68_570,
    "nvmlDeviceGetClockInfo": 345,
    "nvmlDeviceGetMaxClockInfo": 1980,
    "nvmlDeviceGetMaxCustomerBoostClock": 1980,
    "nvmlDeviceGetApplicationsClock": 1980,
    "nvmlDeviceGetDefaultApplicationsClock": 1980,
    "nvmlDeviceGetCurrentClocksEventReasons": 1,  # idle
    "nvmlDeviceGetUtilizationRates": {"gpu": 0, "memory": 0},
    "nvmlDeviceGetEncoderStats": [0, 0, 0],
    "nvmlDeviceGetFBCStats": {"sessionsCount": 0, "averageFPS": 0, "averageLatency": 0},
    "nvmlDeviceGetCurrPcieLinkGeneration": 5,
    "nvmlDeviceGetMaxPcieLinkGeneration": 5,
    "nvmlDeviceGetGpuMaxPcieLinkGeneration": 5,
    "nvmlDeviceGetCurrPcieLinkWidth": 16,
    "nvmlDeviceGetMaxPcieLinkWidth": 16,
    "nvmlDeviceGetPcieThroughput": 502,
    "nvmlDeviceGetComputeRunningProcesses": [],
}

# The same captures have no value here: driver models are for Windows, a passive board has no fan, Hopper remaps rows
# instead of retiring pages, and its limits of temperature are distances.
ABSENT = (
    "nvmlDeviceGetAutoBoostedClocksEnabled",
    "nvmlDeviceGetBridgeChipInfo",
    "nvmlDeviceGetCurrentDriverModel",
    "nvmlDeviceGetCurrentGpuOperationMode",
    "nvmlDeviceGetDramEncryptionMode",
    "nvmlDeviceGetFanSpeed",
    "nvmlDeviceGetHostVgpuMode",
    "nvmlDeviceGetRetiredPages",
    "nvmlDeviceGetTemperatureThreshold",
    "nvmlDeviceGetVgpuHeterogeneousMode",
    "nvmlDeviceWorkloadPowerProfileGetCurrentProfiles",
)


def sweep(folder: Path, library: Path, kind: str) -> tuple[Answers, Path]:
    """What all wrappers of a kind answer, and the node that they have been called on."""
    path = folder / "node"
    Node.create(path, "dgx-h100", driver=DRIVER).close()
    env = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    env |= {"LD_LIBRARY_PATH": str(library.parent), "MOCK_NVML_NODE": str(path)}
    done = subprocess.run([sys.executable, str(PROGRAM), kind], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"died with {done.returncode} in the last of these: {done.stderr[-2000:]}"
    return json.loads(done.stdout), path


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Answers:
    return sweep(tmp_path_factory.mktemp("readers"), library, "readers")[0]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory, library: Path) -> tuple[Answers, Path]:
    return sweep(tmp_path_factory.mktemp("changers"), library, "changers")


@pytest.fixture(scope="module")
def answers(readers: Answers, changed: tuple[Answers, Path]) -> Answers:
    return readers | changed[0]


def those(answers: Answers, wrong: Callable[[str, dict[str, Any]], bool]) -> dict[str, Any]:
    return {name: answer for name, answer in answers.items() if wrong(name, answer)}


def test_every_wrapper_has_arguments(answers: Answers) -> None:
    assert len(answers) > 400
    assert not those(answers, lambda _, answer: "unknown" in answer), "give their parameters to sweep_binding.py"


def test_what_a_wrapper_needs_can_be_made(answers: Answers) -> None:
    """But for what the node does not support, or lets root alone make."""
    refused = {None, "NVMLError_NotSupported", "NVMLError_NoPermission"}
    assert not those(answers, lambda _, answer: answer.get("unprepared") not in refused)


def test_no_wrapper_says_that_the_library_lacks_something(answers: Answers) -> None:
    assert not those(answers, lambda _, answer: answer.get("error") in NEVER)


def test_no_wrapper_is_told_that_its_struct_has_a_wrong_version(answers: Answers) -> None:
    assert not those(answers, lambda _, answer: answer.get("error") == "NVMLError_ArgumentVersionMismatch")


def test_only_what_names_nothing_is_an_invalid_argument(answers: Answers) -> None:
    refused = those(answers, lambda _, answer: answer.get("error") == "NVMLError_InvalidArgument")
    assert not [name for name in refused if not NAMES_NOTHING.fullmatch(name)]


@pytest.mark.parametrize("wrapper", CODES)
def test_a_code_that_is_handed_on_is_one_that_we_mean(answers: Answers, wrapper: str) -> None:
    assert answers[wrapper]["answer"] in {SUCCESS, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND}


@pytest.mark.parametrize("wrapper", EXPECTED)
def test_a_wrapper_answers_what_the_capture_tells(readers: Answers, wrapper: str) -> None:
    assert readers[wrapper].get("answer", readers[wrapper]) == EXPECTED[wrapper]


@pytest.mark.parametrize("wrapper", ABSENT)
def test_a_wrapper_has_no_value_where_the_capture_has_none(readers: Answers, wrapper: str) -> None:
    assert readers[wrapper] == {"error": "NVMLError_NotSupported"}


@pytest.mark.parametrize("wrapper", ["nvmlDeviceGetPciInfo", "nvmlDeviceGetPciInfoExt"])
def test_pci_ids_are_those_of_the_capture(readers: Answers, wrapper: str) -> None:
    pci = (readers[wrapper].get("filled") or [readers[wrapper]["answer"]])[0]
    assert (pci["pciDeviceId"], pci["pciSubSystemId"]) == (0x233010DE, 0x16C110DE)
    assert pci["busId"] == "00000000:1B:00.0", "the first GPU of the system"


def test_supported_clocks_are_those_of_the_capture(readers: Answers) -> None:
    assert readers["nvmlDeviceGetSupportedMemoryClocks"]["answer"] == [2619, 1593]
    assert readers["nvmlDeviceGetSupportedGraphicsClocks"]["answer"] == list(range(1980, 344, -15))


def test_the_fabric_is_complete(readers: Answers) -> None:
    for wrapper in ("nvmlDeviceGetGpuFabricInfo", "nvmlDeviceGetGpuFabricInfoV", "nvmlDeviceGetGpuFabricInfo_v4"):
        fabric = readers[wrapper]["filled"][0]
        assert (fabric["state"], fabric["status"]) == (3, SUCCESS)


@pytest.mark.skipif(os.geteuid() != 0, reason="the driver lets root alone change these")
def test_setters_have_changed_their_node(changed: tuple[Answers, Path]) -> None:
    with Node(changed[1]) as node:
        gpu = node.gpus[0]
        assert gpu.get("power.limit") == 600_000
        assert gpu.get("modes.compute") == 3
        assert gpu.get("modes.persistence") == 0
