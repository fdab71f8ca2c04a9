"""ECC modes and error counters."""

from mocknvml.table import (
    CLEARED,
    ROOT,
    Block,
    Cleared,
    Domain,
    Record,
    flag,
    getter,
    member,
    native,
    records,
    setter,
    u32,
    u64,
)

ErrorType = Domain.of("nvmlMemoryErrorType_t", "corrected", "uncorrected")
Counter = Domain.of("nvmlEccCounterType_t", "volatile", "aggregate")
Location = Domain.of(
    "nvmlMemoryLocation_t",
    *("l1_cache", "l2_cache", "dram", "register_file", "texture_memory", "texture_shm", "cbu", "sram"),
)


Source = Domain(("l2", "sm", "pcie", "microcontroller", "other"))
Cause = Domain(("single_bit", "double_bit"))
Availability = Domain(("max", "high", "partial", "low", "none"))


class RetiredPage(Record):
    """A page taken out of use; `cause` is an nvmlPageRetirementCause_t."""

    cause = member("u32")
    address = member("u64")
    time = member("u64", "s")  # since 1970: nvidia-smi reads the time stamp of nvmlDeviceGetRetiredPages_v2 as seconds


class SramError(Record):
    """An SRAM error that cannot be corrected: where, and how often."""

    unit = member("u32")
    location = member("u32")
    sublocation = member("u32")
    extlocation = member("u32")
    address = member("u32")
    parity = member("flag")
    count = member("u32")


class Ecc(Block):
    mode_pending = flag()
    mode = flag(reset=mode_pending)
    mode_default = flag()
    total = u64(per=(ErrorType, Counter), reset=Cleared("volatile"))
    location = u64(per=(ErrorType, Counter, Location), reset=Cleared("volatile"))
    retired = records(RetiredPage, capacity=64)
    retirement_pending = flag(reset=CLEARED)
    retirement_pending_for = flag(per=Cause, reset=CLEARED)


class Sram(Block):
    """SRAM errors of Ampere and newer; the sources add up to the uncorrected ones."""

    corrected = u64(per=Counter, reset=Cleared("volatile"))
    parity = u64(per=Counter, reset=Cleared("volatile"))
    sec_ded = u64(per=Counter, reset=Cleared("volatile"))
    source = u64(per=Source)
    threshold_exceeded = flag()
    unique = records(SramError, capacity=64)


class Remap(Block):
    """Row and bank remapping, and other repairs of memory. A row counts from its error on; a reset remaps it."""

    corrected = u32()
    uncorrected = u32()
    corrected_inactive = u32()
    uncorrected_inactive = u32()
    pending = flag(reset=CLEARED)
    failure = flag()
    banks = u32(per=Availability)
    bank_active = u32()
    bank_inactive = u32()
    bank_pending = flag(reset=CLEARED)
    bank_spare_groups = u32()
    bank_no_spare_groups = u32()
    channel_repair_pending = flag(reset=CLEARED)
    tpc_repair_pending = flag(reset=CLEARED)
    unrepairable = flag()


FUNCTIONS = (
    getter("nvmlDeviceGetEccMode", current=Ecc.mode, pending=Ecc.mode_pending),
    setter("nvmlDeviceSetEccMode", Ecc.mode_pending, needs=ROOT),
    getter("nvmlDeviceGetDefaultEccMode", Ecc.mode_default),
    # Errors are counted while ECC is enabled: nvml.h, and nvidia-smi -q of an RTX 4090 without it.
    getter("nvmlDeviceGetTotalEccErrors", Ecc.total.by("errorType", "counterType"), supported=Ecc.mode),
    getter(
        "nvmlDeviceGetMemoryErrorCounter",
        Ecc.location.by("errorType", "counterType", "locationType"),
        supported=Ecc.mode,
    ),
    native("nvmlDeviceGetDetailedEccErrors", "ecc.c"),
    getter(
        "nvmlDeviceGetSramEccErrorStatus",
        supported=Ecc.mode,
        aggregateUncParity=Sram.parity.at("aggregate"),
        aggregateUncSecDed=Sram.sec_ded.at("aggregate"),
        aggregateCor=Sram.corrected.at("aggregate"),
        volatileUncParity=Sram.parity.at("volatile"),
        volatileUncSecDed=Sram.sec_ded.at("volatile"),
        volatileCor=Sram.corrected.at("volatile"),
        aggregateUncBucketL2=Sram.source.at("l2"),
        aggregateUncBucketSm=Sram.source.at("sm"),
        aggregateUncBucketPcie=Sram.source.at("pcie"),
        aggregateUncBucketMcu=Sram.source.at("microcontroller"),
        aggregateUncBucketOther=Sram.source.at("other"),
        bThresholdExceeded=Sram.threshold_exceeded,
    ),
    native("nvmlDeviceClearEccErrorCounts", "ecc_clear.c"),
    native("nvmlDeviceGetSramUniqueUncorrectedEccErrorCounts", "ecc.c"),
    native("nvmlDeviceGetRetiredPages", "ecc.c"),
    native("nvmlDeviceGetRetiredPages_v2", "ecc.c"),
    getter("nvmlDeviceGetRetiredPagesPendingStatus", Ecc.retirement_pending),
    getter(
        "nvmlDeviceGetRemappedRows",
        corrRows=Remap.corrected,
        uncRows=Remap.uncorrected,
        isPending=Remap.pending,
        failureOccurred=Remap.failure,
    ),
    getter(
        "nvmlDeviceGetRemappedRows_v2",
        corrActiveRemaps=Remap.corrected,
        corrInactiveRemaps=Remap.corrected_inactive,
        uncActiveRemaps=Remap.uncorrected,
        uncInactiveRemaps=Remap.uncorrected_inactive,
        bPending=Remap.pending,
        bFailureOccurred=Remap.failure,
    ),
    getter(
        "nvmlDeviceGetRowRemapperHistogram",
        max=Remap.banks.at("max"),
        high=Remap.banks.at("high"),
        partial=Remap.banks.at("partial"),
        low=Remap.banks.at("low"),
        none=Remap.banks.at("none"),
    ),
    getter(
        "nvmlDeviceGetBankRemapperStatus_v1",
        activeRemappings=Remap.bank_active,
        inactiveRemappings=Remap.bank_inactive,
        bPending=Remap.bank_pending,
        **{
            "histogram.maxSpareGroupCount": Remap.bank_spare_groups,
            "histogram.noSpareGroupCount": Remap.bank_no_spare_groups,
        },
    ),
    getter(
        "nvmlDeviceGetRepairStatus",
        bChannelRepairPending=Remap.channel_repair_pending,
        bTpcRepairPending=Remap.tpc_repair_pending,
    ),
    getter("nvmlDeviceGetUnrepairableMemoryFlag_v1", bUnrepairableMemory=Remap.unrepairable),
)
