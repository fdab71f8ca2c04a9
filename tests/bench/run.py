"""`make bench`: the library beside one whose functions only return 0; docs/performance.md tells what is measured."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mocknvml import Node
from mocknvml.codegen import header
from mocknvml.codegen.build import FLAGS, TIMEOUT, zig
from mocknvml.codegen.shapes import EXTRA_PROTOTYPES
from mocknvml.state.native import LIBRARY_FOLDER

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "bench"
PAGE = ROOT / "docs" / "performance.md"
START, END = "<!-- Written by run.py --write: -->\n", "<!-- End of what it writes. -->"

MOCK = LIBRARY_FOLDER / "libnvidia-ml.so.1"
EMPTY = WORK / "libnvidia-ml.so.1"
BENCH = WORK / "bench"

CALL_BOUND, MEAN_BOUND, FIELDS_BOUND, LOAD_BOUND, WRAPPER_BOUND = 8.0, 4.0, 25.0, 3.0, 12.0
LOADS = 300
WRAPPED = 20


@dataclass(frozen=True)
class Result:
    name: str  # ex) GetTemperature
    mock: float  # nanoseconds
    empty: float
    bound: float  # of the ratio

    @property
    def ratio(self) -> float:
        return self.mock / self.empty


def empty_source(model: header.Header) -> str:
    """Every function of the header as `return 0`."""
    functions = (f"EXPORT {function.prototype}\n{{\n    return 0;\n}}\n" for function in model.functions.values())
    export = '#define EXPORT __attribute__((visibility("default")))\n'
    return "\n".join(["#include <nvml.h>", EXTRA_PROTOTYPES, export, *functions])


def build() -> None:
    """The empty library and the harness, with the compiler and the flags of the library."""
    WORK.mkdir(parents=True, exist_ok=True)
    os.environ["ZIG_GLOBAL_CACHE_DIR"] = os.environ["ZIG_LOCAL_CACHE_DIR"] = str(WORK / "zig")
    compiler = zig(platform.machine())
    source = WORK / "empty.c"
    source.write_text(empty_source(header.load(compiler)), encoding="utf-8")
    command = [*compiler, *FLAGS, f"-I{header.include_folder()}"]
    library = [*command, "-shared", "-s", f"-Wl,-soname,{EMPTY.name}", str(source), "-o", str(EMPTY)]
    subprocess.run(library, check=True, timeout=TIMEOUT)
    subprocess.run([*command, str(HERE / "bench.c"), "-ldl", "-o", str(BENCH)], check=True, timeout=TIMEOUT)


def harness(*arguments: str | Path, node: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    if node:
        environment["MOCK_NVML_NODE"] = str(node)
    return subprocess.run([BENCH, *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


def measure_calls() -> list[Result]:
    path = WORK / "node"
    with Node.create(path) as node:
        node.gpus[1].set("processes.running", [{"pid": 4242, "contexts": 1, "memory": "1 GiB", "name": "python"}])
    results = []
    for line in harness("calls", MOCK, EMPTY, node=path).splitlines():
        name, mock, empty = line.split("\t")
        bound = FIELDS_BOUND if name.startswith("GetFieldValues") else CALL_BOUND
        results.append(Result(name, float(mock), float(empty), bound))
    return results


def measure_load() -> Result:
    times: dict[Path, list[int]] = {MOCK: [], EMPTY: []}
    for _ in range(LOADS):
        for library, taken in times.items():
            taken.append(int(harness("load", library)))
    return Result("dlopen + nvmlInit_v2", min(times[MOCK]), min(times[EMPTY]), LOAD_BOUND)


def measure_wrapper() -> Result:
    """`mocknvml run` around a command that does nothing, beside a Python that does nothing."""
    wrapper = [str(Path(sys.executable).with_name("mocknvml")), "run", "--profile", "t4", "--gpus", "1", "--", "true"]
    times: tuple[list[int], list[int]] = ([], [])
    for _ in range(WRAPPED):
        for command, taken in zip((wrapper, [sys.executable, "-c", "pass"]), times, strict=True):
            start = time.perf_counter_ns()
            subprocess.run(command, check=True)
            taken.append(time.perf_counter_ns() - start)
    return Result("mocknvml run (beside python -c pass)", min(times[0]), min(times[1]), WRAPPER_BOUND)


def table(results: list[Result], mean: float) -> str:
    """The results in Markdown, aligned for a terminal too."""
    rows: list[tuple[str, ...]] = [
        ("", "mock, ns", "empty, ns", "ratio", "bound", "holds"),
        *((r.name, f"{r.mock:.1f}", f"{r.empty:.1f}", *judged(r.ratio, r.bound)) for r in results),
        ("geometric mean of all Get calls but GetFieldValues", "", "", *judged(mean, MEAN_BOUND)),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ("-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])))
    form = " | ".join(f"{{:{'>' if column else '<'}{width}}}" for column, width in enumerate(widths))
    return "".join(f"| {form.format(*row)} |\n" for row in rows)


def judged(ratio: float, bound: float) -> tuple[str, str, str]:
    return f"{ratio:.1f}", f"{bound:.0f}", "yes" if ratio <= bound else "NO"


def write_page(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(START)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)} too")
    args = parser.parse_args()
    build()
    calls = measure_calls()
    results = [*calls, measure_load(), measure_wrapper()]
    mean = statistics.geometric_mean([result.ratio for result in calls if result.bound == CALL_BOUND])
    text = table(results, mean)
    print(text, end="")
    if args.write:
        write_page(text)
    return 0 if mean <= MEAN_BOUND and all(result.ratio <= result.bound for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
