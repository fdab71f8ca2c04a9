"""Callers that were compiled against old versions of nvml.h.

The slow tests drive the library with unmodified bindings from PyPI, of the years 2014 to 2026. The others call old
symbols with a buffer full of a canary: what stands behind the old struct belongs to the caller.

nvidia-ml-py before 10.418.84 is Python 2 and does not import; nvidia-ml-py3 and py3nvml are its ports.
"""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mocknvml import Node
from tests.clients import pypi

ROOT = Path(__file__).resolve().parents[2]

SUCCESS = 0
NOT_SUPPORTED = 3
TIMEOUT = 10

# contexts: compute, graphics and MPS (src/mocknvml/nvml/processes.py)
PROCESSES = [
    {"pid": 4711, "contexts": 7, "memory": "1 GiB", "name": "train"},
    {"pid": 4712, "contexts": 7, "memory": "3 GiB", "name": "serve"},
]
ATTRIBUTES = {
    "multiprocessors": 42,
    "copy_engines": 3,
    "decoders": 2,
    "encoders": 0,
    "jpeg_engines": 0,
    "ofa_engines": 0,
    "gpu_instance_slices": 3,
    "compute_instance_slices": 3,
    "memory": "19968 MiB",
}


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
    return pypi.install(binding.package, binding.version)


@pytest.fixture(scope="session", params=BINDINGS, ids=str)
def binding(request: pytest.FixtureRequest) -> Binding:
    install(request.param)
    return request.param


# An NVSwitch: its vendor and device id (pci.ids, "GA100 [A100 NVSwitch]"), at an address of our own.
REMOTE = {"domain": 0, "bus": 0xC4, "device": 0, "device_id": 0x1AF110DE, "subsystem_id": 0}


