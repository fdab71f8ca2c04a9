"""What every NVML function does: one file per subject, its state blocks first, then its FUNCTIONS.

`BLOCKS`, `ROWS` and the field ids collect them; the order of `SUBJECTS` is the order of the blocks in memory.
"""

from mocknvml.nvml import (
    accounting,
    clocks,
    conf_compute,
    drain,
    ecc,
    events,
    fabric,
    fans,
    fields,
    gpm,
    identity,
    memory,
    mig,
    modes,
    nvlink,
    pcie,
    power,
    processes,
    refusals,
    system,
    thermal,
    topology,
    utilization,
    vgpu,
)
from mocknvml.table.blocks import Block
from mocknvml.table.rows import Row

SUBJECTS = (
    system,
    identity,
    utilization,
    thermal,
    power,
    clocks,
    modes,
    memory,
    pcie,
    fans,
    ecc,
    nvlink,
    fabric,
    topology,
    conf_compute,
    events,
    processes,
    vgpu,
    mig,
    drain,
    accounting,
    gpm,
    fields,
    refusals,
)

BLOCKS: tuple[type[Block], ...] = tuple(
    value
    for subject in SUBJECTS
    for value in vars(subject).values()
    if isinstance(value, type) and issubclass(value, Block) and value.__module__ == subject.__name__
)
ROWS: tuple[Row, ...] = tuple(row for subject in SUBJECTS for row in subject.FUNCTIONS)
FIELD_IDS = fields.FIELDS
NO_FIELDS = fields.NO_FIELDS
