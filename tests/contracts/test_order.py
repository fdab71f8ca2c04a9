"""Which error comes first: the order of checks in runtime.h, for every function of nvml.h."""

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mocknvml.codegen.plan import LIVE_HANDLES, Plan
from mocknvml.codegen.shapes import OPTIONAL, SIZE_QUERY_SUCCEEDS
from mocknvml.table.rows import Getter, ListGetter, Refuses, Setter
from tests.contracts.abi import (
    GARBAGE,
    INSUFFICIENT_SIZE,
    INVALID_ARGUMENT,
    SUCCESS,
    TEXT_ROOM,
    UNINITIALIZED,
    Call,
    Library,
    Memory,
    code,
    each,
    each_of,
    handles,
    header,
    is_modelled,
    is_reachable,
    needs_init,
    pointers,
    version_offset,
)
from tests.contracts.conftest import LISTED

BEYOND_ALL = 0xFFFFFFFF


# 1. Initialised


@pytest.fixture(params=["fresh", "shut_down"])
def uninitialised(request: pytest.FixtureRequest) -> Library:
    library: Library = request.getfixturevalue(request.param)
    return library


@each(needs_init)
def test_without_init_no_arguments_are_looked_at(uninitialised: Library, plan: Plan) -> None:
    nothing = Call.without_arguments(uninitialised, plan)
    garbage = Call.without_arguments(uninitialised, plan, GARBAGE)
    memory = Call.with_memory(uninitialised, plan)

    assert (nothing(), garbage(), memory()) == (UNINITIALIZED, UNINITIALIZED, UNINITIALIZED)
    assert memory.written() == []


def test_each_init_needs_its_shutdown(load: Callable[[Path], Library], full_node: Path) -> None:
    library = load(full_node)
    library.loaded.nvmlInitWithFlags(0)

    library.loaded.nvmlShutdown()
    assert library.loaded.nvmlDeviceGetCount_v2(None) == INVALID_ARGUMENT
    library.loaded.nvmlShutdown()
    assert library.loaded.nvmlDeviceGetCount_v2(None) == UNINITIALIZED


# 2. Handles


def device_parameters(plan: Plan) -> Iterator[str]:
    return (param.name for param in handles(plan, "nvmlDevice_t"))


def stride(library: Library) -> int:
    return library.device(1) - library.device(0)


BAD_DEVICES: dict[str, Callable[[Library], int]] = {
    "null": lambda library: 0,
    "misaligned": lambda library: library.device(0) + 1,
    "before the first": lambda library: library.device(0) - stride(library),
    "beyond the last": lambda library: library.device(library.device_count() - 1) + stride(library),
    "random": lambda library: GARBAGE,
}


@pytest.mark.parametrize("bad", BAD_DEVICES)
@each_of("name", device_parameters)
def test_a_bad_device_is_refused(running: Library, plan: Plan, name: str, bad: str) -> None:
    call = Call.valid(running, plan)
    call[name] = BAD_DEVICES[bad](running)

    assert call() == INVALID_ARGUMENT
    assert call.written() == []


def event_set_parameters(plan: Plan) -> Iterator[str]:
    return (param.name for param in handles(plan, "nvmlEventSet_t"))


def freed_event_set(library: Library) -> int:
    event_set = library.event_set()
    library.free_event_set(event_set)
    return event_set


BAD_EVENT_SETS: dict[str, Callable[[Library], int]] = {
    "null": lambda library: 0,
    "freed": freed_event_set,
    "misaligned": lambda library: library.event_set() + 1,
    "random": lambda library: GARBAGE,
}


@pytest.mark.parametrize("bad", BAD_EVENT_SETS)
@each_of("name", event_set_parameters)
def test_a_bad_event_set_is_refused(running: Library, plan: Plan, name: str, bad: str) -> None:
    call = Call.valid(running, plan)
    call[name] = BAD_EVENT_SETS[bad](running)

    assert call() == INVALID_ARGUMENT
    assert call.written() == []


