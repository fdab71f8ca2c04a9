"""The kinds of nodes that nvidia-smi 535 is asked about."""

import re
from pathlib import Path

from mocknvml import Node
from tests.clients.nvidia_smi import DRIVERS

BRANCH = 535
GPU_IS_LOST = 15
LOST = 3  # of the eight GPUs of `lost`
NODES: dict[str, tuple[str, int | None]] = {
    "a100": ("dgx-a100", None),
    "h100": ("dgx-h100", None),
    "gb200": ("gb200-nvl72", None),
    "t4": ("t4", 1),
    "none": ("dgx-a100", 0),
    "lost": ("dgx-a100", None),
}
TROUBLE = re.compile(r".*(?:ERR!|Unknown Error|Uninitialized|Not Found|Insufficient|\ufffd).*")
# nvidia-smi up to 550 has room for 256 graphics clocks of a memory clock, and a GB200 has 260.
NO_ROOM = re.compile(r"(?<=Graphics {22}: )Unknown Error|(?<=<supported_graphics_clock>)Unknown Error")


def make(kind: str, path: Path, branch: int = BRANCH) -> Node:
    profile, gpus = NODES[kind]
    made = Node.create(path, profile, gpus, DRIVERS[branch])
    if kind == "lost":
        made.gpus[LOST].fail("health.present", GPU_IS_LOST)
    return made
