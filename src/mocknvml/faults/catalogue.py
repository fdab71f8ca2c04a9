"""All faults, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mocknvml.errors import UnknownKey
from mocknvml.faults import (
    driver_mismatch,
    ecc_correctable,
    ecc_uncorrectable,
    fabric_unhealthy,
    fallen_off_the_bus,
    fan_failure,
    hang,
    lost,
    memory_leak,
    no_driver,
    no_gpu,
    no_permission,
    nvlink_down,
    nvlink_errors,
    pcie_downtrain,
    pcie_replays,
    power_brake,
    power_throttle,
    reset_required,
    retired_page,
    return_code,
    row_remap_failure,
    row_remap_pending,
    slow,
    thermal_throttle,
    xid,
    zombie_process,
)
from mocknvml.faults.vocabulary import Change, Fault
from mocknvml.state.values import did_you_mean

FAULTS: Final[Mapping[str, Fault]] = {
    fault.name: fault
    for fault in (
        xid.FAULT,
        lost.FAULT,
        fallen_off_the_bus.FAULT,
        reset_required.FAULT,
        ecc_correctable.FAULT,
        ecc_uncorrectable.FAULT,
        row_remap_pending.FAULT,
        row_remap_failure.FAULT,
        retired_page.FAULT,
        thermal_throttle.FAULT,
        power_throttle.FAULT,
        power_brake.FAULT,
        nvlink_down.FAULT,
        nvlink_errors.FAULT,
        fabric_unhealthy.FAULT,
        pcie_downtrain.FAULT,
        pcie_replays.FAULT,
        fan_failure.FAULT,
        memory_leak.FAULT,
        zombie_process.FAULT,
        hang.FAULT,
        slow.FAULT,
        no_driver.FAULT,
        driver_mismatch.FAULT,
        no_permission.FAULT,
        no_gpu.FAULT,
        return_code.FAULT,
    )
}


def named(name: str) -> Fault:
    if name not in FAULTS:
        raise UnknownKey(f"{name}: no such fault{did_you_mean(name, FAULTS)}; `mocknvml faults` lists them")
    return FAULTS[name]


def changes_of(name: str) -> tuple[Change, ...]:
    """None of a fault that only a damaged node tells of."""
    return FAULTS[name].changes if name in FAULTS else ()
