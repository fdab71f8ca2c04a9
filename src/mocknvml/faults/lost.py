"""A GPU that processes had in use and that no longer answers."""

from mocknvml.faults.common import GPU_IS_LOST
from mocknvml.faults.vocabulary import Fault, fail

FAULT = Fault(
    name="lost",
    summary="The GPU no longer answers: every call with its handle gives GPU_IS_LOST.",
    source='nvml.h: GPU_IS_LOST "if the target GPU has fallen off the bus or is otherwise inaccessible"',
    changes=(fail("health.present", GPU_IS_LOST),),
)
