"""The page of coverage: of every function what it is, the fields behind it, and the tests that name it."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

from mocknvml.codegen.explain import describe
from mocknvml.codegen.plan import Plan
from mocknvml.state.layout import layout
from mocknvml.table.rows import Native, Refuses, Setter, Unmodelled

BODIES = Path(__file__).parents[1] / "native"
STATES = {
    "modelled": "answers from the fields of the node",
    "stateful": "writes the node: what it sets is answered afterwards, by every process",
    "refuses": "answers the code that a bare-metal driver answers",
    "unmodelled": "answers NOT_SUPPORTED: no public source describes what a driver does",
}


@cache
def _bodies(file: str) -> dict[str, str]:
    """The functions of a C file."""
    text = (BODIES / file).read_text(encoding="utf-8")
    # A macro stands for a field or a function, as a helper does.
    macros = dict(re.findall(r"^#define (\w+)(?:\([^)]*\))? +((?:.*\\\n)*.*)", text, re.M))
    return macros | dict(re.findall(r"^\w[^\n;#]*?\b(\w+)\([^;{}]*?\)\n(\{\n.*?^\})", text, re.M | re.S))


def _reached(row: Native) -> str:
    """The body of a native function and of what it calls in its file."""
    bodies, seen, todo = _bodies(row.file), set[str](), [f"native_{row.function}"]
    while todo:
        name = todo.pop()
        if name in bodies and name not in seen:
            seen.add(name)
            todo += re.findall(r"\w+", bodies[name])
    return "\n".join(bodies[name] for name in sorted(seen))


def state(plan: Plan) -> str:
    match plan.row:
        case Refuses():
            return "refuses"
        case Unmodelled():
            return "unmodelled"
        case Setter():
            return "stateful"
        case Native() as row if re.search(r"\bmock_(node_write|set_)", _reached(row)):
            return "stateful"
    return "modelled"


def fields(plan: Plan) -> list[str]:
    if isinstance(plan.row, Native):
        places = layout().gpu.places.keys() | layout().node.places.keys()
        return sorted(places & set(re.findall(r"[a-z]\w*(?:\.\w+)+", _reached(plan.row))))
    return list(dict.fromkeys(field["field"] for field in describe(plan)["fields"]))


def _tests(function: str, sources: dict[str, str]) -> list[str]:
    """Files that name the function, by its symbol or by what programs write for it."""
    named = re.compile(rf"\b(?:{function}|{re.sub(r'_v[0-9]+$', '', function)})\b")
    return [name for name, text in sources.items() if named.search(text)]


def coverage_page(plans: list[Plan], tests: Path, note: str) -> str:
    sources = {
        str(path.relative_to(tests)): path.read_text(encoding="utf-8")
        for path in sorted([*tests.rglob("*.py"), *tests.rglob("*.c")])
        if path.parent != tests / "unit" and "golden" not in path.parts  # they call no library
    }
    counts = Counter(state(plan) for plan in plans)
    lines = [note, "", "# Coverage", "", "| functions | are | which |", "|---|---|---|"]
    lines += [f"| {counts[name]} | {name} | {meaning} |" for name, meaning in STATES.items()]
    lines += [
        f"| {len(plans)} | exported | |",
        "",
        "Two tests are made from the table: `contracts/test_order.py` calls every function with NULL, bad handles, "
        "wrong versions and indices beyond their domain, and `functions/test_mutation.py` changes the fields behind "
        "each that is modelled or stateful and looks for the change in its answer. The last column has the files of "
        "`tests` that name the function besides.",
        "",
        "| function | state | fields | tests |",
        "|---|---|---|---|",
    ]
    for plan in sorted(plans, key=lambda plan: plan.function.name):
        row, name = plan.row, plan.function.name
        what = f"refuses: {row.code.removeprefix('NVML_ERROR_')}" if isinstance(row, Refuses) else state(plan)
        behind, proving = (", ".join(f"`{it}`" for it in listed) for listed in (fields(plan), _tests(name, sources)))
        lines.append(f"| `{name}` | {what} | {behind} | {proving} |")
    return "\n".join([*lines, ""])
