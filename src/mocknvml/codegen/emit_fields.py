"""field_table.h: what nvmlDeviceGetFieldValues reads, by field id."""

from __future__ import annotations

from mocknvml.codegen.header import Header
from mocknvml.codegen.plan import FieldRead, field_ids
from mocknvml.table.blocks import Number, Records
from mocknvml.table.rows import FieldId

VALUE_TYPES = {
    "u32": "NVML_VALUE_TYPE_UNSIGNED_INT",
    "flag": "NVML_VALUE_TYPE_UNSIGNED_INT",
    "i32": "NVML_VALUE_TYPE_SIGNED_INT",
    "u64": "NVML_VALUE_TYPE_UNSIGNED_LONG_LONG",
}


def field_table(header: Header) -> str:
    return "\n".join(
        [
            "/* Generated from src/mocknvml/nvml/fields.py, do not edit. */",
            "#include <stdint.h>",
            "#include <nvml.h>",
            "enum {",
            "    MOCK_FIELD_NONE,",
            "    MOCK_FIELD_CELL, /* one, whatever scopeId is */",
            "    MOCK_FIELD_SUM, /* of cells */",
            "    MOCK_FIELD_COUNT, /* the cells that hold `equal` */",
            "    MOCK_FIELD_COUNT_RECORDS, /* the records whose member is `equal` */",
            "};",
            "struct mock_field {",
            "    uint32_t at;",
            "    uint32_t count_at; /* of the number of scopes of a GPU, or of the head of the records; 0: none */",
            "    uint16_t scope_stride; /* words from one scopeId to the next */",
            "    uint16_t cell_stride;",
            "    uint8_t scopes; /* that scopeId selects from; 1: scopeId means nothing */",
            "    uint8_t cells;",
            "    uint8_t kind;",
            "    uint8_t type;",
            "    uint8_t equal;",
            "    uint8_t aggregate; /* whether scopeId UINT_MAX sums over all scopes */",
            "};",
            "static const struct mock_field mock_fields[NVML_FI_MAX] = {",
            *(_entry(row, read) for row, read in field_ids(header).values()),
            "};",
            "",
        ]
    )


def _entry(row: FieldId, read: FieldRead) -> str:
    field = row.output.field
    kind = "CELL" if read.scopes == read.cells == 1 else "SUM"
    if row.equal is not None:
        kind = "COUNT_RECORDS" if isinstance(field, Records) else "COUNT"
    value_type = VALUE_TYPES[field.kind if isinstance(field, Number) else "u32"]
    if row.real:
        value_type = "NVML_VALUE_TYPE_DOUBLE"
    numbers = [read.at, read.count, read.scope_stride, read.cell_stride, read.scopes, read.cells]
    rest = f"MOCK_FIELD_{kind}, {value_type}, {row.equal or 0}, {int(row.aggregate)}"
    return f"    [{row.name}] = {{{', '.join(map(str, numbers))}, {rest}}}, /* {row.where} */"
