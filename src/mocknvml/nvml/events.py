"""Event sets. No events occur yet: a wait lasts until its timeout."""

from mocknvml.table import Block, getter, native, u64


class Events(Block):
    supported = u64()  # nvmlEventType* bits


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
    getter("nvmlDeviceGetSupportedEventTypes", Events.supported),
)
