"""Clocks that go down because the machine's power supply asserts the brake."""

from mocknvml.faults.common import CLOCK, HW_SLOWDOWN, IDLE, POWER_BRAKE, SECOND, clocks
from mocknvml.faults.vocabulary import Fault, bits, grow

FAULT = Fault(
    name="power-brake",
    summary="The system's power supply asserts the power brake: the GPU slows down.",
    source="nvml.h, nvmlClocksThrottleReasonHwPowerBrakeSlowdown: an external power brake is asserted",
    parameters=(CLOCK,),
    needs="clocks.event_reasons",
    changes=(
        bits("clocks.event_reasons", POWER_BRAKE | HW_SLOWDOWN, clear=IDLE),
        *clocks(slowdown=True),
        grow("clocks.event_time.hw_power_brake", SECOND),
    ),
)
