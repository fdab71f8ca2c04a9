"""What faults do when others write the same node, and what the journal does when it is full or damaged."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml import Gpu, Node, NodeError, UnknownKey, ValueMismatch
from mocknvml.faults import FAULTS


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", profile="dgx-h100", gpus=2) as made:
        made.set("time.rate", "0 ppb")
        yield made


@pytest.fixture
def gpu(node: Node) -> Gpu:
    return node.gpus[0]


def test_a_fault_is_told_to_other_processes(node: Node) -> None:
    node.clock.step("5 s")
    node.faults.inject("xid", gpu=1, xid=63)

    with Node.open(node.path) as other:
        (fault,) = other.faults

    assert (fault.name, fault.gpu, fault.parameters, fault.since) == ("xid", 1, {"xid": 63}, node.clock.now)


def test_what_somebody_else_has_changed_since_is_left_alone(node: Node, gpu: Gpu) -> None:
    fault = node.faults.inject("pcie-downtrain", gpu=0, width=4)
    gpu.set("pcie.width", 2)

    fault.clear()

    assert (gpu.get("pcie.width"), gpu.get("pcie.generation")) == (2, 5)


def test_what_somebody_else_has_changed_stays_when_another_fault_goes_on(node: Node, gpu: Gpu) -> None:
    first = node.faults.inject("ecc-uncorrectable", gpu=0, count=2)
    node.faults.inject("ecc-uncorrectable", gpu=0, count=3)
    gpu.set("ecc.total.uncorrected.volatile", 100)

    first.clear()
    assert gpu.get("ecc.total.uncorrected.volatile") == 100
    assert gpu.get("ecc.total.uncorrected.aggregate") == 3
    node.faults.clear()

    assert gpu.get("ecc.total.uncorrected.volatile") == 100
    assert gpu.get("ecc.total.uncorrected.aggregate") == 0


def test_a_zombie_goes_from_a_list_that_others_have_changed(node: Node, gpu: Gpu) -> None:
    def listed() -> list[object]:
        running = gpu.get("processes.running")
        assert isinstance(running, list)
        return [process["pid"] for process in running]

    zombies = [node.faults.inject("zombie-process", gpu=0, pid=pid) for pid in (7, 8)]
    zombie = {"contexts": 1, "memory": "1 GiB"}
    gpu.set("processes.running", [{"pid": 8, **zombie}, {"pid": 7, **zombie}, {"pid": 9}])

    zombies[0].clear()
    assert sorted(listed()) == [8, 9]
    zombies[1].clear()

    assert listed() == [9]


def test_a_fault_in_the_middle_is_taken_out(node: Node, gpu: Gpu) -> None:
    faults = [node.faults.inject("ecc-correctable", gpu=0, count=10**number) for number in range(3)]

    faults[1].clear()

    assert gpu.get("ecc.total.corrected.volatile") == 101
    assert [fault.parameters["count"] for fault in node.faults] == [1, 100]


def test_a_leak_keeps_its_age_when_another_one_ends(node: Node, gpu: Gpu) -> None:
    first = node.faults.inject("memory-leak", gpu=0, rate="1 MiB/s")
    node.clock.step("10 s")
    node.faults.inject("memory-leak", gpu=0, rate="2 MiB/s")
    node.clock.step("10 s")
    both = gpu.get("memory.allocated")

    first.clear()

    assert (both, gpu.get("memory.allocated")) == (40 * 2**20, 20 * 2**20)


def test_a_reset_ends_all_faults(node: Node, gpu: Gpu) -> None:
    node.faults.inject("no-gpu")
    node.faults.inject("lost", gpu=0)

    node.reset()

    assert list(node.faults) == []
    assert gpu.status("health.present") == 0


def test_a_fault_of_an_unknown_name_is_listed_and_cleared(node: Node, gpu: Gpu) -> None:
    node.faults.inject("lost", gpu=0)
    at = gpu._scope.journal_offset + 3
    (word,) = gpu._words(at, 1)
    gpu._write({at: word ^ 1 << 24})  # a letter of its name

    assert [str(fault) for fault in node.faults] == ["lnst"]
    assert node.faults.clear() == 1
    assert gpu.status("health.present") == 0


def test_a_reset_of_the_gpu_ends_what_required_it(node: Node, gpu: Gpu) -> None:
    node.faults.inject("pcie-downtrain", gpu=0, width=4)
    node.faults.inject("reset-required", gpu=0)
    node.faults.inject("ecc-correctable", gpu=0)

    gpu.reset_device()

    assert [fault.name for fault in node.faults] == ["pcie-downtrain", "ecc-correctable"]
    assert [gpu.status(key) for key in ("utilization.gpu", "memory.total", "thermal.temperature.gpu")] == [0, 0, 0]
    assert gpu.get("recovery.action") == 0
    node.faults.clear()
    assert gpu.get("pcie.width") == 16


def test_a_reset_required_twice_ends_once(node: Node, gpu: Gpu) -> None:
    for _ in range(2):
        node.faults.inject("reset-required", gpu=0)

    gpu.reset_device()

    assert (len(node.faults), gpu.status("power.usage")) == (0, 0)


def test_rules_go_with_their_fault(node: Node) -> None:
    late = node.faults.inject("slow", function="nvmlDeviceGetPowerUsage", delay="1 s")
    node.faults.inject("return", gpu=1, function="nvmlDeviceGet*", code="GPU_IS_LOST")
    node.faults.inject("no-driver")

    assert [fault.gpu for fault in node.faults] == [None, 1, None]
    late.clear()
    assert [rule.function for rule in node.rules] == ["nvmlDeviceGet*", "nvmlInit*"]
    assert node.faults.clear(gpu=1) == 1
    assert [rule.function for rule in node.rules] == ["nvmlInit*"]
    node.reset()

    assert (list(node.faults), list(node.rules)) == ([], [])


def test_a_rule_that_cannot_be_leaves_none_behind(node: Node) -> None:
    with pytest.raises(UnknownKey, match=r"TIMEOU.*no such return code"):
        node.faults.inject("return", function="nvmlInit", code="TIMEOU")
    with pytest.raises(UnknownKey, match="nvmlInt: no such function"):
        node.faults.inject("hang", function="nvmlInt")

    assert (list(node.faults), list(node.rules)) == ([], [])


def test_a_fault_whose_rule_somebody_removed_is_cleared(node: Node) -> None:
    node.faults.inject("no-driver")
    node.rules.clear()

    assert node.faults.clear() == 1


def test_processes_that_inject_at_once_lose_nothing(node: Node, gpu: Gpu) -> None:
    program = """
