"""Event sets. No events occur yet: a wait lasts until its timeout."""

from mocknvml.table import Block, getter, native, u64


class Events(Block):
    supported = u64()  # nvmlEventType* bits


FUNCTIONS = (
    native("nvmlEventSetCreate", "events.c"),
    native("nvmlEventSetFree", "events.c"),
    native("nvmlEventSetWait", "events.c"),
    native("nvmlEventSetWait_v2", "events.c"),
    native("nvmlDeviceRegisterEvents", "events.c"),
    getter("nvmlDeviceGetSupportedEventTypes", Events.supported),
)
