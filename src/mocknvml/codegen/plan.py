"""Rows bound to nvml.h: every name checked, every output given its field and its target, for emitters to print."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mocknvml.codegen.header import CType, Function, Header, Param, Version
from mocknvml.codegen.shapes import LEGACY, OPTIONAL, TEXT_ROOM
from mocknvml.nvml import FIELD_IDS
from mocknvml.state.layout import Place, layout, record_offsets
from mocknvml.state.values import did_you_mean
from mocknvml.table.blocks import Expression, Field, Number, Octets, Records, Selected, Text
from mocknvml.table.rows import FieldId, Finder, Getter, ListGetter, Native, Refuses, Row, Setter, TableError

NUMBER_TYPES = {"u32": "uint32_t", "u64": "uint64_t", "i32": "int64_t", "flag": "uint32_t"}  # what a number is in C
# Handles that can exist, and the C function that knows one; a device's block is looked up instead.
LIVE_HANDLES = {
    "nvmlDevice_t": "",
    "nvmlEventSet_t": "mock_event_set_valid",
    "nvmlGpmSample_t": "mock_gpm_sample_valid",
}


@dataclass(frozen=True)
class Read:
    """An element of a stored field that a function reads: `at` is its word, plus `terms` of indices."""

    place: Place
    at: int
    terms: tuple[tuple[str, int], ...]  # (C expression of the index, words per step)

    @property
    def offset(self) -> str:
        """The C expression of its word."""
        return " + ".join([str(self.at), *(f"{index} * {step}" for index, step in self.terms)])


@dataclass(frozen=True)
class FieldRead:
    """What a field id reads: all cells from the word `at`, or the one that scopeId selects."""

    place: Place
    at: int
    count: int = 0  # word of the number of scopes that a GPU has, or of the head of a list of records
    cells: int = 1
    stride: int = 0
    scoped: bool = False
    supported: int = 0  # word of the flag without which it is NOT_SUPPORTED
    otherwise: int = 0  # word of what is read where there is no value for scopeId 0


@dataclass(frozen=True)
class Target:
    """Where a function puts a value, or takes it from."""

    target: str  # C lvalue; ex) *power, memory->total
    ctype: str  # ex) unsigned int
    size: str = ""  # for a text: the C expression of the room there is
    versions: tuple[str, ...] = ()  # macros of the struct versions that have this member; empty: all


@dataclass(frozen=True, kw_only=True)
class Output(Target):
    """A value that a function hands out, or stores."""

    value: Read | Expression


@dataclass(frozen=True)
class Bound:
    """A C expression that must be below a limit: the index of a domain."""

    expression: str
    limit: int
    count: int | None = None  # word of the number that says how many of them a GPU has


@dataclass(frozen=True)
class Plan:
    row: Row
    function: Function
    pointers: tuple[str, ...]  # parameters that must not be NULL
    versioned: tuple[tuple[Param, tuple[Version, ...]], ...]
    mismatch: str  # what a wrong struct version is answered with
    bounds: tuple[Bound, ...] = ()
    outputs: tuple[Output, ...] = ()
    within: tuple[Read | Expression, ...] = ()  # least and greatest value that a setter takes
    restricted: Read | None = None  # the flag that says whether a setter needs root
    cast: tuple[str, str] | None = None  # parameter, legacy type
    supported: Read | Expression | None = None  # 0: a getter answers NOT_SUPPORTED


def _header_says(function: Function) -> str:
    return "\n  nvml.h: " + function.prototype


class Planner:
    def __init__(self, header: Header) -> None:
        self.header = header

    def plan(self, row: Row) -> Plan:
        function = self.header.functions.get(row.function)
        if function is None:
            raise TableError(
                f"{row.where}: nvml.h has no function {row.function}{did_you_mean(row.function, self.header.functions)}"
            )
        optional = OPTIONAL.get(function.name, ())
        for name in optional:
            if function.param(name) is None:
                raise TableError(f"shapes.py: {function.name} has no argument '{name}'.{_header_says(function)}")
        pointers = tuple(p.name for p in function.params if p.type.pointers and p.name not in optional)
        versioned = tuple(
            (param, versions)
            for param in function.params
            if param.type.pointers == 1
            and param.type.kind == "struct"
            and (versions := self.header.versions(param.type.base))
            and param.name not in optional
        )
        mismatch = (
            "NVML_ERROR_ARGUMENT_VERSION_MISMATCH"
            if function.may_answer("NVML_ERROR_ARGUMENT_VERSION_MISMATCH")
            else "NVML_ERROR_INVALID_ARGUMENT"
        )
        cast = LEGACY.get(function.name)
        plan = Plan(row, function, pointers, versioned, mismatch, cast=(cast[1], cast[0]) if cast else None)
        match row:
            case Getter():
                return self._getter(plan, row)
            case Setter():
                return self._setter(plan, row)
            case Finder():
                self._finder(plan, row)
            case ListGetter():
                self._list_getter(plan, row)
            case Refuses(nonzero=argument) if argument:
                self._input(plan, argument)
        return plan

    # What a row may name

    def _error(self, plan: Plan, text: str) -> TableError:
        return TableError(f"{plan.row.where}: {plan.function.name} {text}{_header_says(plan.function)}")

    def _outputs(self, function: Function) -> list[Param]:
        lengths = {"length", "size"}
        return [p for p in function.params if p.type.pointers and not p.type.const and p.name not in lengths]

    def _getter(self, plan: Plan, row: Getter) -> Plan:
        outputs: list[Output] = []
        bounds: list[Bound] = []
        for name, selected in row.outputs.items():
            target = self._target(plan, name, selected.field)
            value = self._value(plan, selected, bounds)
            outputs.append(Output(**vars(target), value=value))
        if not outputs:
            raise self._error(plan, "reads nothing: name a field.")
        supported = self._value(plan, Selected(row.supported, ()), bounds) if row.supported else None
        return replace(plan, bounds=tuple(bounds), outputs=tuple(outputs), supported=supported)

    def _target(self, plan: Plan, name: str, field: Field) -> Target:
        """Where an output goes: a parameter, or a member of the output struct."""
        function = plan.function
        candidates = self._outputs(function)
        if name == "":
            if len(candidates) != 1:
                raise self._error(plan, f"has {len(candidates)} outputs: name each.")
            param = candidates[0]
            if param.type.kind == "struct" and param.type.pointers == 1:
                raise self._error(plan, f"fills a struct: name the members of {param.type.text}.")
            return self._parameter(plan, param, field)
        named = function.param(name)
        if named is not None and not (named.type.kind == "struct" and named.type.pointers):
            if named not in candidates:
                raise self._error(plan, f"has '{name}' as an input.")
            return self._parameter(plan, named, field)
        owner, _, rest = name.partition(".")
        for param in candidates:
            if param.type.kind != "struct" or (rest and function.param(owner) not in (None, param)):
                continue
            path = rest if param.name == owner and rest else name
            struct = self.header.structs[param.type.base]
            member = self.header.member(struct, path)
            versions: tuple[str, ...] = ()
            for _, family in (pair for pair in plan.versioned if pair[0] is param):
                having = [version for version in family if self.header.member(version.struct, path)]
                if having:
                    struct = having[-1].struct
                    member = self.header.member(struct, path)
                    versions = tuple(v.macro for v in having) if len(having) < len(family) else ()
            if member is None:
                continue
            target = f"{param.name}->{path}"
            if versions:
                target = f"(({struct.name} *){param.name})->{path}"
            self._check_fit(plan, name, member.type, member.type.base == "char" and bool(member.type.array), field)
            if isinstance(field, Octets):
                return Target(target, "octets", str(field.size), versions)
            if isinstance(field, Text):
                length = function.param("length")
                room = f"sizeof {target}"
                size = f"({length.name} < {room} ? {length.name} : {room})" if length else room
                return Target(target, "char", size, versions)
            return Target(target, member.type.text, "", versions)
        members = [
            m.name for p in candidates if p.type.kind == "struct" for m in self.header.structs[p.type.base].members
        ]
        raise self._error(
            plan, f"has no output '{name}'{did_you_mean(name, [*(p.name for p in candidates), *members])}."
        )

    def _parameter(self, plan: Plan, param: Param, field: Field) -> Target:
        self._check_fit(plan, param.name, param.type, param.type.is_text, field)
        if param.type.is_text:
            length = plan.function.param("length") or plan.function.param("size")
            if plan.function.name in TEXT_ROOM:
                return Target(param.name, "char", TEXT_ROOM[plan.function.name])
            if length is None:
                raise self._error(plan, f"has no length for '{param.name}'; say it in shapes.py.")
            return Target(param.name, "char", length.name)
        return Target(f"*{param.name}", param.type.text)

    def _check_fit(self, plan: Plan, name: str, kind: CType, is_text: bool, field: Field) -> None:
        """A text goes where there is room for one, a number into a number."""
        is_number = kind.kind in ("scalar", "enum") and not is_text and not kind.array
        if isinstance(field, Octets) and kind.base == "unsigned char" and kind.array == (field.size,):
            return
        if not (is_text if isinstance(field, Text) else is_number and isinstance(field, Number)):
            raise self._error(plan, f"has '{name}' of type {kind.text}, which {field.key} does not fit.")

    def _value(self, plan: Plan, selected: Selected, bounds: list[Bound]) -> Read | Expression:
        field = selected.field
        has_device = any(param.type.text == "nvmlDevice_t" and param.type.is_handle for param in plan.function.params)
        if field.block.of_node == has_device:
            owner = "the node" if field.block.of_node else "a GPU"
            raise self._error(plan, f"reads {field.key}, which is a field of {owner}.")
        if field.expression is not None:
            return field.expression
        place = _place(field)
        if len(selected.arguments) != len(place.shape):
            raise self._error(
                plan, f"reads {field.key}, which has {len(place.shape)} indices, by {len(selected.arguments)}."
            )
        if selected.fixed:
            return Read(place, place.element(self._keys(plan, place, selected.arguments)), ())
        terms, step = [], place.element_words * place.elements
        offset = place.offset
        for argument, domain in zip(selected.arguments, field.per, strict=True):
            step //= len(domain)
            if argument in domain.keys:
                offset += domain.keys.index(argument) * step
                continue
            expression = self._input(plan, argument)
            if domain.enum and domain.enum not in self.header.enums:
                raise self._error(plan, f"reads {field.key} by an enum {domain.enum} that nvml.h lacks.")
            terms.append((f"(uint32_t){expression}", step))
            counting = [other for other in field.block.fields() if isinstance(other, Number) and other.counts is domain]
            count = _place(counting[0]).offset if counting else None
            bound = Bound(f"(uint32_t){expression}", len(domain), count)
            if bound not in bounds:
                bounds.append(bound)
        return Read(place, offset, tuple(terms))

    def _keys(self, plan: Plan, place: Place, keys: tuple[str, ...]) -> tuple[int, ...]:
        for key, domain in zip(keys, place.field.per, strict=True):
            if key not in domain.keys:
                raise self._error(plan, f"reads {place.field.key} at '{key}'{did_you_mean(key, domain.keys)}.")
        return place.index(keys)

    def _input(self, plan: Plan, argument: str) -> str:
        """The C expression of an input: a parameter by value, or a member of a struct parameter."""
        param = plan.function.param(argument)
        if param is not None and not param.type.pointers:
            return argument
        for owner in plan.function.params:
            if owner.type.kind == "struct" and owner.type.pointers == 1:
                member = self.header.structs[owner.type.base].member(argument)
                if member is not None:
                    return f"{owner.name}->{argument}"
        names = [p.name for p in plan.function.params]
        raise self._error(plan, f"has no argument '{argument}'{did_you_mean(argument, names)}.")

    def _setter(self, plan: Plan, row: Setter) -> Plan:
        if not isinstance(row.field.field, Number) or row.field.field.expression is not None:
            raise self._error(plan, f"cannot set {row.field.field.key}.")
        bounds: list[Bound] = []
        value = self._value(plan, row.field, bounds)
        output = Output(
            self._input(plan, row.input or self._only_input(plan, row)), NUMBER_TYPES[row.field.field.kind], value=value
        )
        within = tuple(self._value(plan, limit, bounds) for limit in row.within or ())
        restricted = self._value(plan, row.needs, bounds) if isinstance(row.needs, Selected) else None
        if isinstance(restricted, Expression):
            raise self._error(plan, "needs root by a derived field.")
        return replace(plan, bounds=tuple(bounds), outputs=(output,), within=within, restricted=restricted)

    def _only_input(self, plan: Plan, row: Setter) -> str:
        inputs = [
            p for p in plan.function.params if p.type.kind in ("scalar", "enum") and p.name not in row.field.arguments
        ]
        if len(inputs) != 1 or inputs[0].type.pointers:
            raise self._error(plan, f"has {len(inputs)} inputs that may be the value; it needs one.")
        return inputs[0].name

    def _finder(self, plan: Plan, row: Finder) -> None:
        types = [(p.type.text, p.type.pointers) for p in plan.function.params]
        if types != [("char", 1), ("nvmlDevice_t", 1)] or not isinstance(row.field, Text):
            raise self._error(plan, f"does not find a GPU by {row.field.key}.")

    def _list_getter(self, plan: Plan, row: ListGetter) -> None:
        records = row.records.field
        array = next((p for p in plan.function.params if p.type.kind == "struct" and p.type.pointers == 1), None)
        if array is None or not isinstance(records, Records):
            raise self._error(plan, f"does not list {records.key}.")
        struct, members = self.header.structs[array.type.base], records.record.members()
        for ours in (*row.records.arguments, *row.members.values()):
            if ours not in members:
                raise self._error(plan, f"lists {records.key}, which has no '{ours}'{did_you_mean(ours, members)}.")
        for theirs in row.members:
            if struct.member(theirs) is None:
                raise self._error(
                    plan,
                    f"lists {struct.name}, which has no member '{theirs}'"
                    f"{did_you_mean(theirs, [m.name for m in struct.members])}.",
                )


def _place(field: Field) -> Place:
    scope = layout().node if field.block.of_node else layout().gpu
    return scope.places[field.key]


def field_ids(header: Header) -> dict[int, tuple[FieldId, FieldRead]]:
    """The rows of nvmlDeviceGetFieldValues, by the value of the id."""
    planned = {}
    for row in FIELD_IDS:
        if row.name not in header.constants:
            raise TableError(f"{row.where}: nvml.h has no {row.name}{did_you_mean(row.name, header.constants)}")
        planned[header.constants[row.name]] = (row, _field_id_read(row))
    return dict(sorted(planned.items()))


def _field_id_read(row: FieldId) -> FieldRead:
    field = row.output.field
    if isinstance(field, Records) and row.equal is not None:
        place, (offsets, words) = _place(field), record_offsets(field)
        first = place.offset + 1 + offsets[row.output.arguments[0]]
        return FieldRead(place, first, count=place.offset, cells=field.capacity, stride=words)
    read = _selected_cells(row, row.output)
    if row.scopes:
        reads = [read, *(_selected_cells(row, other) for other in row.scopes)]
        stride = reads[1].at - read.at
        if any(other.at != read.at + stride * number for number, other in enumerate(reads)):
            raise TableError(f"{row.where}: {row.name} has scopes that do not follow each other in their block")
        supported = _selected_cells(row, row.supported).at if row.supported is not None else 0
        otherwise = _selected_cells(row, row.otherwise).at if row.otherwise is not None else 0
        read = replace(read, supported=supported, otherwise=otherwise)
        return replace(read, cells=len(reads), stride=stride, scoped=True)
    return read


def _selected_cells(row: FieldId, selected: Selected) -> FieldRead:
    field, arguments = selected.field, selected.arguments
    if not isinstance(field, Number) or field.expression is not None or field.block.of_node:
        raise TableError(f"{row.where}: {row.name} cannot answer {field.key}: it needs a stored number of a GPU")
    place = _place(field)
    if len(arguments) != len(place.shape):
        raise TableError(f"{row.where}: {row.name} reads {field.key}, which has {len(place.shape)} indices")
    read, step = FieldRead(place, place.offset), place.element_words * place.elements
    for key, domain in zip(arguments, field.per, strict=True):
        step //= len(domain)
        if key == "scopeId" and not selected.fixed:
            counting = [other for other in field.block.fields() if isinstance(other, Number) and other.counts]
            count = _place(counting[0]).offset if counting else 0
            read = replace(read, count=count, cells=len(domain), stride=step, scoped=True)
        elif key == "all" and not selected.fixed:
            read = replace(read, cells=len(domain), stride=step)
        elif key in domain.keys:
            read = replace(read, at=read.at + domain.keys.index(key) * step)
        else:
            raise TableError(f"{row.where}: {row.name} reads {field.key} at '{key}'{did_you_mean(key, domain.keys)}")
    return read


def plan_all(header: Header, rows: tuple[Row, ...]) -> list[Plan]:
    """One plan per function, in the order of the header. Every function must have exactly one row."""
    seen: dict[str, Row] = {}
    for row in rows:
        if row.function in seen:
            raise TableError(f"{row.where}: {row.function} has a row at {seen[row.function].where} already")
        seen[row.function] = row
    planner = Planner(header)
    plans = {row.function: planner.plan(row) for row in rows}
    missing = [_header_says(function) for name, function in header.functions.items() if name not in seen]
    if missing:
        raise TableError(f"src/mocknvml/nvml: functions without a row:{''.join(missing)}")
    return [plans[name] for name in header.functions]


def natives(plans: list[Plan]) -> set[str]:
    """The files of native/ that hold bodies."""
    return {plan.row.file for plan in plans if isinstance(plan.row, Native)}
