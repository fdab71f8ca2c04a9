"""A page of memory that is taken out of use, before Ampere; pending until the driver is loaded again."""

from mocknvml.faults.common import MEMORY_GUIDE
from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Event, Fault, Parameter, Parameters, append, put

CAUSES = ("single_bit", "double_bit")  # nvmlPageRetirementCause_t


def cause(draft: Draft, parameters: Parameters) -> int:
    return CAUSES.index(str(parameters["cause"]))


def time(draft: Draft, parameters: Parameters) -> int:
    epoch = draft.node.get("time.epoch")
    return ((epoch if isinstance(epoch, int) else 0) + draft.now // 1000) // 10**6


FAULT = Fault(
    name="retired-page",
    summary="A page of memory is retired, pending until the driver is loaded again, with Xid 63.",
    source=f"nvml.h, nvmlDeviceGetRetiredPages_v2 and nvmlDeviceGetRetiredPagesPendingStatus; {MEMORY_GUIDE}: Xid 63",
    parameters=(
        Parameter("cause", "which errors it had", default="double_bit", choices=CAUSES),
        Parameter("address", "that of the page", default=0, high=2**48),
    ),
    needs="ecc.retired",
    changes=(
        append("ecc.retired", {"cause": cause, "address": "address", "time": time}),
        put("ecc.retirement_pending", 1),
        put("ecc.retirement_pending_for.{cause}", 1),
    ),
    events=(Event("xid", 63),),
)
