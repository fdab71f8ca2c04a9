"""`nvidia-smi --dtd`: the document type of the report in XML, from the elements that the driver has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mocknvml.smi import elements
from mocknvml.smi.elements.shape import Element, Listed
from mocknvml.smi.gpus import Version, driver, is_of
from mocknvml.smi.main import Call

TEXT = "#PCDATA"
Content = dict[str, str]  # how often each element is there, as DTDs say it: "", "?" or "*"

# What is listed (lists.py): the elements in their order, or a word in the place of some.
LISTS = {
    "mig_devices": f"{TEXT} mig_device",
    "mig_device": "index gpu_instance_id compute_instance_id device_attributes ecc_error_count fb_memory_usage "
    "bar1_memory_usage",
    "device_attributes": "shared",
    "shared": "multiprocessor_count copy_engine_count encoder_count decoder_count ofa_count jpg_count",
    "ecc_error_count": f"{TEXT} volatile_count",
    "volatile_count": "sram_uncorrectable",
    "retired_pagelist": f"{TEXT} retired_page",
    "retired_page": "retired_page_address retired_page_timestamp",
    "supported_clocks": f"{TEXT} supported_mem_clock",
    "supported_mem_clock": "value supported_graphics_clock*",
    "processes": f"{TEXT} process_info",
    "process_info": "gpu_instance_id compute_instance_id pid type process_name used_memory",
    "accounted_processes": f"{TEXT} accounted_process_info",
    "accounted_process_info": "pid gpu_util memory_util max_memory_usage time is_running",
}


def show(call: Call) -> int:
    call.out.write(document_type(driver()))
    return 0


def name_of(version: Version) -> str:
    return f"nvsmi_device_v{13 if version >= (580,) else 12 if version >= (525,) else 11}.dtd"


def document_type(version: Version) -> str:
    contents: dict[str, list[Content]] = {"nvidia_smi_log": [], "timestamp": [{TEXT: ""}], "error_string": [{TEXT: ""}]}
    system = _content(elements.SYSTEM, version, contents)
    # A GPU that does not even tell its address has an error in its place.
    contents["nvidia_smi_log"] = [{"timestamp": "", **system, "(gpu | error_string)": "*"}]
    contents["gpu"] = [_content(elements.GPU, version, contents)]
    for name, listed in LISTS.items():
        contents.setdefault(name, []).append({it.rstrip("*"): "*" if "*" in it else "" for it in listed.split()})
        for it in contents[name][-1]:
            if it != TEXT and it not in LISTS:
                contents.setdefault(it, [{TEXT: ""}])
    lines = [f"<!ELEMENT {name} {_declared(several)}>\n" for name, several in contents.items()]
    return f"<!-- {name_of(version)} -->\n{''.join(lines)}<!ATTLIST gpu id CDATA #REQUIRED>\n"


def _content(table: Sequence[Any], version: Version, contents: dict[str, list[Content]]) -> Content:
    """What elements a table of them gives; notes what each holds."""
    found: Content = {}
    for it in table:
        if not is_of(version, it.drivers):
            continue
        if it.xml:
            found[it.xml] = "?" if it.where is not None else ""
        if isinstance(it, Listed):
            continue
        held = contents.setdefault(it.xml, []) if it.xml else []
        if isinstance(it, Element):
            held.append({TEXT: ""})
            found |= _content(it.inner, version, contents)
        else:
            below = _content(it.elements, version, contents)
            held.append(below if it.folded is None else {TEXT: "", **below})
            found |= {} if it.xml else below
    return found


def _declared(several: Sequence[Content]) -> str:
    """One content for what may stand in several ways."""
    if any(TEXT in content for content in several):
        names = list(dict.fromkeys(name for content in several for name in content))
        return f"({TEXT})" if names == [TEXT] else f"({' | '.join(names)})*"
    ways: list[Content] = []
    for content in sorted(several, key=len, reverse=True):
        longer = next((way for way in ways if set(content) <= set(way)), None)
        if longer is None:
            ways.append(dict(content))
        else:
            longer.update({name: longer[name] or "?" for name in longer if name not in content})
    return f"({' | '.join(f'({_sequence(way)})' for way in ways)})" if ways[1:] else f"({_sequence(ways[0])})"


def _sequence(content: Content) -> str:
    return ", ".join(name + often for name, often in content.items())
