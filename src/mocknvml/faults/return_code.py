"""Any return code for any function, of one GPU or of all."""

from mocknvml.faults.calls import FUNCTION, WHICH, WHICH_ARGUMENTS
from mocknvml.faults.vocabulary import Fault, Parameter, Rule

FAULT = Fault(
    name="return",
    summary="A function answers a return code, for one GPU or for all calls.",
    source="nvml.h, nvmlReturn_t; which code it is, is the user's",
    parameters=(
        FUNCTION,
        Parameter("code", "what it answers, such as TIMEOUT", kind="text", positional=True),
        *WHICH,
    ),
    scope="any",
    rules=(Rule("{function}", {"code": "{code}", **WHICH_ARGUMENTS}),),
)
