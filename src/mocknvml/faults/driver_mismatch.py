"""A library of another version than the kernel module, as after an update without a reboot.

Processes that have initialised before go on.
"""

from mocknvml.faults.calls import INIT
from mocknvml.faults.vocabulary import Fault, Rule

FAULT = Fault(
    name="driver-mismatch",
    summary="Driver and library are of different versions: NVML does not initialise.",
    source='nvml.h, nvmlInit_v2: LIB_RM_VERSION_MISMATCH "RM detects a driver/library version mismatch"',
    scope="node",
    rules=(Rule(INIT, {"code": "LIB_RM_VERSION_MISMATCH"}),),
)
