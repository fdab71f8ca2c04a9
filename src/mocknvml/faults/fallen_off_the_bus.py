"""A GPU that the bus has lost: Xid 79, and new processes get no handle of it.

Asking for its handle, new processes are told Unknown Error (koordinator-sh/koordinator, pull request 2706;
NVIDIA/dcgm-exporter, issue 604: "Unable to determine the device handle for GPU 000:BA:80.0: Unknown Error") or, with
older drivers, that the GPU is lost (rossumai/nvgpu, issue 6; JosephKJ/OWOD, issue 81). The count still has it: the
message comes from nvidia-smi's walk through all indices.
"""

from mocknvml.faults.common import CATALOG, GPU_IS_LOST, NODE_REBOOT, UNKNOWN, recovery
from mocknvml.faults.vocabulary import Event, Fault, Parameter, fail, put

CODES = ("unknown", "gpu_is_lost")

FAULT = Fault(
    name="fallen-off-bus",
    summary="Xid 79: the GPU has fallen off the bus. Its handles are lost, and new ones are not to be had.",
    source=f"{CATALOG}; koordinator-sh/koordinator PR 2706; rossumai/nvgpu issue 6",
    parameters=(Parameter("handle", "what asking for a handle answers", default="unknown", choices=CODES),),
    changes=(
        put("recovery.action", NODE_REBOOT),
        fail("health.present", GPU_IS_LOST),
        fail("health.handle", UNKNOWN, absent=True, when={"handle": ("unknown",)}),
        fail("health.handle", GPU_IS_LOST, absent=True, when={"handle": ("gpu_is_lost",)}),
    ),
    events=(
        Event("xid", 79),
        *recovery(),
    ),
)
