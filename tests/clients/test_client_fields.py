"""What clients show of a GPU: a value wherever the capture of the real board has one, N/A where it has none.

The captures are those that the profiles name as their sources.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Node
from tests.clients.pypi import install

H100, A100, T4, RTX4090 = "h100-sxm5-80gb", "a100-sxm4-40gb", "t4", "rtx-4090"
BOARDS = (H100, A100, T4, RTX4090)

# Why a real board shows nothing.
PASSIVE = "the chassis cools the board: it has no fan"
NO_MIG = "the chip has no MIG"
CONSUMER = "GeForce boards tell no serial and no part number"
NO_APPLICATION_CLOCKS = "GeForce boards have no clocks for applications or customers"
LINUX = "driver models are for Windows"
REMAPS = "from Ampere on, rows are remapped instead of pages retired"
RETIRES = "before Ampere, pages are retired instead of rows remapped"
DISTANCES = "the limits are distances to T.Limit"
NO_GSP = "the driver does not use the GSP of a GeForce board"

# By client: the fields that it shows, and the boards of which it shows no value.
Absent = dict[str, str]
Fields = dict[str, Absent]


def on(reason: str, *boards: str) -> Absent:
    return dict.fromkeys(boards, reason)


GPUSTAT: Fields = {
    "name": {},
    "uuid": {},
    "index": {},
    "temperature.gpu": {},
    "fan.speed": on(PASSIVE, H100, A100, T4),
    "utilization.gpu": {},
    "utilization.enc": {},
    "utilization.dec": {},
    "power.draw": {},
    "enforced.power.limit": {},
    "memory.used": {},
    "memory.total": {},
    "processes": {},
}

NVITOP: Fields = {
    "name": {},
    "uuid": {},
    "bus_id": {},
    "serial": on(CONSUMER, RTX4090),
    "memory_info": {},
    "memory_percent": {},
    "memory_usage": {},
    "bar1_memory_total": {},
    "bar1_memory_usage": {},
    "utilization_rates": {},
    "gpu_utilization": {},
    "memory_utilization": {},
    "encoder_utilization": {},
    "decoder_utilization": {},
    "clock_infos": {},
    "max_clock_infos": {},
    "fan_speed": on(PASSIVE, H100, A100, T4),
    "temperature": {},
    "power_usage": {},
    "power_limit": {},
    "power_status": {},
    "pcie_throughput": {},
    "pcie_tx_throughput_human": {},
    "display_active": {},
    "display_mode": {},
    "current_driver_model": on(LINUX, *BOARDS),
    "persistence_mode": {},
    "performance_state": {},
    "compute_mode": {},
    "cuda_compute_capability": {},
    "mig_mode": on(NO_MIG, T4, RTX4090),
}

# What nvidia-smi -q shows, by the wrapper that tells it.
PYNVML: Fields = {
    "nvmlDeviceGetName": {},
    "nvmlDeviceGetBrand": {},
    "nvmlDeviceGetArchitecture": {},
    "nvmlDeviceGetUUID": {},
    "nvmlDeviceGetSerial": on(CONSUMER, RTX4090),
    "nvmlDeviceGetBoardPartNumber": on(CONSUMER, RTX4090),
    "nvmlDeviceGetBoardId": {},
    "nvmlDeviceGetMinorNumber": {},
    "nvmlDeviceGetMultiGpuBoard": {},
    "nvmlDeviceGetVbiosVersion": {},
    "nvmlDeviceGetInforomImageVersion": {},
    "nvmlDeviceGetInforomVersion": {},
    "nvmlDeviceGetGspFirmwareVersion": on(NO_GSP, RTX4090),
    "nvmlDeviceGetPciInfo": {},
    "nvmlDeviceGetPciInfoExt": {},
    "nvmlDeviceGetCurrPcieLinkGeneration": {},
    "nvmlDeviceGetMaxPcieLinkGeneration": {},
    "nvmlDeviceGetGpuMaxPcieLinkGeneration": {},
    "nvmlDeviceGetCurrPcieLinkWidth": {},
    "nvmlDeviceGetMaxPcieLinkWidth": {},
    "nvmlDeviceGetPcieReplayCounter": {},
    "nvmlDeviceGetPcieThroughput": {},
    "nvmlDeviceGetDisplayMode": {},
    "nvmlDeviceGetDisplayActive": {},
    "nvmlDeviceGetPersistenceMode": {},
    "nvmlDeviceGetComputeMode": {},
    "nvmlDeviceGetAccountingMode": {},
    "nvmlDeviceGetAccountingBufferSize": {},
    "nvmlDeviceGetVirtualizationMode": {},
    "nvmlDeviceGetMigMode": on(NO_MIG, T4, RTX4090),
    "nvmlDeviceGetCurrentDriverModel": on(LINUX, *BOARDS),
    "nvmlDeviceGetEccMode": {},
    "nvmlDeviceGetRemappedRows": on(RETIRES, T4),
    "nvmlDeviceGetRetiredPages": on(REMAPS, H100, A100, RTX4090),
    "nvmlDeviceGetFanSpeed": on(PASSIVE, H100, A100, T4),
    "nvmlDeviceGetPerformanceState": {},
    "nvmlDeviceGetCurrentClocksEventReasons": {},
    "nvmlDeviceGetMemoryInfo": {},
    "nvmlDeviceGetBAR1MemoryInfo": {},
    "nvmlDeviceGetUtilizationRates": {},
    "nvmlDeviceGetEncoderUtilization": {},
    "nvmlDeviceGetDecoderUtilization": {},
    "nvmlDeviceGetJpgUtilization": {},
    "nvmlDeviceGetOfaUtilization": {},
    "nvmlDeviceGetEncoderStats": {},
    "nvmlDeviceGetFBCStats": {},
    "nvmlDeviceGetTemperature": {},
    "nvmlDeviceGetTemperatureThreshold": on(DISTANCES, H100, RTX4090),
    "nvmlDeviceGetPowerUsage": {},
    "nvmlDeviceGetPowerManagementLimit": {},
    "nvmlDeviceGetPowerManagementDefaultLimit": {},
    "nvmlDeviceGetPowerManagementLimitConstraints": {},
    "nvmlDeviceGetEnforcedPowerLimit": {},
    "nvmlDeviceGetClockInfo": {},
    "nvmlDeviceGetMaxClockInfo": {},
    "nvmlDeviceGetMaxCustomerBoostClock": on(NO_APPLICATION_CLOCKS, RTX4090),
    "nvmlDeviceGetApplicationsClock": on(NO_APPLICATION_CLOCKS, RTX4090),
    "nvmlDeviceGetDefaultApplicationsClock": on(NO_APPLICATION_CLOCKS, RTX4090),
}

CLIENTS = {"gpustat": GPUSTAT, "nvitop": NVITOP, "pynvml": PYNVML}
NVITOP_PROGRAM = """
import json, sys
from nvitop import Device
device = Device(0)
json.dump({name: str(getattr(device, name)()) for name in sys.argv[1:]}, sys.stdout)
"""


def run(board: str, folder: Path, library: Path, *command: str, package: Path | None = None) -> Any:
    """What a client prints as JSON about one GPU."""
    path = folder / "node"
    Node.create(path, board, gpus=1).close()
    env = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    env |= {"LD_LIBRARY_PATH": str(library.parent), "MOCK_NVML_NODE": str(path)}
    if package:
        env["PYTHONPATH"] = str(package)
    done = subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def shown(client: str, board: str, folder: Path, library: Path) -> set[str]:
    """The fields of which a client has a value."""
    if client == "gpustat":
        gpu = run(board, folder, library, "-m", "gpustat", "--json", package=install("gpustat", "1.1.1"))["gpus"][0]
        return {name for name, value in gpu.items() if value is not None}
    if client == "nvitop":
        package = install("nvitop", "1.7.2")
        values = run(board, folder, library, "-c", NVITOP_PROGRAM, *NVITOP, package=package)
        return {name for name, value in values.items() if "N/A" not in value}
    answers = run(board, folder, library, str(Path(__file__).with_name("sweep_binding.py")), "readers")
    return {name for name, answer in answers.items() if "answer" in answer}


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize(
    "client", [pytest.param(name, marks=[] if name == "pynvml" else [pytest.mark.slow]) for name in CLIENTS]
)
def test_a_client_shows_what_the_real_board_has(client: str, board: str, tmp_path: Path, library: Path) -> None:
    fields = CLIENTS[client]
    values = shown(client, board, tmp_path, library)

    assert values & fields.keys() == {name for name, absent in fields.items() if board not in absent}
