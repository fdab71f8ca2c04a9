"""NVLinks that are down: nvidia-smi nvlink -s shows them as <inactive> (Azure/azhpc-diagnostics, issue 73).

The driver logs Xid 74; for NVLink 5, from Blackwell on, 149 (NVIDIA/open-gpu-kernel-modules, issue 1150).
"""

from mocknvml.faults.common import CATALOG, LINK
from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Event, Fault, Parameters, put

BLACKWELL = 10  # NVML_DEVICE_ARCH_BLACKWELL


def xid(draft: Draft, parameters: Parameters) -> int:
    return 149 if (draft.value("identity.architecture") or 0) >= BLACKWELL else 74


FAULT = Fault(
    name="nvlink-down",
    summary="NVLinks are down, with Xid 74, or 149 from Blackwell on.",
    source=f"{CATALOG}; Azure/azhpc-diagnostics issue 73; NVIDIA/open-gpu-kernel-modules issue 1150",
    parameters=(LINK,),
    needs="nvlink.state.{link}",
    changes=(put("nvlink.state.{link}", 0),),
    events=(Event("xid", xid),),
)
