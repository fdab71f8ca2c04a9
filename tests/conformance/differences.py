"""Where a board and its captures are known to differ, and why."""

from typing import NamedTuple


class Known(NamedTuple):
    """Elements that differ in the captures whose names hold one of the parts."""

    elements: tuple[str, ...]
    reason: str
    captures: tuple[str, ...] = ("",)


KNOWN = (
    Known(
        ("gpu_module_id",),
        "the place of a module on its baseboard: each GPU has another, so a board's profile has none",
        ("-sxm", "h100-nvl", "h200", "gb200"),
    ),
    Known(("pci/atomic_caps_",), "the host's root port decides", ("h100",)),
    Known(
        ("gpu_reset_status/drain_and_reset_recommended",),
        "driver 535 tells it of the H100 only",
        ("a10.driver535", "rtx4090.driver535"),
    ),
    Known(("pdi",), "each GPU has one of its own, so a board's profile has none"),
    Known(("inforom_bbx_flush/",), "the black box of a new node was never flushed"),
    Known(("platformInfo/",), "where the board stands in its rack", ("gb200",)),
    Known(
        ("gsp_firmware_version",),
        "an owner's choice: the kernel module was loaded without GSP firmware",
        ("l40s.driver550", "rtx3080.driver550", "rtx3090.driver525"),
    ),
    Known(("serial",), "this capture has no serial number, that of the other one is masked", ("rtx3080.driver550",)),
    Known(
        ("gpu_power_readings/instant_power_draw",),
        "only a capture under load prints it: no source of an idle value",
        ("l40s.driver595",),
    ),
)


def known(capture: str, key: str) -> str | None:
    """The reason of a difference."""
    for it in KNOWN:
        if key.startswith(it.elements) and any(part in capture for part in it.captures):
            return it.reason
    return None
