"""Whatever faults are injected and in whatever order they are cleared: the node's words are as they were."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocknvml import MocknvmlError, Node
from mocknvml.faults import FAULTS
from mocknvml.faults.vocabulary import ALL, Parameter

BOARDS = ("p100-pcie-16gb", "dgx-h100", "gb200", "rtx-4090")
Step = tuple[str, dict[str, object]]


def values(parameter: Parameter) -> st.SearchStrategy[object]:
    if parameter.choices:
        return st.sampled_from(parameter.choices)
    if parameter.kind != "number":
        return st.just(parameter.default)
    numbers: st.SearchStrategy[object] = st.integers(parameter.low, min(parameter.high, parameter.low + 40))
    if parameter.unit:
        return numbers.map(lambda number: f"{number} {parameter.unit}")
    return st.one_of(numbers, st.just(ALL)) if parameter.all else numbers


@st.composite
def injections(draw: st.DrawFn) -> Step:
    fault = draw(st.sampled_from([fault for fault in FAULTS.values() if not fault.rules]))
    given = {p.name: draw(values(p)) for p in fault.parameters if p.required or draw(st.booleans())}
    return fault.name, given


@pytest.fixture(scope="module", params=BOARDS)
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """A node whose clock stands still, so that nothing grows by itself."""
    with tempfile.TemporaryDirectory() as folder, Node.create(Path(folder) / "node", request.param, gpus=1) as made:
        made.set("time.rate", "0 ppb")
        yield made


def everything(node: Node) -> list[list[int]]:
    return [block._words(0, block._scope.words) for block in (node, *node.gpus)]


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(injections(), max_size=8), data=st.data())
def test_faults_cleared_in_any_order_leave_nothing_behind(node: Node, steps: list[Step], data: st.DataObject) -> None:
    node.reset()
    node.set("time.rate", "0 ppb")
    node.gpus[0].set("identity.serial", "1")  # carries what grows by itself to where the clock stands
    before = everything(node)

    active = []
    for name, parameters in steps:
        try:
            active.append(
                node.faults.inject(name, **({} if FAULTS[name].scope == "node" else {"gpu": 0}), **parameters)
            )
        except MocknvmlError:  # what this board lacks
            continue
    assert sorted(node.faults, key=repr) == sorted(active, key=repr)
    for fault in data.draw(st.permutations(active)):
        fault.clear()

    assert list(node.faults) == []
    assert everything(node) == before
