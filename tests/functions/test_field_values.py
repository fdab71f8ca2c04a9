"""nvmlDeviceGetFieldValues: every id of nvml.h, and what scopeId means to it."""

import ctypes
import os
import platform
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pynvml
import pytest

from mocknvml import Gpu, Node
from mocknvml.codegen import header
from mocknvml.codegen.build import zig
from mocknvml.codegen.header import Header
from mocknvml.nvml import FIELD_IDS, NO_FIELDS
from mocknvml.table.rows import NoField

SUCCESS, INVALID, NOT_SUPPORTED, NOT_READY = 0, 2, 3, 27
UINT_MAX = 2**32 - 1
UNSIGNED, LONG, SIGNED, DOUBLE = "uiVal", "ullVal", "siVal", "dVal"
Ask = Callable[..., Any]


@cache
def model() -> Header:
    return header.load(zig(platform.machine()))


@pytest.fixture
def profile() -> str:
    return "gb200"


@pytest.fixture
def node(profile: str, tmp_path: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    created = Node.create(tmp_path / "node", profile=profile, gpus=1)
    monkeypatch.setenv("MOCK_NVML_NODE", str(tmp_path / "node"))
    loaded = ctypes.CDLL(str(library))
    assert loaded.nvmlInit_v2() == SUCCESS
    yield created
    loaded.nvmlShutdown()
    created.close()


@pytest.fixture
def gpu(node: Node) -> Gpu:
    return node.gpus[0]


@pytest.fixture
def device(node: Node, library: Path) -> ctypes.c_void_p:
    handle = ctypes.c_void_p()
    assert ctypes.CDLL(str(library)).nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)) == SUCCESS
    return handle


@pytest.fixture
def ask(device: ctypes.c_void_p, library: Path) -> Ask:
    """The member of the union and the value of one id; or the code, where it is not SUCCESS."""
    nvml = ctypes.CDLL(str(library))
    members = {
        pynvml.NVML_VALUE_TYPE_DOUBLE: DOUBLE,
        pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: UNSIGNED,
        pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: LONG,
        pynvml.NVML_VALUE_TYPE_SIGNED_INT: SIGNED,
    }

    def call(name: str, scope: int = 0) -> tuple[str, float] | int:
        number = model().constants[f"NVML_FI_{name}"]
        value = pynvml.c_nvmlFieldValue_t(fieldId=number, scopeId=scope)
        assert nvml.nvmlDeviceGetFieldValues(device, 1, ctypes.byref(value)) == SUCCESS
        if value.nvmlReturn != SUCCESS:
            return int(value.nvmlReturn)
        member = members[value.valueType]
        return member, getattr(value.value, member)

    return call


def test_every_field_id_of_the_header_stands_in_the_table_once() -> None:
    constants = model().constants
    ids = {number for name, number in constants.items() if re.match(r"NVML_FI_(?!MAX$)", name)}

    listed = [constants[row.name] for row in (*FIELD_IDS, *NO_FIELDS)]

    assert len(ids) > 300
    assert sorted(listed) == sorted(ids)


@pytest.mark.parametrize("row", NO_FIELDS, ids=lambda row: row.name)
def test_an_id_that_nothing_answers_is_not_supported(row: NoField, ask: Ask) -> None:
    assert ask(row.name.removeprefix("NVML_FI_")) == NOT_SUPPORTED


