"""A row of memory that could not be remapped: its bank has no spare row left, or the GPU has remapped 512 rows."""

from mocknvml.faults.common import CATALOG, GPU_RESET, MEMORY_GUIDE, recovery
from mocknvml.faults.vocabulary import Event, Fault, put

FAULT = Fault(
    name="row-remap-failure",
    summary="A row of memory could not be remapped, with Xid 64.",
    source=f"{MEMORY_GUIDE}, RMA policy; {CATALOG}: Xid 64, RESET_GPU",
    needs="remap.failure",
    changes=(put("remap.failure", 1), put("recovery.action", GPU_RESET), put("recovery.reset_required", 1)),
    events=(Event("dram_retirement_failure"), Event("xid", 64), *recovery()),
)
