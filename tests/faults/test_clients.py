"""Every named fault as pynvml sees it: before, while it is active, and after it was cleared."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Node
from mocknvml.faults import FAULTS

VOLATILE = "NVML_VOLATILE_ECC"
H100, T4, GB200, RTX = "dgx-h100", "t4", "gb200", "rtx-4090"


@dataclass(frozen=True)
class Case:
    fault: str
    expression: str
    before: Any
    during: Any
    profile: str = H100
    given: dict[str, object] = field(default_factory=dict)
    gpu: int | None = 0

    def __str__(self) -> str:
        return "-".join([self.fault, *map(str, self.given.values()), self.expression.partition("(")[0]])


ACTION = "field(NVML_FI_DEV_GET_GPU_RECOVERY_ACTION)"
TEMPERATURE = "nvmlDeviceGetTemperature(gpu(0), NVML_TEMPERATURE_GPU)"
REMAPPED = "nvmlDeviceGetRemappedRows(gpu(0))"
BANKS = "[(h.max, h.high) for h in [nvmlDeviceGetRowRemapperHistogram(gpu(0))]][0]"
REASONS = "nvmlDeviceGetCurrentClocksEventReasons(gpu(0))"
SM_CLOCK = "nvmlDeviceGetClockInfo(gpu(0), NVML_CLOCK_SM)"
PIDS = "[(p.pid, p.usedGpuMemory) for p in nvmlDeviceGetComputeRunningProcesses(gpu(0))]"
POWER = "nvmlDeviceGetPowerUsage(gpu(0))"
BY_INDEX = "len(nvmlDeviceGetUUID(nvmlDeviceGetHandleByIndex(0)))"
BY_BUS_ID = "bool(nvmlDeviceGetHandleByPciBusId('00000000:1B:00.0'))"


def ecc(kind: str, place: str = "DRAM") -> str:
    return f"nvmlDeviceGetMemoryErrorCounter(gpu(0), {kind}, {VOLATILE}, NVML_MEMORY_LOCATION_{place})"


CORRECTED, UNCORRECTED = "NVML_MEMORY_ERROR_TYPE_CORRECTED", "NVML_MEMORY_ERROR_TYPE_UNCORRECTED"

CASES = [
    Case("xid", ACTION, 0, 1, given={"xid": 119}),
    Case("xid", ACTION, 0, 0, given={"xid": 13}),
    Case("xid", ecc(UNCORRECTED), 0, 1, given={"xid": 48}),
    Case("xid", REMAPPED, [0, 0, 0, 0], [0, 1, 1, 0], given={"xid": 63}),
    Case("xid", REMAPPED, [0, 0, 0, 0], [0, 0, 0, 1], given={"xid": 64}),
    Case("xid", "nvmlDeviceGetRetiredPagesPendingStatus(gpu(0))", 0, 1, T4, {"xid": 63}),
    Case("xid", TEMPERATURE, 29, "NVMLError_GpuIsLost", given={"xid": 79}),
    Case("lost", TEMPERATURE, 29, "NVMLError_GpuIsLost"),
    Case("lost", BY_INDEX, 40, "NVMLError_GpuIsLost"),
    Case("fallen-off-bus", TEMPERATURE, 29, "NVMLError_GpuIsLost"),
    Case("fallen-off-bus", BY_INDEX, 40, "NVMLError_Unknown"),
    Case("fallen-off-bus", BY_INDEX, 40, "NVMLError_GpuIsLost", given={"handle": "gpu_is_lost"}),
    Case("fallen-off-bus", BY_BUS_ID, True, "NVMLError_Unknown"),
    Case("fallen-off-bus", "bool(nvmlDeviceGetHandleByUUID(uuid()))", True, "NVMLError_Unknown"),
    Case("fallen-off-bus", "bool(nvmlDeviceGetHandleByIndex(1))", True, True),
    Case("fallen-off-bus", "nvmlDeviceGetCount()", 8, 8),
    Case("reset-required", TEMPERATURE, 29, "NVMLError_ResetRequired"),
    Case("reset-required", ACTION, 0, 1),
    Case("reset-required", "nvmlDeviceGetName(gpu(0))", "NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3"),
    Case("ecc-correctable", ecc(CORRECTED), 0, 7, given={"count": 7}),
    Case("ecc-correctable", f"nvmlDeviceGetTotalEccErrors(gpu(0), {CORRECTED}, NVML_AGGREGATE_ECC)", 0, 1),
    Case("ecc-uncorrectable", ecc(UNCORRECTED), 0, 3, given={"count": 3}),
    Case("ecc-uncorrectable", ecc(UNCORRECTED, "SRAM"), 0, 1, given={"location": "sram"}),
    Case("row-remap-pending", REMAPPED, [0, 0, 0, 0], [0, 2, 1, 0], given={"count": 2}),
    Case("row-remap-pending", BANKS, [2560, 0], [2559, 1]),
    Case("row-remap-failure", REMAPPED, [0, 0, 0, 0], [0, 0, 0, 1]),
    Case(
        "retired-page",
        "nvmlDeviceGetRetiredPages(gpu(0), NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR)",
        [],
        [0x4000],
        T4,
        {"address": 0x4000},
    ),
    Case("retired-page", "nvmlDeviceGetRetiredPagesPendingStatus(gpu(0))", 0, 1, T4),
    Case("thermal-throttle", REASONS, 1, 0x48),
    Case("thermal-throttle", TEMPERATURE, 33, 93, T4),
    Case("thermal-throttle", TEMPERATURE, 29, 89),
    Case("thermal-throttle", TEMPERATURE, 29, 95, given={"temperature": "95 C"}),
    Case("thermal-throttle", SM_CLOCK, 1590, 795, T4),
    Case("thermal-throttle", SM_CLOCK, 1590, 1200, T4, {"by": "software", "clock": "1200 MHz"}),
    Case("power-throttle", "nvmlDeviceGetPowerUsage(gpu(0))", 68570, 700_000),
    Case("power-throttle", REASONS, 1, 0x4),
    Case("power-brake", REASONS, 1, 0x88),
    Case("power-brake", SM_CLOCK, 1590, 795, T4),
    Case("nvlink-down", "[nvmlDeviceGetNvLinkState(gpu(0), n) for n in (2, 3)]", [1, 1], [1, 0], given={"link": 3}),
    Case("nvlink-down", "sum(nvmlDeviceGetNvLinkState(gpu(0), n) for n in range(18))", 18, 0),
    Case(
        "nvlink-errors",
        "[nvmlDeviceGetNvLinkErrorCounter(gpu(0), n, NVML_NVLINK_ERROR_DL_REPLAY) for n in (2, 3)]",
        [0, 0],
        [0, 9],
        given={"link": 3, "counter": "replay", "count": 9},
    ),
    Case("fabric-unhealthy", "fabric()", [170, 1], [169, 2], GB200, {"condition": "degraded-bandwidth"}),
    Case("fabric-unhealthy", "fabric()", [170, 1], [166, 2], GB200, {"condition": "route-recovery"}),
    Case("fabric-unhealthy", "fabric()", [170, 1], [154, 2], GB200, {"condition": "route-unhealthy"}),
    Case("fabric-unhealthy", "fabric()", [170, 1], [106, 2], GB200, {"condition": "access-timeout-recovery"}),
    Case(
        "fabric-unhealthy",
        "fabric()",
        [170, 1],
        [170 | 5 << 8, 3],
        GB200,
        {"condition": "insufficient-nvlinks", "summary": "limited_capacity"},
    ),
    Case(
        "fabric-unhealthy",
        "fabric()",
        [170, 1],
        [170 | 2 << 14, 2],
        GB200,
        {"condition": "fabric-manager-disconnected"},
    ),
    Case("pcie-downtrain", "nvmlDeviceGetCurrPcieLinkWidth(gpu(0))", 16, 4, given={"width": 4}),
    Case("pcie-downtrain", "nvmlDeviceGetCurrPcieLinkGeneration(gpu(0))", 5, 1),
    Case("pcie-downtrain", "nvmlDeviceGetMaxPcieLinkWidth(gpu(0))", 16, 16),
    Case("pcie-replays", "nvmlDeviceGetPcieReplayCounter(gpu(0))", 0, 1000),
    Case("fan-failure", "nvmlDeviceGetFanSpeed(gpu(0))", 0, "NVMLError_Unknown", RTX),
    Case("zombie-process", PIDS, [], [[4194304, 2**30]]),
    Case("return", POWER, 68570, "NVMLError_Timeout", given={"function": "nvmlDeviceGetPowerUsage", "code": "TIMEOUT"}),
    Case("return", POWER, 68570, 68570, given={"function": "nvmlDeviceGetPowerUsage", "code": "TIMEOUT"}, gpu=1),
    Case("return", POWER, 68570, "NVMLError_Timeout", given={"function": "nvmlDeviceGetPow*", "code": "10"}, gpu=None),
    Case("no-driver", "init()", "initialised", "NVMLError_DriverNotLoaded", gpu=None),
    Case("driver-mismatch", "init()", "initialised", "NVMLError_LibRmVersionMismatch", gpu=None),
    Case("no-permission", "init()", "initialised", "NVMLError_NoPermission", gpu=None),
    Case("no-gpu", "nvmlDeviceGetCount()", 8, 0, gpu=None),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pynvml_sees_a_fault_until_it_is_cleared(case: Case, client: Callable[..., Any], tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", profile=case.profile) as node, client(node) as ask:
        before = ask(case.expression)

        fault = node.faults.inject(case.fault, gpu=case.gpu, **case.given)
        during = ask(case.expression)
        fault.clear()

        assert (before, during, ask(case.expression)) == (case.before, case.during, case.before)


def test_a_memory_leak_grows_with_node_time_until_no_memory_is_left(client: Callable[..., Any], tmp_path: Path) -> None:
    used = "nvmlDeviceGetMemoryInfo(gpu(0), version=nvmlMemory_v2).used"
    free = "nvmlDeviceGetMemoryInfo(gpu(0), version=nvmlMemory_v2).free"
    with Node.create(tmp_path / "node", profile=H100) as node, client(node) as ask:
        node.set("time.rate", "0 ppb")
        node.faults.inject("memory-leak", gpu=0, rate="1 GiB/s")

        before = ask(used)
        node.clock.step("10 s")
        grown = ask(used)
        node.clock.step("1000 s")

        assert grown - before == 10 * 2**30
        assert ask(free) == 0
        node.faults.clear("memory-leak")
        assert ask(used) == before


def test_a_page_is_retired_at_a_second_of_the_clock_of_the_node(client: Callable[..., Any], tmp_path: Path) -> None:
    pages = "nvmlDeviceGetRetiredPages_v2(gpu(0), NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR)"
    with Node.create(tmp_path / "node", profile=T4) as node, client(node) as ask:
        node.set("time.rate", "0 ppb")
        node.set("time.epoch", "1700000000000000 us")
        node.clock.step("10 s")

        node.faults.inject("retired-page", gpu=0, address=0x4000)

        assert ask(pages) == [{"address": 0x4000, "timestamp": 1700000010}]


@pytest.mark.parametrize(
    ("fault", "given", "counter", "profile"),
    [
        (
            "nvlink-errors",
            {"link": 3},
            "nvmlDeviceGetNvLinkErrorCounter(gpu(0), 3, NVML_NVLINK_ERROR_DL_CRC_FLIT)",
            H100,
        ),
        ("pcie-replays", {}, "nvmlDeviceGetPcieReplayCounter(gpu(0))", H100),
        ("ecc-correctable", {}, ecc(CORRECTED), H100),
    ],
)
def test_counters_go_on_by_a_rate(
    fault: str, given: dict[str, object], counter: str, profile: str, client: Callable[..., Any], tmp_path: Path
) -> None:
    with Node.create(tmp_path / "node", profile=profile) as node, client(node) as ask:
        node.set("time.rate", "0 ppb")
        node.faults.inject(fault, gpu=0, count=1, rate=5, **given)
        node.clock.step("10 s")

        assert ask(counter) == 51


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("thermal-throttle", "HW_THERM_SLOWDOWN"), ("power-brake", "HW_POWER_BRAKE_SLOWDOWN")],
)
def test_the_time_of_throttling_is_counted(fault: str, reason: str, client: Callable[..., Any], tmp_path: Path) -> None:
    throttled = f"field(NVML_FI_DEV_CLOCKS_EVENT_REASON_{reason})"
    with Node.create(tmp_path / "node", profile=T4, gpus=1) as node, client(node) as ask:
        node.set("time.rate", "0 ppb")
        before = ask(throttled)
        node.faults.inject(fault)
        node.clock.step("10 s")

        assert (before, ask(throttled)) == (0, 10 * 10**9)


def test_a_function_answers_a_code_on_some_of_its_calls(client: Callable[..., Any], tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", profile=H100) as node, client(node) as ask:
        node.faults.inject(
            "return", gpu=0, function="nvmlDeviceGetPowerUsage", code="UNKNOWN", after=1, every=3, times=2
        )

        answers = [ask(POWER) == 68570 for _ in range(10)]

        assert answers == [True, True, True, False, True, True, False, True, True, True]


def test_a_call_hangs_until_the_fault_is_cleared(client: Callable[..., Any], tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", profile=H100) as node, client(node) as ask:
        fault = node.faults.inject("hang", function="nvmlDeviceGetPowerUsage")

        with ThreadPoolExecutor() as pool:
            asked = pool.submit(ask, POWER)
            with pytest.raises(TimeoutError):
                asked.result(timeout=0.5)
            fault.clear()

            assert asked.result(timeout=30) == 68570


def test_a_call_comes_late(client: Callable[..., Any], tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", profile=H100) as node, client(node) as ask:
        node.faults.inject("slow", gpu=0, function="nvmlDeviceGetPowerUsage", delay="200 ms", times=1)

        answered, seconds = ask(f"(lambda start: ({POWER}, time.monotonic() - start))(time.monotonic())")

        assert answered == 68570
        assert seconds >= 0.2


@pytest.mark.parametrize(
    ("fault", "given", "driver", "heard"),
    [
        ("xid", {"xid": 13}, "550.54.15", [[8, 13]]),
        ("xid", {"xid": 119}, "550.54.15", [[8, 119]]),
        ("xid", {"xid": 119}, "580.65.06", [[8, 119], [8, 154]]),
        ("fallen-off-bus", {}, "580.65.06", [[8, 79], [8, 154]]),
        ("ecc-correctable", {}, "550.54.15", [[1, 0]]),
        ("ecc-uncorrectable", {}, "550.54.15", [[2, 0], [8, 48]]),
        ("row-remap-pending", {}, "550.54.15", [[8, 63]]),
        ("row-remap-failure", {}, "550.54.15", [[8, 64]]),
        ("nvlink-down", {"link": 3}, "550.54.15", [[8, 74]]),
        ("lost", {}, "550.54.15", []),
    ],
)
def test_a_client_that_waits_hears_of_a_fault_once(
    fault: str, given: dict[str, object], driver: str, heard: object, client: Callable[..., Any], tmp_path: Path
) -> None:
    with Node.create(tmp_path / "node", profile=H100, driver=driver) as node, client(node) as ask:
        ask("listen(0xB)")
        node.faults.inject("ecc-correctable", gpu=1)
        node.faults.inject(fault, gpu=0, **given)
        node.faults.clear()

        assert ask("heard()") == heard


def test_every_fault_is_tested_through_a_client() -> None:
    tested = {case.fault for case in CASES} | {"memory-leak", "hang", "slow"}

    assert tested == set(FAULTS)