def test_an_unknown_id_is_an_invalid_argument(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (0, model().constants["NVML_FI_MAX"], UINT_MAX):
        monkeypatch.setitem(model().constants, "NVML_FI_UNKNOWN", number)
        assert ask("UNKNOWN") == INVALID


@pytest.mark.parametrize("scope", [0, 5, 100, UINT_MAX])
def test_an_id_without_scopes_ignores_scope_id(scope: int, ask: Ask) -> None:
    assert ask("DEV_NVLINK_LINK_COUNT", scope) == (UNSIGNED, 18)
    assert ask("DEV_NVSWITCH_CONNECTED_LINK_COUNT", scope) == (UNSIGNED, 18)
    assert ask("DEV_NVLINK_GET_POWER_THRESHOLD", scope) == (UNSIGNED, 1000)


def test_power_is_that_of_the_gpu_the_module_or_the_memory(ask: Ask) -> None:
    assert [ask("DEV_POWER_AVERAGE", scope) for scope in range(4)] == [
        (UNSIGNED, 165_930),
        (UNSIGNED, 467_170),
        (UNSIGNED, 30_260),
        NOT_SUPPORTED,
    ]
    assert ask("DEV_POWER_INSTANT", 1) == (UNSIGNED, 467_680)
    limits = ("MIN", "MAX", "DEFAULT", "CURRENT", "REQUESTED")
    for scope, expected in ((0, [200, 1200, 1200, 1200, 1200]), (1, [500, 2500, 2500, 2500, 2500])):
        assert [ask(f"DEV_POWER_{name}_LIMIT", scope) for name in limits] == [(UNSIGNED, w * 1000) for w in expected]
    assert ask("DEV_POWER_MAX_LIMIT", 2) == NOT_SUPPORTED


def test_the_draw_is_an_average_if_the_board_has_one_and_that_of_the_moment_unless_it_is_told(
    gpu: Gpu, ask: Ask
) -> None:
    gpu.set("power.usage", "200 W")
    assert [ask("DEV_POWER_AVERAGE"), ask("DEV_POWER_INSTANT")] == [(UNSIGNED, 200_000)] * 2
    gpu.set("power.instant", "210 W")
    assert [ask("DEV_POWER_AVERAGE"), ask("DEV_POWER_INSTANT")] == [(UNSIGNED, 200_000), (UNSIGNED, 210_000)]
    gpu.set("power.averaged", False)
    assert [ask("DEV_POWER_AVERAGE"), ask("DEV_POWER_INSTANT")] == [NOT_SUPPORTED, (UNSIGNED, 210_000)]


def test_a_total_sums_over_the_links_that_count(gpu: Gpu, ask: Ask) -> None:
    assert ask("DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", 3) == NOT_SUPPORTED

    gpu.set("nvlink.errors.2.replay", 40)
    gpu.set("nvlink.errors.17.replay", 2)
    gpu.set("nvlink.errors.17.recovery", 1000)

    assert ask("DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", 3) == (LONG, 42)
    gpu.fail("nvlink.errors.5.replay", NOT_READY)
    assert ask("DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", 3) == NOT_READY


def test_links_to_a_switch_are_counted(gpu: Gpu, ask: Ask) -> None:
    gpu.set("nvlink.remote_type.0", 0)
    gpu.remove("nvlink.remote_type.1")

    assert ask("DEV_NVSWITCH_CONNECTED_LINK_COUNT") == (UNSIGNED, 16)


def test_a_link_that_the_gpu_lacks_is_an_invalid_argument(gpu: Gpu, ask: Ask) -> None:
    assert ask("DEV_NVLINK_GET_STATE", 17) == (UNSIGNED, 1)
    assert ask("DEV_NVLINK_GET_STATE", 18) == INVALID
    assert ask("DEV_NVLINK_GET_STATE", UINT_MAX) == INVALID
    gpu.set("nvlink.count", 36)
    assert ask("DEV_NVLINK_GET_STATE", 18) == NOT_SUPPORTED
    assert ask("DEV_NVLINK_COUNT_XMIT_BYTES", 35) == NOT_SUPPORTED
    gpu.remove("nvlink.count")
    assert ask("DEV_NVLINK_GET_STATE", 0) == NOT_SUPPORTED


def test_throughput_of_all_links_is_asked_with_uint_max(gpu: Gpu, ask: Ask) -> None:
    assert ask("DEV_NVLINK_THROUGHPUT_RAW_RX", UINT_MAX) == NOT_SUPPORTED  # of an A100, which has no raw counters
    assert ask("DEV_NVLINK_THROUGHPUT_DATA_RX", UINT_MAX) == (LONG, 0)

    gpu.set("nvlink.throughput.0.data_rx", "3 MiB")
    gpu.set("nvlink.throughput.17.data_rx", "1 KiB")
    gpu.set("nvlink.throughput.17.data_tx", "7 KiB")

    assert ask("DEV_NVLINK_THROUGHPUT_DATA_RX", 17) == (LONG, 1)
    assert ask("DEV_NVLINK_THROUGHPUT_DATA_RX", UINT_MAX) == (LONG, 3073)


def test_retired_pages_are_counted_by_cause(gpu: Gpu, ask: Ask) -> None:
    assert ask("DEV_RETIRED_SBE") == NOT_SUPPORTED

    gpu.set("ecc.retired", [{"cause": 0, "address": 1}, {"cause": 1, "address": 2}, {"cause": 1, "address": 3}])

    assert ask("DEV_RETIRED_SBE") == (UNSIGNED, 1)
    assert ask("DEV_RETIRED_DBE") == (UNSIGNED, 2)
    gpu.fail("ecc.retired", NOT_READY)
    assert ask("DEV_RETIRED_DBE") == NOT_READY


def test_every_count_of_elements_is_tested_here() -> None:
    counting = {row.name for row in FIELD_IDS if row.equal is not None}

    assert counting == {
        "NVML_FI_DEV_RETIRED_SBE",
        "NVML_FI_DEV_RETIRED_DBE",
        "NVML_FI_DEV_NVSWITCH_CONNECTED_LINK_COUNT",
    }


def test_a_value_has_the_type_of_its_id(gpu: Gpu, ask: Ask) -> None:
    assert ask("DEV_TEMPERATURE_SHUTDOWN_TLIMIT") == (SIGNED, -5)
    assert ask("DEV_GPU_TEMP") == (DOUBLE, 27.0)
    assert ask("DEV_PERF_POLICY_POWER") == (LONG, 2_354_613_000)
    member, _ = ask("DEV_TOTAL_ENERGY_CONSUMPTION")
    assert member == LONG
    assert ask("DEV_POWER_INSTANT") == (UNSIGNED, 165_930)


def test_a_gb200_answers_what_was_captured(ask: Ask) -> None:
    assert ask("DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN") == (LONG, 0)
    assert ask("DEV_PCIE_INBOUND_ATOMICS_MASK") == (UNSIGNED, 0x3F)
    assert ask("DEV_PCIE_OUTBOUND_ATOMICS_MASK") == NOT_SUPPORTED
    assert ask("DEV_GET_GPU_RECOVERY_ACTION") == (UNSIGNED, 0)
    assert ask("DEV_NVLINK_GET_POWER_THRESHOLD_MIN") == (UNSIGNED, 1)
    assert ask("DEV_NVLINK_GET_POWER_THRESHOLD_MAX") == (UNSIGNED, 1023)
    assert ask("DEV_NVLINK_GET_POWER_THRESHOLD_UNITS") == (UNSIGNED, 1)


def test_a_recovery_action_is_injected_by_name(gpu: Gpu, ask: Ask) -> None:
    gpu.set("recovery.action", "drain_and_reset")

    assert ask("DEV_GET_GPU_RECOVERY_ACTION") == (UNSIGNED, 4)


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")
def test_the_limit_of_the_module_is_set_within_its_own_bounds(
    node: Node, gpu: Gpu, library: Path, device: ctypes.c_void_p, ask: Ask
) -> None:
    def set_limit(milliwatts: int) -> int:
        value = pynvml.c_nvmlPowerValue_v2_t(version=pynvml.nvmlPowerValue_v2, powerScope=1, powerValueMw=milliwatts)
        return int(ctypes.CDLL(str(library)).nvmlDeviceSetPowerManagementLimit_v2(device, ctypes.byref(value)))

    assert [set_limit(limit) for limit in (2_400_000, 2_500_001, 499_999)] == [SUCCESS, INVALID, INVALID]

    assert [ask("DEV_POWER_REQUESTED_LIMIT", scope) for scope in (0, 1)] == [
        (UNSIGNED, 1_200_000),
        (UNSIGNED, 2_400_000),
    ]
    gpu.remove("power.module_limit_max")
    assert set_limit(2_400_000) == NOT_SUPPORTED


@pytest.mark.parametrize("profile", ["gh200-480gb"])
def test_c2c_links_are_asked_one_by_one(node: Node, ask: Ask) -> None:
    assert ask("DEV_C2C_LINK_COUNT", 9) == (UNSIGNED, 10)
    assert ask("DEV_C2C_LINK_GET_STATUS", 9) == (UNSIGNED, 1)
    assert ask("DEV_C2C_LINK_GET_MAX_BW", 9) == (UNSIGNED, 44_712)
    assert ask("DEV_C2C_LINK_GET_STATUS", 10) == INVALID
    assert ask("DEV_C2C_LINK_ERROR_REPLAY", 0) == NOT_SUPPORTED


@pytest.mark.parametrize(("driver", "status"), [("565.57.01", SUCCESS), ("570.86.15", NOT_SUPPORTED)])
def test_whether_a_reset_is_required_is_told_until_driver_570(driver: str, status: int, tmp_path: Path) -> None:
    with Node.create(tmp_path / "driver", profile="t4", gpus=1, driver=driver) as node:
        assert node.gpus[0].status("recovery.reset_required") == status
        assert node.gpus[0].status("recovery.action") == SUCCESS


@pytest.mark.parametrize(
    ("profile", "driver", "status"),
    [
        ("a10", "535.129.03", NOT_SUPPORTED),
        ("rtx-3090", "550.54.15", NOT_SUPPORTED),
        ("a10", "550.90.12", SUCCESS),
        ("l4", "555.42.06", NOT_SUPPORTED),
        ("rtx-3090", "560.35.03", SUCCESS),
        ("titan-v", "560.35.03", NOT_SUPPORTED),
        ("h100-sxm5-80gb", "535.161.08", SUCCESS),
        ("h100-sxm5-80gb", "570.86.15", NOT_SUPPORTED),
    ],
)
def test_the_driver_decides_of_which_gpus_it_tells_to_drain_them(
    profile: str, driver: str, status: int, tmp_path: Path
) -> None:
    with Node.create(tmp_path / "driver", profile=profile, gpus=1, driver=driver) as node:
        assert node.gpus[0].status("recovery.drain_and_reset") == status
