"""Errors that ECC corrects: counters grow, and nothing else happens."""

from mocknvml.faults.common import count, rate
from mocknvml.faults.vocabulary import Event, Fault, Parameter, add, grow

PLACES = ("dram", "sram", "l1_cache", "l2_cache", "register_file", "texture_memory")

FAULT = Fault(
    name="ecc-correctable",
    summary="A burst of memory errors that ECC corrects.",
    source='nvml.h, nvmlMemoryErrorType_t: "A memory error that was corrected", nvmlEccCounterType_t',
    parameters=(
        count("errors"),
        rate("errors"),
        Parameter("location", "where", default="dram", choices=PLACES),
    ),
    needs="ecc.total.corrected.volatile",
    on="ecc.mode",
    changes=(
        *(add(f"ecc.total.corrected.{counter}", "count") for counter in ("volatile", "aggregate")),
        *(grow(f"ecc.total.corrected.{counter}", "rate") for counter in ("volatile", "aggregate")),
        *(add(f"ecc.location.corrected.{counter}.{{location}}", "count") for counter in ("volatile", "aggregate")),
        *(grow(f"ecc.location.corrected.{counter}.{{location}}", "rate") for counter in ("volatile", "aggregate")),
        add("sram.corrected.volatile", "count", when={"location": ("sram",)}),
        add("sram.corrected.aggregate", "count", when={"location": ("sram",)}),
    ),
    events=(Event("single_bit_ecc_error"),),
)
