"""A user who may not open the device files.

Processes that have initialised before go on.
"""

from mocknvml.faults.calls import INIT
from mocknvml.faults.vocabulary import Fault, Rule

FAULT = Fault(
    name="no-permission",
    summary="The user may not talk to the driver: NVML does not initialise.",
    source='nvml.h, nvmlInit_v2: NO_PERMISSION "if NVML does not have permission to talk to the driver"',
    scope="node",
    rules=(Rule(INIT, {"code": "NO_PERMISSION"}),),
)
