"""What NVIDIA's unmodified nvidia-smi says, command by command, on every kind of node; none may take long."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.nvidia_smi import Smi
from tests.clients.nvidia_smi_nodes import BRANCH, GPU_IS_LOST, NO_ROOM, NODES, TROUBLE, make

pytestmark = pytest.mark.slow

GPUS = {"a100": 8, "h100": 8, "gb200": 4, "t4": 1}  # of the nodes whose GPUs all answer


@dataclass(frozen=True)
class Says:
    """Lines of its output: a pattern, how often it is there (some times, unless told), and the exit status."""

    pattern: str
    times: int | None = None
    status: int = 0


def silent(status: int = 0) -> Says:
    return Says(r"\S", 0, status)


def each(pattern: str, per_gpu: int = 1, status: int = 0) -> dict[str, Says]:
    """The same of each GPU on the nodes whose GPUs all answer."""
    return {kind: Says(pattern, gpus * per_gpu, status) for kind, gpus in GPUS.items()}


def alike(says: Says, *kinds: str) -> dict[str, Says]:
    return dict.fromkeys(kinds or (*GPUS, "lost"), says)


NOBODY = {"none": Says("^No devices were found$", 1, 6)}
NO_MATRIX = Says("^Failed to run topology matrix$", 1, 255)
NOT_WATCHED = Says("^Not supported on the device", 1, 255)
NO_MIG = Says("^No MIG-enabled devices found.$", 1, 6)
NO_VGPU = Says("^No supported devices in vGPU mode$", 1)
BUS = r"[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.0"
UUID = r"GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
CAPABILITIES = r"^\t Link \d+, .* supported: true$"
CSV = "--format=csv,noheader"

SAYS: dict[str, Mapping[str, Says]] = {
    "-L": each(rf"^GPU \d: .+ \(UUID: {UUID}\)$")
    | {"none": Says("^No devices found.$", 1)}
    | {"lost": Says("^Unable to determine the product name for gpu 3: GPU is lost", 1, GPU_IS_LOST)},
    "": each(r"^\|   \d  (?:NVIDIA|Tesla) .* \| +" + BUS + r" Off \| +0 \|$")
    | NOBODY
    | {"lost": Says(r"^\|   2  ", 1, 255)},
    "-q": each(rf"^GPU {BUS}$") | NOBODY | {"lost": Says(rf"^GPU {BUS}$", 7, GPU_IS_LOST)},
    "-q -x": each(rf'^\t<gpu id="{BUS}">$') | NOBODY | {"lost": Says(rf'^\t<gpu id="{BUS}">$', 7, GPU_IS_LOST)},
    "-q -d RESET_STATUS": each("^        Reset Required +: No$") | NOBODY,
    "-q -u": alike(Says("^Attached Units +: 0$", 1), *NODES),
    "-B": alike(Says("^No excluded devices found.$", 1), *NODES),
    # Queries
    f"--query-gpu=index,fan.speed {CSV}": each(r"^\d, \[N/A\]$")
    | NOBODY
    | {"lost": Says(r"^\[GPU is lost\], \[GPU is lost\]$", 1)},
    f"--query-compute-apps=pid,name {CSV}": alike(silent()) | NOBODY,
    f"--query-accounted-apps=gpu_name,pid {CSV}": alike(silent(), *GPUS)
    | {"lost": Says(r"^\[GPU is lost\], \[GPU is lost\]$", 1)}
    | NOBODY,
    f"--query-retired-pages=gpu_uuid,retired_pages.address {CSV}": each(rf"^{UUID}, \[N/A\]$", 2)
    | {"t4": silent(), "lost": Says(r"^\[GPU is lost\], \[GPU is lost\]$", 2)}
    | NOBODY,
    f"--query-remapped-rows=gpu_uuid,remapped_rows.correctable,remapped_rows.failure {CSV}": each(rf"^{UUID}, 0, 0$")
    | {"t4": Says(rf"^{UUID}, \[N/A\], \[N/A\]$", 1), "lost": Says(rf"^{UUID}, 0, 0$", 7)}
    | NOBODY,
    f"-i 0 --query-supported-clocks=mem,gr {CSV}": NOBODY
    | {
        "a100": Says(r"^1215 MHz, \d+ MHz$", 81),
        "h100": Says(r"^(?:2619|1593) MHz, \d+ MHz$", 220),
        "gb200": Says(r"^3996 MHz, \d+ MHz$", 260),
        "t4": Says(r"^(?:5001|5000|405) MHz, \d+ MHz$"),
    },
    # Topology
    "topo -m": NOBODY
    | {
        "a100": Says(r"^GPU\d\t.*(?:NV12\t){1,7}", 8),
        "h100": Says(r"^GPU\d\t.*(?:NV18\t){1,7}", 8),
        "gb200": Says(r"^GPU\d\t.*(?:NV18\t){1,3}.*(?:0-71\t0|72-143\t1)\t\tN/A$", 4),
        "t4": Says("^GPU0\t X \t", 1),
        "none": NO_MATRIX,
        "lost": NO_MATRIX,
    },
    "topo -mp": {
        "a100": Says(r"^GPU[01]\t(?: X \tPXB|PXB\t X )(?:\tSYS){6}\t48-63,176-191\t3\t\tN/A$", 2),
        "h100": Says(r"^GPU\d\t(?:(?:NODE| X |SYS)\t){8}", 8),
        "gb200": Says(r"^GPU[23]\tSYS\tSYS\t(?: X \tNODE|NODE\t X )\t72-143\t1", 2),
        "t4": Says("^GPU0\t X \t", 1),
        "none": NO_MATRIX,
        "lost": NO_MATRIX,
    },
    "topo -p2p n": {
        "a100": Says(r"^ GPU\d\t(?:(?:OK|X)\t){8}$", 8),
        "h100": Says(r"^ GPU\d\t(?:(?:OK|X)\t){8}$", 8),
        "gb200": Says(r"^ GPU\d\t(?:(?:OK|X)\t){4}$", 4),
        "t4": Says(r"^ GPU0\tX\t$", 1),
        "none": Says(r"^ GPU\d", 0),
        "lost": Says("^Failed to display p2p capability matrix", 1, 255),
    },
    "topo -C -i 0": NOBODY
    | {
        "a100": Says("^NUMA IDs of closest CPU: 3$", 1),
        "h100": Says("^NUMA IDs of closest CPU: 0$", 1),
        "gb200": Says("^NUMA IDs of closest CPU: 0$", 1),
        "t4": Says("^Failed to display NUMA ID of nearest CPU$", 1, 255),  # a board in no known machine
    },
    # NVLink
    "nvlink -s": NOBODY
    | {
        "a100": Says(r"^\t Link \d+: 25 GB/s$", 8 * 12),
        "h100": Says(r"^\t Link \d+: 26\.562 GB/s$", 8 * 18),
        "gb200": Says(r"^\t Link \d+: 53\.125 GB/s$", 4 * 18),
        "t4": silent(),
        "lost": Says(r"^\t Link \d+: 25 GB/s$", 7 * 12),
    },
    "nvlink -s -i 2 -l 5": NOBODY
    | {
        "a100": Says(r"^GPU 2: .*\n\t Link 5: 25 GB/s$", 1),
        "h100": Says(r"^GPU 2: .*\n\t Link 5: 26\.562 GB/s$", 1),
        "gb200": Says(r"^GPU 2: .*\n\t Link 5: 53\.125 GB/s$", 1),
        "lost": Says(r"^GPU 2: .*\n\t Link 5: 25 GB/s$", 1),
    },
    "nvlink -s -i 3": {"lost": silent()},
    "nvlink -c": NOBODY
    | {
        "a100": Says(CAPABILITIES, 8 * 12 * 6),
        "h100": Says(CAPABILITIES, 8 * 18 * 6),
        "gb200": Says(CAPABILITIES, 4 * 18 * 6),
        "t4": silent(),
        "lost": Says(CAPABILITIES, 7 * 12 * 6),
    },
    "nvlink -e": NOBODY
    | {
        "a100": Says(r"^\t Link \d+: (?:Replay|Recovery|CRC) Errors: 0$", 8 * 12 * 3),
        "h100": Says(r"^\t Link \d+: (?:Replay|Recovery|CRC) Errors: 0$", 8 * 18 * 3),
        # Blackwell has other counters, which this nvidia-smi does not know.
        "gb200": Says(r"^\t Link \d+: (?:Replay|Recovery|CRC) Errors: N/A$", 4 * 18 * 3),
        "t4": silent(),
        "lost": Says(r"^\t Link \d+: (?:Replay|Recovery|CRC) Errors: 0$", 7 * 12 * 3),
    },
    "nvlink -p": NOBODY
    | {
        "a100": Says(r"^\t Link \d+: 00000000:C[4-9]:00\.0$", 8 * 12),
        "h100": Says(r"^\t Link \d+: 00000000:(?:0[789]|0A):00\.0$", 8 * 18),
        "gb200": Says(r"^\t Link \d+: FFFFFFFF:FF:FF\.0$", 4 * 18),
        "t4": silent(),
    },
    "nvlink -R": NOBODY
    | {
        # No public source has the ports of all eight A100s.
        "a100": Says(r"^\t Link \d+: Not Supported$", 8 * 12),
        "h100": Says(r"^\t Link \d+: Remote Device 00000000:(?:0[789]|0A):00\.0: Link \d+$", 8 * 18),
        "gb200": Says(r"^\t Link \d+: Remote Device FFFFFFFF:FF:FF\.0: Link 0$", 4 * 18),
        "t4": silent(),
    },
    "nvlink -R -i 0 -l 10": {"h100": Says(r"^\t Link 10: Remote Device 00000000:09:00\.0: Link 34$", 1)},
    "nvlink -gt d": NOBODY
    | {
        "a100": Says(r"^\t Link \d+: Data [TR]x: 0 KiB$", 8 * 12 * 2),
        "h100": Says(r"^\t Link \d+: Data [TR]x: 0 KiB$", 8 * 18 * 2),
        "gb200": Says(r"^\t Link \d+: Data [TR]x: 0 KiB$", 4 * 18 * 2),
        "t4": silent(),
        "lost": Says(r"^\t Link \d+: Data [TR]x: 0 KiB$", 7 * 12 * 2),
    },
    "nvlink -gt r": {"h100": Says(r"^\t Link \d+: Raw [TR]x: 0 KiB$", 8 * 18 * 2)},
    "nvlink -gBwMode": {
        "a100": Says("^Unable to read nvlink bandwidth mode$", 1, 3),
        "h100": Says("^GPU NVLINK bandwidth mode: FULL$", 1),
        "gb200": Says("^Unable to read nvlink bandwidth mode$", 1, 3),
    },
    "nvlink -gLowPwrInfo": {
        "a100": Says("^Not supported$", 1, 3),
        "gb200": Says(r"^\t Link \d+: Low Power Mode: High Speed State$", 4 * 18),
    },
    "nvlink -ec": {
        "a100": Says(r"^\t\t Lane [0-3] ECC Correction Count: 0 \(Overflow=0\)$", 8 * 12 * 4),
        "h100": Says("^NVML: Unable to retrieve NvLink ECC error counter for link 0: Not Supported$", 1, 3),
    },
    "c2c -s": alike(Says("^No Devices support C2C.$", 1, 3))
    | {"gb200": Says(r"^\t C2C Link \d: 44\.712 GB/s$", 4 * 5)}
    | NOBODY,
    # Monitoring
    "dmon -c 1 -s pucvmet": each(r"^ +\d(?: +(?:\d+|-)){21} *$") | NOBODY | {"lost": NOT_WATCHED},
    "dmon -c 1 -s v": each(r"^ +\d +0 +[0-] *$") | NOBODY | {"lost": NOT_WATCHED},
    "pmon -c 1 -s um": each(r"^ +\d(?: +-){9,11} *$") | NOBODY | {"lost": NOT_WATCHED},
    "pmon -c 1 -i 0": alike(Says(r"^ +0(?: +-){7,9} *$", 1)) | NOBODY,
    "gpm -g": NOBODY
    | {
        "a100": Says("^No GPM capable devices found.$", 1, 6),
        "h100": Says("^GPM stream state: DISABLED$", 1),
        "gb200": Says("^GPM stream state: DISABLED$", 1),
        "t4": Says("^No GPM capable devices found.$", 1, 6),
    },
    # Policies
    "compute-policy -l": each(r"^\|   \d   Timeslice       Default       \|$") | NOBODY,
    "boost-slider -l": alike(Says("No supported devices found", 1), "a100", "gb200", "t4")
    | {"h100": Says(r"^\|   \d     vboost           4              0       \|$", 8)}
    | NOBODY,
    "power-hint -l": alike(Says("^No supported devices found$", 1), *GPUS) | NOBODY,
    "clocks --sync-boost-list": alike(Says("^Synchronized boost is currently disabled.$", 1, 3)) | NOBODY,
    "stats": alike(Says("^ERROR: Option stats is not recognized", 1, 255), *NODES),  # gone from these drivers
    # Drains
    "drain -p 0000:99:00.0 -q": alike(Says("^Failed to query the GPU drain state.$", 1, 255), *NODES),
    "drain -q": alike(Says("^Must specify -p with this option.$", 1, 2), *NODES),
    # Confidential computing, off
    "conf-compute -f": NOBODY
    | alike(Says("^CC status: OFF$", 1), "a100", "h100", "gb200")
    | {"t4": Says("^No CC capable devices found.$", 1, 6), "lost": Says("GPU is lost$", 1, GPU_IS_LOST)},
    "conf-compute -d": alike(Says("^DevTools Mode: OFF$", 1), "a100", "h100", "gb200") | NOBODY,
    "conf-compute -e": alike(Says("^CC Environment: UNAVAILABLE$", 1), "a100", "h100", "gb200") | NOBODY,
    "conf-compute -gc": alike(Says("CPU capabilities: Not Supported$", 1, 3), "a100", "h100", "gb200") | NOBODY,
    "conf-compute -gg": alike(Says("GPUs capabilities: Not Supported$", 1, 3), "a100", "h100", "gb200") | NOBODY,
    "conf-compute -gm": alike(Says("Memory Size Info: Not Supported$", 1, 3), "a100", "h100", "gb200") | NOBODY,
    "conf-compute -grs": alike(Says("Ready State: Not Supported$", 1, 3), "a100", "h100", "gb200") | NOBODY,
    # What bare metal without MIG refuses
    **{f"vgpu{option}": alike(NO_VGPU) | NOBODY for option in ("", " -q", " -s", " -c", " -m", " -ss", " -sc")},
    **{f"mig {option}": alike(NO_MIG) | NOBODY for option in ("-lgip", "-lgi", "-lgipp", "-lci", "-lcip", "-cgi 9")},
}
# Of other branches, what they say alike; where they do not, it is options that came or went, and layouts.
NOT_IN_550 = re.compile("mig .*")
NOT_IN_470 = re.compile(
    "-q -d RESET_STATUS|topo -(mp|C .*)|nvlink -(e|gBwMode|gLowPwrInfo)|c2c .*|[dp]mon .* -s .*|gpm .*|stats"
    "|conf-compute .*|vgpu -s[sc]"
)
ASKED = [(BRANCH, command, kind) for command, answers in SAYS.items() for kind in answers]
ASKED += [(550, command, "h100") for command in SAYS if "h100" in SAYS[command] and not NOT_IN_550.fullmatch(command)]
ASKED += [(470, command, "a100") for command in SAYS if "a100" in SAYS[command] and not NOT_IN_470.fullmatch(command)]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a node of each kind and branch, which the tests that use it only read."""
    folder = tmp_path_factory.mktemp("nodes")
    made = [make(kind, folder / f"{kind}-{branch}", branch) for branch, kind in {(row[0], row[2]) for row in ASKED}]
    yield folder
    for node in made:
        node.close()


