"""`make bench`: the library beside one whose functions only return 0; docs/performance.md tells what is measured."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mocknvml.codegen import header
from mocknvml.codegen.build import FLAGS, NATIVE, SHARED, TIMEOUT, generate, zig
from mocknvml.codegen.shapes import EXTRA_PROTOTYPES
from mocknvml.state.native import LIBRARY_FOLDER

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
WORK = ROOT / "build" / "bench"
PAGE = ROOT / "docs" / "performance.md"
START, END = "<!-- Written by run.py --write: -->\n", "<!-- End of what it writes. -->"

MOCK = LIBRARY_FOLDER / "libnvidia-ml.so.1"
EMPTY = WORK / "libnvidia-ml.so.1"
BENCH, LIVE = WORK / "bench", WORK / "live"

CALL_BOUND, MEAN_BOUND, FIELDS_BOUND, LOAD_BOUND, WRAPPER_BOUND = 8.0, 4.0, 25.0, 3.0, 12.0
BASE_BOUND = 1.1
SEEN_LIMIT, WAKE_LIMIT, SETTER_LIMIT = 1_000, 1_000_000, 20_000  # nanoseconds
SMI_LIMIT = 250_000_000  # nanoseconds
LOADS = 300
WRAPPED = 20


@dataclass(frozen=True)
class Result:
    name: str  # ex) GetTemperature
    mock: float  # nanoseconds
    other: float  # nanoseconds of what it is compared with
    bound: float  # of the ratio
    limit: int | None = None  # in nanoseconds, instead of the bound

    @property
    def ratio(self) -> float:
        return self.mock / self.other

    @property
    def holds(self) -> bool:
        return self.mock <= self.limit if self.limit else self.ratio <= self.bound

    @property
    def row(self) -> tuple[str, ...]:
        bound = f"{self.limit} ns" if self.limit else f"{self.bound:g}"
        return self.name, f"{self.mock:.1f}", f"{self.other:.1f}", f"{self.ratio:.2f}", bound, answer(self.holds)


def answer(holds: bool) -> str:
    return "yes" if holds else "NO"


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
    generate(WORK / "generated", compiler)
    includes = [f"-I{WORK / 'generated'}", f"-I{NATIVE}"]
    sources = [str(HERE / "live.c"), *(str(NATIVE / name) for name in SHARED)]
    subprocess.run([*command, *includes, *sources, "-ldl", "-o", str(LIVE)], check=True, timeout=TIMEOUT)


def harness(*command: str | Path, node: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    if node:
        environment["MOCK_NVML_NODE"] = str(node)
    return subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout


# For any version of the package, whose files differ.
MAKE_NODE = """
import sys
from mocknvml import Node
with Node.create(sys.argv[1]) as node:
    node.gpus[1].set("processes.running", [{"pid": 4242, "contexts": 1, "memory": "1 GiB", "name": "python"}])
