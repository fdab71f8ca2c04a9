"""What functions with a body of their own show: lists, masks, and states that are told by the return code."""

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pynvml
import pytest

from mocknvml import Gpu, Node

SUCCESS, INVALID_ARGUMENT, NOT_SUPPORTED, NO_PERMISSION, NOT_FOUND = 0, 2, 3, 4, 6
INSUFFICIENT_SIZE, CORRUPTED_INFOROM, OPERATING_SYSTEM, INJECTED = 7, 14, 17, 27
MIB = 1 << 20

Ask = Callable[..., int]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", gpus=1) as created:
        yield created


@pytest.fixture
def gpu(node: Node) -> Gpu:
    return node.gpus[0]


@pytest.fixture
def ask(node: Node, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Calls a function of the library on the GPU of the node."""
    loaded, device = ctypes.CDLL(str(library)), ctypes.c_void_p()
    monkeypatch.setenv("MOCK_NVML_NODE", str(node.path))
    assert loaded.nvmlInit_v2() == SUCCESS
    assert loaded.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == SUCCESS
    yield lambda function, *arguments: int(getattr(loaded, function)(device, *arguments))
    assert loaded.nvmlShutdown() == SUCCESS


def answers_errors_of(key: str, gpu: Gpu, call: Callable[[], int]) -> bool:
    """Whether the call answers what the field holds instead of a value."""
    gpu.fail(key, INJECTED)
    injected = call()
    gpu.remove(key)
    return (injected, call()) == (INJECTED, NOT_SUPPORTED)


class TestPerformanceStates:
    def test_the_room_behind_the_states_is_unknown(self, gpu: Gpu, ask: Ask) -> None:
        states = (ctypes.c_int * 17)(*[-1] * 17)
        for state, has in ((0, True), (2, True), (5, False), (8, True)):
            gpu.set(f"clocks.pstates.{state}", has)

        assert ask("nvmlDeviceGetSupportedPerformanceStates", states, 4 * 17) == SUCCESS
        assert list(states) == [0, 2, 8, *[pynvml.NVML_PSTATE_UNKNOWN] * 13, -1]

    def test_the_size_is_in_bytes(self, gpu: Gpu, ask: Ask) -> None:
        states = (ctypes.c_int * 3)(-1, -1, -1)
        gpu.set("clocks.pstates.0", True)
        gpu.set("clocks.pstates.8", True)

        assert ask("nvmlDeviceGetSupportedPerformanceStates", states, 7) == INSUFFICIENT_SIZE
        assert ask("nvmlDeviceGetSupportedPerformanceStates", states, 8) == SUCCESS
        assert list(states) == [0, 8, -1]

    def test_a_board_without_states_refuses(self, gpu: Gpu, ask: Ask) -> None:
        for state in range(16):
            gpu.remove(f"clocks.pstates.{state}")
        states = (ctypes.c_int * 16)()
        gpu.set("clocks.pstates.8", True)

        assert answers_errors_of(
            "clocks.pstates.8", gpu, lambda: ask("nvmlDeviceGetSupportedPerformanceStates", states, 64)
        )

    def test_a_domain_without_a_reading_is_not_present(self, gpu: Gpu, ask: Ask) -> None:
        info = pynvml.c_nvmlGpuDynamicPstatesInfo_t()
        fields = ("gpu", "memory", "video", "bus")
        for load, name in enumerate(fields, 61):
            gpu.set(f"utilization.{name}", f"{load} %")
        gpu.remove("utilization.video")

        assert ask("nvmlDeviceGetDynamicPstatesInfo", ctypes.byref(info)) == SUCCESS
        assert [(domain.bIsPresent, domain.percentage) for domain in info.utilization] == [
            *((1, 61), (1, 62), (0, 0), (1, 64)),
            *[(0, 0)] * 4,
        ]
        for name in ("memory", "bus"):
            gpu.remove(f"utilization.{name}")
        assert answers_errors_of(
            "utilization.gpu", gpu, lambda: ask("nvmlDeviceGetDynamicPstatesInfo", ctypes.byref(info))
        )


class TestClockMonitors:
    @pytest.mark.skipif(os.geteuid() != 0, reason="nvml.h: requires root")
    def test_domains_at_fault_are_listed(self, gpu: Gpu, ask: Ask) -> None:
        status = (ctypes.c_uint * 66)(*[7] * 66)
        gpu.set("clocks.monitor_faults", [{"domain": 4, "faults": 2}, {"domain": 8, "faults": 1}])

        assert ask("nvmlDeviceGetClkMonStatus", status) == SUCCESS
        assert status[:7] == [1, 2, 4, 2, 8, 1, 7]
        gpu.set("clocks.monitor_faults", [])
        assert ask("nvmlDeviceGetClkMonStatus", status) == SUCCESS
        assert status[:3] == [0, 0, 4]
        assert answers_errors_of("clocks.monitor_faults", gpu, lambda: ask("nvmlDeviceGetClkMonStatus", status))


class TestSramErrors:
    MEMBERS = ("unit", "location", "sublocation", "extlocation", "address", "parity", "count")

    @pytest.fixture
    def two(self, gpu: Gpu) -> list[list[int]]:
        rows = [[1, 2, 3, 4, 5, 1, 7], [11, 12, 13, 14, 15, 0, 17]]
        gpu.set("ecc.mode", True)
        gpu.set(
            "sram.unique",
            [dict(zip(self.MEMBERS, [*row[:5], bool(row[5]), row[6]], strict=True)) for row in rows],
        )
        return rows

    @staticmethod
    def request(room: int) -> tuple[ctypes.Array[ctypes.c_ulonglong], ctypes.Array[ctypes.c_uint]]:
        entries = (ctypes.c_uint * 28)(*[99] * 28)
        version = pynvml.nvmlEccSramUniqueUncorrectedErrorCounts_v1
        pointer = ctypes.addressof(entries) if room else 0
        return (ctypes.c_ulonglong * 2)(version | room << 32, pointer), entries

    def test_without_entries_their_number_comes_back(self, two: list[list[int]], ask: Ask) -> None:
        counts, _ = self.request(room=0)

        assert ask("nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts", counts) == SUCCESS
        assert counts[0] >> 32 == len(two)

    @pytest.mark.parametrize(("room", "code"), [(1, INSUFFICIENT_SIZE), (2, SUCCESS), (4, SUCCESS)])
    def test_entries_fill_the_room(self, room: int, code: int, two: list[list[int]], ask: Ask) -> None:
        counts, entries = self.request(room)

        assert ask("nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts", counts) == code
        assert counts[0] >> 32 == len(two)
        listed = [value for row in two[:room] for value in row]
        assert entries[: len(listed) + 1] == [*listed, 99]

    def test_without_ecc_there_is_no_answer(self, two: list[list[int]], gpu: Gpu, ask: Ask) -> None:
        counts, _ = self.request(room=0)
        gpu.set("ecc.mode", False)

        assert ask("nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts", counts) == NOT_SUPPORTED
        gpu.set("ecc.mode", True)
        assert answers_errors_of(
            "sram.unique", gpu, lambda: ask("nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts", counts)
        )


class TestDetailedErrors:
    def test_counters_that_a_board_lacks_are_zero(self, gpu: Gpu, ask: Ask) -> None:
        counts = (ctypes.c_ulonglong * 4)(*[99] * 4)
        gpu.set("ecc.mode", True)
        for key, value in (("dram", 5), ("l2_cache", 6)):
            gpu.set(f"ecc.location.uncorrected.aggregate.{key}", value)

        assert ask("nvmlDeviceGetDetailedEccErrors", 1, 1, counts) == SUCCESS
        assert list(counts) == [0, 6, 5, 0]
        assert ask("nvmlDeviceGetDetailedEccErrors", 2, 0, counts) == INVALID_ARGUMENT
        assert ask("nvmlDeviceGetDetailedEccErrors", 0, 2, counts) == INVALID_ARGUMENT
        gpu.remove("ecc.location.uncorrected.aggregate.l2_cache")
        key = "ecc.location.uncorrected.aggregate.dram"
        assert answers_errors_of(key, gpu, lambda: ask("nvmlDeviceGetDetailedEccErrors", 1, 1, counts))

    def test_without_ecc_there_are_none(self, gpu: Gpu, ask: Ask) -> None:
        gpu.set("ecc.mode", False)

        assert ask("nvmlDeviceGetDetailedEccErrors", 0, 0, (ctypes.c_ulonglong * 4)()) == NOT_SUPPORTED


class TestBoard:
    def test_a_corrupted_inforom_is_told_by_the_code(self, gpu: Gpu, ask: Ask) -> None:
        assert ask("nvmlDeviceValidateInforom") == SUCCESS

        gpu.set("identity.inforom_valid", False)

        assert ask("nvmlDeviceValidateInforom") == CORRUPTED_INFOROM
        assert answers_errors_of("identity.inforom_valid", gpu, lambda: ask("nvmlDeviceValidateInforom"))

    def test_bridges_of_a_board_are_listed(self, gpu: Gpu, ask: Ask) -> None:
        hierarchy = (ctypes.c_uint * 257)(*[7] * 257)
        assert ask("nvmlDeviceGetBridgeChipInfo", hierarchy) == NOT_SUPPORTED

        gpu.set("identity.bridges", [{"type": 1, "firmware": 3}, {"type": 0, "firmware": 0}])

        assert ask("nvmlDeviceGetBridgeChipInfo", hierarchy) == SUCCESS
        assert [hierarchy[0] & 0xFF, *hierarchy[1:6]] == [2, 1, 3, 0, 0, 7]
        assert answers_errors_of("identity.bridges", gpu, lambda: ask("nvmlDeviceGetBridgeChipInfo", hierarchy))


class TestThermalSettings:
    @pytest.mark.parametrize("sensor", [0, 15])
    def test_the_sensor_is_that_of_the_gpu(self, sensor: int, gpu: Gpu, ask: Ask) -> None:
        settings = (ctypes.c_int * 16)(*[7] * 16)
        gpu.set("thermal.temperature.gpu", "61 C")

        assert ask("nvmlDeviceGetThermalSettings", sensor, settings) == SUCCESS
        assert settings[:7] == [1, 1, 0, 0, 61, 1, 7]
        gpu.update({"thermal.sensor_min": "-256 C", "thermal.sensor_max": "127 C"})
        assert ask("nvmlDeviceGetThermalSettings", sensor, settings) == SUCCESS
        assert settings[2:4] == [-256, 127]
        assert answers_errors_of(
            "thermal.temperature.gpu", gpu, lambda: ask("nvmlDeviceGetThermalSettings", sensor, settings)
        )

    def test_a_sensor_that_no_board_has_is_refused(self, ask: Ask) -> None:
        assert ask("nvmlDeviceGetThermalSettings", 1, (ctypes.c_int * 16)()) == INVALID_ARGUMENT


class TestMemoryLimits:
    @staticmethod
    def request(path: Path | None) -> ctypes.Array[ctypes.c_ulonglong]:
        text = ctypes.create_string_buffer(str(path).encode())
        limits = (ctypes.c_ulonglong * 4)(ctypes.addressof(text) if path else 0, 7, 7, 7)
        limits.text = text  # kept as long as the pointer to it
        return limits

    def test_the_nearest_limited_group_counts(self, gpu: Gpu, ask: Ask, tmp_path: Path) -> None:
        (tmp_path / "pod" / "container").mkdir(parents=True)
        (tmp_path / "pods").mkdir()
        gpu.set(
            "memory.limits",
            [
                {"cgroup": str(tmp_path), "soft": "1 MiB", "hard": "2 MiB", "used": "3 MiB"},
                {"cgroup": str(tmp_path / "pod"), "soft": "4 MiB", "hard": "5 MiB", "used": "6 MiB"},
            ],
        )

        for path, wanted in (("pod", 4), ("pod/container", 4), ("pods", 1)):
            limits = self.request(tmp_path / path)
            assert ask("nvmlDeviceGetMemoryLimits_v1", limits) == SUCCESS
            assert limits[1:] == [wanted * MIB, (wanted + 1) * MIB, (wanted + 2) * MIB]

    def test_a_group_is_looked_for_before_its_limits(self, gpu: Gpu, ask: Ask, tmp_path: Path) -> None:
        gpu.set("memory.limits", [])

        assert ask("nvmlDeviceGetMemoryLimits_v1", self.request(None)) == INVALID_ARGUMENT
        assert ask("nvmlDeviceGetMemoryLimits_v1", self.request(tmp_path / "none")) == OPERATING_SYSTEM
        assert ask("nvmlDeviceGetMemoryLimits_v1", self.request(tmp_path)) == NOT_FOUND
        assert answers_errors_of(
            "memory.limits", gpu, lambda: ask("nvmlDeviceGetMemoryLimits_v1", self.request(tmp_path))
        )


class TestPowerProfiles:
    def test_entries_stand_at_the_ids_of_the_profiles(self, gpu: Gpu, ask: Ask) -> None:
        words = 1 + 8 + 255 * 11
        info = (ctypes.c_uint * words)(*[99] * words)
        info[0] = 4 * words | 1 << 24
        gpu.update({f"power_profiles.supported.{word}": 0 for word in range(8)})
        gpu.update({"power_profiles.supported.0": 0b101, "power_profiles.priority.compute": 33})
        gpu.update({"power_profiles.priority.max_p": 1, "power_profiles.conflicts.max_p": 4})
        gpu.set("power_profiles.conflicts.compute", 1)

        assert ask("nvmlDeviceWorkloadPowerProfileGetProfilesInfo", info) == SUCCESS
        entries = [info[9 + 11 * number :][:11] for number in range(4)]
        version = 44 | 1 << 24
        assert info[1:9] == [0b101, *[0] * 7]
        assert entries[0] == [version, 0, 1, 4, *[0] * 7]
        assert entries[1] == entries[3] == [99] * 11
        assert entries[2] == [version, 2, 33, 1, *[0] * 7]
        for key in ("power_profiles.supported.7", "power_profiles.priority.compute"):
            assert answers_errors_of(key, gpu, lambda: ask("nvmlDeviceWorkloadPowerProfileGetProfilesInfo", info))
            gpu.set(key, 0)


class TestViolations:
    """Policies whose numbers mean nothing, 6 to 9, have no time."""

    def read(self, ask: Ask, policy: int) -> tuple[int, int, int]:
        times = pynvml.c_nvmlViolationTime_t()
        code = ask("nvmlDeviceGetViolationStatus", policy, ctypes.byref(times))
        return code, int(times.referenceTime), int(times.violationTime)

    def test_the_share_of_time_is_what_passed_by_the_clock_of_the_node(self, node: Node, gpu: Gpu, ask: Ask) -> None:
        node.clock.freeze()
        gpu.set("clocks.violation_time.power", "3 s")
        before = self.read(ask, pynvml.NVML_PERF_POLICY_POWER)
        node.clock.step("2 s")
        gpu.set("clocks.violation_time.power", "4 s")
        after = self.read(ask, pynvml.NVML_PERF_POLICY_POWER)

        assert (before[0], before[2], after[2]) == (SUCCESS, 3_000_000_000, 4_000_000_000)
        assert after[1] - before[1] == 2_000_000

    def test_a_policy_is_read_by_itself(self, gpu: Gpu, ask: Ask) -> None:
        gpu.set("clocks.violation_time.total_base_clocks", "5 ns")

        assert self.read(ask, pynvml.NVML_PERF_POLICY_TOTAL_BASE_CLOCKS)[::2] == (SUCCESS, 5)
        assert self.read(ask, 6)[0] == NOT_SUPPORTED
        assert self.read(ask, pynvml.NVML_PERF_POLICY_COUNT)[0] == INVALID_ARGUMENT
        key = "clocks.violation_time.thermal"
        assert answers_errors_of(key, gpu, lambda: self.read(ask, pynvml.NVML_PERF_POLICY_THERMAL)[0])


@pytest.mark.usefixtures("ask")
def test_whether_computing_is_confidential_is_told_where_a_gpu_could(node: Node, gpu: Gpu, library: Path) -> None:
    state, nvml = (ctypes.c_uint * 3)(9, 9, 9), ctypes.CDLL(str(library))

    assert nvml.nvmlSystemGetConfComputeState(state) == SUCCESS
    assert list(state) == [0, 0, 0]
    node.update({f"conf_compute_system.{name}": 1 for name in ("environment", "feature", "developer_tools")})
    node.set("conf_compute_system.environment", 2)
    assert nvml.nvmlSystemGetConfComputeState(state) == SUCCESS
    assert list(state) == [2, 1, 1]
    node.fail("conf_compute_system.feature", INJECTED)
    assert nvml.nvmlSystemGetConfComputeState(state) == INJECTED
    gpu.set("identity.architecture", "turing")
    assert nvml.nvmlSystemGetConfComputeState(state) == NOT_SUPPORTED
