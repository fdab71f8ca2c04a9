"""Memory that is used up as node time goes by, held by no listed process, until none is left."""

from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Fault, Parameter, Parameters, grow
from mocknvml.state.layout import LENGTH_SHIFT, record_offsets
from mocknvml.table.blocks import Records


def all_that_is_free(draft: Draft, parameters: Parameters) -> int:
    total, reserved = draft.value("memory.total") or 0, draft.value("memory.reserved") or 0
    return max(1, total - reserved - of_processes(draft))


def of_processes(draft: Draft) -> int:
    place = draft.scope.places["processes.running"]
    assert isinstance(place.field, Records)
    offsets, size = record_offsets(place.field)
    count = min(draft[place.offset] >> LENGTH_SHIFT, place.field.capacity)
    return sum(draft[place.offset + 1 + index * size + offsets["memory"]] for index in range(count))


FAULT = Fault(
    name="memory-leak",
    summary="Used memory grows with node time, up to all there is.",
    source="nvml.h, nvmlMemory_t; what leaks and how fast is the user's",
    parameters=(Parameter("rate", "how much a second", default="100 MiB/s", unit="B/s", low=1, high=2**50),),
    needs="memory.allocated",
    changes=(grow("memory.allocated", "rate", end=all_that_is_free),),
)
