"""An Xid, with what NVIDIA's catalog and memory error guide say that goes with it, where NVML shows it.

The recovery action follows the catalog's immediate action: RESET_GPU, and RESTART_BM for Xid 79. Application errors
(13, 31, 43, 45 and their like: RESTART_APP, IGNORE) leave the GPU as it is. 63 and 64 are about remapped rows on Ampere
and newer, about retired pages before.
"""

from mocknvml.faults.common import CATALOG, GPU_IS_LOST, GPU_RESET, MEMORY_GUIDE, NODE_REBOOT, UNKNOWN, recovery
from mocknvml.faults.vocabulary import Event, Fault, Parameter, add, fail, put

RESET = (46, 62, 64, 95, 109, 110, 119, 120, 136, 140, 143, 155, 156, 158)  # RESET_GPU
UNCORRECTED = (48, 94, 95)
OFF_THE_BUS = (79,)

FAULT = Fault(
    name="xid",
    summary="An Xid event, with the counters, pending repairs and recovery action that go with it.",
    source=f"{CATALOG}; {MEMORY_GUIDE}",
    parameters=(Parameter("xid", "its number", low=1, positional=True),),
    changes=(
        put("recovery.action", GPU_RESET, when={"xid": RESET}),
        put("recovery.action", NODE_REBOOT, when={"xid": OFF_THE_BUS}),
        put("recovery.reset_required", 1, when={"xid": RESET}),
        fail("health.present", GPU_IS_LOST, when={"xid": OFF_THE_BUS}),
        fail("health.handle", UNKNOWN, absent=True, when={"xid": OFF_THE_BUS}),
        add("ecc.total.uncorrected.volatile", 1, when={"xid": UNCORRECTED}),
        add("ecc.total.uncorrected.aggregate", 1, when={"xid": UNCORRECTED}),
        add("ecc.location.uncorrected.volatile.dram", 1, when={"xid": UNCORRECTED}),
        add("ecc.location.uncorrected.aggregate.dram", 1, when={"xid": UNCORRECTED}),
        add("remap.uncorrected", 1, when={"xid": (63,)}),
        put("remap.pending", 1, when={"xid": (63,)}),
        put("remap.failure", 1, when={"xid": (64,)}),
        put("ecc.retirement_pending", 1, when={"xid": (63,)}),
    ),
    events=(
        Event("xid", "xid"),
        Event("double_bit_ecc_error", when={"xid": (48,)}),
        *recovery(when={"xid": RESET}),
        *recovery(when={"xid": OFF_THE_BUS}),
    ),
)
