"""What `mocknvml explain` tells of a function."""

from __future__ import annotations

from typing import Any

from mocknvml.codegen.emit_functions import function_source
from mocknvml.codegen.plan import Plan
from mocknvml.table.blocks import Field
from mocknvml.table.rows import Finder, Getter, ListGetter, Native, Refuses, Setter, Unmodelled


def _field(argument: str, field: Field) -> dict[str, str]:
    return {"argument": argument, "field": field.key, "unit": field.unit}


def describe(plan: Plan) -> dict[str, Any]:
    """One entry of functions.json."""
    row, fields = plan.row, []
    match row:
        case Getter():
            names = [output.target.lstrip("*") for output in plan.outputs]
            fields = [_field(name, s.field) for name, s in zip(names, row.outputs.values(), strict=True)]
        case Setter():
            fields = [_field(plan.outputs[0].target, row.field.field)]
        case Finder():
            fields = [_field(plan.function.params[0].name, row.field)]
        case ListGetter():
            members = row.records.field
            fields = [
                {"argument": theirs, "field": f"{members.key}.{ours}", "unit": ""}
                for theirs, ours in row.members.items()
            ]
    return {
        "row": row.where,
        "verb": row.verb,
        "prototype": plan.function.prototype,
        "fields": fields,
        "reason": row.reason if isinstance(row, Refuses | Unmodelled) else None,
        "native": f"src/mocknvml/native/{row.file}" if isinstance(row, Native) else None,
        "c": function_source(plan),
    }
