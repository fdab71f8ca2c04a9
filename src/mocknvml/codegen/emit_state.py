"""state.h: the layout as C constants and structs, with assertions that the compiler agrees with it."""

from __future__ import annotations

from mocknvml import defaults
from mocknvml.state import layout as l
from mocknvml.state.layout import Place, Scope, layout, text_words
from mocknvml.table.blocks import Octets, Records, Text


def _declaration(place: Place) -> str:
    field = place.field
    dims = "".join(f"[{size}]" for size in place.shape)
    comment = f" /* {field.unit} */" if field.unit else ""
    match field:
        case Text() | Octets():
            body = f"struct {{ uint64_t head; uint64_t bytes[{text_words(field.size)}]; }}"
        case Records():
            members = " ".join(
                f"uint64_t {name}[{text_words(member.size)}];" if member.kind == "text" else f"uint64_t {name};"
                for name, member in field.record.members().items()
            )
            body = f"struct {{ uint64_t head; struct {{ {members} }} items[{field.capacity}]; }}"
        case _:
            body = "struct mock_cell"
    return f"        {body} {field.name}{dims};{comment}"


def _scope(name: str, scope: Scope) -> list[str]:
    lines = [f"struct mock_{name}_state {{"]
    for block in scope.blocks:
        lines.append("    struct {")
        lines += [_declaration(scope.places[f.key]) for f in block.fields() if f.key in scope.places]
        lines.append(f"    }} {block.key()};")
    lines += [
        f"    uint64_t signals[{l.SIGNALS}][{l.SIGNAL_WORDS}];",
        f"    uint64_t journal[{l.JOURNAL_WORDS}];",
        "};",
    ]
    for place in scope.places.values():
        lines.append(
            f"_Static_assert(offsetof(struct mock_{name}_state, {place.field.key}) == 8 * {place.offset}, "
            f'"{place.field.key}");'
        )
    lines.append(f'_Static_assert(sizeof(struct mock_{name}_state) == 8 * {scope.words}, "{name} words");')
    return lines


def state_header() -> str:
    node, gpu = layout().node, layout().gpu
    longest = max(
        place.field.size
        for scope in (node, gpu)
        for place in scope.places.values()
        if isinstance(place.field, Text | Octets)
    )
    constants = {
        "MOCK_DEFAULT_PROFILE": f'"{defaults.PROFILE}"',
        "MOCK_DEFAULT_DRIVER": f'"{defaults.DRIVER}"',
        "MOCK_MAX_GPUS": defaults.MAX_GPUS,
        "MOCK_LAYOUT_HASH": f"{layout().hash:#018x}u",
        "MOCK_BLOCK_HEADER_WORDS": l.BLOCK_HEADER_WORDS,
        "MOCK_SIGNALS": l.SIGNALS,
        "MOCK_SIGNAL_WORDS": l.SIGNAL_WORDS,
        "MOCK_SIGNAL_INTEGRAL": l.INTEGRAL,
        "MOCK_SIGNAL_RATE": l.RATE,
        "MOCK_JOURNAL_WORDS": l.JOURNAL_WORDS,
        "MOCK_SIGNAL_SHIFT": l.SIGNAL_SHIFT,
        "MOCK_LENGTH_SHIFT": l.LENGTH_SHIFT,
        "MOCK_NODE_WORDS": node.words,
        "MOCK_NODE_SIGNALS": node.signals_offset,
        "MOCK_NODE_STRIDE": node.stride * 8,
        "MOCK_GPU_WORDS": gpu.words,
        "MOCK_GPU_SIGNALS": gpu.signals_offset,
        "MOCK_GPU_STRIDE": gpu.stride * 8,
        "MOCK_TEXT_MAX": 8 * text_words(longest),
        "MOCK_INTEGRALS": len(gpu.integrals),
    }
    integrals = ", ".join(str(place.offset) for place in gpu.integrals)
    return "\n".join(
        [
            "/* Generated from the blocks of src/mocknvml/nvml, do not edit. */",
            "#ifndef MOCK_STATE_H",
            "#define MOCK_STATE_H",
            "#include <stddef.h>",
            "#include <stdint.h>",
            *(f"#define {name} {value}" for name, value in constants.items()),
            "struct mock_cell { uint64_t head; uint64_t value; };",
            *_scope("node", node),
            *_scope("gpu", gpu),
            "#define MOCK_STATE_(scope, field) (((struct mock_##scope##_state *)0)->field)",
            "#define MOCK_AT(field) ((uint32_t)(offsetof(struct mock_gpu_state, field) / 8))",
            "#define MOCK_AT_NODE(field) ((uint32_t)(offsetof(struct mock_node_state, field) / 8))",
            "#define MOCK_SIZE(field) ((uint32_t)sizeof MOCK_STATE_(gpu, field.bytes))",
            "#define MOCK_SIZE_NODE(field) ((uint32_t)sizeof MOCK_STATE_(node, field.bytes))",
            "#define MOCK_CAPACITY(list) "
            "((uint32_t)(sizeof MOCK_STATE_(gpu, list.items) / sizeof MOCK_STATE_(gpu, list.items[0])))",
            "#define MOCK_RECORD_WORDS(list) ((uint32_t)(sizeof MOCK_STATE_(gpu, list.items[0]) / 8))",
            "#define MOCK_MEMBER(list, member) (MOCK_AT(list.items[0].member) - MOCK_AT(list.items[0]))",
            "#define MOCK_MEMBER_SIZE(list, member) ((uint32_t)sizeof MOCK_STATE_(gpu, list.items[0].member))",
            "#define MOCK_CAPACITY_NODE(list) "
            "((uint32_t)(sizeof MOCK_STATE_(node, list.items) / sizeof MOCK_STATE_(node, list.items[0])))",
            "#define MOCK_RECORD_WORDS_NODE(list) ((uint32_t)(sizeof MOCK_STATE_(node, list.items[0]) / 8))",
            "#define MOCK_MEMBER_NODE(list, member) (MOCK_AT_NODE(list.items[0].member) - MOCK_AT_NODE(list.items[0]))",
            f"static const uint32_t mock_integrals[MOCK_INTEGRALS] __attribute__((unused)) = {{{integrals}}};",
            "#endif",
            "",
        ]
    )
