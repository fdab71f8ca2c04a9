"""Clock frequencies, in MHz."""

from mocknvml.nvml.modes import Modes
from mocknvml.table import (
    CLEARED,
    ROOT,
    Block,
    Domain,
    Record,
    flag,
    getter,
    i32,
    member,
    native,
    records,
    setter,
    text,
    u32,
    u64,
)

ClockType = Domain.of("nvmlClockType_t", "graphics", "sm", "memory", "video")
Pstate = Domain.count(16)
# nvmlPerfPolicyType_t has a gap: 6 to 9 mean nothing.
Policy = Domain(
    (
        *("power", "thermal", "sync_boost", "board_limit", "low_utilization", "reliability", "6", "7", "8", "9"),
        *("total_app_clocks", "total_base_clocks"),
    ),
)
EventTime = Domain(("sw_thermal", "hw_thermal", "hw_power_brake"))


class ClockRange(Record):
    """Graphics clocks that go with a memory clock: from highest to lowest, by steps."""

    memory = member("u32", "MHz")
    highest = member("u32", "MHz")
    lowest = member("u32", "MHz")
    step = member("u32", "MHz")


class ClockFault(Record):
    """A clock domain, as its bit, and the faults that its monitor found."""

    domain = member("u32")
    faults = member("u32")


class Clocks(Block):
    current = u32("MHz", per=ClockType)
    max = u32("MHz", per=ClockType)
    application_default = u32("MHz", per=ClockType)
    application = u32("MHz", per=ClockType, reset=application_default)
    customer_boost_max = u32("MHz", per=ClockType)
    locked_min = u32("MHz", per=ClockType, reset=CLEARED)  # 0: not locked; or an nvmlClockLimitId_t
    locked_max = u32("MHz", per=ClockType, reset=CLEARED)
    unlimited = u32("MHz", per=ClockType)  # what `current` would be, where a lock or application clock moves it
    pstates = flag(per=Pstate)  # that the board has
    pstate_min = u32("MHz", per=(ClockType, Pstate))
    pstate_max = u32("MHz", per=(ClockType, Pstate))
    offset = i32("MHz", per=(ClockType, Pstate))
    offset_min = i32("MHz", per=(ClockType, Pstate))
    offset_max = i32("MHz", per=(ClockType, Pstate))
    supported = records(ClockRange, capacity=64)
    frequencies = text(256)  # "perf=0, nvclock=…", as nvmlDeviceGetCurrentClockFreqs gives it
    performance_modes = text(1024)
    adaptive = u32()
    auto_boost_default = flag()
    auto_boost = flag(reset=auto_boost_default)
    event_reasons = u64()  # nvmlClocksEventReason* bits, beside those that follow from limits in force
    event_reasons_supported = u64()
    monitor_faults = records(ClockFault, capacity=32)  # MAX_CLK_DOMAINS
    violation_time = u64("ns", per=Policy)
    event_time = u64("ns", per=EventTime)  # throttled; `violation_time` has the power cap and sync boost


