"""Programs that run nvidia-smi and parse what it prints, unmodified, with the stand-in of `mocknvml run`."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mocknvml import Node
from tests.clients.npm import install_or_skip
from tests.clients.pypi import BUILD, install

pytestmark = pytest.mark.slow

TELEGRAF = Path(__file__).parent / "telegraf"


class Below(NamedTuple):
    """Runs a command below `mocknvml run --smi=ours`, on a node."""

    node: Node
    path: Path
    env: dict[str, str]

    def __call__(self, *command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        run = [sys.executable, "-m", "mocknvml", "run", "--smi=ours", "--node", self.path, "--", *command]
        return subprocess.run(run, env=self.env | env, check=False, capture_output=True, text=True, timeout=60)

    def python(self, folder: Path, script: str) -> Any:
        """The JSON that a script prints, which finds the modules of a folder."""
        return json.loads(self.said(sys.executable, "-c", f"import json\n{script}", PYTHONPATH=str(folder)))

    def said(self, *command: str | Path, **env: str) -> str:
        done = self(*command, **env)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return done.stdout


def busy(node: Node) -> None:
    record = {"pid": os.getpid(), "contexts": 1, "memory": "8 GiB", "name": "/usr/bin/python3"}
    node.gpus[1].update({"processes.running": [record], "utilization.gpu": "97 %", "utilization.memory": "40 %"})


def nothing(node: Node) -> None:
    pass


# By name: the profile, the number of GPUs, the driver, and what becomes of them.
NODES: dict[str, tuple[str, int, str, Callable[[Node], None]]] = {
    "eight": ("dgx-a100", 8, "550.54.15", nothing),
    "t4": ("t4", 1, "535.261.03", nothing),
    "busy": ("h100-sxm5-80gb", 2, "590.48.01", busy),
    "old": ("v100-pcie-32gb", 2, "470.256.02", nothing),
    "none": ("dgx-a100", 0, "550.54.15", nothing),
}
WITH_GPUS = [name for name in NODES if name != "none"]


@pytest.fixture(params=WITH_GPUS)
def below(request: pytest.FixtureRequest, tmp_path: Path, mock_env: dict[str, str]) -> Below:
    profile, gpus, driver, change = NODES[request.param]
    node = Node.create(tmp_path / "node", profile, gpus, driver)
    node.clock.freeze()  # all programs see one moment
    change(node)
    clean = {name: value for name, value in mock_env.items() if not name.startswith("MOCK_NVML_")}
    return Below(node, tmp_path / "node", clean)


def mib(node: Node, of: str) -> list[int]:
    return [int(gpu.get(f"memory.{of}")) >> 20 for gpu in node.gpus]


def every(node: Node, field: str) -> list[Any]:
    return [gpu.get(field) for gpu in node.gpus]


@pytest.fixture(scope="module")
def gputil() -> Path:
    return install("GPUtil", "1.4.0")


GPUTIL = "import warnings; warnings.simplefilter('ignore'); import GPUtil\n"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="GPUtil imports distutils")
def test_gputil_finds_the_gpus(below: Below, gputil: Path) -> None:
    gpus = below.python(gputil, f"{GPUTIL}print(json.dumps([vars(gpu) for gpu in GPUtil.getGPUs()]))")

    assert [gpu["id"] for gpu in gpus] == list(range(len(below.node.gpus)))
    assert [gpu["uuid"] for gpu in gpus] == every(below.node, "identity.uuid")
    assert [gpu["name"] for gpu in gpus] == every(below.node, "identity.name")
    assert [gpu["serial"] for gpu in gpus] == every(below.node, "identity.serial")
    assert [gpu["memoryTotal"] for gpu in gpus] == mib(below.node, "total")
    assert [gpu["temperature"] for gpu in gpus] == every(below.node, "thermal.temperature.gpu")
    assert [gpu["load"] * 100 for gpu in gpus] == every(below.node, "utilization.gpu")


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="GPUtil imports distutils")
@pytest.mark.parametrize("below", ["busy"], indirect=True)
def test_gputil_takes_a_busy_gpu_for_not_available(below: Below, gputil: Path) -> None:
    assert below.python(gputil, f"{GPUTIL}print(json.dumps(GPUtil.getAvailable(limit=8)))") == [0]


@pytest.fixture(scope="module")
def nvsmi() -> Path:
    return install("nvsmi", "0.4.2")


def test_nvsmi_finds_the_gpus(below: Below, nvsmi: Path) -> None:
    gpus = below.python(nvsmi, "import nvsmi\nprint(json.dumps([vars(gpu) for gpu in nvsmi.get_gpus()]))")

    assert [gpu["uuid"] for gpu in gpus] == every(below.node, "identity.uuid")
    assert [gpu["mem_total"] for gpu in gpus] == mib(below.node, "total")
    assert [gpu["gpu_util"] for gpu in gpus] == every(below.node, "utilization.gpu")
    assert all(0 < gpu["mem_free"] <= gpu["mem_total"] - gpu["mem_used"] for gpu in gpus)


@pytest.mark.parametrize("below", ["busy"], indirect=True)
def test_nvsmi_finds_a_process(below: Below, nvsmi: Path) -> None:
    script = "import nvsmi\nprint(json.dumps([vars(process) for process in nvsmi.get_gpu_processes()]))"
    (process,) = below.python(nvsmi, script)

    uuid = below.node.gpus[1].get("identity.uuid")
    assert (process["pid"], process["gpu_id"], process["gpu_uuid"]) == (os.getpid(), "1", uuid)
    assert (process["process_name"], process["used_memory"]) == ("/usr/bin/python3", 8192)


def test_pynvidiasmi_finds_any_fields(below: Below) -> None:
    fields = ["index", "gpu_name", "pci.bus_id", "memory.total", "power.limit", "mig.mode.current"]
    script = f"import pynvidiasmi\nprint(json.dumps(pynvidiasmi.query({fields})))"
    gpus = below.python(install("pynvidiasmi", "1.0.1"), script)

    assert [gpu["gpu_name"] for gpu in gpus] == every(below.node, "identity.name")
    assert [gpu["memory.total"] for gpu in gpus] == mib(below.node, "total")
    assert [float(gpu["power.limit"]) * 1000 for gpu in gpus] == every(below.node, "power.limit")


@pytest.mark.parametrize("below", ["busy"], indirect=True)
def test_nvidia_htop_finds_the_process_in_the_table(below: Below) -> None:
    if shutil.which("ps") is None:
        pytest.skip("no ps on PATH")
    folder = install("nvidia-htop", "1.2.0")
    shown = below.said(sys.executable, folder / "bin/nvidia-htop.py", "--meter", PYTHONPATH=str(folder))

    (row,) = re.findall(rf"^\| +1 +{os.getpid()} .*$", shown, re.MULTILINE)
    assert "8192MiB" in row
    assert "[|||||||||] Disabled |" in shown  # the meter of 97 %


@pytest.mark.parametrize("below", ["none"], indirect=True)
def test_without_gpus_they_see_what_nvidia_smi_says(below: Below, gputil: Path, nvsmi: Path) -> None:
    done = below(sys.executable, "-c", "import nvsmi; list(nvsmi.get_gpus())", PYTHONPATH=str(nvsmi))
    assert "CalledProcessError" in done.stderr
    assert "returned non-zero exit status 6" in done.stderr
    if sys.version_info < (3, 12):
        done = below(sys.executable, "-c", f"{GPUTIL}GPUtil.getGPUs()", PYTHONPATH=str(gputil))
        assert "ValueError: invalid literal for int() with base 10: 'No devices were found'" in done.stderr


# --- from npm


@pytest.fixture
def lspci(below: Below, tmp_path: Path) -> str:
    """A folder with an `lspci` that lists the GPUs: systeminformation tells of nothing else."""
    lines = [f"{address[4:]} 3D controller: NVIDIA Corporation Device" for address in addresses(below.node)]
    program = tmp_path / "bin" / "lspci"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\ncat << END\n" + "\n".join(lines) + "\nEND\n")
    program.chmod(0o755)
    return str(program.parent)


def addresses(node: Node) -> list[str]:
    return [
        "{:08X}:{:02X}:{:02X}.0".format(*(int(gpu.get(f"pci.{part}")) for part in ("domain", "bus", "device")))
        for gpu in node.gpus
    ]


@pytest.mark.parametrize("below", [*WITH_GPUS, "none"], indirect=True)
def test_systeminformation_finds_the_gpus(below: Below, lspci: str) -> None:
    folder = install_or_skip("systeminformation", "5.33.23")
    script = "require('systeminformation').graphics().then((found) => console.log(JSON.stringify(found.controllers)))"
    path = f"{lspci}:{os.environ['PATH']}"
    gpus = json.loads(below.said("node", "-e", script, NODE_PATH=str(folder / "node_modules"), PATH=path))

    assert [gpu.get("pciBus") for gpu in gpus] == (addresses(below.node) if below.node.gpus else [])
    assert [gpu["name"] for gpu in gpus] == every(below.node, "identity.name")
    assert [gpu["memoryTotal"] for gpu in gpus] == mib(below.node, "total")
    assert [gpu.get("utilizationGpu", 0) for gpu in gpus] == every(below.node, "utilization.gpu")
    assert [gpu["powerLimit"] * 1000 for gpu in gpus] == every(below.node, "power.limit")
    assert {gpu["driverVersion"] for gpu in gpus} == ({below.node.get("driver.version")} if gpus else set())


def test_node_nvidia_smi_reads_the_report(below: Below) -> None:
    folder = install_or_skip("node-nvidia-smi", "1.0.0")
    script = "require('node-nvidia-smi')((error, data) => console.log(JSON.stringify(data)))"
    log = json.loads(below.said("node", "-e", script, NODE_PATH=str(folder / "node_modules")))["nvidia_smi_log"]

    gpus = log["gpu"] if isinstance(log["gpu"], list) else [log["gpu"]]
    assert log["attached_gpus"] == str(len(below.node.gpus))
    assert [gpu["uuid"] for gpu in gpus] == every(below.node, "identity.uuid")
    assert [gpu["fb_memory_usage"]["total"] for gpu in gpus] == [f"{total} MiB" for total in mib(below.node, "total")]
    assert [gpu["utilization"]["gpu_util"] for gpu in gpus] == [
        f"{it} %" for it in every(below.node, "utilization.gpu")
    ]


# --- in Go


@pytest.fixture(scope="module")
def telegraf() -> Path:
    if shutil.which("go") is None:
        pytest.skip("no go on PATH")
    program = BUILD / "telegraf"
    build = ["go", "build", "-buildvcs=false", "-o", program, "."]
    subprocess.run(build, cwd=TELEGRAF, env=os.environ | {"CGO_ENABLED": "0"}, check=True, timeout=600)
    return program


def test_telegraf_reads_the_report(below: Below, telegraf: Path) -> None:
    schema = "v11" if below.node.get("driver.version").startswith("470.") else "v12"
    shown = below.said("sh", "-c", f"nvidia-smi -q -x | {telegraf} {schema}").splitlines()
    found = [it for it in map(json.loads, shown) if it["name"] == "nvidia_smi"]

    assert [it["tags"]["uuid"] for it in found] == every(below.node, "identity.uuid")
    assert [it["tags"]["name"] for it in found] == every(below.node, "identity.name")
    assert [it["fields"]["memory_total"] for it in found] == mib(below.node, "total")
    assert [it["fields"]["utilization_gpu"] for it in found] == every(below.node, "utilization.gpu")
    assert [it["fields"]["temperature_gpu"] for it in found] == every(below.node, "thermal.temperature.gpu")


def test_nvidia_gpu_exporter_finds_fields_in_the_help(below: Below) -> None:
    """By its own expression for a field; then it asks for all of them."""
    names = re.findall(r'\n\s*\n^"([^"]+)"', below.said("nvidia-smi", "--help-query-gpu"), re.MULTILINE)
    shown = below.said("nvidia-smi", f"--query-gpu={','.join(names)}", "--format=csv").splitlines()

    assert names[:2] == ["timestamp", "driver_version"]
    assert len(names) > 100
    assert {line.count(", ") for line in shown} == {len(names) - 1}
    assert len(shown) == 1 + len(below.node.gpus)
