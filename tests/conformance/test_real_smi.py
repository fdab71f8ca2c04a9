"""What NVIDIA's unmodified nvidia-smi prints of a node, against what it printed on a real machine.

Each capture is compared with a node of its board, its driver and its settings (settings.py), which the nvidia-smi of
the nearest branch that there is looks at: every element of every GPU, its name, its place and its value. What may
differ: readings that move and identifiers (lines.py), and what the version of nvidia-smi changes (versions.py).
"""

import os
from difflib import unified_diff
from functools import cache
from pathlib import Path
from re import fullmatch
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

from mocknvml import Node
from mocknvml.nvml.processes import COMPUTE, GRAPHICS
from mocknvml.smi.gpus import is_of, version_of
from tests.clients.nvidia_smi import DRIVERS, Smi
from tests.conformance import smi
from tests.conformance.extract import excluded, fact, is_log
from tests.conformance.lines import REFUSED, RENAMED, is_reading, key_of, lines, xml_of_text
from tests.conformance.report import LIBRARY, agrees, board_of
from tests.conformance.settings import settle, settle_private
from tests.conformance.versions import CUT, MOVED, ONLY, REWORDED, Cut, Moved, Only, Reworded

pytestmark = pytest.mark.slow

FOLDER = os.environ.get("MOCKNVML_CAPTURES", "")
CAPTURES = (
    [path for path in sorted(Path(FOLDER).iterdir()) if is_log(path) and not excluded(path.name)] if FOLDER else []
)


def branch_of(driver: str) -> int:
    return int(driver.partition(".")[0])


def smi_of(driver: str) -> int:
    """The branch of the nvidia-smi that is nearest among those that ask this driver's functions for processes."""
    branch = branch_of(driver)
    asks_alike = [it for it in DRIVERS if (it < 525) == (branch < 525)]
    return min(asks_alike, key=lambda it: abs(it - branch))


def driver_of(driver: str) -> str:
    """That of the node: the capture's, or the program's for 525, whose list of processes has entries of its own."""
    return DRIVERS[smi_of(driver)] if 525 <= branch_of(driver) < 535 else driver


class Leaf(NamedTuple):
    path: str
    value: str


class Side(NamedTuple):
    """A report of one nvidia-smi, by the paths of XML."""

    version: tuple[int, ...]
    head: list[Leaf]
    gpus: list[list[Leaf]]


def side(driver: str, text: str) -> Side:
    report = smi.parse(text)
    names = {} if text.lstrip().startswith("<") else xml_of_text(driver)

    def named(leaves: list[smi.Leaf]) -> list[Leaf]:
        return [
            Leaf(names.get(path, path), "" if value == "None" and path == "Processes" else value)
            for path, value in leaves
        ]

    return Side(version_of(driver), named(report.head), [named(gpu) for gpu in report.gpus])


def entries(gpu: list[Leaf], path: str) -> list[dict[str, str]]:
    """What a list of the report holds."""
    found: list[dict[str, str]] = []
    for leaf in gpu:
        list_of, _, name = leaf.path.rpartition("/")
        if list_of == path:
            if not found or name in found[-1]:
                found.append({})
            found[-1][name] = leaf.value
    return found


def process(told: dict[str, str], accounted: dict[str, str]) -> dict[str, object]:
    contexts = sum(bit for context, bit in (("C", COMPUTE), ("G", GRAPHICS)) if context in told["type"])
    name = told["process_name"][:NAME]
    return {
        "pid": int(told["pid"]),
        "contexts": contexts,
        "memory": told["used_memory"],
        "name": name,
        "sm": accounted.get("gpu_util", "0 %"),
        "memory_utilization": accounted.get("memory_util", "0 %"),
    }


def ended(told: dict[str, str]) -> dict[str, object]:
    return {
        "pid": int(told["pid"]),
        "gpu": told["gpu_util"],
        "memory_utilization": told["memory_util"],
        "memory_max": told["max_memory_usage"],
        "time": told["time"],
    }


def run(capture: Path) -> tuple[Side, Side]:
    """What the capture says, and what nvidia-smi says of its node."""
    text = capture.read_text(encoding="utf-8", errors="replace")
    driver, gpus = smi.read(capture)
    real = side(driver, text)
    values = [{line.key: told for line in lines(driver) if (told := fact(line, gpu)) is not None} for gpu in gpus]
    branch = smi_of(driver)
    with TemporaryDirectory() as folder:
        path = f"{folder}/node"
        with Node.create(path, board_of({"values": values[0]}), len(gpus), driver_of(driver)) as node:
            for gpu, told, leaves in zip(node.gpus, values, real.gpus, strict=True):
                settle(gpu, told)
                settle_private(gpu, dict(leaves))
                accounted = {it["pid"]: it for it in entries(leaves, "accounted_processes/accounted_process_info")}
                running = entries(leaves, "processes/process_info")
                gpu.set("processes.running", [process(it, accounted.pop(it["pid"], {})) for it in running])
                gpu.set("accounting.ended", [ended(it) for it in accounted.values()])
            program = Smi(branch, {"LD_LIBRARY_PATH": str(LIBRARY.parent), "MOCK_NVML_NODE": path, "TZ": "UTC"})
            done = program("-q", *(["-x"] if capture.suffix == ".xml" else []))
    assert done.returncode == 0, done.stderr
    return real, side(DRIVERS[branch], done.stdout)


def covers(paths: str, path: str) -> bool:
    return any(path.startswith(it) if it.endswith("/") else path == it for it in paths.split())


# Of a node that does not have the capture's driver.
OF_THE_DRIVER = "driver_version cuda_version gsp_firmware_version"
# More of a process's name the state does not hold.
NAME = 199
MASKED = ("[REDACTED]", "REDACTED")