@pytest.mark.parametrize("value", [0, 1, GARBAGE])
@each(lambda plan: not is_reachable(plan))
def test_a_handle_to_what_cannot_exist_is_refused(running: Library, plan: Plan, value: int) -> None:
    call = Call.valid(running, plan)
    for param in plan.function.params:
        if param.type.is_handle and param.type.text not in LIVE_HANDLES:
            call[param.name] = value

    assert call() == INVALID_ARGUMENT
    assert call.written() == []


def freed_sample(library: Library) -> int:
    sample = library.gpm_sample()
    library.loaded.nvmlGpmSampleFree(ctypes.c_void_p(sample))
    return sample


BAD_SAMPLES: dict[str, Callable[[Library], int]] = {
    "null": lambda library: 0,
    "freed": freed_sample,
    "misaligned": lambda library: library.gpm_sample() + 1,
    "random": lambda library: GARBAGE,
}


@pytest.mark.parametrize("bad", BAD_SAMPLES)
@each_of("name", lambda plan: (param.name for param in handles(plan, "nvmlGpmSample_t")))
def test_a_bad_sample_is_refused(running: Library, plan: Plan, name: str, bad: str) -> None:
    call = Call.valid(running, plan)
    call[name] = BAD_SAMPLES[bad](running)

    assert call() == INVALID_ARGUMENT
    assert call.written() == []


# 3. NULL


def required_pointers(plan: Plan) -> Iterator[str]:
    return (param.name for param in pointers(plan, optional=False))


def optional_pointers(plan: Plan) -> Iterator[str]:
    return (param.name for param in pointers(plan, optional=True))


@each_of("name", required_pointers)
def test_null_is_refused(running: Library, plan: Plan, name: str) -> None:
    call = Call.valid(running, plan)
    call[name] = 0

    assert call() == INVALID_ARGUMENT
    assert call.written() == []


def takes_arguments(plan: Plan) -> bool:
    """Whether a valid call can be told from an invalid one."""
    return not isinstance(plan.row, Refuses) or plan.row.code == "NOT_SUPPORTED"


@each_of("name", optional_pointers, is_reachable, takes_arguments)
def test_null_is_taken_where_the_header_lets_it(running: Library, plan: Plan, name: str) -> None:
    call = Call.valid(running, plan)
    call[name] = 0

    assert call() != INVALID_ARGUMENT


def test_every_optional_pointer_belongs_to_a_function() -> None:
    assert set(OPTIONAL) <= set(header().functions)


# 4. Struct versions


def accepted_versions(plan: Plan) -> Iterator[tuple[str, str]]:
    for param, family in plan.versioned:
        yield from ((param.name, version.macro) for version in family)


def wrong_versions(plan: Plan) -> Iterator[tuple[str, int]]:
    for param, family in plan.versioned:
        accepted = {version.word for version in family}
        near = {word + step for word in accepted for step in (-1, 1, 1 << 24)}
        yield from ((param.name, word) for word in sorted({0, BEYOND_ALL, *near} - accepted))


def with_version(library: Library, plan: Plan, name: str, word: int) -> Call:
    call = Call.valid(library, plan)
    struct = next(family[-1].struct for param, family in plan.versioned if param.name == name)
    call.memory[name].put(version_offset(struct), word)
    return call


@each_of("wrong", wrong_versions, is_reachable)
def test_a_wrong_version_is_refused_as_the_header_says(running: Library, plan: Plan, wrong: tuple[str, int]) -> None:
    call = with_version(running, plan, *wrong)

    assert call() == code(plan.mismatch)
    assert call.written() == []


@each_of("accepted", accepted_versions, is_reachable, takes_arguments)
def test_every_version_of_the_header_is_taken(running: Library, plan: Plan, accepted: tuple[str, str]) -> None:
    name, macro = accepted
    version = next(version for _, family in plan.versioned for version in family if version.macro == macro)
    call = Call.valid(running, plan, {name: version})

    assert call() not in (code(plan.mismatch), code("NVML_ERROR_ARGUMENT_VERSION_MISMATCH"))
    assert call.overrun() == []


