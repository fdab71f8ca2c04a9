"""The fixture `gpu_node`. Every pytest run where mocknvml is installed loads this file: it imports the rest on use."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from mocknvml import defaults

if TYPE_CHECKING:
    from mocknvml import Node
    from mocknvml.testing import Nodes

ARGUMENTS: dict[str, tuple[type, ...]] = {
    "profile": (str, os.PathLike),
    "gpus": (int, type(None)),
    "driver": (str,),
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"gpu_node(profile={defaults.PROFILE!r}, gpus=None, driver={defaults.DRIVER!r}): "
        "which simulated GPUs the test finds; it has them without asking for the fixture, too",
    )


@pytest.fixture(scope="session")
def _gpu_nodes() -> Iterator[Nodes]:
    from mocknvml.testing import Nodes

    with Nodes() as nodes:
        yield nodes


@pytest.fixture
def gpu_node(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, _gpu_nodes: Nodes) -> Iterator[Node]:
    """A simulated machine with GPUs, as new, which NVML finds in this process and its children."""
    from mocknvml.errors import MocknvmlError

    try:
        with _gpu_nodes.found(**_marked(request, _gpu_nodes)) as node:
            # With the fixture that a test may change them with, so that all is undone in order.
            for name, value in _gpu_nodes.environment.items():
                monkeypatch.setenv(name, value)
            yield node
    except MocknvmlError as error:
        raise pytest.fail.Exception(f"gpu_node: {error}", pytrace=False) from None


@pytest.fixture(autouse=True)
def _marked_gpu_node(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gpu_node"):
        request.getfixturevalue("gpu_node")


def _marked(request: pytest.FixtureRequest, nodes: Nodes) -> dict[str, Any]:
    """The arguments of the closest marker."""
    marker = request.node.get_closest_marker("gpu_node")
    if marker is None:
        return {}
    try:
        given = inspect.signature(nodes.found).bind(*marker.args, **marker.kwargs).arguments
        for name, value in given.items():
            if not isinstance(value, ARGUMENTS[name]):
                raise TypeError(f"got {name}={value!r}")
    except TypeError as error:
        message = f"@pytest.mark.gpu_node {error}; it takes a profile, a number of gpus, and a driver version"
        raise pytest.fail.Exception(message, pytrace=False) from None
    return given
