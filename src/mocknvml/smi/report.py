"""`nvidia-smi -q`: the report, as text or as XML."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from mocknvml.smi import elements, units
from mocknvml.smi.dtd import document_type, name_of
from mocknvml.smi.elements.shape import Element, Item, Listed
from mocknvml.smi.gpus import Gpu, Problem, Refusal, Version, driver, is_of
from mocknvml.smi.main import Call
from mocknvml.smi.rows import Row, as_text, as_xml

WRONG = "Invalid combination of input arguments"
NO_BUS_ID = "Unable to determine the PCI bus id for the target device: "
# Of driver 610: what it says behind two versions.
RENAMED = " [Deprecated; will be removed in CUDA 14.0. Use {} instead]"


def rows_of(table: Sequence[Any], gpu: Gpu, version: Version) -> Iterator[Row]:
    """The rows of the elements that the driver has."""
    for it in table:
        if not is_of(version, it.drivers) or (it.where is not None and not it.where(gpu)):
            continue
        if isinstance(it, Element):
            yield _row(it, gpu, version)
        elif isinstance(it, Listed):
            found = it.rows(gpu)
            yield Row(it.xml, it.text, found) if isinstance(found, str) else Row(it.xml, it.text, None, found)
        else:
            folded = it.folded(gpu) if it.folded is not None else None
            if isinstance(folded, Refusal):
                yield Row(it.xml, it.text, str(folded))
            else:
                yield Row(it.xml, it.text, None, tuple(rows_of(it.elements, gpu, version)))


def _row(element: Element, gpu: Gpu, version: Version) -> Row:
    answer = element.ask(gpu)
    shown = str(answer) if isinstance(answer, Refusal) else element.kind.show(answer)
    inner = tuple(rows_of(element.inner, gpu, version))
    return Row(element.xml, element.text, shown, inner, element.kind.text_prefix)


def show(call: Call) -> int:
    if "--dtd" in call.options and "--xml-format" not in call.options:
        raise Problem(f"{WRONG}: Specify -x/--xml-format with the -q/--query and --dtd flags to embed DTD.\n", 2)
    if "--xml-format" in call.options and "--display" in call.options:
        raise Problem(f"{WRONG}: --display/-d flags can not be combined with -x/--xml-format flags.\n", 2)
    if "--unit" in call.options:
        return units.show(call)
    version = driver()
    parts = _parts(call.options.get("--display"), version)
    gpus = call.gpus
    if "--xml-format" in call.options:
        call.out.write('<?xml version="1.0" ?>\n')
        if "--dtd" in call.options:
            call.out.write(f"<!DOCTYPE nvidia_smi_log [\n{document_type(version)}\n]>\n")
        else:
            call.out.write(f'<!DOCTYPE nvidia_smi_log SYSTEM "{name_of(version)}">\n')
        return _xml(gpus, version, call.out)
    return _text(gpus, version, parts, call.out)


def _parts(given: str | None, version: Version) -> set[str] | None:
    """The parts of the report that -d names, if it is there: of those that the driver has."""
    if given is None:
        return None
    parts = {part for part in given.upper().split(",") if part}
    if parts - {part for it in elements.GPU if is_of(version, it.drivers) for part in it.parts.split()}:
        raise Problem("Failed to parse --display/-d flags\n", 2)
    return parts


def _head(gpus: Sequence[Gpu], version: Version) -> list[Row]:
    rows = [Row("timestamp", "Timestamp", time.strftime("%a %b %e %H:%M:%S %Y"))]
    for row in rows_of(elements.SYSTEM, gpus[0], version):
        instead = {"driver_version": "KMD Version", "cuda_version": "CUDA UMD Version"}.get(row.xml)
        deprecated = RENAMED.format(instead) if instead and version >= (610,) else ""
        rows.append(row._replace(value=f"{row.value}{deprecated}"))
    return rows


def _chosen(parts: set[str] | None) -> list[Item]:
    if parts is None:
        return [it for it in elements.GPU if it.whole]
    return [it for it in elements.GPU if parts & set(it.parts.split())]


def _text(gpus: Sequence[Gpu], version: Version, parts: set[str] | None, out: TextIO) -> int:
    width = 55 if version >= (580,) else 42
    *head, count = _head(gpus, version)
    out.write("\n==============NVSMI LOG==============\n\n")
    out.write("".join(as_text(head, 0, width)) + "\n" + "".join(as_text([count], 0, width)))
    status = 0
    for gpu in gpus:
        address = gpu.ask("GetPciInfo")
        if isinstance(address, Refusal):
            out.write(f"{NO_BUS_ID}{address}\n\n")
            status = address.code
            continue
        out.write(f"GPU {address.busId}\n")
        out.write("".join(as_text(rows_of(_chosen(parts), gpu, version), 1, width)) + "\n")
    return status


def _xml(gpus: Sequence[Gpu], version: Version, out: TextIO) -> int:
    out.write("<nvidia_smi_log>\n")
    out.write("".join(as_xml(_head(gpus, version), 1)))
    status = 0
    for gpu in gpus:
        address = gpu.ask("GetPciInfo")
        if isinstance(address, Refusal):
            out.write(f"\t<error_string>{NO_BUS_ID}{address}</error_string>\n\n")
            status = address.code
            continue
        out.write(f'\t<gpu id="{address.busId}">\n')
        out.write("".join(as_xml(rows_of(elements.GPU, gpu, version), 2)) + "\t</gpu>\n\n")
    out.write("</nvidia_smi_log>\n")
    return status
