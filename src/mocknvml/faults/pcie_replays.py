"""A PCIe link on which packets are sent again and again."""

from mocknvml.faults.common import count, rate
from mocknvml.faults.vocabulary import Fault, add, grow

FAULT = Fault(
    name="pcie-replays",
    summary="A storm of PCIe replays.",
    source="nvml.h, nvmlDeviceGetPcieReplayCounter",
    parameters=(count("replays", default=1000), rate("replays")),
    needs="pcie.replays",
    changes=(add("pcie.replays", "count"), grow("pcie.replays", "rate")),
)
