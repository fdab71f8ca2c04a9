"""Callers that were compiled against old versions of nvml.h.

The slow tests drive the library with unmodified bindings from PyPI, of the years 2014 to 2026. The others call old
symbols with a buffer full of a canary: what stands behind the old struct belongs to the caller.

nvidia-ml-py before 10.418.84 is Python 2 and does not import; nvidia-ml-py3 and py3nvml are its ports.
"""

import ctypes
import json
import re
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]

SUCCESS = 0
INSUFFICIENT_SIZE = 7
NOT_SUPPORTED = 3
TIMEOUT = 10


class Binding(NamedTuple):
    package: str
    version: str
    module: str = "pynvml"
    bus_id: str = "00000000:07:00.0"

    def __str__(self) -> str:
        return f"{self.package}-{self.version}"


BINDINGS = (
    Binding("nvidia-ml-py3", "7.352.0", bus_id="0000:07:00.0"),
    Binding("py3nvml", "0.2.7", "py3nvml.py3nvml", bus_id="0000:07:00.0"),
    Binding("nvidia-ml-py", "10.418.84"),
    Binding("nvidia-ml-py", "11.450.51"),
    Binding("nvidia-ml-py", "11.525.150"),
    Binding("nvidia-ml-py", "13.615.71"),
)


def install(binding: Binding) -> Path:
    """The folder that holds the binding; installed once."""
    folder = ROOT / "build" / "clients" / str(binding)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            target = Path(scratch) / "target"
            requirement = f"{binding.package}=={binding.version}"
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), requirement]
            subprocess.run(pip, check=True, timeout=300)
            target.rename(folder)  # at once, so that an interrupted installation is not taken for a whole one
    return folder


@pytest.fixture(scope="session", params=BINDINGS, ids=str)
def binding(request: pytest.FixtureRequest) -> Binding:
    install(request.param)
    return request.param


@pytest.fixture
def answers(binding: Binding, mock_env: dict[str, str]) -> dict[str, Any]:
    """What the binding answers about the built-in node."""
    program = [sys.executable, str(Path(__file__).with_name("ask_binding.py")), binding.module]
    environment = {**mock_env, "PYTHONPATH": str(install(binding))}
    return json.loads(subprocess.run(program, env=environment, check=True, capture_output=True, timeout=60).stdout)


@pytest.mark.slow
def test_identity(answers: dict[str, Any]) -> None:
    assert len(answers["gpus"]) == 8
    assert {gpu["name"] for gpu in answers["gpus"]} == {"NVIDIA A100-SXM4-40GB"}
    assert len({gpu["uuid"] for gpu in answers["gpus"]}) == 8
    assert {gpu["memory"]["total"] for gpu in answers["gpus"]} == {40960 << 20}


@pytest.mark.slow
def test_pci_info(answers: dict[str, Any], binding: Binding) -> None:
    pci = answers["gpus"][0]["pci"]
    assert (pci["busId"], pci["domain"], pci["bus"], pci["device"]) == (binding.bus_id, 0, 7, 0)
    assert pci["pciDeviceId"] == 0x20B010DE
    assert len({gpu["pci"]["busId"] for gpu in answers["gpus"]}) == 8


@pytest.mark.slow
def test_sensors(answers: dict[str, Any]) -> None:
    for gpu in answers["gpus"]:
        assert 0 < gpu["temperature"] < 100
        assert 0 < gpu["power"] <= gpu["power limit"] == 400_000
        assert 0 <= gpu["utilization"]["gpu"] <= 100
        assert 0 <= gpu["utilization"]["memory"] <= 100
        assert 0 < gpu["clock"] <= 1410


@pytest.mark.slow
def test_nothing_runs(answers: dict[str, Any]) -> None:
    assert [gpu["compute processes"] for gpu in answers["gpus"]] == [[]] * 8
    assert [gpu["graphics processes"] for gpu in answers["gpus"]] == [[]] * 8


@pytest.mark.slow
def test_nvlink(answers: dict[str, Any], binding: Binding) -> None:
    if binding.version in ("7.352.0", "0.2.7"):
        assert {gpu["nvlink"] for gpu in answers["gpus"]} == {None}, "older than NVLink"
        return
    assert {gpu["nvlink"] for gpu in answers["gpus"]} == {1}
    for gpu in answers["gpus"]:
        assert re.fullmatch("[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}.0", gpu["nvlink remote"]["busId"])


LAYOUTS = (
    ("mock_legacy_pci_info_v2_t", "nvidia-ml-py3", "7.352.0", "nvmlPciInfo_t"),
    ("mock_legacy_pci_info_v2_t", "nvidia-ml-py", "10.418.84", "nvmlPciInfo_v2_t"),
    ("mock_legacy_event_data_v1_t", "nvidia-ml-py", "10.418.84", "c_nvmlEventData_t"),
    ("mock_legacy_compute_instance_info_v1_t", "nvidia-ml-py", "11.450.51", "c_nvmlComputeInstanceInfo_t"),
    ("mock_legacy_grid_licensable_features_v1_t", "nvidia-ml-py", "10.418.84", "c_nvmlGridLicensableFeatures_t"),
    ("mock_legacy_grid_licensable_features_v2_t", "nvidia-ml-py", "10.418.84", "c_nvmlGridLicensableFeatures_v2_t"),
    ("mock_legacy_grid_licensable_features_v3_t", "nvidia-ml-py", "11.450.51", "c_nvmlGridLicensableFeatures_v3_t"),
    ("mock_legacy_vgpu_license_info_v1_t", "nvidia-ml-py", "11.495.46", "c_nvmlVgpuLicenseInfo_t"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "package", "version", "theirs"), LAYOUTS)
