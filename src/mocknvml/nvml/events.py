"""Event sets. What raises events: Python; changes of a clock, the performance state, the power source, the recovery
action (`native/ring.c`); GPUs that are removed and discovered (`native/drain.c`)."""

from mocknvml.table import Block, flag, getter, native, u64


class EventTypes(Block):
    supported = u64()  # nvmlEventType* bits
    operational = flag()  # whether structured events can be registered


FUNCTIONS = (
    native("nvmlEventSetCreate", "events.c"),
    native("nvmlEventSetFree", "events.c"),
    native("nvmlEventSetWait", "events.c"),
    native("nvmlEventSetWait_v2", "events.c"),
    native("nvmlEventSetWait_v3", "events.c"),
    native("nvmlDeviceRegisterEvents", "events.c"),
    native("nvmlEventSetRegisterGpuOperationalEvents_v1", "events.c"),
    native("nvmlEventSetGetContextCount_v1", "events.c"),
    native("nvmlEventSetGetContextInfo_v1", "events.c"),
    native("nvmlEventSetGetContextData_v1", "events.c"),
    native("nvmlEventSetGetGpuOperationalEventContextLegacyXid_v1", "events.c"),
    native("nvmlSystemEventSetCreate", "events.c"),
    native("nvmlSystemEventSetFree", "events.c"),
    native("nvmlSystemRegisterEvents", "events.c"),
    native("nvmlSystemEventSetWait", "events.c"),
    getter("nvmlDeviceGetSupportedEventTypes", EventTypes.supported),
)
