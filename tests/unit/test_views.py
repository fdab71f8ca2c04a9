"""Fields as attributes, their types, and changes that are made in one step."""

import ast
import copy
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mocknvml
from mocknvml import FieldStatus, Gpu, Node, NodeError, UnknownKey, ValueMismatch
from mocknvml.codegen.emit_views import views
from mocknvml.state.layout import layout


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", profile="h100-sxm5-80gb", gpus=2) as created:
        yield created


class TestAttributes:
    def test_a_field_is_read_and_set(self, node: Node) -> None:
        node.gpus[0].power.limit = "350 W"

        assert (node.gpus[0].power.limit, node.gpus[1].power.limit) == (350_000, 700_000)
        assert node.driver.version == "550.54.15"

    def test_elements_have_names_and_numbers(self, node: Node) -> None:
        gpu = node.gpus[0]

        gpu.clocks.max.graphics = "1.5 GHz"
        gpu.clocks.max["sm"] = "1600 MHz"
        gpu.nvlink.state[3] = False
        gpu.clocks.offset.graphics[0] = "-50 MHz"

        assert (gpu.clocks.max["graphics"], gpu.clocks.max.sm) == (1500, 1600)
        assert [gpu.nvlink.state[link] for link in (2, 3)] == [True, False]
        assert gpu.clocks.offset["graphics"][0] == gpu.get("clocks.offset.graphics.0") == -50

    def test_an_index_that_names_its_field_alone_is_enough(self, node: Node) -> None:
        node.gpus[0].thermal.gpu = "80 C"

        assert node.gpus[0].thermal.temperature.gpu == node.gpus[0].thermal.gpu == 80

    def test_what_follows_from_others_is_read_only(self, node: Node) -> None:
        memory = node.gpus[0].memory
        memory.allocated = "8 GiB"

        assert memory.free == memory.total - memory.reserved - 8 * 2**30
        with pytest.raises(UnknownKey, match=r"memory.free: follows from memory.total, .*; set one of these"):
            memory.free = "1 GiB"

    def test_an_error_in_a_field_is_raised(self, node: Node) -> None:
        node.gpus[0].fail("power.usage", "GPU_IS_LOST")

        with pytest.raises(FieldStatus, match=r"power.usage: holds NVML error 15 \(GPU_IS_LOST\)") as raised:
            _ = node.gpus[0].power.usage
        assert (raised.value.code, raised.value.name) == (15, "GPU_IS_LOST")

    def test_a_mistake_is_told_with_the_nearest_name(self, node: Node) -> None:
        gpu = node.gpus[0]

        with pytest.raises(AttributeError, match=r"pwoer: no such block \(did you mean power\?\)"):
            _ = gpu.pwoer
        with pytest.raises(AttributeError, match=r"power.limt: no such field \(did you mean power.limit\?\)"):
            _ = gpu.power.limt
        with pytest.raises(
            UnknownKey, match=r"clocks.offset.grphics.0: grphics is none of graphics, sm, memory, video"
        ):
            _ = gpu.clocks.offset.grphics[0]
        with pytest.raises(UnknownKey, match=r"power.limt: no such field"):
            gpu.power.limt = "350 W"
        with pytest.raises(ValueMismatch, match=r"power.limit: 350: give a number with a unit"):
            gpu.power.limit = 350
        with pytest.raises(AttributeError, match="power: a block of fields; set one of them"):
            gpu.power = "350 W"

    def test_interactive_shells_complete_them(self, node: Node) -> None:
        assert {"power", "clocks", "get", "index"} <= set(dir(node.gpus[0]))
        assert {"limit", "usage", "limit_max"} <= set(dir(node.gpus[0].power))
        assert not {name for name in dir(node.gpus[0].power) if name.startswith("power")}
        assert dir(node.gpus[0].clocks.max) == sorted(["graphics", "sm", "memory", "video"])
        assert {"total", "free", "used"} <= set(dir(node.gpus[0].memory))

    def test_what_shells_probe_for_is_not_there(self, node: Node) -> None:
        assert not hasattr(node.gpus[0], "_repr_html_")
        assert not hasattr(node.gpus[0].power, "_ipython_display_")
        assert repr(node.gpus[0].power) == f"<power of <Gpu 0 of {node.path}>>"
        with pytest.raises(AttributeError):
            copy.copy(node.gpus[0].power)

    def test_a_block_is_no_sequence(self, node: Node) -> None:
        with pytest.raises(TypeError):
            iter(node.gpus[0].nvlink.state)


