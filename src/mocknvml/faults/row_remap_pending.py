"""A row of memory that the next reset replaces by a spare one, on Ampere and newer.

The bank that gives the spare row goes from the histogram's "max" to "high": nvidia-smi -q of A100s with one remapped
row shows 639 and 1 of 640 banks, and Pending: Yes.
"""

from mocknvml.faults.common import MEMORY_GUIDE, count
from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Event, Fault, Parameter, Parameters, add, put


def banks(draft: Draft, parameters: Parameters) -> int:
    return min(draft.amount("count", parameters) or 0, draft.value("remap.banks.max") or 0)


def fewer(draft: Draft, parameters: Parameters) -> int:
    return -banks(draft, parameters)


FAULT = Fault(
    name="row-remap-pending",
    summary="Rows of memory wait for a reset to be remapped, with Xid 63.",
    source=f"{MEMORY_GUIDE}, row remapping and user visible statistics: Xid 63",
    parameters=(
        count("rows"),
        Parameter("cause", "which errors the rows had", default="uncorrected", choices=("uncorrected", "corrected")),
    ),
    needs="remap.pending",
    changes=(
        add("remap.{cause}", "count"),
        put("remap.pending", 1),
        add("remap.banks.high", banks),
        add("remap.banks.max", fewer),
    ),
    events=(Event("dram_retirement_event"), Event("xid", 63)),
)
