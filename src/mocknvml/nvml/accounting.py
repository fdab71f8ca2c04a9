"""Accounting: what processes used of a GPU over their lifetime, kept by the driver while the mode is on.

`ended` lists processes that have ended; those of `processes.running` are accounted for as long as they run.
"""

from mocknvml.nvml.modes import Modes
from mocknvml.table import CLEARED, Block, Record, getter, member, native, records


class AccountedProcess(Record):
    pid = member("u32")
    gpu = member("u32", "%")  # utilization over its lifetime
    memory_utilization = member("u32", "%")
    memory_max = member("u64", "B")
    time = member("u64", "ms")  # that its compute context was active
    start = member("u64", "us")  # since 1970


class Accounting(Block):
    ended = records(AccountedProcess, capacity=64, reset=CLEARED)


FUNCTIONS = (
    getter("nvmlDeviceGetAccountingMode", Modes.accounting),
    getter("nvmlDeviceGetAccountingBufferSize", Modes.accounting_buffer),
    native("nvmlDeviceGetAccountingPids", "accounting.c"),
    native("nvmlDeviceGetAccountingStats", "accounting.c"),
    native("nvmlDeviceGetAccountingStats_v2", "accounting.c"),
    native("nvmlDeviceSetAccountingMode", "accounting.c"),
    native("nvmlDeviceClearAccountingPids", "accounting.c"),
)
