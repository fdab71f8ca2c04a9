"""Reads `nvidia-smi -q`, as XML or as text, into a flat mapping: `memory/total` style path -> value as printed."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

NOT_AVAILABLE = ("N/A", "Not Available")


def read(path: Path) -> tuple[str, list[dict[str, str]]]:
    """Driver version, and the elements of each GPU."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".xml":
        root = ElementTree.fromstring(text)
        return root.findtext("driver_version", ""), [_flatten(gpu) for gpu in root.findall("gpu")]
    start = text.index("==============NVSMI LOG")
    log = re.split(r"^#{20,}", text[start:], maxsplit=1, flags=re.M)[0]
    driver = re.search(r"^Driver Version\s*:\s*(\S+)", log, re.M)
    blocks = re.split(r"^GPU [0-9A-F]{8}:.*$", log, flags=re.M)[1:]
    return driver[1] if driver else "", [_indented(block) for block in blocks]


def _flatten(element: ElementTree.Element, prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for child in element:
        path = f"{prefix}{child.tag}"
        if len(child):
            flat.update({key: value for key, value in _flatten(child, f"{path}/").items() if key not in flat})
        else:
            flat.setdefault(path, (child.text or "").strip())
    return flat


def _indented(block: str) -> dict[str, str]:
    flat: dict[str, str] = {}
    parents: list[tuple[int, str]] = []
    for line in block.splitlines():
        match = re.match(r"^( +)([^:]+?)\s*(?::\s(.*))?$", line)
        if match is None:
            continue
        depth, label, value = len(match[1]), match[2].strip(), match[3]
        while parents and parents[-1][0] >= depth:
            parents.pop()
        path = "/".join([*(name for _, name in parents), label])
        if value is None:
            parents.append((depth, label))
        else:
            flat.setdefault(path, value.strip())
            # "HW Slowdown : Active" has children of its own.
            parents.append((depth, label))
    return flat
