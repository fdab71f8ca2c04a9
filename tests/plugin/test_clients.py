"""Bindings of other years, and tests in random order."""

import pytest

from tests.clients import pypi
from tests.plugin.conftest import Passes

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

LEAK = """
import {module} as n
import pytest

@pytest.mark.parametrize("gpus", [1, 2, 3])
def test(request, gpus):
    request.applymarker(pytest.mark.gpu_node("t4", gpus=gpus))
    node = request.getfixturevalue("gpu_node")
    with pytest.raises(n.NVMLError) as raised:
        n.nvmlDeviceGetCount()
    assert raised.value.value == n.NVML_ERROR_UNINITIALIZED
    n.nvmlInit()
    n.nvmlInit()
    assert n.nvmlDeviceGetCount() == gpus
    node.gpus[0].set("thermal.temperature.gpu", "91 C")
    assert n.nvmlDeviceGetTemperature(n.nvmlDeviceGetHandleByIndex(0), 0) == 91

def test_absent():
    with pytest.raises(n.NVMLError):
        n.nvmlInit()
"""


@pytest.mark.parametrize(
    ("package", "version", "module"),
    [
        ("nvidia-ml-py3", "7.352.0", "pynvml"),
        ("py3nvml", "0.2.7", "py3nvml.py3nvml"),
        ("nvidia-ml-py", "10.418.84", "pynvml"),
        ("nvidia-ml-py", "12.535.161", "pynvml"),
        ("pynvml", "8.0.4", "pynvml"),
        ("pynvml", "11.5.3", "pynvml"),
        ("pynvml", "13.0.1", "pynvml"),
    ],
)
def test_a_leaked_init_of_an_old_binding_does_no_harm(
    passes: Passes, monkeypatch: pytest.MonkeyPatch, package: str, version: str, module: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pypi.install(package, version)))

    passes(LEAK.format(module=module), "-W", "default", tests=4)


def test_tests_in_random_order_pass(passes: Passes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(pypi.install("pytest-randomly", "5.1.0")))
    source = """
import pynvml
import pytest

@pytest.mark.parametrize("gpus", range(1, 9))
class TestGpus:
    def test(self, request, gpus):
        request.applymarker(pytest.mark.gpu_node("t4", gpus=gpus))
        request.getfixturevalue("gpu_node")
        pynvml.nvmlInit()
        assert pynvml.nvmlDeviceGetCount() == gpus

    def test_absent(self, gpus):
        with pytest.raises(pynvml.NVMLError_LibraryNotFound):
            pynvml.nvmlInit()
"""
    for seed in range(3):
        passes(source, f"--randomly-seed={seed}", tests=16)
