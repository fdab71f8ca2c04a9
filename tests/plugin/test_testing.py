"""`mocknvml.testing.gpu_node`, for unittest and for fixtures of one's own."""

import os
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path

import pynvml
import pytest

from mocknvml import MocknvmlError, Node
from mocknvml.testing import gpu_node

COUNT = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount())"


def count() -> int:
    pynvml.nvmlInit()
    return int(pynvml.nvmlDeviceGetCount())


def count_in_child() -> int:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOCK_NVML_NODE", "LD_LIBRARY_PATH"):
        monkeypatch.delenv(name, raising=False)


def test_this_process_and_its_children_find_the_node(clean: None) -> None:
    with gpu_node("t4", gpus=2) as node:
        assert count() == count_in_child() == len(node.gpus) == 2

    with pytest.raises(pynvml.NVMLError_LibraryNotFound):
        pynvml.nvmlInit()
    assert "MOCK_NVML_NODE" not in os.environ
    assert "LD_LIBRARY_PATH" not in os.environ
    assert not node.path.exists()


def test_a_block_within_another_hides_it_until_it_ends() -> None:
    with gpu_node(gpus=2):
        count()
        with gpu_node(gpus=3):
            with pytest.raises(pynvml.NVMLError_Uninitialized):
                pynvml.nvmlDeviceGetCount()
            assert count() == count_in_child() == 3
        assert count() == count_in_child() == 2


def test_an_exception_ends_the_block_too(clean: None) -> None:
    with pytest.raises(ZeroDivisionError), gpu_node():
        count()
        raise ZeroDivisionError

    with pytest.raises(pynvml.NVMLError_Uninitialized):
        pynvml.nvmlDeviceGetCount()
    assert "MOCK_NVML_NODE" not in os.environ


def test_what_stood_in_the_environment_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_NVML_NODE", "mine")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/mine")

    with gpu_node():
        assert os.environ["LD_LIBRARY_PATH"].endswith(":/mine")

    assert (os.environ["MOCK_NVML_NODE"], os.environ["LD_LIBRARY_PATH"]) == ("mine", "/mine")


def test_a_profile_that_does_not_exist_leaves_nothing_behind(
    clean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(MocknvmlError, match="t5: no such profile"), gpu_node("t5"):
        pass

    assert list(tmp_path.iterdir()) == []
    assert "MOCK_NVML_NODE" not in os.environ


class MonitorTest(unittest.TestCase):
    def setUp(self) -> None:
        context = gpu_node("t4", gpus=1)
        self.node = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def test_one(self) -> None:
        self.assertEqual(self.node.gpus[0].get("thermal.temperature.gpu"), self.read())
        self.node.gpus[0].set("thermal.temperature.gpu", "91 C")
        self.assertEqual(self.read(), 91)

    test_two = test_one

    @gpu_node(gpus=3)
    def test_decorated(self) -> None:
        self.assertEqual(count(), 3)

    @staticmethod
    def read() -> int:
        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetTemperature(pynvml.nvmlDeviceGetHandleByIndex(0), 0))


@pytest.fixture(scope="module")
def shared() -> Iterator[Node]:
    with gpu_node("t4", gpus=2) as node:
        node.gpus[0].set("identity.name", "Shared")
        yield node


@pytest.mark.parametrize("turn", range(2))
def test_a_fixture_of_a_module_keeps_its_node(shared: Node, turn: int) -> None:
    pynvml.nvmlInit()

    assert pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(0)) == "Shared"
