"""Reads `nvidia-smi -q`, as XML or as text: what stands at each `memory/total` style path, as printed, in order."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

NOT_AVAILABLE = ("N/A", "Not Available")
Leaf = tuple[str, str]


class Report(NamedTuple):
    head: list[Leaf]
    gpus: list[list[Leaf]]


def parse(text: str) -> Report:
    if text.lstrip().startswith("<"):
        root = ElementTree.fromstring(text.strip())
        head = [child for child in root if child.tag != "gpu"]
        return Report(_leaves(head), [_leaves(gpu) for gpu in root.findall("gpu")])
    start = text.index("==============NVSMI LOG")
    log = re.split(r"^#{20,}", text[start:], maxsplit=1, flags=re.M)[0]
    head, *blocks = re.split(r"^GPU [0-9A-F]{8}:.*$", log, flags=re.M)
    return Report(_indented(head), [_indented(block) for block in blocks])


def read(path: Path) -> tuple[str, list[dict[str, str]]]:
    """Driver version, and the elements of each GPU, of those that are listed the first."""
    report = parse(path.read_text(encoding="utf-8", errors="replace"))
    head = dict(report.head)
    driver = head.get("driver_version") or head.get("Driver Version", "")
    return driver.partition(" ")[0], [dict(reversed(gpu)) for gpu in report.gpus]


def _leaves(elements: Iterable[ElementTree.Element], prefix: str = "") -> list[Leaf]:
    leaves = []
    for child in elements:
        path = f"{prefix}{child.tag}"
        leaves += _leaves(child, f"{path}/") if len(child) else [(path, (child.text or "").strip())]
    return leaves


def _indented(block: str) -> list[Leaf]:
    leaves: list[Leaf] = []
    parents: list[tuple[int, str]] = []
    for line in block.splitlines():
        match = re.match(r"^( *)([^:=]+?)\s*(?::\s(.*))?$", line)
        if match is None:
            continue
        depth, label, value = len(match[1]), match[2].strip(), match[3]
        while parents and parents[-1][0] >= depth:
            parents.pop()
        path = "/".join([*(name for _, name in parents), label])
        # "HW Slowdown : Active" has children of its own.
        parents.append((depth, label))
        if value is not None:
            leaves.append((path, value.strip()))
    return leaves
