"""GPUs at a glance, for `mocknvml status` and `mocknvml watch`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu

# By their names in JSON: the fields of a GPU, in their units.
FIELDS = {
    "temperature": "thermal.temperature.gpu",
    "power": "power.usage",
    "power_limit": "power.limit",
    "memory_used": "memory.used",
    "memory_total": "memory.total",
    "utilization": "utilization.gpu",
    "memory_utilization": "utilization.memory",
}
HEADINGS = ("GPU", "NAME", "BUS", "TEMP", "POWER", "MEMORY", "UTIL", "MEM", "UUID")
NONE = "-"


def describe(gpu: Gpu) -> dict[str, Any]:
    """A GPU in JSON: null for what it has not."""
    from mocknvml.state.layout import NOT_SUPPORTED

    keys = ("health.present", "pci.domain", "pci.bus", "pci.device", "identity.name", "identity.uuid", *FIELDS.values())
    health, domain, bus, device, name, uuid, *readings = gpu.read(*keys)
    parts = (domain.value, bus.value, device.value)
    address = "{:08X}:{:02X}:{:02X}.0".format(*parts) if None not in parts else None
    # The status of its presence stands before that of all else.
    error = None if health.code in (0, NOT_SUPPORTED) else health.text
    values = [None if error else reading.value for reading in readings]
    about = {"index": gpu.index, "name": name.value, "uuid": uuid.value, "bus_id": address, "error": error}
    return {**about, **dict(zip(FIELDS, values, strict=True))}


def table(gpus: Iterable[dict[str, Any]]) -> str:
    return columns([HEADINGS, *(_row(gpu) for gpu in gpus)])


def _row(gpu: dict[str, Any]) -> list[str]:
    def shown(name: str, unit: str, factor: int = 1) -> str:
        return NONE if gpu[name] is None else f"{round(gpu[name] / factor)}{unit}"

    return [
        str(gpu["index"]),
        f"{gpu['name'] or NONE}{' (' + gpu['error'] + ')' if gpu['error'] else ''}",
        gpu["bus_id"] or NONE,
        shown("temperature", " C"),
        f"{shown('power', '', 1000)} / {shown('power_limit', ' W', 1000)}",
        f"{shown('memory_used', '', 2**20)} / {shown('memory_total', ' MiB', 2**20)}",
        shown("utilization", " %"),
        shown("memory_utilization", " %"),
        gpu["uuid"] or NONE,
    ]


def printable(text: str) -> str:
    """Without what would move a terminal's cursor: texts of a node file may hold anything."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def columns(rows: Sequence[Sequence[str]]) -> str:
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
