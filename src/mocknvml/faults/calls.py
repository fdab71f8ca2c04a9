"""Parameters of the faults that let calls fail, which are those of rules."""

from typing import Final

from mocknvml.faults.vocabulary import Parameter

FUNCTION: Final = Parameter(
    "function", "as in nvml.h, or a pattern such as nvmlDeviceGet*", kind="text", positional=True
)
WHICH: Final = (
    Parameter("after", "how many calls pass first", default=0, high=2**63 - 1),
    Parameter("times", "on how many calls at most", low=1, high=2**63 - 1, optional=True),
    Parameter("every", "on each how manieth call", default=1, low=1, high=2**63 - 1),
    Parameter("probability", "of each call", default=1.0, kind="real", high=1),
    Parameter("seed", "of that probability", default=0, high=2**63 - 1),
)
WHICH_ARGUMENTS: Final = {parameter.name: f"{{{parameter.name}}}" for parameter in WHICH}
INIT: Final = "nvmlInit*"