class TestEdit:
    def test_changes_of_a_gpu_are_seen_together_at_the_end(self, node: Node) -> None:
        gpu = node.gpus[0]

        with gpu.edit() as draft:
            draft.power.limit = "300 W"
            draft.thermal.gpu = "80 C"
            draft.remove("power.usage")
            seen_inside = (draft.power.limit, draft.status("power.usage"), len(draft.overrides()))
            seen_by_others = (gpu.power.limit, gpu.thermal.gpu, gpu.overrides())

        assert (seen_inside, seen_by_others) == ((300_000, 3, 3), (700_000, 29, []))
        assert (gpu.power.limit, gpu.thermal.gpu, gpu.status("power.usage")) == (300_000, 80, 3)

    def test_changes_of_several_blocks_are_seen_together(self, node: Node) -> None:
        with node.edit() as draft:
            draft.driver.version = "535.129.03"
            for gpu in draft.gpus:
                gpu.power.limit = "300 W"
            seen = [node.driver.version, *(gpu.power.limit for gpu in node.gpus)]

        assert seen == ["550.54.15", 700_000, 700_000]
        assert [node.driver.version, *(gpu.power.limit for gpu in node.gpus)] == ["535.129.03", 300_000, 300_000]

    @pytest.mark.parametrize("whole", [False, True], ids=["gpu", "node"])
    def test_an_exception_leaves_all_as_it_was(self, node: Node, whole: bool) -> None:
        with pytest.raises(ValueMismatch), (node if whole else node.gpus[0]).edit() as draft:
            gpu = draft.gpus[0] if isinstance(draft, Node) else draft
            gpu.power.limit = "300 W"
            gpu.power.usage = "many"

        assert [gpu.overrides() for gpu in node.gpus] == [[], []]

    def test_what_others_change_meanwhile_stays(self, node: Node) -> None:
        with node.gpus[0].edit() as draft:
            draft.power.limit = "300 W"
            node.gpus[0].thermal.gpu = "80 C"

        assert (node.gpus[0].power.limit, node.gpus[0].thermal.gpu) == (300_000, 80)

    def test_an_edit_within_an_edit_ends_with_the_outer_one(self, node: Node) -> None:
        with node.edit() as outer:
            outer.gpus[0].power.limit = "300 W"
            with outer.edit() as inner, inner.gpus[0].edit() as innermost:
                innermost.power.usage = f"{innermost.power.limit // 2} mW"
            seen = node.gpus[0].overrides()

        assert seen == []
        assert (node.gpus[0].power.limit, node.gpus[0].power.usage) == (300_000, 150_000)

    def test_a_reset_is_part_of_the_step(self, node: Node) -> None:
        node.gpus[0].power.limit = "300 W"
        node.gpus[1].power.limit = "300 W"

        with node.edit() as draft:
            draft.reset()
            draft.gpus[1].power.limit = "400 W"
            seen = node.gpus[0].power.limit

        assert (seen, [gpu.power.limit for gpu in node.gpus]) == (300_000, [700_000, 400_000])

    def test_closing_a_draft_closes_nothing(self, node: Node) -> None:
        with node.edit() as draft:
            draft.gpus[0].power.limit = "300 W"
            draft.close()

        assert node.gpus[0].power.limit == 300_000

    def test_nothing_changed_is_nothing_written(self, node: Node) -> None:
        before = node.path.read_bytes()

        with node.edit(), node.gpus[0].edit():
            pass

        assert node.path.read_bytes() == before


