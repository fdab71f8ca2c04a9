"""A GPU that the bus has lost: Xid 79, and new processes get no handle of it.

For the handle by index, new processes are told Unknown Error (koordinator-sh/koordinator, pull request 2706;
NVIDIA/dcgm-exporter, issue 604: "Unable to determine the device handle for GPU 000:BA:80.0: Unknown Error") or, with older
drivers, that the GPU is lost (rossumai/nvgpu, issue 6; JosephKJ/OWOD, issue 81). The count still has it: nvidia-smi names
it in that message. From driver 565 on Xid 154 follows, with 2 for a reboot (NVIDIA's Xid catalog).
"""

from mocknvml.faults.common import CATALOG, GPU_IS_LOST, NODE_REBOOT, UNKNOWN
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
        fail("health.handle", UNKNOWN, when={"handle": ("unknown",)}),
        fail("health.handle", GPU_IS_LOST, when={"handle": ("gpu_is_lost",)}),
    ),
    events=(
        Event("xid", 79),
        Event("gpu_recovery_action", NODE_REBOOT, changed="recovery.action"),
    ),
)