def versions_behind_handles(plan: Plan) -> Iterator[str]:
    if any(param.type.is_handle for param in plan.function.params):
        yield from (param.name for param, _ in plan.versioned)


@each_of("name", versions_behind_handles)
def test_a_bad_handle_comes_before_a_wrong_version(running: Library, plan: Plan, name: str) -> None:
    call = with_version(running, plan, name, 0)
    for param in plan.function.params:
        if param.type.is_handle:
            call[param.name] = GARBAGE

    assert call() == INVALID_ARGUMENT


def versions_beside_pointers(plan: Plan) -> Iterator[tuple[str, str]]:
    """Pairs of a versioned struct and another pointer."""
    for param, _ in plan.versioned:
        yield from ((param.name, other.name) for other in pointers(plan, optional=False) if other is not param)


@each_of("names", versions_beside_pointers)
def test_a_null_comes_before_a_wrong_version(running: Library, plan: Plan, names: tuple[str, str]) -> None:
    versioned, other = names
    call = with_version(running, plan, versioned, 0)
    call[other] = 0

    assert call() == INVALID_ARGUMENT


# 6. Selection (5., rules: test_rules.py)


def selections(plan: Plan) -> Iterator[tuple[str, int]]:
    """Arguments that select an element, each with the number of elements."""
    match plan.row:
        case Getter(outputs=outputs):
            selected = list(outputs.values())
        case Setter(field=field):
            selected = [field]
        case _:
            selected = []
    for item in selected:
        if not item.fixed:
            pairs = zip(item.arguments, item.field.per, strict=True)
            yield from ((name, len(domain)) for name, domain in pairs if name not in domain.keys)


@pytest.mark.parametrize("distance", [0, 1, BEYOND_ALL])
@each_of("selection", selections)
def test_an_index_beyond_its_domain_is_refused(
    running: Library, plan: Plan, selection: tuple[str, int], distance: int
) -> None:
    name, count = selection
    index = min(count + distance, BEYOND_ALL)
    call = Call.valid(running, plan)
    if name in call.values:
        call[name] = index
    else:
        owner = next(p for p in plan.function.params if p.type.kind == "struct" and p.type.pointers)
        member = header().structs[owner.type.base].member(name)
        assert member is not None
        call.memory[owner.name].put(member.offset, index)

    assert call() == INVALID_ARGUMENT
    assert call.written() == []


# 7. Device state


@each(lambda plan: [*handles(plan, "nvmlDevice_t")], is_reachable)
def test_a_lost_gpu_comes_before_the_answer(lost: Library, plan: Plan) -> None:
    call = Call.valid(lost, plan)

    assert call() == code("NVML_ERROR_GPU_IS_LOST")
    assert call.written() == []


@each_of("name", lambda plan: (param.name for param, _ in plan.versioned), is_reachable)
def test_a_wrong_version_comes_before_a_lost_gpu(lost: Library, plan: Plan, name: str) -> None:
    call = with_version(lost, plan, name, 0)

    assert call() == code(plan.mismatch)


# 8. Field status


@each(lambda plan: isinstance(plan.row, Getter))
def test_a_getter_whose_fields_have_values_succeeds(unset: Library, plan: Plan) -> None:
    call = Call.valid(unset, plan)

    assert call() == SUCCESS
    assert set(call.written()) == set(call.memory)


@each(lambda plan: not is_modelled(plan), is_reachable)
def test_what_is_refused_answers_its_code_and_what_is_not_modelled_not_supported(running: Library, plan: Plan) -> None:
    call = Call.valid(running, plan)
    refused = plan.row.code if isinstance(plan.row, Refuses) else "NOT_SUPPORTED"
    if isinstance(plan.row, Refuses) and plan.row.nonzero:
        refused = "INVALID_ARGUMENT"  # valid arguments are zeros

    assert call() == code(f"NVML_ERROR_{refused}")
    assert call.written() == []


# 11. Sizes


