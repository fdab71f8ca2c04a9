"""Calls that take long, in time of the host."""

from mocknvml.faults.calls import FUNCTION, WHICH, WHICH_ARGUMENTS
from mocknvml.faults.vocabulary import Fault, Parameter, Rule

FAULT = Fault(
    name="slow",
    summary="A function answers late.",
    source="NVIDIA/open-gpu-kernel-modules issue 446: with Xid 119, calls wait for 45 s each; how long is the user's",
    parameters=(
        FUNCTION,
        Parameter("delay", "how late, in time of the host", default="2 s", unit="ns", low=1, high=2**63),
        *WHICH,
    ),
    scope="any",
    rules=(Rule("{function}", {"delay": "{delay} ns", **WHICH_ARGUMENTS}),),
)
