"""Errors that users see. Each message says what was wrong, where, and what to do."""

from __future__ import annotations

from typing import Final

# nvmlReturn_t without NVML_ERROR_, in the order of its values; a test compares them with nvml.h.
_NAMES: Final = (
    *("SUCCESS", "UNINITIALIZED", "INVALID_ARGUMENT", "NOT_SUPPORTED", "NO_PERMISSION", "ALREADY_INITIALIZED"),
    *("NOT_FOUND", "INSUFFICIENT_SIZE", "INSUFFICIENT_POWER", "DRIVER_NOT_LOADED", "TIMEOUT", "IRQ_ISSUE"),
    *("LIBRARY_NOT_FOUND", "FUNCTION_NOT_FOUND", "CORRUPTED_INFOROM", "GPU_IS_LOST", "RESET_REQUIRED"),
    *("OPERATING_SYSTEM", "LIB_RM_VERSION_MISMATCH", "IN_USE", "MEMORY", "NO_DATA", "VGPU_ECC_NOT_SUPPORTED"),
    *("INSUFFICIENT_RESOURCES", "FREQ_NOT_SUPPORTED", "ARGUMENT_VERSION_MISMATCH", "DEPRECATED", "NOT_READY"),
    *("GPU_NOT_FOUND", "INVALID_STATE", "RESET_TYPE_NOT_SUPPORTED"),
)
RETURN_CODES: Final = {**{name: code for code, name in enumerate(_NAMES)}, "UNKNOWN": 999}


class MocknvmlError(Exception):
    """Any error of mocknvml."""


class ProfileError(MocknvmlError):
    """A profile that is unknown or wrong; the message names file, line and key."""


class ValueMismatch(MocknvmlError):
    """A value that its field cannot hold: a wrong type, unit or range."""


class UnknownKey(MocknvmlError):
    """A key that names no field."""


class NodeError(MocknvmlError):
    """A node file that cannot be made, opened or written."""


class FieldStatus(MocknvmlError):
    """A field that holds an NVML error instead of a value; `code` is that nvmlReturn_t, `name` as in `GPU_IS_LOST`."""

    def __init__(self, key: str, code: int) -> None:
        self.code = code
        self.name = return_name(code)
        super().__init__(f"{key}: holds NVML error {code} ({self.name})")


def return_name(code: int) -> str:
    """The name of an nvmlReturn_t, without NVML_ERROR_; its number where it has none."""
    return next((name for name, value in RETURN_CODES.items() if value == code), str(code))


def return_code(name: str) -> int | None:
    """An nvmlReturn_t by its name in nvml.h, with or without NVML_ERROR_; None if there is no such one."""
    return RETURN_CODES.get(name.removeprefix("NVML_ERROR_").removeprefix("NVML_"))
