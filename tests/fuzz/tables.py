"""The functions of nvml.h as C tables for fuzz.c: which arguments each takes, and how much memory they may point to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mocknvml.codegen.header import SCALARS, CType, Function, Param, Struct
from mocknvml.codegen.plan import Plan
from mocknvml.codegen.shapes import EXTRA_PROTOTYPES, LEGACY, OPTIONAL, TEXT_ROOM
from tests.contracts.abi import header, legacy_sizes, plans

HANDLES = ("nvmlDevice_t", "nvmlEventSet_t", "nvmlGpmSample_t", "nvmlSystemEventSet_t")  # that can be had
LONG_TEXT = 4096
CALLED_BY_FUZZ = ("nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags", "nvmlShutdown", "nvmlErrorString")
ROOM = re.compile(r"(count|length|num|size$)", re.IGNORECASE)


def tables() -> str:
    chosen = [plan for plan in plans() if plan.function.name not in CALLED_BY_FUZZ]
    shapes: dict[str, str] = {}
    functions = [_function(plan, shapes) for plan in chosen]
    return "\n".join(
        [
            EXTRA_PROTOTYPES,
            *(f"static const struct shape {name}[] = {{{text}}};" for name, text in shapes.items()),
            *(f"static const struct argument arguments_{i}[] = {{{text}}};" for i, text in enumerate(functions)),
            "static const struct function functions[] = {",
            *(
                f'    {{"{plan.function.name}", (caller *)(void *){plan.function.name}, arguments_{number}, '
                f"{len(plan.function.params)}}},"
                for number, plan in enumerate(chosen)
            ),
            "};",
            "",
        ]
    )


def _size(kind: CType) -> int:
    """Of what a pointer points to."""
    if kind.pointers > 1:
        return 8
    if kind.kind == "struct":
        return header().structs[kind.base].size
    if kind.kind == "scalar":
        return SCALARS[kind.base]
    return 4 if kind.kind == "enum" else 8


def _function(plan: Plan, shapes: dict[str, str]) -> str:
    function = plan.function
    return ", ".join(_argument(plan, function, param, shapes) for param in function.params) or "{0}"


def _is_room(param: Param) -> bool:
    return param.type.kind == "scalar" and SCALARS[param.type.base] == 4 and ROOM.search(param.name) is not None


def _is_list(function: Function, param: Param) -> bool:
    """Whether the room that another argument tells is that of this one."""
    kind = param.type
    rooms = [other for other in function.params if _is_room(other)]
    if not rooms or param in rooms or kind.pointers != 1 or kind.const:
        return False
    if param.name in OPTIONAL.get(function.name, ()) or kind.kind == "handle" or kind.is_text:
        return True
    texts = any(other.type.is_text for other in function.params)
    return not rooms[0].type.pointers and not texts and not header().versions(kind.base)


def _argument(plan: Plan, function: Function, param: Param, shapes: dict[str, str]) -> str:
    kind = param.type
    if kind.is_handle:
        return f"{{HANDLE, {_handle(kind)}}}"
    if not kind.pointers:
        if _is_room(param) and any(_is_list(function, other) for other in function.params):
            return "{ROOM}"
        return "{SMALL}" if "timeout" in param.name.lower() else "{NUMBER}"
    if _is_list(function, param):
        return f"{{LIST, {_size(kind)}}}"
    if _is_room(param) and any(_is_list(function, other) for other in function.params):
        return "{COUNT}"
    if kind.const:
        return "{TEXT}" if kind.is_text else f"{{MEMORY, {LONG_TEXT}}}"
    if LEGACY.get(function.name, ("", ""))[1] == param.name:
        return f"{{MEMORY, {legacy_sizes()[function.name]}}}"
    if kind.kind == "struct":
        return f"{{STRUCT, .shapes = {_shapes(plan, param, shapes)}}}"
    if kind.is_text:
        return (
            f"{{MEMORY, {header().constants[TEXT_ROOM[function.name]] if function.name in TEXT_ROOM else LONG_TEXT}}}"
        )
    if kind.kind == "handle":
        return f"{{MADE, {_handle(kind)}}}"
    return f"{{MEMORY, {_size(kind)}}}"


def _handle(kind: CType) -> int:
    return HANDLES.index(kind.text) if kind.text in HANDLES else len(HANDLES)


def _shapes(plan: Plan, param: Param, shapes: dict[str, str]) -> str:
    """All versions of a struct that a function takes."""
    family = next((versions for versioned, versions in plan.versioned if versioned is param), ())
    structs = [(version.struct, version.word) for version in family] or [(header().structs[param.type.base], 0)]
    name = f"shapes_{param.type.base}_{len(family)}"
    lines = []
    for struct, word in structs:
        member = struct.member("version") if family else None
        fields = ", ".join(_fields(struct, 0))
        array = f"(const struct field[]){{{fields}}}" if fields else "NULL"
        lines.append(f"{{{struct.size}, {word:#x}u, {member.offset if member else 0}, {array}, {fields.count('{')}}}")
    shapes[name] = ", ".join([*lines, "{0}"])
    return name


def _fields(struct: Struct, start: int) -> Iterator[str]:
    """The members that must not be random: what the library goes by or to."""
    points = any(member.type.pointers for member in struct.members)
    for member in struct.members:
        kind, at = member.type, start + member.offset
        count = 1
        for length in kind.array:
            count *= length
        step = kind.size // count
        if kind.kind == "struct" and not kind.pointers and kind.base in header().structs:
            for index in range(count):
                yield from _fields(header().structs[kind.base], at + index * step)
        elif kind.pointers:
            size = SCALARS.get(kind.base, 8) if kind.kind == "scalar" else _size(kind)
            text = kind.is_text and member.name == "nameSpace"
            yield f"{{{at}, {'TEXT' if text else 'LIST'}, {size}}}"
        elif kind.kind == "handle":
            yield f"{{{at}, HANDLE, {_handle(kind)}}}"
        elif "timeout" in member.name.lower():
            yield f"{{{at}, SMALL, 4}}"
        elif points and kind.kind == "scalar" and not kind.array and ROOM.search(member.name):
            yield f"{{{at}, ROOM, {kind.size}}}"
