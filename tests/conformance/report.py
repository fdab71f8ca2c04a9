"""Compares what captures print with what the library answers: `python -m tests.conformance.report FOLDER`.

Facts of a board are compared as printed; of settings and readings, only that there is one where the capture has one.
"""

import ctypes
import os
import sys
import tempfile
from pathlib import Path

import pynvml as n

import mocknvml
from mocknvml import Node
from tests.conformance import smi
from tests.conformance.calls import LISTED, REFUSED, Element
from tests.conformance.extract import excluded, is_log
from tests.conformance.lines import SETTINGS, STATIC, VOLATILE
from tests.conformance.test_captures import board_of

UNTOLD = ("Requested functionality has been deprecated", "[REDACTED]")
LISTS = ("supported_clocks", "processes", "remapped_rows")  # not one value


def compare(line: Element, printed: str, gpu: object, exact: bool) -> str | None:
    """What differs, if anything does."""
    answer = line.answer(gpu)
    wanted = (
        REFUSED
        if printed == REFUSED or printed.startswith("Insufficient") or (not printed and line.kind is not LISTED)
        else line.kind.read(printed)
    )
    if answer == wanted or (not exact and (answer == REFUSED) == (wanted == REFUSED)):
        return None
    return f"{line.key}: {answer}, on the real one {wanted}"


def differing(log: Path) -> tuple[int, list[str]]:
    driver, gpus = smi.read(log)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MOCK_NVML_NODE"] = f"{folder}/node"
        Node.create(f"{folder}/node", profile=board_of(log.name), gpus=1, driver=driver).close()
        n.nvmlInit()
        gpu, found = n.nvmlDeviceGetHandleByIndex(0), []
        for line in (*STATIC, *SETTINGS, *(line for lines in VOLATILE.values() for line in lines)):
            printed = next((gpus[0][path] for path in (*line.xml, *line.text) if path in gpus[0]), None)
            if printed is not None and printed not in UNTOLD and line.key not in LISTS:
                found.append(compare(line, printed, gpu, line in STATIC))
        n.nvmlShutdown()
    return len(found), [difference for difference in found if difference]


if __name__ == "__main__":
    ctypes.CDLL(str(Path(mocknvml.__file__).parent / "lib" / "libnvidia-ml.so.1"))
    for log in sorted(path for path in Path(sys.argv[1]).iterdir() if is_log(path) and not excluded(path.name)):
        compared, differences = differing(log)
        print(f"{log.name}: {compared - len(differences)} agree, {len(differences)} differ")
        for difference in differences:
            print(f"    {difference}")
