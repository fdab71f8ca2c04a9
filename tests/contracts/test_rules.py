"""A rule comes after the checks of the arguments and before the state of the device, for every function of nvml.h."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.codegen.emit_calls import watched
from mocknvml.codegen.plan import Plan
from tests.contracts.abi import (
    INVALID_ARGUMENT,
    Call,
    Library,
    code,
    each,
    each_of,
    is_reachable,
    needs_init,
    pointers,
    version_offset,
)

UNKNOWN = 999


@pytest.fixture(params=["full", "lost"])
def target(request: pytest.FixtureRequest) -> tuple[Library, Node]:
    """A library, and its node, whose GPUs have everything or are lost."""
    library: Library = request.getfixturevalue({"full": "running", "lost": "lost"}[request.param])
    return library, request.getfixturevalue(f"{request.param}_rules")


@pytest.fixture(scope="session")
def full_rules(full_node: Path) -> Iterator[Node]:
    with Node.open(full_node) as node:
        yield node


@pytest.fixture(scope="session")
def lost_rules(lost_node: Path) -> Iterator[Node]:
    with Node.open(lost_node) as node:
        yield node


@contextmanager
def ruled(node: Node, plan: Plan) -> Iterator[None]:
    rule = node.rules.add(plan.function.name, UNKNOWN)
    try:
        yield
    finally:
        node.rules.remove(rule)


@each(is_reachable, needs_init, watched)
def test_a_function_answers_its_rule_and_writes_nothing(target: tuple[Library, Node], plan: Plan) -> None:
    library, node = target
    call = Call.valid(library, plan)

    with ruled(node, plan):
        assert call() == UNKNOWN
    assert call.written() == []


def required(plan: Plan) -> Iterator[str]:
    return (param.name for param in pointers(plan, optional=False))


@each_of("name", required, is_reachable, needs_init, watched)
def test_a_null_comes_before_a_rule(running: Library, full_rules: Node, plan: Plan, name: str) -> None:
    call = Call.valid(running, plan)
    call[name] = 0

    with ruled(full_rules, plan):
        assert call() == INVALID_ARGUMENT


@each(lambda plan: plan.versioned, is_reachable, needs_init)
def test_a_wrong_version_comes_before_a_rule(running: Library, full_rules: Node, plan: Plan) -> None:
    call = Call.valid(running, plan)
    for param, family in plan.versioned:
        call.memory[param.name].put(version_offset(family[-1].struct), 0xABCDEF)

    with ruled(full_rules, plan):
        assert call() == code(plan.mismatch)
