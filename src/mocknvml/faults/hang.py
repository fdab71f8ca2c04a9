"""Calls that do not return until the fault is cleared."""

from mocknvml.faults.calls import FUNCTION, WHICH, WHICH_ARGUMENTS
from mocknvml.faults.vocabulary import Fault, Rule

FAULT = Fault(
    name="hang",
    summary="A function does not return until the fault is cleared.",
    source="which function hangs is the user's",
    parameters=(FUNCTION, *WHICH),
    scope="any",
    rules=(Rule("{function}", {"delay": "hang", **WHICH_ARGUMENTS}),),
)