"""


def make_node(name: str, sources: Path = ROOT / "src") -> Path:
    """A node file of eight A100s, with a process on GPU 1, made by the package below a folder."""
    path = WORK / name
    environment = os.environ | {"PYTHONPATH": str(sources)}
    subprocess.run([sys.executable, "-c", MAKE_NODE, path], env=environment, check=True)
    return path


def measure_calls() -> list[Result]:
    results = []
    for line in harness(BENCH, "calls", MOCK, EMPTY, node=make_node("node")).splitlines():
        name, mock, empty = line.split("\t")
        bound = FIELDS_BOUND if name.startswith("GetFieldValues") else CALL_BOUND
        results.append(Result(name, float(mock), float(empty), bound))
    return results


def measure_base(ref: str) -> list[Result]:
    """The calls beside those of the library of another commit, which is built first."""
    folder = WORK / "base"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    archive = subprocess.run(["git", "archive", ref, "src"], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    sources = folder / "src"
    libraries = sources / "mocknvml" / "lib"
    build_it = [sys.executable, "-m", "mocknvml.codegen", "build", libraries]
    subprocess.run(build_it, env=os.environ | {"PYTHONPATH": str(sources)}, check=True, timeout=TIMEOUT)
    nodes = make_node("node"), make_node("base-node", sources)
    output = harness(BENCH, "base", MOCK, nodes[0], libraries / MOCK.name, nodes[1])
    split = (line.split("\t") for line in output.splitlines())
    return [Result(name, float(new), float(old), BASE_BOUND) for name, new, old in split]


def measure_live() -> list[Result]:
    """How soon a process sees a change or wakes for an event, and what a setter costs."""
    path = make_node("live-node")
    lines = harness(LIVE, path, MOCK, node=path).splitlines()
    limits = (SEEN_LIMIT, WAKE_LIMIT, SETTER_LIMIT)
    split = ((*line.split("\t"), limit) for line, limit in zip(lines, limits, strict=True))
    return [Result(name, float(mock), float(other), 0, limit) for name, mock, other, limit in split]


def measure_load() -> Result:
    times: dict[Path, list[int]] = {MOCK: [], EMPTY: []}
    for _ in range(LOADS):
        for library, taken in times.items():
            taken.append(int(harness(BENCH, "load", library)))
    return Result("dlopen + nvmlInit_v2", min(times[MOCK]), min(times[EMPTY]), LOAD_BOUND)


def beside_python(name: str, command: list[str], limit: int | None = None) -> Result:
    """A command beside a Python that does nothing: the best of some runs."""
    environment = os.environ | {"MOCK_NVML_NODE": str(make_node("node"))}
    times: tuple[list[int], list[int]] = ([], [])
    for _ in range(WRAPPED):
        for each, taken in zip((command, [sys.executable, "-c", "pass"]), times, strict=True):
            start = time.perf_counter_ns()
            subprocess.run(each, env=environment, check=True, stdout=subprocess.DEVNULL)
            taken.append(time.perf_counter_ns() - start)
    return Result(name, min(times[0]), min(times[1]), WRAPPER_BOUND, limit)


def measure_wrapper() -> Result:
    """`mocknvml run` around a command that does nothing."""
    wrapper = [str(Path(sys.executable).with_name("mocknvml")), "run", "--profile", "t4", "--gpus", "1", "--", "true"]
    return beside_python("mocknvml run (beside python -c pass)", wrapper)


def measure_smi() -> Result:
    """`mocknvml smi --query-gpu`, beside a Python that does nothing."""
    query = [str(Path(sys.executable).with_name("mocknvml")), "smi", "--query-gpu=index,name,memory.used,power.draw"]
    return beside_python("mocknvml smi --query-gpu (beside python -c pass)", [*query, "--format=csv"], SMI_LIMIT)


def table(results: list[Result], columns: tuple[str, str], *more: tuple[str, ...]) -> str:
    """The results in Markdown, aligned for a terminal too."""
    rows = [("", *columns, "ratio", "bound", "holds"), *(result.row for result in results), *more]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ("-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])))
    form = " | ".join(f"{{:{'>' if column else '<'}{width}}}" for column, width in enumerate(widths))
    return "".join(f"| {form.format(*row)} |\n" for row in rows)


def write_page(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(START)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{START}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.relative_to(ROOT)} too")
    parser.add_argument("--base", metavar="REF", help="compare with the library of this commit instead")
    args = parser.parse_args()
    build()
    if args.base:
        results = measure_base(args.base)
        print(table(results, ("now, ns", "then, ns")), end="")
        return 0 if all(result.holds for result in results) else 1
    calls = measure_calls()
    mean = statistics.geometric_mean([result.ratio for result in calls if result.bound == CALL_BOUND])
    average = ("geometric mean of all Get calls but GetFieldValues", "", "", f"{mean:.2f}", f"{MEAN_BOUND:g}")
    results = [*calls, measure_load(), measure_wrapper(), measure_smi()]
    live = measure_live()
    text = table(results, ("mock, ns", "empty, ns"), (*average, answer(mean <= MEAN_BOUND)))
    text += "\n" + table(live, ("median, ns", "beside, ns"))
    print(text, end="")
    if args.write:
        write_page(text)
    return 0 if mean <= MEAN_BOUND and all(result.holds for result in [*results, *live]) else 1


if __name__ == "__main__":
    sys.exit(main())
