"""The C side of node files, through ctypes: `_node.so` is built from the same sources as the library."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_int, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path

from mocknvml.errors import MocknvmlError
from mocknvml.state.layout import layout

LIBRARY_FOLDER = Path(__file__).parent.parent / "lib"
ERROR_MAX = 512
NODE_BLOCK = 0xFFFFFFFF  # the number of the node's own block; GPUs count from 0


class CImage(ctypes.Structure):
    """`struct mock_image` of native/node.h."""

    _fields_ = (
        ("offsets", POINTER(c_uint32)),
        ("values", POINTER(c_uint64)),
        ("count", c_uint32),
        ("address", c_uint32),
    )


class CProfile(ctypes.Structure):
    """`struct mock_profile` of native/node.h."""

    _fields_ = (
        ("name", c_char_p),
        ("gpus", POINTER(CImage)),
        ("gpu_count", c_uint32),
        ("default_count", c_uint32),
    )


@cache
def native() -> ctypes.CDLL:
    path = LIBRARY_FOLDER / "_node.so"
    if not path.exists():
        raise MocknvmlError(f"{path} is missing: install mocknvml with pip, or run make in its sources")
    library = ctypes.CDLL(str(path))
    prototypes: dict[str, tuple[object, tuple[object, ...]]] = {
        "layout_hash": (c_uint64, ()),
        "driver_known": (c_bool, (c_char_p,)),
        "create": (c_int, (c_char_p, POINTER(CProfile), c_uint32, c_char_p, c_char_p)),
        "open": (c_void_p, (c_char_p, c_char_p)),
        "close": (None, (c_void_p,)),
        "gpu_count": (c_uint32, (c_void_p,)),
        "time": (c_uint64, (c_void_p,)),
        "read": (c_bool, (c_void_p, c_uint32, c_uint32, c_uint32, POINTER(c_uint64))),
        "number": (c_int, (c_void_p, c_uint32, c_uint32, POINTER(c_uint64))),
        "write": (c_int, (c_void_p, c_uint32, c_uint32, POINTER(c_uint32), POINTER(c_uint64))),
        "reset": (c_int, (c_void_p, c_uint32)),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(library, f"mock_api_{name}")
        function.restype, function.argtypes = result, arguments
    if library.mock_api_layout_hash() != layout().hash:
        raise MocknvmlError(f"{path} was built from other sources than this package: build it again")
    return library