import sys
from mocknvml import Node
node = Node.open(sys.argv[1])
for _ in range(40):
    node.faults.inject("ecc-correctable", gpu=0).clear()
node.faults.inject("ecc-correctable", gpu=0)
"""
    command = [sys.executable, "-c", program, str(node.path)]
    running = [subprocess.Popen(command) for _ in range(4)]

    assert [process.wait(60) for process in running] == [0] * 4
    assert (len(node.faults), gpu.get("ecc.total.corrected.volatile")) == (4, 4)


def test_a_full_journal_takes_no_more_and_changes_nothing(node: Node, gpu: Gpu) -> None:
    with pytest.raises(NodeError, match="no room for more faults"):
        for _ in range(100):
            node.faults.inject("ecc-correctable", gpu=0)
    count = len(node.faults)

    assert gpu.get("ecc.total.corrected.volatile") == count
    assert node.faults.clear() == count
    assert gpu.get("ecc.total.corrected.volatile") == 0


@pytest.mark.parametrize("word", [1, 2**32 - 1, 2**64 - 1, 3 | 1 << 32, 5 | 1 << 32 | 1 << 63, 2**63 | 2**32 - 1])
def test_a_damaged_journal_is_read_as_far_as_it_makes_sense(word: int, node: Node, gpu: Gpu) -> None:
    at = gpu._scope.journal_offset
    node.faults.inject("reset-required", gpu=0)
    for offset in range(8):
        gpu._write({at + offset: word})

        list(node.faults)
        gpu.reset_device()
        node.faults.clear()


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("xids", {}, "xids: no such fault.*did you mean xid"),
        ("xid", {}, "xid: give xid, a number from 1"),
        ("xid", {"xid": 0}, "xid: xid: 0: give a number from 1"),
        ("lost", {"count": 1}, "lost: no parameter count"),
        ("ecc-correctable", {"location": "dra"}, "give dram, sram.*did you mean dram"),
        ("memory-leak", {"rate": 5}, "give a number with a unit"),
        ("return", {"function": "nvmlInit", "code": "1", "probability": "1.2.3"}, "give a number from 0 to 1"),
        ("nvlink-down", {"link": 18}, "this GPU has no nvlink.state.18"),
        ("retired-page", {}, "this GPU has no ecc.retired"),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(name: str, given: dict[str, object], message: str, node: Node) -> None:
    with pytest.raises((NodeError, UnknownKey, ValueMismatch), match=message):
        node.faults.inject(name, gpu=0, **given)

    assert list(node.faults) == []


def test_errors_that_nobody_counts_are_refused(node: Node, gpu: Gpu) -> None:
    gpu.set("ecc.mode", False)

    with pytest.raises(NodeError, match=r"ecc-uncorrectable: ecc.mode is off on this GPU"):
        node.faults.inject("ecc-uncorrectable", gpu=0)


def test_a_fault_is_printed_with_its_units(node: Node) -> None:
    leak = node.faults.inject("memory-leak", gpu=1, rate="1 KiB/s")

    assert (str(leak), repr(leak)) == ("memory-leak rate=1024B/s", "<memory-leak rate=1024B/s on GPU 1>")


def test_a_fault_needs_to_know_which_gpu(node: Node) -> None:
    with pytest.raises(NodeError, match="lost: which of the 2 GPUs"):
        node.faults.inject("lost")
    with pytest.raises(NodeError, match="gpu=2: the node has 2 GPUs"):
        node.faults.inject("lost", gpu=2)
    with pytest.raises(NodeError, match="no-gpu: a fault of the whole node"):
        node.faults.inject("no-gpu", gpu=0)


def test_every_fault_says_what_it_is_and_where_that_is_written() -> None:
    for name, fault in FAULTS.items():
        assert name == fault.name
        assert fault.summary.endswith(".")
        assert fault.source
        assert fault.changes or fault.rules
