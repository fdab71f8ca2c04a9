"""What calls are recorded by: a number per function, and what each parameter is, for C and for Python."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mocknvml.codegen.header import SCALARS, CType, Header, Param, Struct
from mocknvml.codegen.plan import Plan
from mocknvml.codegen.shapes import LEGACY, LISTS, TEXT_ROOM

KINDS = ("VALUE", "DEVICE", "TEXT", "TEXT_OUT", "IN", "OUT", "VERSIONED", "DEVICES")


def watched(plan: Plan) -> bool:
    return plan.function.returns == "nvmlReturn_t"


def call_table_header(plans: list[Plan]) -> str:
    return "\n".join(
        [
            "/* Generated from nvml.h, do not edit. */",
            "#ifndef MOCK_CALL_TABLE_H",
            "#define MOCK_CALL_TABLE_H",
            "#include <stdint.h>",
            "enum {",
            *(f"    MOCK_CALL_{plan.function.name}," for plan in plans),
            "    MOCK_CALL_EXPORT_SLOT,",
            "    MOCK_CALLS,",
            "};",
            f"enum {{ {', '.join(f'MOCK_PARAMETER_{kind}' for kind in KINDS)} }};",
            "struct mock_parameter {",
            "    uint8_t kind;",
            "    uint8_t count; /* of a list or text: 1 + the parameter that counts it; 0: one element */",
            "    uint16_t size; /* of an element, in bytes */",
            "};",
            "extern const struct mock_parameter mock_parameters[];",
            "extern const uint16_t mock_call_parameters[MOCK_CALLS + 1]; /* the first one of each function */",
            "#endif",
            "",
        ]
    )


def call_table(plans: list[Plan]) -> str:
    rows = [[f"    {{{parameter(plan, param)}}}," for param in plan.function.params] for plan in plans]
    rows.append(["    {MOCK_PARAMETER_VALUE, 0, 0},"])
    first, starts = 0, []
    for parameters in rows:
        starts.append(f"{first},")
        first += len(parameters)
    return "\n".join(
        [
            "#define SIZE(type) (sizeof(type) < 0xFFFF ? sizeof(type) : 0xFFFF)",
            "const struct mock_parameter mock_parameters[] = {",
            *(line for parameters in rows for line in parameters),
            "};",
            f"const uint16_t mock_call_parameters[MOCK_CALLS + 1] = {{{' '.join(starts)} {first}}};",
            "",
        ]
    )


def parameter(plan: Plan, param: Param) -> str:
    kind, function = param.type, plan.function
    if not kind.pointers:
        return f"MOCK_PARAMETER_{'DEVICE' if kind.text == 'nvmlDevice_t' else 'VALUE'}, 0, 0"
    size = f"SIZE({kind.text}{' *' * (kind.pointers - 1)})"
    if kind.is_text and kind.const:
        return "MOCK_PARAMETER_TEXT, 0, 0"
    if kind.is_text:
        length = counted_by(plan, "length", "size")
        return f"MOCK_PARAMETER_TEXT_OUT, {length}, {TEXT_ROOM.get(function.name, 0)}"
    if any(param is versioned for versioned, _ in plan.versioned):
        return f"MOCK_PARAMETER_VERSIONED, 0, {size}"
    if kind.base == "void":
        return "MOCK_PARAMETER_VALUE, 0, 0"
    if function.name in LEGACY and LEGACY[function.name][1] == param.name:
        size = f"SIZE({LEGACY[function.name][0]})"
    name = "DEVICES" if kind.text == "nvmlDevice_t" else "IN" if kind.const else "OUT"
    if param.name == "pstates":  # nvml.h counts these in bytes
        size = "1"
    return f"MOCK_PARAMETER_{name}, {counted_by(plan, *LISTS.get(param.name, ()))}, {size}"


def counted_by(plan: Plan, *names: str) -> int:
    """1 + the place of the parameter that counts a list, or 0."""
    return next((number for number, param in enumerate(plan.function.params, 1) if param.name in names), 0)


def api_model(header: Header, plans: list[Plan]) -> dict[str, Any]:
    """calls.json: what recorded arguments are, for Python to print; functions in the order of their numbers."""
    structs: dict[str, Any] = {}
    enums = {"nvmlReturn_t": header.enums["nvmlReturn_t"]}

    def described(kind: CType) -> dict[str, Any]:
        if kind.kind == "struct" and kind.base in header.structs:
            add(header.structs[kind.base])
        elif kind.kind == "enum":
            enums[kind.base] = header.enums.get(kind.base, {})
        count = 1
        for length in kind.array:
            count *= length
        return {
            "type": kind.text,
            "kind": "pointer" if kind.pointers else kind.kind,
            "base": kind.base,
            "size": kind.size // count if kind.array else kind.size,
            "array": list(kind.array),
        }

    def add(struct: Struct) -> None:
        if struct.name in structs:
            return
        structs[struct.name] = {}
        members = {member.name: {**described(member.type), "offset": member.offset} for member in struct.members}
        union = len(members) > 1 and not any(member.offset for member in struct.members)
        structs[struct.name] = {"size": struct.size, "union": union, "members": members}

    functions = []
    for plan in plans:
        versions = {param.name: family for param, family in plan.versioned}
        parameters = []
        for param in plan.function.params:
            pointee = replace(param.type, pointers=max(param.type.pointers - 1, 0))
            if param.type.base == "void" and param.type.pointers == 1:
                pointee = param.type
            elif param.type.pointers:
                pointee = replace(pointee, size=_size(header, pointee))
            entry = {"name": param.name, **described(pointee), "recorded": parameter(plan, param).split(",")[0][15:]}
            if param.name in LISTS and counted_by(plan, *LISTS[param.name]):
                entry["list"] = True
            for version in versions.get(param.name, ()):
                add(version.struct)
                entry.setdefault("versions", {})[version.word] = version.struct.name
            parameters.append(entry)
        functions.append({"name": plan.function.name, "watched": watched(plan), "parameters": parameters})
    return {"functions": functions, "structs": structs, "enums": enums}


def _size(header: Header, kind: CType) -> int:
    if kind.pointers or kind.kind == "handle":
        return 8
    if kind.kind == "struct":
        return header.structs[kind.base].size
    return 4 if kind.kind == "enum" else SCALARS.get(kind.base, 1)