class TestReading:
    def test_many_fields_are_read_at_one_moment(self, node: Node) -> None:
        readings = {reading.key: reading.text for reading in node.gpus[0].read("power.limit", "clocks.max", "modes")}

        assert readings["power.limit"] == "700 W"
        assert [readings[f"clocks.max.{name}"] for name in ("graphics", "memory")] == ["1980 MHz", "2619 MHz"]
        assert readings["modes.compute"] == "default"

    def test_all_that_is_shown_can_be_set_again(self, node: Node) -> None:
        gpu = node.gpus[0]
        gpu.set("processes.running", [{"pid": 7, "memory": "1 GiB", "name": "a"}])
        shown = [reading for reading in gpu.read() if reading.code == 0 and reading.field.expression is None]

        gpu.update({reading.key: reading.written for reading in shown})

        assert len(shown) > 100
        assert [change for change, _ in gpu.overrides()] == gpu.read("processes.running")

    def test_errors_have_names_and_unknown_ones_are_refused(self, node: Node) -> None:
        gpu = node.gpus[0]
        gpu.fail("power.usage", 15)
        gpu.fail("power.limit", "NVML_ERROR_UNKNOWN")

        assert [reading.text for reading in gpu.read("power.usage", "power.limit")] == ["GPU_IS_LOST", "UNKNOWN"]
        for code in ("GPU_LOST", -1, 2**16):
            with pytest.raises(ValueMismatch, match=r"give an error of nvml\.h, such as GPU_IS_LOST"):
                gpu.fail("power.usage", code)

    def test_gpus_are_selected_once_and_in_order(self, node: Node) -> None:
        assert [gpu.index for gpu in node.select("1,all")] == [1, 0]
        with pytest.raises(UnknownKey, match=r"'2': no such GPU: the node has 2 GPUs, 0-1"):
            node.select("0,2")

    def test_without_permission_an_edit_says_so(self, node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
        node.path.unlink()

        with pytest.raises(NodeError, match="cannot be written"), node.edit() as draft:
            draft.gpus[0].power.limit = "300 W"


USE = """
from mocknvml import Node
node = Node.open("node")
gpu = node.gpus[0]
reveal_type(gpu.power.limit)
reveal_type(gpu.modes.persistence)
reveal_type(gpu.clocks.max["sm"])
reveal_type(gpu.clocks.offset.memory[3])
reveal_type(gpu.thermal.gpu)
reveal_type(node.driver.version)
reveal_type(gpu.clocks.monitor_faults[0]["faults"])
with gpu.edit() as draft:
    draft.power.limit = "300 W"
    draft.modes.compute = "prohibited"
    draft.nvlink.state[3] = False
    draft.clocks.monitor_faults = [{"domain": 1}]
with node.edit() as whole:
    whole.gpus[0].clocks.max.graphics = "1 GHz"
gpu.pwoer
gpu.power.limt
gpu.power.limit = 350
gpu.modes.compute = "Default"
gpu.clocks.max["graphcs"]
gpu.memory.free = "1 GiB"
gpu.power = 3
"""


def test_type_checkers_know_the_fields(tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    options = ["--strict", "--no-incremental", "--no-error-summary", "--no-pretty"]

    command = [sys.executable, "-m", "mypy", *options, "use.py"]
    found = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True).stdout

    assert re.findall(r'Revealed type is "(?:builtins\.)?(\w+)"', found) == [
        "int",
        "bool",
        "int",
        "int",
        "int",
        "str",
        "int",
    ]
    lines = USE.splitlines()
    wrong = [lines[int(number) - 1] for number in re.findall(r"^use.py:(\d+): error", found, re.M)]
    assert list(dict.fromkeys(wrong)) == lines[-7:], found


def test_the_stub_has_what_the_layout_has() -> None:
    classes = {
        each.name: {
            name
            for line in each.body
            for name in ([line.name] if isinstance(line, ast.FunctionDef) else [])
            + ([line.target.id] if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) else [])
        }
        for each in ast.parse(views()).body
        if isinstance(each, ast.ClassDef)
    }

    for owner, scope in ((Gpu, layout().gpu), (Node, layout().node)):
        assert classes[f"{owner.__name__}Fields"] == {block.key() for block in scope.blocks} - set(vars(owner))
        for block in scope.blocks:
            assert {field.name for field in block.fields()} <= classes[f"{block.__name__}Fields"]


def test_the_build_has_written_the_stub_of_these_sources() -> None:
    stub = Path(mocknvml.__file__).parent / "lib" / "views.pyi"

    assert stub.read_text(encoding="utf-8") == views()


def test_every_public_name_is_there() -> None:
    assert all(getattr(mocknvml, name) is not None for name in mocknvml.__all__)
    with pytest.raises(AttributeError, match="module 'mocknvml' has no attribute 'Nod'"):
        _ = mocknvml.Nod


def test_a_closed_node_says_so(tmp_path: Path) -> None:
    node = Node.create(tmp_path / "node", profile="t4", gpus=1)
    node.close()
    node.close()

    with pytest.raises(NodeError, match="this node was closed; open it again"):
        node.get("time.host")
    with pytest.raises(NodeError, match="closed"):
        node.gpus[0].power.limit = "65 W"
    with pytest.raises(NodeError, match="closed"):
        node.reset()
