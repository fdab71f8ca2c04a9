import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mocknvml.state.layout import layout
from mocknvml.state.node import Node
from mocknvml.table.blocks import Domain, Field, Member, Number, Octets, Records, Text
from tests.contracts.abi import SUCCESS, UNINITIALIZED, Library, code

GPUS = 3
LISTED = 3  # records in each list
ARMED = "MOCKNVML_TEST_ARMED" in os.environ  # calls are logged, and a rule that never acts looks at each


@pytest.fixture(scope="session")
def load(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Library]:
    """Loads the library once more, for a node: a copy of the file is another library, with a state of its own."""

    def fresh(node: Path) -> Library:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("MOCK_NVML_")]:
                patch.delenv(name)
            patch.setenv("MOCK_NVML_NODE", str(node))
            if ARMED:
                with Node.open(node) as watched:
                    watched.log_calls()
                    watched.rules.add("nvml*", "UNKNOWN", after=2**62)
            loaded = Library(Path(shutil.copy(library, tmp_path_factory.mktemp("library"))))
            # The environment is read now; what comes later finds the library attached.
            assert loaded.loaded.nvmlInit_v2() == SUCCESS
        return loaded

    return fresh


def example(field: Field) -> object:
    """A value for one element of a field, as a user writes it."""
    match field:
        case Number(names=None):
            return _example(field)
        case Number(names=Domain() as names):
            return names.keys[-1]  # not 0, which a buffer of zeros holds already
        case Text():
            return field.name[: field.size - 1]
        case Octets():
            return "5a" * field.size
        case Records():
            record = {name: _example(member) for name, member in field.record.members().items()}
            return [record] * LISTED
    raise TypeError(field)


def _example(of: Number | Member) -> object:
    if of.kind == "text":
        return "text"
    if of.kind == "flag":
        return True
    return f"7 {of.unit}" if of.unit else 7


def give_everything(node: Node) -> None:
    """A value in every field that has none; what the driver and the clock are stays."""
    for block in (node, *node.gpus):
        places = (layout().node if block is node else layout().gpu).places.values()
        fields = {
            ".".join((place.field.key, *names)): place.field for place in places for names in place.element_names()
        }
        missing = {key: example(field) for key, field in fields.items() if block is not node or block.status(key)}
        block.update(missing)
    for gpu in node.gpus:
        gpu.set("power.limit_min", "0 W")  # a struct of zeros is a valid request


def make_full(path: Path) -> Path:
    """A node whose GPUs have a value in every field, so that every modelled function has an answer."""
    with Node.create(path, gpus=GPUS) as node:
        give_everything(node)
    return path


@pytest.fixture(scope="session")
def full_node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_full(tmp_path_factory.mktemp("node") / "full")


@pytest.fixture(scope="session")
def lost_node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node whose GPUs have fallen off the bus."""
    path = tmp_path_factory.mktemp("node") / "lost"
    with Node.create(path, gpus=GPUS) as node:
        give_everything(node)
        for gpu in node.gpus:
            gpu.fail("health.present", code("NVML_ERROR_GPU_IS_LOST"))
    return path


@pytest.fixture(scope="session")
def running(load: Callable[[Path], Library], full_node: Path) -> Library:
    """A library between init and shutdown."""
    return load(full_node)


@pytest.fixture(scope="session")
def unset(load: Callable[[Path], Library], tmp_path_factory: pytest.TempPathFactory) -> Library:
    """The same, on a node that no setter is called on."""
    return load(make_full(tmp_path_factory.mktemp("node") / "unset"))


@pytest.fixture(scope="session")
def lost(load: Callable[[Path], Library], lost_node: Path) -> Library:
    return load(lost_node)


@pytest.fixture(scope="session")
def fresh(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library that was never initialised."""
    return Library(Path(shutil.copy(library, tmp_path_factory.mktemp("library"))))


@pytest.fixture(scope="session")
def shut_down(load: Callable[[Path], Library], full_node: Path) -> Library:
    """A library after its last shutdown."""
    library = load(full_node)
    assert library.loaded.nvmlShutdown() == SUCCESS
    assert library.loaded.nvmlDeviceGetCount_v2(None) == UNINITIALIZED
    return library
