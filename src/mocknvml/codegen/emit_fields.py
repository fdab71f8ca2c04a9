"""field_table.h: what nvmlDeviceGetFieldValues reads, by field id."""

from __future__ import annotations

from mocknvml.codegen.header import Header
from mocknvml.codegen.plan import field_ids
from mocknvml.table.blocks import Number

VALUE_TYPES = {
    "u32": "NVML_VALUE_TYPE_UNSIGNED_INT",
    "flag": "NVML_VALUE_TYPE_UNSIGNED_INT",
    "i32": "NVML_VALUE_TYPE_SIGNED_INT",
    "u64": "NVML_VALUE_TYPE_UNSIGNED_LONG_LONG",
}


def field_table(header: Header) -> str:
    entries = []
    for row, read in field_ids(header).values():
        field = row.output.field
        assert isinstance(field, Number)
        elements, stride = 1, 0
        if read.terms:
            stride = read.terms[0][1]
            elements = len(field.per[row.output.arguments.index("scopeId")])
        numbers = f"{read.at}, {stride}, {elements}, {VALUE_TYPES[field.kind]}"
        entries.append(f"    [{row.name}] = {{{numbers}}}, /* {row.where} */")
    return "\n".join(
        [
            "/* Generated from src/mocknvml/nvml/fields.py, do not edit. */",
            "#include <stdint.h>",
            "#include <nvml.h>",
            "struct mock_field {",
            "    uint32_t at;",
            "    uint16_t stride; /* words from one scopeId to the next */",
            "    uint8_t elements; /* that scopeId selects from; 0: no such field */",
            "    uint8_t type;",
            "};",
            "static const struct mock_field mock_fields[NVML_FI_MAX] = {",
            *entries,
            "};",
            "",
        ]
    )
