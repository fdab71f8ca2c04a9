"""`mocknvml run --claim`: the command as a process of GPUs, for as long as it runs."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import partial

from mocknvml.cli import temporary
from mocknvml.cli.errors import UserError
from mocknvml.errors import NodeError
from mocknvml.state.node import Gpu, Node
from mocknvml.state.selectors import select

CLAIM = r"(.+?):([0-9.]+ *[A-Za-z]+)(?::([0-9]+ *%))?"


def claim(path: str, claims: list[str]) -> None:
    """List this process, which becomes the command, and take it out when it has ended, however it ends."""
    node, pid = Node.open(path), os.getpid()
    wanted: dict[Gpu, tuple[str, str]] = {}
    for text in claims:
        match = re.fullmatch(CLAIM, text)
        if match is None:
            raise UserError(f"--claim {text}: write GPU:MEMORY or GPU:MEMORY:UTILIZATION, as in 0:8GiB or all:8GiB:60%")
        for gpu in select(node.gpus, match[1]):
            if gpu in wanted:
                raise UserError(f"--claim {text}: GPU {gpu.index} is claimed already")
            wanted[gpu] = (match[2], match[3] or "0 %")
    temporary.afterwards(partial(end, list(wanted), pid))
    for gpu, (memory, utilization) in wanted.items():
        gpu.processes.add(pid, memory=memory, sm_utilization=utilization)


def end(gpus: list[Gpu], pid: int) -> None:
    for gpu in gpus:
        # The node may have been removed or reset meanwhile.
        with suppress(NodeError):
            gpu.processes.remove(pid)
