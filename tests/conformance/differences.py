"""Where a board and its captures are known to differ, and why."""

from typing import NamedTuple

# Elements whose values are not modelled yet.
COMING = {
    "field ids that nvmlDeviceGetFieldValues does not answer yet": (
        "gpu_reset_status/",
        "gpu_recovery_action",
        "edpp_multiplier",
        "pci/atomic_caps_",
        "clocks_event_reasons_counters/",
        "gpu_memory_power_readings/",
        "module_power_readings/",
    ),
}


class Known(NamedTuple):
    """A difference of captures whose names hold a part, on drivers up to a version."""

    elements: tuple[str, ...]
    reason: str
    captures: tuple[str, ...] = ("",)
    before: int = 9999  # the first major version of the driver that is as the board


KNOWN: tuple[Known, ...] = ()


def known(capture: str, driver: str, key: str) -> str | None:
    """The reason of a difference."""
    for it in KNOWN:
        if key.startswith(it.elements) and any(part in capture for part in it.captures):
            if int(driver.partition(".")[0]) < it.before:
                return it.reason
    return None