@pytest.mark.parametrize(("branch", "command", "kind"), ASKED, ids=lambda word: str(word) or "table")
def test_a_command_says_of_a_node_what_it_is(
    branch: int, command: str, kind: str, nodes: Path, mock_env: dict[str, str]
) -> None:
    says = SAYS[command][kind]
    result = Smi(branch, mock_env)(*command.split(), MOCK_NVML_NODE=str(nodes / f"{kind}-{branch}"))

    found = re.findall(says.pattern, result.stdout, re.MULTILINE)
    assert found if says.times is None else len(found) == says.times, result.stdout[:4000]
    assert result.returncode == says.status, result.stdout
    assert kind == "lost" or TROUBLE.findall(NO_ROOM.sub("", result.stdout)) == []


@pytest.mark.parametrize("command", ["encodersessions", "fbcsessions", "vgpu -u", "vgpu -sl"])
@pytest.mark.parametrize("kind", NODES)
def test_a_command_that_runs_for_ever_goes_on(command: str, kind: str, nodes: Path, mock_env: dict[str, str]) -> None:
    smi = Smi(BRANCH, mock_env)
    program = subprocess.Popen(
        [smi.program, *command.split()],
        env=mock_env | {"MOCK_NVML_NODE": str(nodes / f"{kind}-{BRANCH}")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        first = [line for _, line in zip(range(3), program.stdout, strict=False)]
    finally:
        program.kill()
        program.communicate(timeout=30)

    assert first[-1].split()[:2] in (["0", "-"], ["No", "supported"], ["No", "devices"]), first


STATISTICS = {
    **{"pwrDraw": 31, "temp": 41, "memUtil": 42, "gpuUtil": 43, "encUtil": 44, "decUtil": 45},
    **{"memClk": 5000, "procClk": 1005, "violPwr": 0, "violThm": 1},
}


def test_statistics_are_the_samples_of_each_metric(tmp_path: Path, mock_env: dict[str, str]) -> None:
    """Later branches have no `stats`."""
    smi = Smi(470, mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")})
    with make("t4", tmp_path / "node", 470) as node:
        node.faults.inject("thermal-throttle", temperature="41 C", clock="1005 MHz")
        node.gpus[0].update({"power.usage": "31 W", "utilization.memory": "42 %", "utilization.gpu": "43 %"})
        node.gpus[0].update({"utilization.encoder": "44 %", "utilization.decoder": "45 %"})
        node.clock.step("10 s")
        for metric, value in STATISTICS.items():
            rows = [re.split(" *, ", line) for line in smi.lines("stats", "-c", "1", "-d", metric)]

            assert {row[1] for row in rows} == {metric}
            assert rows[-1][3] == str(value), metric
            assert [row[2] for row in rows] == sorted(row[2] for row in rows)