def text_output(plan: Plan) -> tuple[str, int] | None:
    """The parameter that a text is written to, and the offset in it; `length` says how much room there is."""
    if plan.function.param("length") is None or not is_modelled(plan):
        return None
    for param in plan.function.params:
        if param.type.is_text and not param.type.const:
            return param.name, 0
    for output in plan.outputs:
        if output.size:
            name, _, member = output.target.partition("->")
            owner = plan.function.param(name)
            found = header().structs[owner.type.base].member(member) if owner else None
            assert found is not None
            return name, found.offset
    return None


def crops(plan: Plan) -> bool:
    return "cropped" in plan.function.doc


def text_call(library: Library, plan: Plan, length: int) -> Call:
    call = Call.valid(library, plan)
    call["length"] = length
    if "pid" in call.values:
        call["pid"] = os.getpid()
    return call


@pytest.fixture
def whole(running: Library, plan: Plan) -> bytes:
    """The text with room enough."""
    name, offset = text_output(plan) or ("", 0)
    call = text_call(running, plan, TEXT_ROOM)
    assert call() == SUCCESS
    return call.memory[name].text(offset)


@each(text_output)
def test_a_text_needs_room_for_itself_and_its_zero(running: Library, plan: Plan, whole: bytes) -> None:
    name, offset = text_output(plan) or ("", 0)
    call = text_call(running, plan, len(whole) + 1)

    assert call() == SUCCESS
    assert call.memory[name].text(offset) == whole
    assert call.memory[name].is_untouched(offset + len(whole) + 1)


@pytest.mark.parametrize("missing", ["one byte", "everything"])
@each(text_output, lambda plan: not crops(plan))
def test_a_text_that_does_not_fit_is_not_written(running: Library, plan: Plan, whole: bytes, missing: str) -> None:
    call = text_call(running, plan, len(whole) if missing == "one byte" else 0)

    assert call() == INSUFFICIENT_SIZE
    assert call.written() == []


@each(text_output, crops)
def test_a_text_that_may_be_cropped_fills_the_room(running: Library, plan: Plan, whole: bytes) -> None:
    name, offset = text_output(plan) or ("", 0)
    call = text_call(running, plan, len(whole))
    nothing = text_call(running, plan, 0)

    assert (call(), nothing()) == (SUCCESS, INVALID_ARGUMENT)
    assert call.memory[name].text(offset) == whole[:-1]
    assert call.memory[name].is_untouched(offset + len(whole))
    assert nothing.written() == []


def list_call(library: Library, plan: Plan, room: int) -> tuple[Call, Memory, Memory]:
    """A call of a list getter with room for some records, the memory of its count and that of its records."""
    call = Call.valid(library, plan)
    count = next(p for p in plan.function.params if p.type.base == "unsigned int" and p.type.pointers)
    records = next(p for p in plan.function.params if p.type.kind == "struct")
    call.memory[count.name].put(0, room)
    return call, call.memory[count.name], call.memory[records.name]


@pytest.mark.parametrize("room", range(LISTED + 2))
@each(lambda plan: isinstance(plan.row, ListGetter))
def test_a_list_fills_no_more_than_its_room_and_tells_its_length(running: Library, plan: Plan, room: int) -> None:
    call, count, records = list_call(running, plan, room)

    asks_for_size = room == 0 and plan.function.name in SIZE_QUERY_SUCCEEDS
    assert call() == (SUCCESS if room >= LISTED or asks_for_size else INSUFFICIENT_SIZE)
    assert count.number() == LISTED
    assert records.is_untouched(min(room, LISTED) * records.size)


@each(lambda plan: isinstance(plan.row, ListGetter))
def test_a_list_without_memory_tells_its_length(running: Library, plan: Plan) -> None:
    call, count, records = list_call(running, plan, LISTED)
    call[next(name for name, memory in call.memory.items() if memory is records)] = 0

    assert call() == INSUFFICIENT_SIZE
    assert count.number() == LISTED


# The answer


@each(is_modelled, is_reachable, lambda plan: plan.pointers and not isinstance(plan.row, ListGetter))
def test_a_function_writes_no_further_than_its_outputs(running: Library, plan: Plan) -> None:
    call = Call.valid(running, plan)

    call()

    assert call.overrun() == []
