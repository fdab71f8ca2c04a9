"""ECC modes and error counters."""

from mocknvml.table import Block, Domain, flag, getter, u64

ErrorType = Domain.of("nvmlMemoryErrorType_t", "corrected", "uncorrected")
Counter = Domain.of("nvmlEccCounterType_t", "volatile", "aggregate")
Location = Domain.of(
    "nvmlMemoryLocation_t",
    *("l1_cache", "l2_cache", "dram", "register_file", "texture_memory", "texture_shm", "cbu", "sram"),
)


class Ecc(Block):
    mode = flag()
    mode_pending = flag()
    mode_default = flag()
    total = u64(per=(ErrorType, Counter))
    location = u64(per=(ErrorType, Counter, Location))


FUNCTIONS = (
    getter("nvmlDeviceGetEccMode", current=Ecc.mode, pending=Ecc.mode_pending),
    getter("nvmlDeviceGetDefaultEccMode", Ecc.mode_default),
    getter("nvmlDeviceGetTotalEccErrors", Ecc.total.by("errorType", "counterType")),
    getter("nvmlDeviceGetMemoryErrorCounter", Ecc.location.by("errorType", "counterType", "locationType")),
)
