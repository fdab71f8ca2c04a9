"""A fan whose speed the driver cannot read: nvidia-smi shows ERR! in the table and [Unknown Error] in queries.

Seen by NVIDIA/open-gpu-kernel-modules, issue 1193 (RTX 2080 Super), enkore/i3pystatus, pull request 850, and
Undertrey/FarmWatchBot, issue 10 ("unable to get fan speed - Unknown Error (999)").
"""

from mocknvml.faults.common import UNKNOWN
from mocknvml.faults.vocabulary import ALL, Fault, Parameter, fail

FAULT = Fault(
    name="fan-failure",
    summary="A fan has failed: its speed answers Unknown Error.",
    source="NVIDIA/open-gpu-kernel-modules issue 1193; enkore/i3pystatus PR 850; Undertrey/FarmWatchBot issue 10",
    parameters=(Parameter("fan", "which fan", default=ALL, high=3, all=True),),
    needs="fans.speed.{fan}",
    changes=(fail("fans.speed.{fan}", UNKNOWN), fail("fans.rpm.{fan}", UNKNOWN)),
)
