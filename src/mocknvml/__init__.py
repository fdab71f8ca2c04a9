"""mocknvml: a libnvidia-ml.so.1 without GPUs, whose simulated node can be read and changed from Python.

Names load on first use, so that the command line starts quickly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocknvml import profiles
    from mocknvml.errors import FieldStatus, MocknvmlError, NodeError, ProfileError, UnknownKey, ValueMismatch
    from mocknvml.state.node import Gpu, Node
    from mocknvml.state.reading import Reading

_HOMES = {
    "FieldStatus": "mocknvml.errors",
    "Gpu": "mocknvml.state.node",
    "MocknvmlError": "mocknvml.errors",
    "Node": "mocknvml.state.node",
    "NodeError": "mocknvml.errors",
    "ProfileError": "mocknvml.errors",
    "Reading": "mocknvml.state.reading",
    "UnknownKey": "mocknvml.errors",
    "ValueMismatch": "mocknvml.errors",
}

__all__ = [
    "FieldStatus",
    "Gpu",
    "MocknvmlError",
    "Node",
    "NodeError",
    "ProfileError",
    "Reading",
    "UnknownKey",
    "ValueMismatch",
    "profiles",
]


def __getattr__(name: str) -> object:
    if name == "profiles":
        return import_module("mocknvml.profiles")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'mocknvml' has no attribute {name!r}")