@pytest.fixture
def busy_env(mock_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A node whose first GPU has two processes, the attributes that a MIG device has, and a neighbour on link 0."""
    with Node.create(tmp_path / "node") as node:
        node.gpus[0].set("processes.running", PROCESSES)
        node.gpus[0].update({f"attributes.{name}": value for name, value in ATTRIBUTES.items()})
        node.gpus[0].update({f"nvlink.remote_{name}.0": value for name, value in REMOTE.items()})
    return mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")}


def run(program: str, *arguments: str, env: dict[str, str]) -> Any:
    command = [sys.executable, str(Path(__file__).with_name(program)), *arguments]
    return json.loads(subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, timeout=60).stdout)


@pytest.fixture
def answers(binding: Binding, mock_env: dict[str, str]) -> Any:
    """What the binding answers about the built-in node."""
    return run("ask_binding.py", binding.module, env=mock_env | {"PYTHONPATH": str(install(binding))})


@pytest.mark.slow
def test_identity(answers: Any) -> None:
    assert len(answers["gpus"]) == 8
    assert {gpu["name"] for gpu in answers["gpus"]} == {"NVIDIA A100-SXM4-40GB"}
    assert len({gpu["uuid"] for gpu in answers["gpus"]}) == 8
    assert {gpu["memory"]["total"] for gpu in answers["gpus"]} == {40960 << 20}


@pytest.mark.slow
def test_pci_info(answers: Any, binding: Binding) -> None:
    pci = answers["gpus"][0]["pci"]
    assert (pci["busId"], pci["domain"], pci["bus"], pci["device"]) == (binding.bus_id, 0, 7, 0)
    assert pci["pciDeviceId"] == 0x20B010DE
    assert len({gpu["pci"]["busId"] for gpu in answers["gpus"]}) == 8


@pytest.mark.slow
def test_sensors(answers: Any) -> None:
    for gpu in answers["gpus"]:
        assert 0 < gpu["temperature"] < 100
        assert 0 < gpu["power"] <= gpu["power limit"] == 400_000
        assert 0 <= gpu["utilization"]["gpu"] <= 100
        assert 0 <= gpu["utilization"]["memory"] <= 100
        assert 0 < gpu["clock"] <= 1410


@pytest.mark.slow
def test_nothing_runs(answers: Any) -> None:
    assert [gpu["compute processes"] for gpu in answers["gpus"]] == [[]] * 8
    assert [gpu["graphics processes"] for gpu in answers["gpus"]] == [[]] * 8


@pytest.mark.slow
def test_processes(binding: Binding, busy_env: dict[str, str]) -> None:
    answers = run("ask_binding.py", binding.module, env=busy_env | {"PYTHONPATH": str(install(binding))})
    for kind in ("compute processes", "graphics processes"):
        running = answers["gpus"][0][kind]
        assert [(process["pid"], process["usedGpuMemory"]) for process in running] == [(4711, 1 << 30), (4712, 3 << 30)]
        assert {process.get("gpuInstanceId", 0xFFFFFFFF) for process in running} == {0xFFFFFFFF}
        assert answers["gpus"][1][kind] == []


@pytest.mark.slow
def test_nvlink_state(answers: Any, binding: Binding) -> None:
    expected = None if binding.bus_id.startswith("0000:") else 1  # the two oldest are older than NVLink
    assert {gpu["nvlink"] for gpu in answers["gpus"]} == {expected}


@pytest.mark.slow
def test_nvlink_remote(binding: Binding, busy_env: dict[str, str]) -> None:
    answers = run("ask_binding.py", binding.module, env=busy_env | {"PYTHONPATH": str(install(binding))})
    remote = answers["gpus"][0]["nvlink remote"]
    if binding.bus_id.startswith("0000:"):
        assert remote is None, "older than NVLink"
    else:
        assert remote["busId"] == "00000000:C4:00.0"


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


class Written(NamedTuple):
    code: int
    count: int
    buffer: bytes

    def nothing_from(self, size: int) -> bool:
        """Whether the call left alone what stands behind the first `size` bytes."""
        rest = self.buffer[size:]
        return rest == CANARY * len(rest)

    def something_before(self, size: int) -> bool:
        """Whether the last number of a struct of `size` bytes was written."""
        return self.buffer[size - 4 : size] != CANARY * 4


CANARY = b"\xa5"


def call(env: dict[str, str], symbol: str, *arguments: str) -> Written:
    answer = run("call_symbol.py", symbol, *arguments, env=env)
    return Written(answer["code"], answer["count"], bytes.fromhex(answer["buffer"]))


@pytest.mark.parametrize(
    ("function", "size"),
    [("nvmlDeviceGetPciInfo", 32), ("nvmlDeviceGetPciInfo_v2", 52), ("nvmlDeviceGetPciInfo_v3", 68)],
)
def test_pci_info_fills_its_own_struct(mock_env: dict[str, str], function: str, size: int) -> None:
    written = call(mock_env, function, "gpu", "buffer")
    assert written.code == SUCCESS
    assert written.buffer.startswith(b"0000:07:00.0\0")
    assert struct.unpack_from("4I", written.buffer, 16) == (0, 7, 0, 0x20B010DE)
    assert written.nothing_from(size)
    if size == 68:
        assert written.buffer[36:].startswith(b"00000000:07:00.0\0")
    else:
        assert written.something_before(size)


@pytest.mark.parametrize(
    ("function", "size"), [("nvmlDeviceGetNvLinkRemotePciInfo", 52), ("nvmlDeviceGetNvLinkRemotePciInfo_v2", 68)]
)
def test_nvlink_remote_pci_info_fills_its_own_struct(busy_env: dict[str, str], function: str, size: int) -> None:
    """NCCL calls the first one, with the struct of 2016."""
    written = call(busy_env, function, "gpu", "0", "buffer")
    assert written.code == SUCCESS
    assert written.buffer.startswith(b"0000:C4:00.0\0")
    assert struct.unpack_from("5I", written.buffer, 16) == (0, 0xC4, 0, 0x1AF110DE, 0)
    assert written.nothing_from(size)


@pytest.mark.parametrize(("function", "size"), [("nvmlEventSetWait", 24), ("nvmlEventSetWait_v2", 32)])
def test_event_fills_its_own_struct(mock_env: dict[str, str], function: str, size: int) -> None:
    written = call(mock_env, function, "events", "buffer", "0")
    assert written.code == TIMEOUT
    assert written.nothing_from(size)


@pytest.mark.parametrize(("function", "size"), [("nvmlDeviceGetAttributes", 24), ("nvmlDeviceGetAttributes_v2", 40)])
def test_attributes_fill_their_own_struct(
    busy_env: dict[str, str], mock_env: dict[str, str], function: str, size: int
) -> None:
    written = call(busy_env, function, "gpu", "buffer")
    assert written.code == SUCCESS
    assert struct.unpack_from("6I", written.buffer) == (42, 3, 2, 0, 0, 0)
    assert written.something_before(size)
    assert written.nothing_from(size)
    refused = call(mock_env, function, "gpu", "buffer")
    assert refused.code == NOT_SUPPORTED, "a whole GPU has none"
    assert refused.nothing_from(0)


@pytest.mark.parametrize("version", ["", "_v2", "_v3"])
@pytest.mark.parametrize("kind", ["Compute", "Graphics", "MPSCompute"])
def test_process_records_have_the_size_of_their_version(busy_env: dict[str, str], kind: str, version: str) -> None:
    layout = struct.Struct("I4xQII" if version else "I4xQ")
    expected = [(4711, 1 << 30, *[0xFFFFFFFF] * 2), (4712, 3 << 30, *[0xFFFFFFFF] * 2)]
    written = call(busy_env, f"nvmlDeviceGet{kind}RunningProcesses{version}", "gpu", "count", "buffer")
    assert (written.code, written.count) == (SUCCESS, 2)
    records = [layout.unpack_from(written.buffer, index * layout.size) for index in range(2)]
    assert records == [record[: len(records[0])] for record in expected]
    assert written.nothing_from(2 * layout.size)


def test_clock_monitor_writes_only_the_faults_that_exist(mock_env: dict[str, str]) -> None:
    """nvidia-ml-py declared a list of one entry until 12.535, where nvml.h has 32."""
    written = call(mock_env, "nvmlDeviceGetClkMonStatus", "gpu", "buffer")
    assert written.code in (SUCCESS, NOT_SUPPORTED)
    assert written.nothing_from(16)
