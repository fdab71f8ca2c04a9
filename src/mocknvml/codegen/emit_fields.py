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
            "    MOCK_FIELD_CELL, /* one */",
            "    MOCK_FIELD_SCOPED, /* the cell that scopeId selects */",
            "    MOCK_FIELD_SUM, /* of all cells */",
            "    MOCK_FIELD_COUNT, /* of the cells that hold `equal` */",
            "    MOCK_FIELD_COUNT_RECORDS, /* of the records whose member is `equal` */",
            "};",
            "struct mock_field {",
            "    uint32_t at;",
            "    uint32_t count_at; /* of the number of scopes of a GPU, or of the head of the records; 0: none */",
            "    uint32_t supported; /* of the flag that says whether the GPU has it; 0: none */",
            "    uint32_t otherwise; /* of what is read where scopeId 0 has no value; 0: nothing */",
            "    uint16_t stride; /* words from one cell or record to the next */",
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
    value_type = VALUE_TYPES[field.kind if isinstance(field, Number) else "u32"]
    if row.real:
        value_type = "NVML_VALUE_TYPE_DOUBLE"
    numbers = f"{read.at}, {read.count}, {read.supported}, {read.otherwise}, {read.stride}, {read.cells}"
    rest = f"MOCK_FIELD_{_kind(row, read)}, {value_type}, {row.equal or 0}, {int(row.aggregate)}"
    return f"    [{row.name}] = {{{numbers}, {rest}}}, /* {row.where} */"


def _kind(row: FieldId, read: FieldRead) -> str:
    if row.equal is not None:
        return "COUNT_RECORDS" if isinstance(row.output.field, Records) else "COUNT"
    if read.scoped:
        return "SCOPED"
    return "CELL" if read.cells == 1 else "SUM"
