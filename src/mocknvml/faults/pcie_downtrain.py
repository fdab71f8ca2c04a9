"""A PCIe link that runs slower or narrower than it could."""

from mocknvml.faults.common import at_most
from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Fault, Parameter, Parameters

SPEEDS = (2500, 5000, 8000, 16000, 32000, 64000)  # of generation 1 and on, in Mbps a lane: NVML_PCIE_LINK_MAX_SPEED_*


def speed(draft: Draft, parameters: Parameters) -> int:
    return SPEEDS[(draft.amount("generation", parameters) or 1) - 1]


FAULT = Fault(
    name="pcie-downtrain",
    summary="The PCIe link has trained to a lower generation or width.",
    source="nvml.h, nvmlDeviceGetCurrPcieLinkGeneration, nvmlDeviceGetCurrPcieLinkWidth, NVML_PCIE_LINK_MAX_SPEED_*",
    parameters=(
        Parameter("generation", "at most", default=1, low=1, high=len(SPEEDS)),
        Parameter("width", "how many lanes at most", default=8, low=1, high=32),
    ),
    needs="pcie.width",
    changes=(
        at_most("pcie.generation", "generation"),
        at_most("pcie.width", "width"),
        at_most("pcie.speed", speed),
    ),
)
