"""What one `mocknvml run` leaves to do when the command has ended, such as to remove the folder of its node."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from select import select
from typing import NoReturn

MEMORY = Path("/dev/shm")


def folder(size: int) -> Path:
    """A new folder, with room for a file of some size, that goes away with this process or what it becomes."""
    made = Path(tempfile.mkdtemp(prefix="mocknvml-", dir=_home(size))).absolute()
    afterwards(lambda: shutil.rmtree(made, ignore_errors=True))
    made.chmod(0o755)  # as with a real driver, a command that changes its user still sees the GPUs
    return made


def _home(size: int) -> Path:
    """Memory, if there is room in it (a container often has 64 MiB); else the folder for temporary files."""
    with suppress(OSError):
        room = os.statvfs(MEMORY)
        if os.access(MEMORY, os.W_OK) and room.f_bavail * room.f_frsize >= size:
            return MEMORY
    return Path(tempfile.gettempdir())


def afterwards(action: Callable[[], None]) -> None:
    """Leave a process behind that does something when this one has ended, however it ends.

    So this process can become the command itself, and signals, job control and exit status need no forwarding. The one
    left behind is no child of the command, has none of its files open, and a session of its own.
    """
    process, ending = os.getpid(), None
    with suppress(AttributeError, OSError):  # needs Linux 5.3, and a Python built for it
        ending = os.pidfd_open(process)
    child = os.fork()
    if child == 0:
        try:
            # Before this process goes on, which may signal all of its group at once.
            os.setsid()
            for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # at a shutdown all get one
                signal.signal(ignored, signal.SIG_IGN)
            if os.fork() == 0:
                _wait(action, process, ending)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    if ending is not None:
        os.close(ending)


def _wait(action: Callable[[], None], process: int, ending: int | None) -> NoReturn:
    try:
        os.chdir("/")
        for file in Path("/proc/self/fd").iterdir():
            if int(file.name) != ending:
                with suppress(OSError):
                    os.close(int(file.name))
        if ending is not None:
            select([ending], [], [])
        else:
            while Path(f"/proc/{process}").exists():
                time.sleep(1)
        action()
    finally:
        os._exit(0)
