"""Errors that ECC cannot correct: counters grow, and the driver logs Xid 48.

SRAM errors of Ampere and newer are counted by how they were found and by the unit that has them, too.
"""

from mocknvml.faults.common import MEMORY_GUIDE, count
from mocknvml.faults.vocabulary import Event, Fault, Parameter, add

PLACES = ("dram", "sram", "l1_cache", "l2_cache", "register_file", "texture_memory", "cbu")
SRAM = {"location": ("sram",)}

FAULT = Fault(
    name="ecc-uncorrectable",
    summary="A burst of memory errors that ECC cannot correct, with Xid 48.",
    source=f"{MEMORY_GUIDE}, user visible statistics: Xid 48; nvml.h, nvmlEccSramErrorStatus_t",
    parameters=(
        count("errors"),
        Parameter("location", "where", default="dram", choices=PLACES),
        Parameter("found_by", "what finds an SRAM error", default="parity", choices=("parity", "sec_ded")),
        Parameter("unit", "where the SRAM is", default="l2", choices=("l2", "sm", "pcie", "microcontroller", "other")),
    ),
    needs="ecc.total.uncorrected.volatile",
    on="ecc.mode",
    changes=(
        *(add(f"ecc.total.uncorrected.{counter}", "count") for counter in ("volatile", "aggregate")),
        *(add(f"ecc.location.uncorrected.{counter}.{{location}}", "count") for counter in ("volatile", "aggregate")),
        *(add(f"sram.{{found_by}}.{counter}", "count", when=SRAM) for counter in ("volatile", "aggregate")),
        add("sram.source.{unit}", "count", when=SRAM),
    ),
    events=(Event("double_bit_ecc_error"), Event("xid", 48)),
)
