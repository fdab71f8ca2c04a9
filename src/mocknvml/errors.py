"""Errors that users see. Each message says what was wrong, where, and what to do."""


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
    """A field that holds an NVML error instead of a value; `code` is that nvmlReturn_t."""

    def __init__(self, key: str, code: int) -> None:
        super().__init__(f"{key}: holds NVML error {code}{' (NOT_SUPPORTED)' if code == 3 else ''}")
        self.code = code
