"""Extracts the facts of captures of `nvidia-smi -q` into expected.json: `python -m tests.conformance.extract FOLDER`.

The captures belong to those who made them; what a board answers is a fact, and stands in expected.json. In what
tells one board from all others (serial numbers, UUIDs), every digit but 0 is a 1 there. A capture is taken if it is of
a whole GPU on Linux; the others are listed in EXCLUDED with the reason.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.conformance import smi
from tests.conformance.lines import REFUSED, Line, lines

EXPECTED = Path(__file__).with_name("expected.json")
EXCLUDED = {
    "-mig.": "MIG is on: its devices are not modelled yet",
    "-win.": "Windows: another driver model",
    "grid-": "the guest of a vGPU",
    "-laptop.": "a laptop's chip, which is no board of ours",
    "rtx3080.driver536.40.xml": "Windows: another driver model (536.40 is a release for it)",
    "t4.driver512.78.xml": "Windows: another driver model (512.78 is a release for it)",
    "a100-sxm4-80gb.driver535.54.03.xml": "MIG is on: its devices are not modelled yet",
}
# Neither a value nor a refusal of the board: what the driver no longer tells, and what the publisher masked.
UNTOLD = ("Requested functionality has been deprecated", "[REDACTED]", "REDACTED")


def excluded(name: str) -> str | None:
    return next((reason for part, reason in EXCLUDED.items() if part in name), None)


def is_log(path: Path) -> bool:
    """Whether the file holds what `nvidia-smi -q` prints."""
    return path.suffix == ".xml" or path.name.endswith(("smi-q.txt", "multi.txt"))


def fact(line: Line, printed: dict[str, str]) -> str | None:
    """What a capture says of an element; None where it says nothing."""
    text = next((printed[path] for path in (line.xml, line.text) if path in printed), None)
    if text is None or text in UNTOLD:
        return None
    if text == REFUSED or text.startswith("Insufficient") or not text:
        return REFUSED
    return line.read(text)


def facts(path: Path) -> dict[str, Any]:
    """What one capture says of its first GPU, by element."""
    driver, gpus = smi.read(path)
    values = {line.key: text for line in lines(driver) if (text := fact(line, gpus[0])) is not None}
    return {"driver": driver, "values": values}


def extract(folder: Path) -> dict[str, Any]:
    logs = sorted(path for path in folder.iterdir() if is_log(path))
    return {path.name: facts(path) for path in logs if not excluded(path.name)}


if __name__ == "__main__":
    EXPECTED.write_text(json.dumps(extract(Path(sys.argv[1])), indent=1, sort_keys=True) + "\n", encoding="utf-8")
