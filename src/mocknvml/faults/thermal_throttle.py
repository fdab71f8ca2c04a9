"""Clocks that go down because the GPU is hot.

nvml.h: the hardware's slowdown reduces the core clocks by a factor of 2 or more, above the slowdown temperature; the
software's keeps the GPU below its maximal operating temperature. Hopper and newer give both as distances to T.Limit.
"""

from mocknvml.faults.common import CLOCK, HW_SLOWDOWN, HW_THERMAL, IDLE, SECOND, SW_THERMAL, clocks
from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Fault, Parameter, Parameters, bits, grow, put

HARDWARE, SOFTWARE = {"by": ("hardware",)}, {"by": ("software",)}
LIMITS = {"hardware": "slowdown", "software": "gpu_max"}


def distance(draft: Draft, parameters: Parameters) -> int | None:
    """How far the GPU is from T.Limit when it throttles."""
    return draft.value(f"thermal.{LIMITS[str(parameters['by'])]}_tlimit")


def temperature(draft: Draft, parameters: Parameters) -> int | None:
    """What the user says, else the limit: given as such, or as a distance."""
    given = draft.amount("temperature", parameters)
    if given is None:
        given = draft.value(f"thermal.threshold.{LIMITS[str(parameters['by'])]}")
    now, margin, limit = (
        draft.value("thermal.temperature.gpu"),
        draft.value("thermal.margin"),
        distance(draft, parameters),
    )
    if given is not None or now is None or margin is None or limit is None:
        return given
    return now + signed(margin) - signed(limit)


def signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


FAULT = Fault(
    name="thermal-throttle",
    summary="The GPU is hot and slows down.",
    source="nvml.h, nvmlClocksEventReasonSwThermalSlowdown, nvmlClocksThrottleReasonHwThermalSlowdown",
    parameters=(
        Parameter("by", "who slows it down", default="hardware", choices=("hardware", "software")),
        Parameter("temperature", "of the GPU meanwhile, by default its limit", unit="C", optional=True, high=200),
        CLOCK,
    ),
    needs="clocks.event_reasons",
    changes=(
        bits("clocks.event_reasons", HW_THERMAL | HW_SLOWDOWN, clear=IDLE, when=HARDWARE),
        bits("clocks.event_reasons", SW_THERMAL, clear=IDLE, when=SOFTWARE),
        put("thermal.temperature.gpu", temperature),
        put("thermal.margin", distance),
        *clocks(slowdown=True, when=HARDWARE),
        *clocks(slowdown=False, when=SOFTWARE),
        grow("clocks.event_time.hw_thermal", SECOND, when=HARDWARE),
        grow("clocks.event_time.sw_thermal", SECOND, when=SOFTWARE),
        grow("clocks.violation_time.thermal", SECOND),
    ),
)