class Comparison:
    """A capture's report beside that of its node: what differs, and which lines of versions.py let something differ."""

    def __init__(self, capture: Path) -> None:
        self.driver = smi.read(capture)[0]
        self.real, self.ours = run(capture)
        self.lines = {line.key: line for line in lines(self.driver)}
        self.architecture = dict(self.real.gpus[0]).get("product_architecture", "none")
        self.used: set[Only | Cut | Moved | Reworded] = set()
        self.differing = self._compare("", self.real.head, self.ours.head)
        for number, (real, ours) in enumerate(zip(self.real.gpus, self.ours.gpus, strict=True)):
            self.differing += self._compare(f"GPU {number}: ", real, ours)

    def _compare(self, where: str, real: list[Leaf], ours: list[Leaf]) -> list[str]:
        (real, moved), (ours, moved_here) = (
            self._placed(real, self.real, self.ours),
            self._placed(ours, self.ours, self.real),
        )
        if [leaf.path for leaf in real] != [leaf.path for leaf in ours]:
            lists = ([leaf.path for leaf in side] for side in (ours, real))
            return [f"{where}{line}" for line in unified_diff(*lists, "node", "capture", lineterm="", n=1)]
        pairs = [
            *zip(ours, real, strict=True),
            *((Leaf(path, moved_here[path]), Leaf(path, moved[path])) for path in moved),
        ]
        return [
            f"{where}{leaf.path}: {leaf.value}, on the real one {other.value}"
            for leaf, other in pairs
            if not self._agree(leaf, other.value)
        ]

    def _placed(self, leaves: list[Leaf], side: Side, other: Side) -> tuple[list[Leaf], dict[str, str]]:
        """The elements that both versions have at this place, and the values of those that the other has elsewhere."""
        if side.version[0] != other.version[0]:
            leaves = [Leaf(key_of(path), value) for path, value in leaves]
        placed, moved = [], {}
        for leaf in leaves:
            only = [it for it in ONLY if covers(it.paths, leaf.path) and it.but != self.architecture]
            assert all(is_of(side.version, it.versions) for it in only), (
                f"{leaf.path} is in the report of {side.version}"
            )
            if lacking := [it for it in only if not is_of(other.version, it.versions)]:
                self.used.update(lacking)
            elif between := self._between(leaf.path):
                self.used.add(between)
                if isinstance(between, Moved):
                    moved[leaf.path] = leaf.value
            else:
                placed.append(leaf)
        return placed, moved

    def _between(self, path: str) -> Cut | Moved | None:
        """The change of this element that lies between the two versions."""
        here = [
            it for it in (*CUT, *MOVED) if covers(it.paths, path) and getattr(it, "of", "") in ("", self.architecture)
        ]
        return next(
            (it for it in here if is_of(self.real.version, f"{it.since}-") != is_of(self.ours.version, f"{it.since}-")),
            None,
        )

    def _agree(self, leaf: Leaf, real: str) -> bool:
        path, ours = leaf
        if ours == real or real in MASKED or path == "timestamp" or (len(ours) == NAME and real.startswith(ours)):
            return True
        for word in (it for it in REWORDED if covers(it.paths, path)):
            for value, side, other in ((ours, self.ours, self.real), (real, self.real, self.ours)):
                if fullmatch(word.says, value) and is_of(side.version, word.versions) > is_of(
                    other.version, word.versions
                ):
                    self.used.add(word)
                    return True
        if driver_of(self.driver) != self.driver and covers(OF_THE_DRIVER, path):
            return True
        line = self.lines.get(path)
        if line is not None:
            return agrees(line, line.read(ours), line.read(real))
        return is_reading(path) and (ours == REFUSED) == (real == REFUSED)


@cache
def comparison(capture: Path) -> Comparison:
    return Comparison(capture)


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_the_real_one_says_of_a_node_what_it_says_of_the_board(capture: Path) -> None:
    assert comparison(capture).differing == []


@pytest.mark.skipif(not CAPTURES, reason="MOCKNVML_CAPTURES names no folder of captures")
def test_each_change_of_versions_lies_between_a_capture_and_a_program() -> None:
    used = set().union(*(comparison(capture).used for capture in CAPTURES))

    assert [change for change in (*ONLY, *CUT, *MOVED, *REWORDED) if change not in used] == []


@pytest.mark.skipif(not CAPTURES, reason="MOCKNVML_CAPTURES names no folder of captures")
def test_each_renamed_element_is_in_a_capture() -> None:
    paths = {leaf.path for capture in CAPTURES for leaf in comparison(capture).real.gpus[0]}

    assert [start for start in RENAMED if not any(path.startswith(start) for path in paths)] == []


@pytest.mark.skipif(not CAPTURES, reason="MOCKNVML_CAPTURES names no folder of captures")
def test_a_value_that_is_false_and_an_element_that_is_not_there_are_found(tmp_path: Path) -> None:
    (log,) = (capture for capture in CAPTURES if capture.name == "rtx4090.driver535.86.05.xml")
    text = log.read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.xml"

    wrong.write_text(text.replace("<multigpu_board>No<", "<multigpu_board>Yes<"), encoding="utf-8")
    assert Comparison(wrong).differing == ["GPU 0: multigpu_board: No, on the real one Yes"]
    wrong.write_text(text.replace("<board_id>0x8400</board_id>", ""), encoding="utf-8")
    assert "GPU 0: -board_id" in Comparison(wrong).differing
    wrong.write_text(text.replace("<gpu_temp>40 C<", "<gpu_temp>N/A<"), encoding="utf-8")
    assert Comparison(wrong).differing == ["GPU 0: temperature/gpu_temp: 28 C, on the real one N/A"]
