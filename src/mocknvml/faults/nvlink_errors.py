"""Errors of NVLinks that are up, once and by the second."""

from mocknvml.faults.common import LINK, count, rate
from mocknvml.faults.vocabulary import Fault, Parameter, add, grow

COUNTERS = ("replay", "recovery", "crc_flit", "crc_data", "ecc_data")

FAULT = Fault(
    name="nvlink-errors",
    summary="NVLinks count errors.",
    source="nvml.h, nvmlNvLinkErrorCounter_t",
    parameters=(
        LINK,
        Parameter("counter", "which errors", default="crc_flit", choices=COUNTERS),
        count("errors"),
        rate("errors"),
    ),
    needs="nvlink.errors.{link}.{counter}",
    changes=(add("nvlink.errors.{link}.{counter}", "count"), grow("nvlink.errors.{link}.{counter}", "rate")),
)
