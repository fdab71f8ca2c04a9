"""The built-in boards, as NVML clients see them.

Expected values are facts of public captures; where MOCKNVML_CAPTURES names a folder that holds these captures, their
static elements are compared with NVML's answers too.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

BOARDS = ("a100-sxm4-40gb", "h100-sxm5-80gb", "t4")
CAPTURES = {
    "a100-sxm4-40gb": "a100-sxm4-40gb.driver570.148.08.xml",
    "h100-sxm5-80gb": "h100-sxm5-80gb.driver580.105.08.xml",
    "t4": "t4.driver595.91.07.xml",
}
REFUSED = "NVMLError_NotSupported"
INVALID = "NVMLError_InvalidArgument"

# What NVML is asked, and what A100, H100 and T4 answer.
EXPECTED: dict[str, tuple[Any, Any, Any]] = {
    "nvmlDeviceGetName(gpu)": ("NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3", "Tesla T4"),
    "nvmlDeviceGetBrand(gpu) == NVML_BRAND_NVIDIA": (True, True, True),
    "nvmlDeviceGetArchitecture(gpu)": (7, 9, 6),
    "nvmlDeviceGetCudaComputeCapability(gpu)": ([8, 0], [9, 0], [7, 5]),
    "nvmlDeviceGetNumGpuCores(gpu)": (6912, 16896, 2560),
    "nvmlDeviceGetBoardPartNumber(gpu)": ("692-2G506-0200-003", "692-2G520-0200-000", "900-2G183-A800-001"),
    "nvmlDeviceGetVbiosVersion(gpu)": ("92.00.45.00.03", "96.00.99.00.01", "90.04.96.00.02"),
    "nvmlDeviceGetInforomImageVersion(gpu)": ("G506.0200.00.04", "G520.0200.00.05", "G183.0200.00.02"),
    "nvmlDeviceGetMultiGpuBoard(gpu)": (0, 0, 0),
    "len(nvmlDeviceGetSerial(gpu))": (13, 13, 13),
    "nvmlDeviceGetAttributes_v2(gpu)": (REFUSED, REFUSED, REFUSED),
    "nvmlDeviceGetMemoryInfo(gpu).total >> 20": (40960, 81559, 15360),
    "nvmlDeviceGetMemoryInfo(gpu, nvmlMemory_v2).reserved >> 20": (518, 480, 448),
    "nvmlDeviceGetMemoryInfo(gpu, nvmlMemory_v2).used": (0, 0, 0),
    "nvmlDeviceGetBAR1MemoryInfo(gpu).bar1Total >> 20": (65536, 131072, 256),
    "nvmlDeviceGetClockInfo(gpu, NVML_CLOCK_GRAPHICS)": (210, 345, 1590),
    "nvmlDeviceGetClockInfo(gpu, NVML_CLOCK_SM)": (210, 345, 1590),
    "nvmlDeviceGetClockInfo(gpu, NVML_CLOCK_MEM)": (1215, 2619, 5000),
    "nvmlDeviceGetClockInfo(gpu, NVML_CLOCK_VIDEO)": (585, 765, 1470),
    "nvmlDeviceGetMaxClockInfo(gpu, NVML_CLOCK_GRAPHICS)": (1410, 1980, 1590),
    "nvmlDeviceGetMaxClockInfo(gpu, NVML_CLOCK_SM)": (1410, 1980, 1590),
    "nvmlDeviceGetMaxClockInfo(gpu, NVML_CLOCK_MEM)": (1215, 2619, 5001),
    "nvmlDeviceGetMaxClockInfo(gpu, NVML_CLOCK_VIDEO)": (1290, 1545, 1470),
    "nvmlDeviceGetApplicationsClock(gpu, NVML_CLOCK_GRAPHICS)": (1095, 1980, 585),
    "nvmlDeviceGetDefaultApplicationsClock(gpu, NVML_CLOCK_MEM)": (1215, 2619, 5001),
    "nvmlDeviceGetMaxCustomerBoostClock(gpu, NVML_CLOCK_GRAPHICS)": (1410, 1980, 1590),
    "nvmlDeviceGetMaxCustomerBoostClock(gpu, NVML_CLOCK_MEM)": (REFUSED, REFUSED, REFUSED),
    "nvmlDeviceGetPowerManagementMode(gpu)": (1, 1, 1),
    "nvmlDeviceGetPowerUsage(gpu)": (49680, 68570, 33510),
    "nvmlDeviceGetPowerManagementLimit(gpu)": (400_000, 700_000, 70_000),
    "nvmlDeviceGetPowerManagementDefaultLimit(gpu)": (400_000, 700_000, 70_000),
    "nvmlDeviceGetPowerManagementLimitConstraints(gpu)": ([100_000, 400_000], [200_000, 700_000], [60_000, 70_000]),
    "nvmlDeviceGetEnforcedPowerLimit(gpu)": (400_000, 700_000, 70_000),
    "nvmlDeviceGetTotalEnergyConsumption(gpu) < 60_000_000": (True, True, True),
    "field(NVML_FI_DEV_POWER_AVERAGE)": (REFUSED, 68570, REFUSED),
    "field(NVML_FI_DEV_POWER_INSTANT)": (49680, 68570, 33510),
    "nvmlDeviceGetTemperature(gpu, NVML_TEMPERATURE_GPU)": (33, 29, 33),
    "nvmlDeviceGetTemperature(gpu, 1)": (REFUSED, REFUSED, REFUSED),
    "field(NVML_FI_DEV_MEMORY_TEMP)": (34, 37, REFUSED),
    "nvmlDeviceGetTemperatureThreshold(gpu, NVML_TEMPERATURE_THRESHOLD_SHUTDOWN)": (92, REFUSED, 96),
    "nvmlDeviceGetTemperatureThreshold(gpu, NVML_TEMPERATURE_THRESHOLD_SLOWDOWN)": (89, REFUSED, 93),
    "nvmlDeviceGetTemperatureThreshold(gpu, NVML_TEMPERATURE_THRESHOLD_MEM_MAX)": (95, REFUSED, REFUSED),
    "nvmlDeviceGetTemperatureThreshold(gpu, NVML_TEMPERATURE_THRESHOLD_GPU_MAX)": (85, REFUSED, 85),
    "nvmlDeviceGetTemperatureThreshold(gpu, NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR)": (REFUSED, REFUSED, REFUSED),
    "field(NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT)": (REFUSED, -8, REFUSED),
    "field(NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT)": (REFUSED, -2, REFUSED),
    "field(NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT)": (REFUSED, 0, REFUSED),
    "field(NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT)": (REFUSED, 0, REFUSED),
    "nvmlDeviceGetUtilizationRates(gpu).gpu": (0, 0, 0),
    "nvmlDeviceGetEncoderUtilization(gpu)": ([0, 167_000], [0, 167_000], [0, 167_000]),
    "nvmlDeviceGetPerformanceState(gpu)": (0, 0, 0),
    "nvmlDeviceGetPersistenceMode(gpu)": (1, 1, 1),
    "nvmlDeviceGetComputeMode(gpu)": (0, 0, 0),
    "nvmlDeviceGetDisplayMode(gpu)": (1, 1, 1),
    "nvmlDeviceGetDisplayActive(gpu)": (0, 0, 0),
    "nvmlDeviceGetMigMode(gpu)": ([0, 0], [0, 0], REFUSED),
    "nvmlDeviceGetVirtualizationMode(gpu) == NVML_GPU_VIRTUALIZATION_MODE_NONE": (True, True, True),
    "nvmlDeviceGetEccMode(gpu)": ([1, 1], [1, 1], [1, 1]),
    "nvmlDeviceGetDefaultEccMode(gpu)": ([1], REFUSED, [1]),
    "nvmlDeviceGetTotalEccErrors(gpu, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_AGGREGATE_ECC)": (0, 0, 0),
    "nvmlDeviceGetMemoryErrorCounter(gpu, 0, NVML_VOLATILE_ECC, NVML_MEMORY_LOCATION_DRAM)": (0, 0, 0),
    "nvmlDeviceGetMemoryErrorCounter(gpu, 1, NVML_AGGREGATE_ECC, NVML_MEMORY_LOCATION_SRAM)": (0, 0, 0),
    "nvmlDeviceGetMemoryErrorCounter(gpu, 0, NVML_VOLATILE_ECC, NVML_MEMORY_LOCATION_L2_CACHE)": (REFUSED,) * 3,
    "nvmlDeviceGetCurrPcieLinkGeneration(gpu)": (4, 5, 3),
    "nvmlDeviceGetGpuMaxPcieLinkGeneration(gpu)": (4, 5, 3),
    "nvmlDeviceGetCurrPcieLinkWidth(gpu)": (16, 16, 8),
    "nvmlDeviceGetMaxPcieLinkWidth(gpu)": (16, 16, 16),
    "nvmlDeviceGetPcieThroughput(gpu, NVML_PCIE_UTIL_RX_BYTES)": (300, 578, 292),
    "nvmlDeviceGetPcieReplayCounter(gpu)": (0, 0, 0),
    "hex(nvmlDeviceGetPciInfo(gpu).pciDeviceId)": ("0x20b010de", "0x233010de", "0x1eb810de"),
    "hex(nvmlDeviceGetPciInfo(gpu).pciSubSystemId)": ("0x134f10de", "0x16c110de", "0x12a210de"),
    "pci_ext().baseClass": (3, 3, 3),
    "pci_ext().subClass": (2, 2, 2),
    "nvmlDeviceGetNumFans(gpu)": (REFUSED, REFUSED, REFUSED),
    "nvmlDeviceGetFanSpeed(gpu)": (REFUSED, REFUSED, REFUSED),
    "nvmlDeviceGetFanSpeed_v2(gpu, 0)": (REFUSED, REFUSED, REFUSED),
    "nvmlDeviceGetMinMaxFanSpeed(gpu)": (REFUSED, REFUSED, REFUSED),
    "field(NVML_FI_DEV_NVLINK_LINK_COUNT)": (12, 18, REFUSED),
    "field(NVML_FI_DEV_NVLINK_GET_SPEED, 11)": (25_000, 26_562, REFUSED),
    "nvmlDeviceGetNvLinkState(gpu, 0)": (1, 1, REFUSED),
    "nvmlDeviceGetNvLinkState(gpu, 11)": (1, 1, REFUSED),
    "nvmlDeviceGetNvLinkState(gpu, 17)": (INVALID, 1, REFUSED),
    "nvmlDeviceGetNvLinkState(gpu, 18)": (INVALID, INVALID, REFUSED),
    "nvmlDeviceGetNvLinkVersion(gpu, 0)": (5, 7, REFUSED),
    "nvmlDeviceGetNvLinkErrorCounter(gpu, 11, NVML_NVLINK_ERROR_DL_REPLAY)": (0, 0, REFUSED),
    "nvmlDeviceGetNvLinkRemoteDeviceType(gpu, 0)": (REFUSED, 2, REFUSED),
    "nvmlDeviceGetNvLinkCapability(gpu, 0, NVML_NVLINK_CAP_P2P_SUPPORTED)": (1, 1, REFUSED),
    "nvmlDeviceGetNvLinkCapability(gpu, 0, NVML_NVLINK_CAP_VALID)": (1, 1, REFUSED),
    "nvmlDeviceGetSupportedEventTypes(gpu)": (31, 31, 31),
    "nvmlDeviceGetComputeRunningProcesses(gpu)": ([], [], []),
}

BUSES = "' '.join(nvmlDeviceGetPciInfo(nvmlDeviceGetHandleByIndex(i)).busId for i in range(nvmlDeviceGetCount()))"
SERIALS = "len({nvmlDeviceGetSerial(nvmlDeviceGetHandleByIndex(i)) for i in range(nvmlDeviceGetCount())})"

# An element of `nvidia-smi -q -x`, and the same text from NVML.
STATIC = {
    "product_name": "nvmlDeviceGetName(gpu)",
    "vbios_version": "nvmlDeviceGetVbiosVersion(gpu)",
    "board_part_number": "nvmlDeviceGetBoardPartNumber(gpu)",
    "inforom_version/img_version": "nvmlDeviceGetInforomImageVersion(gpu)",
    "fb_memory_usage/total": "f'{nvmlDeviceGetMemoryInfo(gpu).total >> 20} MiB'",
    "fb_memory_usage/reserved": "f'{nvmlDeviceGetMemoryInfo(gpu, nvmlMemory_v2).reserved >> 20} MiB'",
    "bar1_memory_usage/total": "f'{nvmlDeviceGetBAR1MemoryInfo(gpu).bar1Total >> 20} MiB'",
    "pci/pci_device_id": "f'{nvmlDeviceGetPciInfo(gpu).pciDeviceId:08X}'",
    "pci/pci_sub_system_id": "f'{nvmlDeviceGetPciInfo(gpu).pciSubSystemId:08X}'",
    "pci/pci_base_class": "f'{pci_ext().baseClass:X}'",
    "pci/pci_sub_class": "f'{pci_ext().subClass:X}'",
    "pci/pci_gpu_link_info/pcie_gen/max_link_gen": "f'{nvmlDeviceGetMaxPcieLinkGeneration(gpu)}'",
    "pci/pci_gpu_link_info/pcie_gen/max_device_link_gen": "f'{nvmlDeviceGetGpuMaxPcieLinkGeneration(gpu)}'",
    "pci/pci_gpu_link_info/link_widths/max_link_width": "f'{nvmlDeviceGetMaxPcieLinkWidth(gpu)}x'",
    "gpu_power_readings/default_power_limit": "f'{nvmlDeviceGetPowerManagementDefaultLimit(gpu) / 1000:.2f} W'",
    "gpu_power_readings/min_power_limit": "f'{nvmlDeviceGetPowerManagementLimitConstraints(gpu)[0] / 1000:.2f} W'",
    "gpu_power_readings/max_power_limit": "f'{nvmlDeviceGetPowerManagementLimitConstraints(gpu)[1] / 1000:.2f} W'",
    "gpu_power_readings/average_power_draw": "f'{field(NVML_FI_DEV_POWER_AVERAGE) / 1000:.2f} W'",
    "max_clocks/graphics_clock": "f'{nvmlDeviceGetMaxClockInfo(gpu, NVML_CLOCK_GRAPHICS)} MHz'",
    "max_clocks/sm_clock": "f'{nvmlDeviceGetMaxClockInfo(gpu, NVML_CLOCK_SM)} MHz'",
    "max_clocks/mem_clock": "f'{nvmlDeviceGetMaxClockInfo(gpu, NVML_CLOCK_MEM)} MHz'",
    "max_clocks/video_clock": "f'{nvmlDeviceGetMaxClockInfo(gpu, NVML_CLOCK_VIDEO)} MHz'",
    "max_customer_boost_clocks/graphics_clock": "f'{nvmlDeviceGetMaxCustomerBoostClock(gpu, NVML_CLOCK_GRAPHICS)} MHz'",
    "fan_speed": "f'{nvmlDeviceGetFanSpeed(gpu)} %'",
}
THRESHOLD = "f'{{nvmlDeviceGetTemperatureThreshold(gpu, NVML_TEMPERATURE_THRESHOLD_{})}} C'"
ABSOLUTE = {
    "temperature/gpu_temp_max_threshold": THRESHOLD.format("SHUTDOWN"),
    "temperature/gpu_temp_slow_threshold": THRESHOLD.format("SLOWDOWN"),
    "temperature/gpu_temp_max_gpu_threshold": THRESHOLD.format("GPU_MAX"),
    "temperature/gpu_temp_max_mem_threshold": THRESHOLD.format("MEM_MAX"),
}
RELATIVE = {
    "temperature/gpu_temp_max_tlimit_threshold": "f'{field(NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT)} C'",
    "temperature/gpu_temp_slow_tlimit_threshold": "f'{field(NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT)} C'",
    "temperature/gpu_temp_max_gpu_tlimit_threshold": "f'{field(NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT)} C'",
    "temperature/gpu_temp_max_mem_tlimit_threshold": "f'{field(NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT)} C'",
}
ELEMENTS = {
    "a100-sxm4-40gb": STATIC | ABSOLUTE,
    "h100-sxm5-80gb": STATIC | RELATIVE,
    "t4": STATIC | ABSOLUTE,
}


def ask(environment: dict[str, str]) -> dict[str, Any]:
    """The answers to all questions."""
    program = [sys.executable, str(Path(__file__).with_name("ask_nvml.py"))]
    questions = json.dumps([*EXPECTED, BUSES, SERIALS, *STATIC.values(), *ABSOLUTE.values(), *RELATIVE.values()])
    return json.loads(subprocess.check_output(program, env=environment, input=questions, text=True, timeout=60))


@pytest.fixture(scope="module")
def asked() -> dict[str, dict[str, Any]]:
    """Answers by board: one process asks for all tests of a board."""
    return {}


@pytest.fixture
def answers(board: str, mock_env: dict[str, str], asked: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if board not in asked:
        asked[board] = ask(mock_env | {"MOCK_NVML_PROFILE": board})
    return asked[board]


@pytest.mark.parametrize(
    ("board", "question", "expected"),
    [(board, question, answer[i]) for question, answer in EXPECTED.items() for i, board in enumerate(BOARDS)],
)
def test_a_board_answers_as_its_public_captures_say(answers: dict[str, Any], question: str, expected: Any) -> None:
    assert answers[question] == expected


@pytest.mark.parametrize(
    ("board", "buses"),
    [
        ("a100-sxm4-40gb", "0:07:00 0:0F:00 0:47:00 0:4E:00 0:87:00 0:90:00 0:B7:00 0:BD:00"),
        ("h100-sxm5-80gb", "0:19:00 0:3B:00 0:4C:00 0:5D:00 0:9B:00 0:BB:00 0:CB:00 0:DB:00"),
        ("t4", "0:00:1B 0:00:1C 0:00:1D 0:00:1E 1:00:1B 1:00:1C 1:00:1D 1:00:1E"),
    ],
)
def test_the_gpus_sit_where_they_do_in_a_real_machine(answers: dict[str, Any], buses: str) -> None:
    assert answers[BUSES] == " ".join(f"0000000{bus}.0" for bus in buses.split())


@pytest.mark.parametrize("board", BOARDS)
def test_each_gpu_has_a_serial_of_its_own(answers: dict[str, Any]) -> None:
    assert answers[SERIALS] == 8


def test_without_configuration_the_node_is_a_dgx_a100(mock_env: dict[str, str]) -> None:
    assert ask(mock_env) == ask(mock_env | {"MOCK_NVML_PROFILE": "dgx-a100"})


@pytest.mark.skipif("MOCKNVML_CAPTURES" not in os.environ, reason="MOCKNVML_CAPTURES names no folder of captures")
@pytest.mark.parametrize(
    ("board", "element", "question"),
    [(board, element, question) for board, elements in ELEMENTS.items() for element, question in elements.items()],
)
def test_a_static_element_of_the_capture_is_what_nvml_answers(
    answers: dict[str, Any], board: str, element: str, question: str
) -> None:
    capture = ElementTree.parse(Path(os.environ["MOCKNVML_CAPTURES"]) / CAPTURES[board])
    text = capture.findtext(f"gpu/{element}")

    assert answers[question] == (REFUSED if text == "N/A" else text)
