"""A driver that sees no GPU: the count is 0, and nvidia-smi says "No devices were found" and ends with status 6."""

from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Fault, Parameters, append


def all_gpus(draft: Draft, parameters: Parameters) -> int:
    return len(draft.node.gpus)


FAULT = Fault(
    name="no-gpu",
    summary="The driver sees no GPU: the count is 0.",
    source='nvidia-smi of drivers 450 to 555: "No devices were found" where nvmlDeviceGetCount_v2 gives 0',
    scope="node",
    changes=(append("drain.gpus", {"gpu": "index", "removed": 1}, times=all_gpus, absent=True),),
)
