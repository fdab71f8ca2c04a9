"""A condition of the NVLink fabric, as a field of the health mask: 2 bits for each, 4 for the configuration.

Which summary goes with which condition is not documented: it is `unhealthy` unless the user says otherwise.
"""

from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Change, Fault, Parameter, Parameters, bits, put

# NVML_GPU_FABRIC_HEALTH_MASK_*: where a condition's field begins, its bits, and what it then holds.
CONDITIONS = {
    "degraded-bandwidth": (0, 0x3, 1),
    "route-recovery": (2, 0x3, 1),
    "route-unhealthy": (4, 0x3, 1),
    "access-timeout-recovery": (6, 0x3, 1),
    "incorrect-sysguid": (8, 0xF, 2),
    "incorrect-chassis-serial": (8, 0xF, 3),
    "no-partition": (8, 0xF, 4),
    "insufficient-nvlinks": (8, 0xF, 5),
    "incompatible-gpu-firmware": (8, 0xF, 6),
    "invalid-location": (8, 0xF, 7),
    "gpu-state-invalid": (8, 0xF, 8),
    "partition-unassigned": (12, 0x3, 2),
    "fabric-manager-disconnected": (14, 0x3, 2),
}
SUMMARIES = ("unhealthy", "limited_capacity")  # NVML_GPU_FABRIC_HEALTH_SUMMARY_*, from 2 on


def condition(name: str) -> Change:
    shift, width, value = CONDITIONS[name]
    return bits("fabric.health_mask", value << shift, clear=width << shift, when={"condition": (name,)})


def summary(draft: Draft, parameters: Parameters) -> int:
    return 2 + SUMMARIES.index(str(parameters["summary"]))


FAULT = Fault(
    name="fabric-unhealthy",
    summary="The GPU's NVLink fabric is not healthy.",
    source="nvml.h, NVML_GPU_FABRIC_HEALTH_MASK_* and NVML_GPU_FABRIC_HEALTH_SUMMARY_*",
    parameters=(
        Parameter("condition", "what is wrong", choices=tuple(CONDITIONS), positional=True),
        Parameter("summary", "how the GPU sums it up", default="unhealthy", choices=SUMMARIES),
    ),
    needs="fabric.health_mask",
    changes=(*(condition(name) for name in CONDITIONS), put("fabric.health_summary", summary)),
)
