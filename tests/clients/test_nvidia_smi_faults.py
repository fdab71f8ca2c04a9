"""NVIDIA's unmodified nvidia-smi 535 while a fault is active, and with 64 GPUs: it ends, and shows what is wrong."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.faults import FAULTS
from tests.clients.nvidia_smi import DRIVERS, Smi
from tests.clients.nvidia_smi_nodes import BRANCH, TROUBLE

pytestmark = pytest.mark.slow

CSV = "--format=csv,noheader"
COMMANDS = (
    *("", "-L", "-q", "-q -x", "topo -m", "topo -p2p r", "nvlink -s", "nvlink -e", "nvlink -R", "nvlink -gt d"),
    *("dmon -c 1 -s pucvmet", "pmon -c 1 -s um", "c2c -s", "conf-compute -f", "compute-policy -l"),
    *(f"--query-gpu=index,temperature.gpu,power.draw,memory.used {CSV}", f"--query-compute-apps=pid {CSV}"),
    *(f"--query-retired-pages=retired_pages.address {CSV}", f"--query-remapped-rows=gpu_uuid {CSV}"),
)

# A fault with its parameters, the board of two GPUs that it befalls, a command, and what that shows of the fault.
SHOWN: dict[str, tuple[dict[str, object], str, str, str]] = {
    "xid": ({"xid": 63}, "h100-sxm5-80gb", "-q -d ROW_REMAPPER", r"Pending +: Yes"),
    "lost": ({}, "h100-sxm5-80gb", f"--query-gpu=name {CSV}", r"^\[GPU is lost\]$"),
    "fallen-off-bus": ({}, "h100-sxm5-80gb", "-L", "^Unable to determine the device handle for .*: Unknown Error"),
    "reset-required": ({}, "h100-sxm5-80gb", "-q -d RESET_STATUS", r"Reset Required +: Yes"),
    "ecc-correctable": ({"count": 7}, "h100-sxm5-80gb", f"--query-gpu=ecc.errors.corrected.volatile.dram {CSV}", "^7$"),
    "ecc-uncorrectable": (
        {"count": 7},
        "h100-sxm5-80gb",
        f"--query-gpu=ecc.errors.uncorrected.volatile.dram {CSV}",
        "^7$",
    ),
    "row-remap-pending": ({}, "h100-sxm5-80gb", "-q -d ROW_REMAPPER", r"Pending +: Yes"),
    "row-remap-failure": ({}, "h100-sxm5-80gb", "-q -d ROW_REMAPPER", r"Remapping Failure Occurred +: Yes"),
    "retired-page": ({"address": 0x1234}, "t4", f"--query-retired-pages=retired_pages.address {CSV}", "^0x0*1234$"),
    "thermal-throttle": ({}, "t4", "dmon -c 1 -s v", r"^ +1 +0 +1 *$"),
    "power-throttle": ({}, "h100-sxm5-80gb", "-q -d PERFORMANCE", r"SW Power Cap +: Active"),
    "power-brake": ({}, "h100-sxm5-80gb", "-q -d PERFORMANCE", r"HW Power Brake Slowdown +: Active"),
    "nvlink-down": ({"link": "3"}, "h100-sxm5-80gb", "nvlink -s", r"Link 3: <inactive>"),
    "nvlink-errors": ({"link": "3", "count": 7}, "h100-sxm5-80gb", "nvlink -e", r"Link 3: CRC Errors: 7$"),
    # This nvidia-smi shows no health of the fabric.
    "fabric-unhealthy": (
        {"condition": "route-unhealthy"},
        "h100-sxm5-80gb",
        "-q -i 1",
        r"^    Fabric\n +State +: Completed",
    ),
    "pcie-downtrain": (
        {},
        "h100-sxm5-80gb",
        f"--query-gpu=pcie.link.gen.current,pcie.link.width.current {CSV}",
        "^1, 8$",
    ),
    "pcie-replays": ({"count": 7}, "h100-sxm5-80gb", "-q", r"Replays Since Reset +: 7$"),
    "fan-failure": ({}, "rtx-4090", f"--query-gpu=fan.speed {CSV}", r"^\[Unknown Error\]$"),
    "memory-leak": ({"rate": "1 GiB/s"}, "h100-sxm5-80gb", f"--query-gpu=memory.used {CSV}", r"^6\d{4} MiB$"),
    "zombie-process": (
        *({"pid": 4194303}, "h100-sxm5-80gb"),
        *(f"--query-compute-apps=pid,name,used_memory {CSV}", r"^4194303, \[Not Found\], 1024 MiB$"),
    ),
    "slow": ({"function": "nvmlDeviceGetTemperature", "delay": "1 ms"}, "t4", "", r"^\|   1  Tesla T4"),
    "no-driver": ({}, "t4", "", "^NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver"),
    "driver-mismatch": ({}, "t4", "", "^Failed to initialize NVML: Driver/library version mismatch"),
    "no-permission": ({}, "t4", "", "^Failed to initialize NVML: Insufficient Permissions"),
    "no-gpu": ({}, "t4", "", "^No devices were found$"),
    "return": (
        {"function": "nvmlDeviceGetName", "code": "TIMEOUT"},
        "t4",
        "-L",
        "^Unable to determine the product name",
    ),
    "return of all": (
        {"function": "nvmlDeviceGet*", "code": "UNKNOWN"},
        "t4",
        "-q",
        "^Unable to determine the PCI bus id",
    ),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node"


@pytest.fixture
def smi(mock_env: dict[str, str], path: Path) -> Smi:
    return Smi(BRANCH, mock_env | {"MOCK_NVML_NODE": str(path)})


@pytest.fixture
def node(fault: str, path: Path) -> Iterator[Node]:
    parameters, board, _, _ = SHOWN[fault]
    with Node.create(path, board, 2, DRIVERS[BRANCH]) as made:
        name = fault.split()[0]
        made.faults.inject(name, None if FAULTS[name].scope == "node" else 1, **parameters)
        made.clock.step("60 s")
        yield made


def test_a_command_waits_for_a_function_that_hangs(smi: Smi, path: Path) -> None:
    assert FAULTS.keys() - SHOWN.keys() == {"hang"}
    with Node.create(path, "t4", 1, DRIVERS[BRANCH]) as node:
        hang = node.faults.inject("hang", function="nvmlDeviceGetUUID")
        with subprocess.Popen([smi.program, "-L"], env=smi.env, stdout=subprocess.PIPE, text=True) as program:
            with pytest.raises(subprocess.TimeoutExpired):
                program.wait(1)
            hang.clear()
            shown, _ = program.communicate(timeout=30)
    assert re.fullmatch(r"GPU 0: Tesla T4 \(UUID: GPU-.*\)\n", shown)


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("fault", SHOWN)
def test_a_fault_is_shown(fault: str, smi: Smi) -> None:
    _, _, command, pattern = SHOWN[fault]
    shown = smi(*command.split()).stdout

    assert len(re.findall(pattern, shown, re.MULTILINE)) == 1, shown


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("fault", SHOWN)
def test_a_fault_makes_no_command_crash_or_go_on_for_ever(fault: str, smi: Smi) -> None:
    for command in COMMANDS:
        done = smi(*command.split())

        assert done.returncode >= 0, command
        assert done.stdout.count("\n") < 3000, command
        assert done.stderr == "", command


@pytest.fixture
def many(path: Path) -> Iterator[Node]:
    with Node.create(path, "h100-sxm5-80gb", 64, DRIVERS[BRANCH]) as made:
        made.gpus[63].processes.add(4242, memory="1 GiB", name="last", sm_utilization="50 %")
        yield made


OF_64 = {
    "": (r"^\| +\d+  NVIDIA H100", 64),
    "-L": (r"^GPU \d+: NVIDIA H100", 64),
    "-q": (r"^GPU 0000", 64),
    "-q -x": (r"^\t<gpu id=", 64),
    f"--query-gpu=index,uuid {CSV}": (r"^\d+, GPU-", 64),
    f"--query-compute-apps=gpu_uuid,pid,name,used_memory {CSV}": ("4242, last, 1024 MiB$", 1),
    f"--query-remapped-rows=gpu_uuid,remapped_rows.pending {CSV}": ("^GPU-.*, 0$", 64),
    "topo -m": (r"^GPU\d+\t", 64),
    "topo -p2p r": (r"^ GPU\d+\t", 64),
    "nvlink -s": (r"Link \d+: 26\.562 GB/s$", 64 * 18),
    "nvlink -e": (r"Errors: 0$", 64 * 18 * 3),
    "dmon -c 1": (r"^ +\d+ +\d+ +\d+", 16),  # as it says,
    "pmon -c 1 -i 63": (r"^ +63 +4242 +C +50 .* last", 1),
    "compute-policy -l": ("Timeslice +Default", 64),
    "-i 63 -q -d PIDS": (r"Process ID +: 4242$", 1),
}


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("command", OF_64)
def test_64_gpus_are_shown(command: str, smi: Smi) -> None:
    pattern, times = OF_64[command]
    shown = "\n".join(smi.lines(*command.split()))

    assert len(re.findall(pattern, shown, re.MULTILINE)) == times, shown[:3000]
    assert TROUBLE.findall(shown) == []


def test_ended_processes_are_accounted(smi: Smi, path: Path) -> None:
    with Node.create(path, "t4", 1, DRIVERS[BRANCH]) as node:
        node.gpus[0].set("modes.accounting", True)
        node.gpus[0].processes.add(4242, memory="1 GiB", name="trainer", sm_utilization="50 %")
        node.clock.step("3 s")
        node.gpus[0].processes.remove(4242)

        asked = "--query-accounted-apps=pid,gpu_name,gpu_utilization,max_memory_usage,time"
        assert smi.lines(asked, CSV) == ["4242, Tesla T4, 50 %, 1024 MiB, 3000 ms"]


def test_remapped_rows_and_retired_pages_are_told_by_cause(smi: Smi, path: Path) -> None:
    with Node.create(path, "h100-sxm5-80gb", 1, DRIVERS[BRANCH]) as node:
        node.gpus[0].update({"remap.corrected": 3, "remap.uncorrected": 2, "remap.pending": True})
        rows = "correctable,remapped_rows.uncorrectable,remapped_rows.pending,remapped_rows.failure"
        assert smi.lines(f"--query-remapped-rows=remapped_rows.{rows}", CSV) == ["3, 2, 1, 0"]
    path.unlink()
    with Node.create(path, "t4", 1, DRIVERS[BRANCH]) as node:
        node.gpus[0].set("ecc.retired", [{"cause": 0, "address": 0x11}, {"cause": 1, "address": 0x22}])
        pages = smi.lines("--query-retired-pages=retired_pages.address,retired_pages.cause", CSV)
        assert [re.sub("0x0+", "0x", page) for page in pages] == ["0x11, Single Bit ECC", "0x22, Double Bit ECC"]
