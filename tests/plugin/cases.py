"""Tests as a user of unittest writes them; test_testing.py runs them in a process of their own."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import pynvml

from mocknvml import MocknvmlError, Node
from mocknvml.testing import gpu_node

COUNT = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount())"
VARIABLES = ("MOCK_NVML_NODE", "LD_LIBRARY_PATH")


def count() -> int:
    pynvml.nvmlInit()
    return int(pynvml.nvmlDeviceGetCount())


def count_in_child() -> int:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True)
    return int(done.stdout)


def temperature() -> int:
    pynvml.nvmlInit()
    return int(pynvml.nvmlDeviceGetTemperature(pynvml.nvmlDeviceGetHandleByIndex(0), pynvml.NVML_TEMPERATURE_GPU))


class BlockTest(unittest.TestCase):
    def assert_no_library(self) -> None:
        with self.assertRaises(pynvml.NVMLError_LibraryNotFound):
            pynvml.nvmlInit()
        self.assertEqual([name for name in VARIABLES if name in os.environ], [])

    def test_this_process_and_its_children_find_the_node(self) -> None:
        with gpu_node("t4", gpus=2) as node:
            self.assertEqual((count(), count_in_child(), len(node.gpus)), (2, 2, 2))

        self.assert_no_library()
        self.assertFalse(node.path.parent.exists())

    def test_a_block_within_another_hides_it_until_it_ends(self) -> None:
        with gpu_node(gpus=2):
            count()
            with gpu_node(gpus=3):
                with self.assertRaises(pynvml.NVMLError_Uninitialized):
                    pynvml.nvmlDeviceGetCount()
                self.assertEqual((count(), count_in_child()), (3, 3))
            self.assertEqual((count(), count_in_child()), (2, 2))

    def test_an_exception_ends_the_block_too(self) -> None:
        with self.assertRaises(ZeroDivisionError), gpu_node():
            count()
            raise ZeroDivisionError

        self.assert_no_library()

    def test_what_stood_in_the_environment_comes_back(self) -> None:
        with mock.patch.dict(os.environ, {"MOCK_NVML_NODE": "mine", "LD_LIBRARY_PATH": "/mine"}):
            with gpu_node():
                self.assertTrue(os.environ["LD_LIBRARY_PATH"].endswith(":/mine"))

            self.assertEqual([os.environ[name] for name in VARIABLES], ["mine", "/mine"])

    def test_a_profile_that_does_not_exist_leaves_nothing_behind(self) -> None:
        with tempfile.TemporaryDirectory() as folder, mock.patch("tempfile.tempdir", folder):
            with self.assertRaisesRegex(MocknvmlError, "t5: no such profile"), gpu_node("t5"):
                pass
            self.assertEqual(list(Path(folder).iterdir()), [])

        self.assert_no_library()


class EachTest(unittest.TestCase):
    def setUp(self) -> None:
        context = gpu_node("t4", gpus=1)
        self.node = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)

    def test_one(self) -> None:
        self.assertLess(temperature(), 91)
        self.node.gpus[0].set("thermal.temperature.gpu", "91 C")
        self.assertEqual(temperature(), 91)

    test_two = test_one

    @gpu_node(gpus=3)
    def test_decorated(self) -> None:
        self.assertEqual(count(), 3)


class ClassTest(unittest.TestCase):
    node: Node

    @classmethod
    def setUpClass(cls) -> None:
        context = gpu_node("t4", gpus=2)
        cls.node = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)

    def test_one(self) -> None:
        self.node.gpus[0].set("thermal.temperature.gpu", "91 C")
        self.assertEqual(temperature(), 91)

    def test_two(self) -> None:
        self.assertEqual(temperature(), 91)


if __name__ == "__main__":
    unittest.main()
