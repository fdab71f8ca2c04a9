"""functions.c: one exported function per NVML function, in the order of the header, and the export map.

Locals end with an underscore, which no parameter of nvml.h does.
"""

from __future__ import annotations

from mocknvml.codegen.plan import LIVE_HANDLES, Bound, Output, Plan, Read
from mocknvml.codegen.shapes import EXTRA_PROTOTYPES, OPTIONAL, SIZE_QUERY_SUCCEEDS
from mocknvml.state.layout import layout, record_offsets
from mocknvml.table.blocks import Expression, Field, Number, Octets, Records, Text
from mocknvml.table.rows import ROOT, Finder, Getter, ListGetter, Native, Refuses, Setter

PRELUDE = """\
/* Generated from src/mocknvml/nvml by mocknvml.codegen, do not edit: each function names its row. */
#include "legacy.h"
#include "runtime.h"

#define MOCK_EXPORT __attribute__((visibility("default")))

static inline uint64_t minus(uint64_t total, uint64_t part)
{
    return total > part ? total - part : 0;
}
"""


class _Values:
    """The stored values that a function reads, each into one local variable."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, str]] = []  # (local, C statement that reads it)
        self._locals: dict[tuple[object, ...], str] = {}

    def any(self, value: Read | Expression) -> str:
        return self.number(value) if isinstance(value, Read) else self.expression(value)

    def number(self, read: Read, reader: str = "mock_number") -> str:
        signals = "MOCK_NODE_SIGNALS" if read.place.field.block.of_node else "MOCK_GPU_SIGNALS"
        return self._local(
            (reader, read.at, read.terms),
            "uint64_t",
            lambda name: f"{reader}(state_, {signals}, {read.offset}, &{name})",
        )

    def condition(self, value: Read | Expression) -> None:
        """A number that must not be 0."""
        assert isinstance(value, Read)
        signals = "MOCK_NODE_SIGNALS" if value.place.field.block.of_node else "MOCK_GPU_SIGNALS"
        self.reads.append(("", f"mock_supported(state_, {signals}, {value.at})"))

    def text(self, read: Read) -> str:
        field = read.place.field
        assert isinstance(field, Text)
        return self._local(
            ("text", read.at, read.terms),
            "struct mock_text",
            lambda name: f"mock_text(state_, {read.offset}, {field.size}, &{name})",
        )

    def octets(self, read: Read) -> str:
        field = read.place.field
        assert isinstance(field, Octets)
        return self._local(
            ("octets", read.at),
            "struct mock_text",
            lambda name: f"mock_octets(state_, {read.at}, {field.size}, &{name})",
        )

    def expression(self, value: Field | Expression) -> str:
        if isinstance(value, Field):
            if value.expression is not None:
                return self.expression(value.expression)
            return self.number(Read(layout().gpu.places[value.key], layout().gpu.places[value.key].offset, ()))
        if value.operator == "total":
            records = value.operands[0]
            assert isinstance(records, Records)
            offsets, words = record_offsets(records)
            at, member = layout().gpu.places[records.key].offset, offsets[value.member]
            return self._local(
                ("total", at, member),
                "uint64_t",
                lambda name: f"mock_records_total(state_, {at}, {records.capacity}, {words}, {member}, &{name})",
            )
        left, right = (self.expression(operand) for operand in value.operands)
        return f"({left} + {right})" if value.operator == "+" else f"minus({left}, {right})"

    def _local(self, key: tuple[object, ...], ctype: str, call: object) -> str:
        if key not in self._locals:
            name = f"v{len(self._locals)}_"
            self._locals[key] = name
            assert callable(call)
            self.reads.append((f"{ctype} {name};", call(name)))
        return self._locals[key]


def _entry(plan: Plan) -> list[str]:
    """The checks that every function begins with, in the order of runtime.h."""
    function, row = plan.function, plan.row
    lines = []
    if not (isinstance(row, Native) and row.before_init):
        lines += [
            "struct mock_node *node_ = mock_attached();",
            "if (node_ == NULL)",
            "    return NVML_ERROR_UNINITIALIZED;",
        ]
    gpus: list[str] = []
    for param in function.params:
        if not param.type.is_handle:
            continue
        if param.type.text == "nvmlDevice_t":
            name = f"gpu{len(gpus)}_" if gpus else "gpu_"
            gpus.append(name)
            lines += [
                f"struct mock_block *{name} = mock_gpu(node_, {param.name});",
                f"if ({name} == NULL)",
                "    return NVML_ERROR_INVALID_ARGUMENT;",
            ]
        elif known := LIVE_HANDLES.get(param.type.text):
            lines += [f"if (!{known}({param.name}))", "    return NVML_ERROR_INVALID_ARGUMENT;"]
        else:
            lines += [
                f"(void){param.name}; /* no {param.type.text} exists, so none is valid */",
                "return NVML_ERROR_INVALID_ARGUMENT;",
            ]
            return lines
    if plan.pointers:
        nulls = " || ".join(f"{name} == NULL" for name in plan.pointers)
        lines += [f"if ({nulls})", "    return NVML_ERROR_INVALID_ARGUMENT;"]
    for param, versions in plan.versioned:
        wrong = " && ".join(f"{param.name}->version != {version.macro}" for version in versions)
        lines += [f"if ({wrong})", f"    return {plan.mismatch};"]
    for bound in plan.bounds:
        lines += [f"if ({bound.expression} >= {bound.limit})", "    return NVML_ERROR_INVALID_ARGUMENT;"]
    if gpus and not isinstance(row, Getter | Setter | ListGetter):
        for name in gpus:
            lines += [
                f"nvmlReturn_t {name}state = mock_gpu_state({name});",
                f"if ({name}state != NVML_SUCCESS)",
                f"    return {name}state;",
            ]
    return lines


def _read(values: _Values, on_gpu: bool, bounds: tuple[Bound, ...] = ()) -> list[str]:
    """The latched section, which leaves the first error in `status_`."""
    block, words = ("gpu_", "MOCK_GPU_WORDS") if on_gpu else ("node_->block", "MOCK_NODE_WORDS")
    lines = ["const mock_word *state_;", "nvmlReturn_t status_ = NVML_SUCCESS;"]
    lines += [declaration for declaration, _ in values.reads if declaration]
    lines.append(f"MOCK_LATCH(state_, {block}, {words}) {{")
    calls = [
        f"mock_below(state_, MOCK_GPU_SIGNALS, {bound.count}, {bound.expression})"
        for bound in bounds
        if bound.count is not None
    ]
    calls += [call for _, call in values.reads]
    if on_gpu:
        calls.insert(0, "mock_device_state(state_)")
    lines.append(f"    status_ = {calls[0]};")
    for call in calls[1:]:
        lines += ["    if (status_ == NVML_SUCCESS)", f"        status_ = {call};"]
    return [*lines, "}", "if (status_ != NVML_SUCCESS)", "    return status_;"]


def _getter(plan: Plan) -> list[str]:
    values = _Values()
    if plan.supported:
        values.condition(plan.supported)
    writes: list[str] = []
    texts: list[str] = []
    on_gpu = any(p.type.text == "nvmlDevice_t" for p in plan.function.params)
    for output in plan.outputs:
        if output.ctype == "octets":
            assert isinstance(output.value, Read)
            source = values.octets(output.value)
            writes += _if_version(output, [f"memcpy({output.target}, {source}.bytes, {output.size});"])
            continue
        if output.size:
            assert isinstance(output.value, Read)
            texts.append(f"mock_put_text(&{values.text(output.value)}, {output.target}, {output.size})")
            continue
        source = values.any(output.value)
        writes += _write(plan, output, source)
    lines = _read(values, on_gpu, plan.bounds) + writes
    if len(texts) > 1:
        raise AssertionError(f"{plan.row.where}: more than one text")
    return [*lines, f"return {texts[0]};" if texts else "return NVML_SUCCESS;"]


def _write(plan: Plan, output: Output, source: str) -> list[str]:
    target = output.target
    if plan.cast and target.startswith(f"{plan.cast[0]}->"):
        target = target.replace(plan.cast[0], f"(({plan.cast[1]} *){plan.cast[0]})", 1)
    stored = f"{target} = ({output.ctype}){source};"
    if (pointer := target.removeprefix("*")) in OPTIONAL.get(plan.function.name, ()):
        return [f"if ({pointer} != NULL)", f"    {stored}"]
    return _if_version(output, [stored])


def _if_version(output: Output, statements: list[str]) -> list[str]:
    """The statements, for the versions of a struct that have the member."""
    if not output.versions:
        return statements
    param = output.target.split("->")[0].rsplit(" *)", 1)[-1].rstrip(")")
    condition = " || ".join(f"{param}->version == {macro}" for macro in output.versions)
    return [f"if ({condition})", *(f"    {statement}" for statement in statements)]


def _setter(plan: Plan, row: Setter) -> list[str]:
    values = _Values()
    output, field = plan.outputs[0], row.field.field
    assert isinstance(output.value, Read) and isinstance(field, Number)
    on_gpu = not field.block.of_node
    values.number(output.value)
    limits = [values.any(limit) for limit in plan.within]
    restricted = values.number(plan.restricted, "mock_number_or_zero") if plan.restricted else ""
    lines = _read(values, on_gpu)
    if restricted or row.needs == ROOT:
        denied = f"{restricted} != 0 && !mock_privileged()" if restricted else "!mock_privileged()"
        lines += [f"if ({denied})", "    return NVML_ERROR_NO_PERMISSION;"]
    value = f"({output.ctype}){output.target}"
    wrong = ""
    if limits:
        least, greatest = (f"({output.ctype}){limit}" for limit in limits)
        wrong = f"{value} < {least} || {value} > {greatest}"
    elif field.kind == "flag":
        wrong = f"{value} > 1"
    elif field.names is not None:
        wrong = f"{value} >= {len(field.names)}"
    if wrong:
        lines += [f"if ({wrong})", "    return NVML_ERROR_INVALID_ARGUMENT;"]
    block = "gpu_" if on_gpu else "node_->block"
    return [*lines, f"return mock_set_number(node_, {block}, {output.value.offset}, (uint64_t){value});"]


def _finder(plan: Plan, row: Finder) -> list[str]:
    text, device = plan.function.params
    assert isinstance(row.field, Text)
    at = layout().gpu.places[row.field.key].offset
    return [f"return mock_find_text(node_, {at}, {row.field.size}, {text.name}, {device.name});"]


def _list_getter(plan: Plan, row: ListGetter) -> list[str]:
    records = row.records.field
    assert isinstance(records, Records)
    offsets, words = record_offsets(records)
    at = layout().gpu.places[records.key].offset
    array = next(p for p in plan.function.params if p.type.kind == "struct")
    count = next(p for p in plan.function.params if p.type.base == "unsigned int" and p.type.pointers)
    lines = [
        "const mock_word *state_;",
        "nvmlReturn_t status_ = NVML_SUCCESS;",
        f"uint32_t found_ = 0, room_ = {array.name} != NULL ? *{count.name} : 0;",
        "MOCK_LATCH(state_, gpu_, MOCK_GPU_WORDS) {",
        f"    uint64_t head_ = mock_word_at(state_, {at});",
        "    status_ = mock_device_state(state_);",
        "    if (status_ == NVML_SUCCESS)",
        "        status_ = mock_head_status(head_);",
        f"    uint32_t listed_ = status_ == NVML_SUCCESS ? mock_head_length(head_, {records.capacity}) : 0;",
        "    found_ = 0;",
        "    for (uint32_t i_ = 0; i_ < listed_; i_++) {",
        f"        const mock_word *record_ = &state_[{at + 1} + i_ * {words}];",
    ]
    if row.records.mask:
        member = offsets[row.records.arguments[0]]
        lines += [f"        if ((mock_word_at(record_, {member}) & {row.records.mask}) == 0)", "            continue;"]
    lines += ["        if (found_ < room_) {", f"            {array.name}[found_] = ({array.type.text}){{0}};"]
    struct = array.type.text
    for theirs, ours in row.members.items():
        lines.append(
            f"            {array.name}[found_].{theirs} = (__typeof__((({struct} *)0)->{theirs}))"
            f"mock_word_at(record_, {offsets[ours]});"
        )
    return [
        *lines,
        "        }",
        "        found_++;",
        "    }",
        "}",
        "if (status_ != NVML_SUCCESS)",
        "    return status_;",
        *([f"if (*{count.name} == 0)", "    room_ = found_;"] if plan.function.name in SIZE_QUERY_SUCCEEDS else []),
        f"*{count.name} = found_;",
        "return found_ > room_ ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;",
    ]


def _body(plan: Plan) -> list[str]:
    lines = _entry(plan)
    if any(p.type.is_handle and p.type.text not in LIVE_HANDLES for p in plan.function.params):
        return lines
    match plan.row:
        case Getter():
            return lines + _getter(plan)
        case Setter():
            return lines + _setter(plan, plan.row)
        case Finder():
            return lines + _finder(plan, plan.row)
        case ListGetter():
            return lines + _list_getter(plan, plan.row)
        case Native():
            arguments = ", ".join(param.name for param in plan.function.params)
            return [*lines, f"return native_{plan.function.name}({arguments});"]
        case Refuses(code=code, nonzero=nonzero):
            zero = [f"if ({nonzero} == 0)", "    return NVML_ERROR_INVALID_ARGUMENT;"] if nonzero else []
            return [*lines, *zero, f"return NVML_ERROR_{code};"]
    return [*lines, "return NVML_ERROR_NOT_SUPPORTED;"]


def function_source(plan: Plan) -> str:
    """The C of one function."""
    native = plan.function.prototype.replace(plan.function.name, f"native_{plan.function.name}", 1)
    declaration = f"{native};\n" if isinstance(plan.row, Native) else ""
    body = "\n".join(f"    {line}" for line in _body(plan))
    return f"/* {plan.row.where} */\n{declaration}MOCK_EXPORT {plan.function.prototype}\n{{\n{body}\n}}\n"


def functions_source(plans: list[Plan]) -> str:
    return "\n".join([PRELUDE, EXTRA_PROTOTYPES, *(function_source(plan) for plan in plans)])


def export_map(plans: list[Plan]) -> str:
    """The linker's version script: what is exported, and nothing else."""
    names = "\n".join(f"    {plan.function.name};" for plan in plans)
    return f"{{\nglobal:\n{names}\nlocal:\n    *;\n}};\n"
