"""A node without a running driver.

Processes that have initialised before go on.
"""

from mocknvml.faults.calls import INIT
from mocknvml.faults.vocabulary import Fault, Rule

FAULT = Fault(
    name="no-driver",
    summary="The driver is not loaded: NVML does not initialise.",
    source='nvml.h, nvmlInit_v2: DRIVER_NOT_LOADED "if NVIDIA driver is not running"',
    scope="node",
    rules=(Rule(INIT, {"code": "DRIVER_NOT_LOADED"}),),
)