def test_layouts_are_those_of_the_bindings(ours: str, package: str, version: str, theirs: str) -> None:
    header = (ROOT / "src/mocknvml/native/legacy.h").read_text()
    sizes = dict(re.findall(r"_Static_assert\(sizeof\((\w+)\) == (\d+)", header))
    program = f"import ctypes, pynvml; print(ctypes.sizeof(pynvml.{theirs}))"
    environment = {"PYTHONPATH": str(install(Binding(package, version)))}
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, timeout=60
    )
    assert sizes[ours] == answer.stdout.decode().strip()


CANARY = b"\xa5"
ROOM = 320  # more than any struct here


class Nvml:
    """The library in this process, and buffers that show what a call wrote."""

    def __init__(self, library: Path) -> None:
        self.c = ctypes.CDLL(str(library))
        self.gpu = ctypes.c_void_p()
        assert self.c.nvmlInit_v2() == SUCCESS
        assert self.c.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self.gpu)) == SUCCESS

    def watch(self, call: Callable[[ctypes.Array[ctypes.c_char]], int]) -> tuple[int, bytes]:
        buffer = ctypes.create_string_buffer(CANARY * ROOM, ROOM)
        return call(buffer), buffer.raw


@pytest.fixture
def nvml(library: Path) -> Iterator[Nvml]:
    nvml = Nvml(library)
    yield nvml
    assert nvml.c.nvmlShutdown() == SUCCESS


def untouched(memory: bytes) -> bool:
    return memory == CANARY * len(memory)


@pytest.mark.parametrize(
    ("function", "size"),
    [("nvmlDeviceGetPciInfo", 32), ("nvmlDeviceGetPciInfo_v2", 52), ("nvmlDeviceGetPciInfo_v3", 68)],
)
def test_pci_info_fills_its_own_struct(nvml: Nvml, function: str, size: int) -> None:
    code, memory = nvml.watch(lambda buffer: getattr(nvml.c, function)(nvml.gpu, buffer))
    assert code == SUCCESS
    legacy_bus_id, *numbers = struct.unpack("16s4I", memory[:32])
    assert legacy_bus_id.rstrip(b"\0") == b"0000:07:00.0"
    assert numbers == [0, 7, 0, 0x20B010DE]
    assert not untouched(memory[size - 4 : size])
    assert untouched(memory[size:])


@pytest.mark.parametrize(
    ("function", "size"), [("nvmlDeviceGetNvLinkRemotePciInfo", 52), ("nvmlDeviceGetNvLinkRemotePciInfo_v2", 68)]
)
def test_nvlink_remote_pci_info_fills_its_own_struct(nvml: Nvml, function: str, size: int) -> None:
    code, memory = nvml.watch(lambda buffer: getattr(nvml.c, function)(nvml.gpu, 0, buffer))
    assert code == SUCCESS
    assert re.fullmatch(rb"[0-9A-F]{4}:[0-9A-F]{2}:[0-9A-F]{2}\.0", memory[:16].rstrip(b"\0"))  # what NCCL reads
    assert not untouched(memory[size - 4 : size])
    assert untouched(memory[size:])


@pytest.mark.parametrize(("function", "size"), [("nvmlEventSetWait", 24), ("nvmlEventSetWait_v2", 32)])
def test_event_fills_its_own_struct(nvml: Nvml, function: str, size: int) -> None:
    events = ctypes.c_void_p()
    assert nvml.c.nvmlEventSetCreate(ctypes.byref(events)) == SUCCESS
    code, memory = nvml.watch(lambda buffer: getattr(nvml.c, function)(events, buffer, 0))
    assert nvml.c.nvmlEventSetFree(events) == SUCCESS
    assert code == TIMEOUT
    assert untouched(memory[size:])


@pytest.mark.parametrize(("function", "size"), [("nvmlDeviceGetAttributes", 24), ("nvmlDeviceGetAttributes_v2", 40)])
def test_attributes_fill_their_own_struct(nvml: Nvml, function: str, size: int) -> None:
    code, memory = nvml.watch(lambda buffer: getattr(nvml.c, function)(nvml.gpu, buffer))
    assert code == NOT_SUPPORTED, "only MIG devices have attributes"
    assert untouched(memory[size:])


def test_clock_monitor_writes_only_the_faults_that_exist(nvml: Nvml) -> None:
    """nvidia-ml-py declared a list of one entry until 12.535, where nvml.h has 32."""
    code, memory = nvml.watch(lambda buffer: nvml.c.nvmlDeviceGetClkMonStatus(nvml.gpu, buffer))
    assert code in (SUCCESS, NOT_SUPPORTED)
    assert untouched(memory[16:])