FUNCTIONS = (
    getter("nvmlDeviceGetClockInfo", Clocks.current.by("type")),
    getter("nvmlDeviceGetMaxClockInfo", Clocks.max.by("type")),
    getter("nvmlDeviceGetApplicationsClock", Clocks.application.by("clockType")),
    getter("nvmlDeviceGetDefaultApplicationsClock", Clocks.application_default.by("clockType")),
    getter("nvmlDeviceGetMaxCustomerBoostClock", Clocks.customer_boost_max.by("clockType")),
    native("nvmlDeviceGetClock", "clocks.c"),
    native("nvmlDeviceGetSupportedMemoryClocks", "clocks.c"),
    native("nvmlDeviceGetSupportedGraphicsClocks", "clocks.c"),
    native("nvmlDeviceGetSupportedPerformanceStates", "pstates.c"),
    getter(
        "nvmlDeviceGetMinMaxClockOfPState",
        minClockMHz=Clocks.pstate_min.by("type", "pstate"),
        maxClockMHz=Clocks.pstate_max.by("type", "pstate"),
    ),
    getter(
        "nvmlDeviceGetClockOffsets",
        clockOffsetMHz=Clocks.offset.by("type", "pstate"),
        minClockOffsetMHz=Clocks.offset_min.by("type", "pstate"),
        maxClockOffsetMHz=Clocks.offset_max.by("type", "pstate"),
    ),
    getter("nvmlDeviceGetGpcClkVfOffset", Clocks.offset.at("graphics", "0")),
    getter("nvmlDeviceGetMemClkVfOffset", Clocks.offset.at("memory", "0")),
    getter(
        "nvmlDeviceGetGpcClkMinMaxVfOffset",
        minOffset=Clocks.offset_min.at("graphics", "0"),
        maxOffset=Clocks.offset_max.at("graphics", "0"),
    ),
    getter(
        "nvmlDeviceGetMemClkMinMaxVfOffset",
        minOffset=Clocks.offset_min.at("memory", "0"),
        maxOffset=Clocks.offset_max.at("memory", "0"),
    ),
    setter(
        "nvmlDeviceSetClockOffsets",
        clockOffsetMHz=Clocks.offset.by("type", "pstate"),
        within=(Clocks.offset_min.by("type", "pstate"), Clocks.offset_max.by("type", "pstate")),
        needs=ROOT,
    ),
    # Root: nvml.h says so once for all of its chapter "Device Commands".
    setter(
        "nvmlDeviceSetGpcClkVfOffset",
        Clocks.offset.at("graphics", "0"),
        within=(Clocks.offset_min.at("graphics", "0"), Clocks.offset_max.at("graphics", "0")),
        needs=ROOT,
    ),
    setter(
        "nvmlDeviceSetMemClkVfOffset",
        Clocks.offset.at("memory", "0"),
        within=(Clocks.offset_min.at("memory", "0"), Clocks.offset_max.at("memory", "0")),
        needs=ROOT,
    ),
    native("nvmlDeviceSetGpuLockedClocks", "set_clocks.c"),
    native("nvmlDeviceResetGpuLockedClocks", "set_clocks.c"),
    native("nvmlDeviceSetMemoryLockedClocks", "set_clocks.c"),
    native("nvmlDeviceResetMemoryLockedClocks", "set_clocks.c"),
    native("nvmlDeviceSetApplicationsClocks", "set_clocks.c"),
    native("nvmlDeviceResetApplicationsClocks", "set_clocks.c"),
    getter("nvmlDeviceGetCurrentClockFreqs", str=Clocks.frequencies),
    getter("nvmlDeviceGetPerformanceModes", str=Clocks.performance_modes),
    getter("nvmlDeviceGetAdaptiveClockInfoStatus", Clocks.adaptive),
    getter(
        "nvmlDeviceGetAutoBoostedClocksEnabled",
        isEnabled=Clocks.auto_boost,
        defaultIsEnabled=Clocks.auto_boost_default,
    ),
    # nvml.h: non-root users may use it unless root has restricted it.
    setter(
        "nvmlDeviceSetAutoBoostedClocksEnabled",
        Clocks.auto_boost,
        needs=Modes.restricted.at("auto_boosted_clocks"),
    ),
    setter("nvmlDeviceSetDefaultAutoBoostedClocksEnabled", enabled=Clocks.auto_boost_default, needs=ROOT),
    native("nvmlDeviceGetClkMonStatus", "clocks.c"),
    native("nvmlDeviceGetCurrentClocksEventReasons", "clocks.c"),
    native("nvmlDeviceGetCurrentClocksThrottleReasons", "clocks.c"),
    getter("nvmlDeviceGetSupportedClocksEventReasons", Clocks.event_reasons_supported),
    getter("nvmlDeviceGetSupportedClocksThrottleReasons", Clocks.event_reasons_supported),
    native("nvmlDeviceGetViolationStatus", "clocks.c"),
)
