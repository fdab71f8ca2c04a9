"""The elements of `nvidia-smi -q` (mocknvml.smi.elements), as captures are compared by them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from mocknvml.smi import elements, kinds
from mocknvml.smi.elements.shape import Element, Section
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal, is_of, nvml, version_of

REFUSED = kinds.NOT_AVAILABLE

# Names of other drivers, by the start of the path: the value is compared under one name.
RENAMED = {
    "clocks_throttle_reasons/clocks_throttle_reason": "clocks_event_reasons/clocks_event_reason",
    "power_readings/power_limit": "gpu_power_readings/requested_power_limit",
    "power_readings/enforced_power_limit": "gpu_power_readings/current_power_limit",
    "power_readings/power_management": "power_readings/power_management",
    "power_readings/": "gpu_power_readings/",
    "gpu_power_readings/gpu_ceiling_power_limit/": "gpu_power_readings/",
    "platformInfo/chassis_physical_slot_number": "platformInfo/slot_number",
    "platformInfo/compute_slot_index": "platformInfo/tray_index",
    "platformInfo/node_index": "platformInfo/host_id",
    "platformInfo/module_id": "gpu_module_id",
}

# Readings that move, by the reason why: compared are that there is one, and that it makes sense.
VOLATILE = {
    "what the GPU does": (
        "performance_state",
        "gpu_power_readings/power_state",
        "module_power_readings/power_state",
        "utilization/",
        "encoder_stats/",
        "fbc_stats/",
        "clocks/",
        "clocks_event_reasons/",
        "voltage/",
    ),
    "the surroundings, and what the GPU does": (
        "fan_speed",
        "temperature/gpu_temp",
        "temperature/gpu_temp_tlimit",
        "temperature/memory_temp",
        *(
            f"{scope}_power_readings/{draw}_draw"
            for scope in ("gpu", "gpu_memory", "module")
            for draw in ("power", "average_power", "instant_power")
        ),
    ),
    "what programs have taken": (
        *(f"{kind}_memory_usage/{amount}" for kind in ("fb", "bar1", "cc_protected") for amount in ("used", "free")),
        "accounted_processes/accounted_process_info/max_memory_usage",
    ),
    "the load and the saving of power of the link": (
        "pci/pci_gpu_link_info/pcie_gen/current_link_gen",
        "pci/pci_gpu_link_info/pcie_gen/device_current_link_gen",
        "pci/pci_gpu_link_info/link_widths/current_link_width",
        "pci/tx_util",
        "pci/rx_util",
    ),
    "counters": (
        "inforom_time_data/time_run",
        "pci/replay_",
        "clocks_event_reasons_counters/",
        "ecc_errors/",
        "retired_pages/",
        "remapped_rows/remapped_row_",
        *(
            f"remapped_rows/row_remapper_histogram/row_remapper_histogram_{it}"
            for it in ("high", "partial", "low", "none")
        ),
    ),
    "the health of the fabric": ("fabric/state", "fabric/status", "fabric/health/"),
}

# Elements of subjects that are not modelled yet.
UNASKED = {
    "mig_devices|MIG Devices": "MIG devices",
    "accounted_processes|Accounted Processes": "accounting of processes",
    "power_smoothing|Power Smoothing": "power smoothing",
    "power_profiles|Workload Power Profiles": "workload power profiles",
    "GPU Power Readings/GPU Base Power": "the power scope of the GPU's base power",
    "Platform Info/RACK Serial Number": "the rack's GUID of nvmlPlatformInfo_v1_t",
}

# The greatest values that make sense.
MOST = {kinds.MHZ: 20000, kinds.CELSIUS: 120, kinds.PERCENT: 100, kinds.WATTS: 3000, kinds.WIDTH: 16, kinds.PSTATE: 15}


def _masked(text: str) -> str:
    return re.sub("[1-9A-Fa-f]", "1", text)


def _number(text: str) -> str:
    return f"{int(text, 16):X}"


# What of the printed text counts; of what tells one board from all others, of what form it is, not which.
READ_KIND: dict[kinds.Kind, Callable[[str], str]] = {
    kind: _number for kind in (kinds.HEX, kinds.HEX_BYTE, kinds.HEX_WORD, kinds.HEX_ID, kinds.HEX_DIGIT)
}
READ: dict[str, Callable[[str], str]] = {
    "serial": _masked,
    "uuid": _masked,
    "pdi": lambda text: _number(_masked(text)),
    "platformInfo/chassis_serial_number": _masked,
    "platformInfo/gpu_fabric_guid": lambda text: "given",  # zero is printed too
    "fabric/clusterUuid": _masked,
}


class Line(NamedTuple):
    """An element under the name by which it is compared, and its paths in XML and in text."""

    key: str
    xml: str
    text: str
    element: Element

    def read(self, printed: str) -> str:
        read = READ.get(self.key) or READ_KIND.get(self.element.kind, str)
        return printed if printed == REFUSED else read(printed)

    def answer(self, handle: Any) -> str:
        """What nvidia-smi would print, as far as it counts."""
        answer = self.element.ask(Gpu(0, handle))
        if not isinstance(answer, Refusal):
            return self.read(self.element.kind.show(answer))
        if answer.code in (NOT_SUPPORTED, nvml.NVML_ERROR_NOT_FOUND):
            return REFUSED
        raise nvml.NVMLError(answer.code)


def key_of(path: str) -> str:
    for start, name in RENAMED.items():
        if path.startswith(start):
            return name + path.removeprefix(start)
    return path


def is_reading(key: str) -> bool:
    return any(_covers(path, key) for paths in VOLATILE.values() for path in paths)


def readings(why: str, keys: set[str]) -> set[str]:
    return {key for key in keys if any(_covers(path, key) for path in VOLATILE[why])}


def _covers(path: str, key: str) -> bool:
    return key.startswith(path) if path.endswith(("/", "_")) else key == path


@cache
def lines(driver: str) -> tuple[Line, ...]:
    """The elements that a driver has, but for those that no call of nvml.h is behind."""
    found = (it for it in _items(elements.GPU, version_of(driver), "", "") if isinstance(it[2], Element))
    return tuple(Line(key_of(xml), xml, text, item) for xml, text, item in found if is_asked(item))


def is_asked(element: Element) -> bool:
    return hasattr(element.ask, "function") or getattr(element.ask, "public", None) is not None


# What the lists of the report are made of, in text.
_LISTED = {
    "Processes": "processes",
    **{
        f"Processes/{text}": f"processes/process_info/{xml}"
        for text, xml in (
            ("GPU instance ID", "gpu_instance_id"),
            ("Compute instance ID", "compute_instance_id"),
            ("Process ID", "pid"),
            ("Process ID/Type", "type"),
            ("Process ID/Name", "process_name"),
            ("Process ID/Used GPU Memory", "used_memory"),
        )
    },
}


@cache
def xml_of_text(driver: str) -> dict[str, str]:
    """The path in XML of each element that the driver's report has in text."""
    version = version_of(driver)
    items = (*_items(elements.SYSTEM, version, "", ""), *_items(elements.GPU, version, "", ""))
    return {"Timestamp": "timestamp", **{text: xml for xml, text, _ in items}, **_LISTED}


def paths(driver: str) -> set[str]:
    """Those of all elements of a driver, in XML and in text."""
    return {path for *both, _ in _items(elements.GPU, version_of(driver), "", "") for path in both}


def _items(table: Any, version: tuple[int, ...], xml: str, text: str) -> Iterator[tuple[str, str, Any]]:
    for it in table:
        if not is_of(version, it.drivers):
            continue
        path, label = xml + it.xml, text + it.text.strip()
        yield path, label, it
        if isinstance(it, Element):
            yield from _items(it.inner, version, xml, f"{label}/")
        elif isinstance(it, Section):
            yield from _items(it.elements, version, f"{path}/", f"{label}/" if it.text else text)


def number(text: str) -> float | None:
    found = re.search(r"-?\d+(\.\d+)?", text)
    return float(found[0]) if found else None
