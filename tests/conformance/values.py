"""What nvidia-smi prints, as a value that a profile holds."""

import re

from tests.conformance.elements import Element

CHOICES = {
    "Ada Lovelace": "ada",
    "NVIDIA RTX": "nvidia_rtx",
    "Quadro RTX": "quadro_rtx",
    "Exclusive_Process": "exclusive_process",
    "E. Process": "exclusive_process",
}
REFUSED = ("N/A", "Not Found", "Not Supported", "Unknown Error", "")
# Neither a value nor a refusal of the board: what the driver no longer tells, and what the publisher masked.
UNTOLD = ("Requested functionality has been deprecated", "[REDACTED]")


def printed(element: Element, elements: dict[str, str]) -> str | None:
    """What is printed of an element; None where nothing is."""
    for path in (*element.xml, *element.text):
        if path in elements:
            return None if elements[path] in UNTOLD else elements[path]
    return None


def parse(element: Element, text: str) -> object:
    """The value as in YAML; None for what the board refuses."""
    if text.strip("[]") in REFUSED or text.startswith(("ERR", "Insufficient")):
        return None
    match element.kind:
        case "text":
            return text
        case "choice":
            return CHOICES.get(text, text.lower())
        case "enabled":
            return {"Enabled": True, "Disabled": False}[text]
        case "mode":
            return {"Enabled": 1, "Disabled": 0}[text]
        case "yes":
            return {"Yes": True, "No": False}[text]
        case "hex":
            return int(text, 16)
        case "number" | "banks" | "x" | "P":
            found = re.search(r"\d+", text)
            return int(found[0]) if found else None
        case unit:
            number = re.match(r"-?\d+(\.\d+)?", text)
            return f"{number[0].removesuffix('.00')} {unit}" if number else None
