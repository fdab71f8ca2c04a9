"""Clocks that go down because the GPU draws what its limit allows."""

from mocknvml.faults.common import CLOCK, IDLE, POWER_CAP, SECOND, clocks, value_of
from mocknvml.faults.vocabulary import Fault, bits, grow, put

LIMIT = value_of("power.limit")

FAULT = Fault(
    name="power-throttle",
    summary="The GPU draws what its power limit allows, and the software caps its clocks.",
    source="nvml.h, nvmlClocksEventReasonSwPowerCap: clocks optimized not to exceed the power limits",
    parameters=(CLOCK,),
    needs="clocks.event_reasons",
    changes=(
        bits("clocks.event_reasons", POWER_CAP, clear=IDLE),
        put("power.usage", LIMIT),
        put("power.instant", LIMIT),
        *clocks(slowdown=False),
        grow("clocks.violation_time.power", SECOND),
    ),
)
