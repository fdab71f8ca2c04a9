"""`--query-gpu=... --format=csv`, and the queries of what a GPU has several of."""

from __future__ import annotations

from typing import Any

from mocknvml.smi.fields import Fields, Read, of_gpu
from mocknvml.smi.gpus import Problem, Refusal
from mocknvml.smi.main import Call


def gpus(call: Call) -> int:
    """A row for each GPU."""
    fields, aliases = of_gpu()
    names, units, header = _chosen(call, "--query-gpu", fields, aliases)
    chosen = call.gpus
    if header:
        _write_header(call, names, fields)
    for gpu in chosen:
        _write_row(call, [(fields[name], gpu) for name in names], units)
    return 0


def items(call: Call) -> int:
    """Rows for what the GPUs have several of."""
    from mocknvml.smi.items import ITEMS, OWNER  # other queries start faster without

    query = next(name for name in ITEMS if name in call.options)
    kind = ITEMS[query]
    fields = OWNER | kind.fields
    names, units, header = _chosen(call, query, fields, kind.aliases)
    chosen = call.gpus
    if header:
        _write_header(call, names, fields)
    for gpu in chosen:
        for item in kind.list_them(gpu):
            _write_row(call, [(fields[name], item if name in kind.fields else gpu) for name in names], units)
    return 0


def _chosen(call: Call, query: str, fields: Fields, aliases: dict[str, str]) -> tuple[list[str], bool, bool]:
    """The fields, whether with units, and whether below a header."""
    if "--format" not in call.options:
        raise Problem("\"--format=\" switch is missing. Please run 'nvidia-smi -h' for help.\n\n", 2)
    formats = list(filter(None, call.options["--format"].split(",")))
    if not {"csv", "noheader", "nounits"}.issuperset(formats):
        raise Problem("Format modifier is not recognized.\n", 2)
    if "csv" not in formats:
        raise Problem("Format modifier --format=csv is mandatory.\n", 2)
    names = []
    for name in filter(None, call.options[query].split(",")):
        names.append(aliases.get(name, name))
        if names[-1] not in fields:
            raise Problem(f'Field "{name}" is not a valid field to query.\n\n', 2)
    return names, "nounits" not in formats, "noheader" not in formats and not call.round


def _write_header(call: Call, names: list[str], fields: Fields) -> None:
    units = (fields[name][0] for name in names)
    cells = (f"{name} [{unit}]" if unit else name for name, unit in zip(names, units, strict=True))
    call.out.write(", ".join(cells) + "\n")


def _write_row(call: Call, cells: list[tuple[tuple[str, Read], Any]], units: bool) -> None:
    texts = []
    for (unit, reader), whose in cells:
        value = reader(whose)
        if isinstance(value, Refusal):
            texts.append(f"[{value}]")
        else:
            texts.append(f"{value} {unit}" if unit and units else str(value))
    call.out.write(", ".join(texts) + "\n")
