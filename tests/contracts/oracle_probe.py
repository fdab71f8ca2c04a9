"""Calls a libnvidia-ml.so.1 without needing a GPU and prints what it answered as JSON.

test_oracle.py runs this in a process of its own, because a wrong library may crash.
"""

import ctypes
import faulthandler
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

# These are for callers that have not initialised, or take no part in it.
EXEMPT = {
    "nvmlErrorString",
    "nvmlInit",
    "nvmlInitWithFlags",
    "nvmlInit_v2",
    "nvmlInternalGetExportTable",
    "nvmlShutdown",
    "nvmlSystemGetNVMLVersion",
}
INITS = {"nvmlInit": [], "nvmlInit_v2": [], "nvmlInitWithFlags": [ctypes.c_uint(0)]}
ERROR_CODES = (*range(31), 999, 31, 998, 1000, -1, 2**31 - 1)
EXPORT_TABLE = bytes.fromhex("c4fe3e6cc98f6c4ea327ee696e12f7c4")
UNTOUCHED = 0xAA
NOBODY = 65534


def exported(library: ctypes.CDLL, path: Path) -> list[str]:
    strings = set(re.findall(rb"(?<=\0)nvml[A-Za-z0-9_]+(?=\0)", path.read_bytes()))
    return sorted(name for name in map(bytes.decode, strings) if hasattr(library, name))


def call_all(library: ctypes.CDLL, names: list[str]) -> dict[str, Any]:
    """The answers of every function that needs init, by the kind of arguments."""
    scratch = ctypes.create_string_buffer(bytes([UNTOUCHED]) * 65536, 65536)
    kinds = {"nothing": 0, "garbage": 0xDEADBEEFDEADBEEF, "scratch memory": ctypes.addressof(scratch)}
    # No function takes more than ten arguments, nor any in a floating-point register.
    answers = {
        kind: {name: getattr(library, name)(*[ctypes.c_uint64(value)] * 10) for name in names if name not in EXEMPT}
        for kind, value in kinds.items()
    }
    return {"answers": answers, "bytes written": sum(byte != UNTOUCHED for byte in scratch.raw)}


def error_strings(library: ctypes.CDLL) -> dict[str, Any]:
    library.nvmlErrorString.restype = ctypes.c_void_p
    pointers = {code: library.nvmlErrorString(code) for code in ERROR_CODES}
    again = {code: library.nvmlErrorString(code) for code in ERROR_CODES}
    texts = {code: ctypes.string_at(pointer).decode() for code, pointer in pointers.items()}
    return {"texts": texts, "stable": again == pointers}


def version(library: ctypes.CDLL, length: int) -> dict[str, Any]:
    buffer = ctypes.create_string_buffer(bytes([UNTOUCHED]) * 100, 100)
    answer = library.nvmlSystemGetNVMLVersion(buffer, ctypes.c_uint(length))
    written = 1 + max((i for i, byte in enumerate(buffer.raw) if byte != UNTOUCHED), default=-1)
    return {"answer": answer, "written": written, "text": buffer.value.decode("latin-1") if answer == 0 else None}


def versions(library: ctypes.CDLL) -> dict[str, Any]:
    whole = version(library, 100)
    fitting = len(whole["text"]) + 1
    return {
        "whole": whole,
        "fitting": version(library, fitting),
        "one byte short": version(library, fitting - 1),
        "no room": version(library, 0),
        "null": library.nvmlSystemGetNVMLVersion(None, ctypes.c_uint(80)),
        "null and no room": library.nvmlSystemGetNVMLVersion(None, ctypes.c_uint(0)),
    }


def export_table(library: ctypes.CDLL, guid: bytes | None) -> dict[str, Any]:
    before = 0x1234
    table = ctypes.c_void_p(before)
    answer = library.nvmlInternalGetExportTable(ctypes.byref(table), guid)
    return {"answer": answer, "table": "untouched" if table.value == before else table.value}


def export_tables(library: ctypes.CDLL) -> dict[str, Any]:
    known = export_table(library, EXPORT_TABLE)
    return {
        "known": known,
        "again": export_table(library, EXPORT_TABLE),
        "unknown": export_table(library, bytes(16)),
        "no guid": export_table(library, None),
        "no output": library.nvmlInternalGetExportTable(None, EXPORT_TABLE),
        "size": ctypes.c_uint64.from_address(known["table"]).value if known["answer"] == 0 else None,
    }


def init_and_shutdown(library: ctypes.CDLL) -> dict[str, list[int]]:
    # NVIDIA's nvmlInit makes /dev/nvidiactl where it may, even without a driver: then every program believes in one.
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    return {name: [getattr(library, name)(*arguments), library.nvmlShutdown()] for name, arguments in INITS.items()}


def observe(path: Path) -> dict[str, Any]:
    library = ctypes.CDLL(str(path))
    names = exported(library, path)
    return {
        "exported": names,
        "error strings": error_strings(library),
        "version": versions(library),
        "export table": export_tables(library),
        "before init": call_all(library, names),
        "shutdown before init": [library.nvmlShutdown() for _ in range(3)],
        "init": init_and_shutdown(library),
        "after shutdown": call_all(library, names),
    }


if __name__ == "__main__":
    faulthandler.enable()
    print(json.dumps(observe(Path(sys.argv[1]))))
