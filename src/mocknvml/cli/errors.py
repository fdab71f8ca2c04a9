"""Mistakes on the command line."""

from mocknvml.errors import MocknvmlError


class UserError(MocknvmlError):
    """What is wrong and what to do about it; `status` is the exit status."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status
