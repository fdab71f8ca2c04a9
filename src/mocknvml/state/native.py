"""The C side of node files, through ctypes: `_node.so` is built from the same sources as the library."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int32, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path

from mocknvml.errors import MocknvmlError

LIBRARY_FOLDER = Path(__file__).parent.parent / "lib"
PATH = LIBRARY_FOLDER / "_node.so"
OTHER_SOURCES = f"{PATH} was built from other sources than this package: build it again"
ERROR_MAX = 512
NODE_BLOCK = 0xFFFFFFFF  # the number of the node's own block; GPUs count from 0


class CImage(ctypes.Structure):
    """`struct mock_image` of native/node.h."""

    _fields_ = (
        ("offsets", POINTER(c_uint16)),
        ("values", POINTER(c_uint64)),
        ("count", c_uint32),
        ("address", c_uint32),
        ("base", c_void_p),
    )


class CProfile(ctypes.Structure):
    """`struct mock_profile` of native/node.h."""

    _fields_ = (
        ("name", c_char_p),
        ("gpus", POINTER(CImage)),
        ("gpu_count", c_uint32),
        ("default_count", c_uint32),
    )


EVENT_PAYLOAD = 32


class CEventContext(ctypes.Structure):
    """`struct mock_event_context` of native/events.h."""

    _fields_ = (
        *((name, c_uint32) for name in ("type", "source_type", "size", "version")),
        ("payload", c_uint8 * EVENT_PAYLOAD),
    )


class CEvent(ctypes.Structure):
    """`struct mock_event` of native/events.h."""

    _fields_ = (
        *((name, c_uint32) for name in ("kind", "gpu")),
        *((name, c_uint64) for name in ("type", "data")),
        *((name, c_uint32) for name in ("gpu_instance", "compute_instance")),
        *((name, c_uint64) for name in ("time", "wall")),
        ("module", c_uint8 * 16),
        *((name, c_uint64) for name in ("group_cursor", "instance", "trace")),
        *((name, c_uint32) for name in ("severity", "category", "code", "scope", "originator", "module_instance")),
        *((name, c_uint32) for name in ("chiplet", "log_level", "attributes", "cper_size", "group_attributes")),
        *((name, c_uint8) for name in ("group_size", "group_index", "unused", "unused_too")),
        *((name, c_uint32) for name in ("context_count", "padding")),
        ("contexts", CEventContext * 2),
    )


@cache
def load() -> ctypes.CDLL:
    """For what needs no layout: that takes longer to import than all else that `mocknvml run` does."""
    if not PATH.exists():
        raise MocknvmlError(f"{PATH} is missing: install mocknvml with pip, or run make in its sources")
    library = ctypes.CDLL(str(PATH))
    prototypes: dict[str, tuple[object, tuple[object, ...]]] = {
        "layout_hash": (c_uint64, ()),
        "driver_known": (c_bool, (c_char_p,)),
        "size": (c_size_t, (c_uint32,)),
        "create_builtin": (c_int, (c_char_p, c_char_p, c_int32, c_char_p, c_char_p)),
        "create": (
            c_int,
            (
                *(c_char_p, POINTER(CProfile), c_uint32, c_char_p),
                *(c_uint32, POINTER(c_uint32), POINTER(c_uint64), c_char_p),
            ),
        ),
        "open": (c_void_p, (c_char_p, c_char_p)),
        "close": (None, (c_void_p,)),
        "gpu_count": (c_uint32, (c_void_p,)),
        "time": (c_uint64, (c_void_p,)),
        "read": (c_bool, (c_void_p, c_uint32, c_uint32, c_uint32, POINTER(c_uint64))),
        "baseline": (c_bool, (c_void_p, c_uint32, POINTER(c_uint64))),
        "number": (c_int, (c_void_p, c_uint32, c_uint32, POINTER(c_uint64))),
        "write": (c_int, (c_void_p, c_uint32, c_uint32, POINTER(c_uint32), POINTER(c_uint64))),
        "write_all": (c_int, (c_void_p, c_uint32, POINTER(c_uint32), POINTER(c_uint32), POINTER(c_uint64))),
        "exchange": (
            c_int,
            (c_void_p, c_uint32, c_uint32, POINTER(c_uint32), POINTER(c_uint64), POINTER(c_uint64)),
        ),
        "reset": (c_int, (c_void_p, c_uint32)),
        "reset_all": (c_int, (c_void_p,)),
        "reset_gpu": (c_int, (c_void_p, c_uint32)),
        "process_add": (c_int, (c_void_p, c_uint32, POINTER(c_uint64))),
        "process_remove": (c_int, (c_void_p, c_uint32, c_uint32)),
        "clock": (c_int, (c_void_p, POINTER(c_uint64), c_uint64)),
        "event_size": (c_size_t, ()),
        "event_raise": (c_int, (c_void_p, POINTER(CEvent))),
        "event_next": (c_bool, (c_void_p, POINTER(c_uint64), POINTER(CEvent))),
        "rule_add": (c_int, (c_void_p, POINTER(c_uint64), POINTER(c_uint64))),
        "rule_remove": (c_int, (c_void_p, c_uint64)),
        "rule": (c_bool, (c_void_p, c_void_p, c_uint32, POINTER(c_uint64))),
        "log": (c_int, (c_void_p, c_bool)),
        "logging": (c_bool, (c_void_p,)),
        "calls_open": (c_void_p, (c_void_p,)),
        "calls_close": (None, (c_void_p,)),
        "calls_tickets": (c_uint64, (c_void_p,)),
        "calls_since": (c_uint64, (c_void_p,)),
        "calls_read": (None, (c_void_p, c_uint64)),
        "calls_wait": (None, (c_void_p, c_uint64, c_uint64)),
        "call_sums": (c_bool, (c_void_p, c_uint32, POINTER(c_uint64))),
        "record": (c_int32, (c_void_p, c_uint64, POINTER(c_uint64))),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(library, f"mock_api_{name}", None)
        if function is None:
            raise MocknvmlError(OTHER_SOURCES)
        function.restype, function.argtypes = result, arguments
    return library


@cache
def native() -> ctypes.CDLL:
    from mocknvml.state.layout import layout

    library = load()
    if library.mock_api_layout_hash() != layout().hash:
        raise MocknvmlError(OTHER_SOURCES)
    return library
