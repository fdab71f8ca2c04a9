"""Clock frequencies, in MHz."""

from mocknvml.table import Block, Domain, getter, u32

ClockType = Domain.of("nvmlClockType_t", "graphics", "sm", "memory", "video")


class Clocks(Block):
    current = u32("MHz", per=ClockType)
    max = u32("MHz", per=ClockType)
    application = u32("MHz", per=ClockType)
    application_default = u32("MHz", per=ClockType)
    customer_boost_max = u32("MHz", per=ClockType)


FUNCTIONS = (
    getter("nvmlDeviceGetClockInfo", Clocks.current.by("type")),
    getter("nvmlDeviceGetMaxClockInfo", Clocks.max.by("type")),
    getter("nvmlDeviceGetApplicationsClock", Clocks.application.by("clockType")),
    getter("nvmlDeviceGetDefaultApplicationsClock", Clocks.application_default.by("clockType")),
    getter("nvmlDeviceGetMaxCustomerBoostClock", Clocks.customer_boost_max.by("clockType")),
)
