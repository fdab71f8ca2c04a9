"""The clock of a node: frozen, stepped and at other rates, and what follows it."""

import ctypes
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pynvml
import pytest

from mocknvml import Node, ValueMismatch

SUCCESS = 0
SECOND, HOUR = 10**9, 3600 * 10**9


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", gpus=1) as made:
        made.clock.freeze()
        yield made


@pytest.mark.parametrize(
    ("duration", "nanoseconds"),
    [("10 m", 600 * SECOND), ("1.5h", 3 * HOUR // 2), ("250ms", SECOND // 4), ("7 ns", 7), ("0 s", 0)],
)
def test_a_step_moves_a_frozen_clock_by_just_that(duration: str, nanoseconds: int, node: Node) -> None:
    before = node.clock.now

    node.clock.step(duration)

    assert node.clock.now == before + nanoseconds
    assert node.clock.speed == 0


def test_a_clock_goes_on_from_where_it_was(node: Node) -> None:
    """Whatever its rate becomes, and however it was stepped: node time never jumps back."""
    seen = [node.clock.now]
    for change in (node.clock.run, node.clock.freeze, lambda: node.clock.rate(1e-6), lambda: node.clock.step("1 h")):
        change()
        seen.append(node.clock.now)
    node.clock.rate(60)
    seen.append(node.clock.now)

    assert seen == sorted(seen)
    assert HOUR < seen[-1] < 2 * HOUR
    assert node.clock.speed == 60


def test_a_faster_clock_gains_on_the_host(node: Node) -> None:
    node.clock.rate(1_000_000)
    start = node.clock.now

    while node.clock.now < start + HOUR:  # 3.6 ms of the host
        pass

    node.clock.freeze()
    assert node.clock.now >= start + HOUR


@pytest.fixture
def nvml(node: Node, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    monkeypatch.setenv("MOCK_NVML_NODE", str(node.path))
    loaded = ctypes.CDLL(str(library))
    assert loaded.nvmlInit_v2() == SUCCESS
    yield loaded
    loaded.nvmlShutdown()


@pytest.fixture
def device(nvml: ctypes.CDLL) -> ctypes.c_void_p:
    handle = ctypes.c_void_p()
    assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)) == SUCCESS
    return handle


def test_time_stamps_follow_the_clock(node: Node, nvml: ctypes.CDLL, device: ctypes.c_void_p) -> None:
    def stamp() -> int:
        value = pynvml.c_nvmlFieldValue_t(fieldId=pynvml.NVML_FI_DEV_POWER_INSTANT)
        assert nvml.nvmlDeviceGetFieldValues(device, 1, ctypes.byref(value)) == SUCCESS
        return int(value.timestamp)

    def wall() -> int:
        return int(str(node.get("time.epoch"))) + node.clock.now // 1000

    first = stamp()
    node.clock.step("1 h")
    assert (first + HOUR // 1000, stamp()) == (wall(), wall())
    node.clock.rate(1_000_000)
    assert wall() <= stamp() <= wall()
    node.clock.run()
    assert abs(stamp() - wall()) < 10**6


def test_energy_follows_the_clock(node: Node, nvml: ctypes.CDLL, device: ctypes.c_void_p) -> None:
    energy = ctypes.c_ulonglong()
    node.gpus[0].update({"power.usage": "300 W", "power.energy": "0 J"})

    node.clock.step("10 m")
    assert nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(energy)) == SUCCESS

    assert energy.value == 300 * 600 * 1000


def test_no_reader_sees_energy_go_back(node: Node, nvml: ctypes.CDLL, device: ctypes.c_void_p) -> None:
    """Whoever reads, while the draw and the clock change."""
    energy = ctypes.c_ulonglong()
    value = pynvml.c_nvmlFieldValue_t(fieldId=pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION)
    changes = [
        node.clock.run,
        *(partial(node.gpus[0].set, "power.usage", f"{watts} W") for watts in (400, 60) * 20),
        partial(node.clock.rate, 3),
        partial(node.clock.step, "1 s"),
        node.clock.run,
        node.clock.freeze,
    ]
    seen = []
    for change in changes:
        change()
        for _ in range(50):
            assert nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(energy)) == SUCCESS
            assert nvml.nvmlDeviceGetFieldValues(device, 1, ctypes.byref(value)) == SUCCESS
            seen += [energy.value, value.value.ullVal, int(node.gpus[0].power.energy)]

    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_the_wall_clock_goes_with_it(node: Node) -> None:
    before = node.clock.wall

    node.clock.step("24 h")

    assert node.clock.wall - before == timedelta(days=1)
    assert abs(before - datetime.now(timezone.utc)) < timedelta(minutes=10)


@pytest.mark.parametrize("factor", [0, -1, 1e-10, 1_000_001, float("nan"), "60x", None])
def test_a_rate_that_no_clock_has_is_refused(factor: float, node: Node) -> None:
    with pytest.raises(ValueMismatch, match="give a rate from 1e-9 to 1000000; freeze stops the clock"):
        node.clock.rate(factor)
    assert node.clock.speed == 0


@pytest.mark.parametrize("duration", ["10", "-1 s", "10 parsecs", "1e3 s"])
def test_a_step_that_is_no_duration_is_refused(duration: str, node: Node) -> None:
    before = node.clock.now

    with pytest.raises(ValueMismatch):
        node.clock.step(duration)
    assert node.clock.now == before


def test_a_clock_stays_within_what_it_can_count(node: Node) -> None:
    node.clock.step("2500000 h")
    before = node.clock.now

    with pytest.raises(ValueMismatch, match="so far the clock cannot count"):
        node.clock.step("5000000 h")
    assert node.clock.now == before


def test_timeouts_pass_by_the_host_unless_the_node_says_otherwise(node: Node) -> None:
    assert node.clock.waits == "host"

    node.clock.waits = "node"
    assert Node.open(node.path).clock.waits == "node"

    with pytest.raises(ValueMismatch, match="give one of host, node"):
        node.clock.waits = "sun"
    node.reset()
    assert (node.clock.waits, node.clock.speed) == ("host", 1)
