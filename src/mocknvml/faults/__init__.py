"""Named faults: broken GPUs, broken drivers, and calls that fail. One file of this folder declares one fault.

>>> node = Node.create("/tmp/node", gpus=8)
>>> node.faults.inject("xid", gpu=0, xid=79)
<xid xid=79 on GPU 0>
>>> node.faults.clear()
1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mocknvml.errors import NodeError, UnknownKey
from mocknvml.faults import (
    ecc_correctable,
    ecc_uncorrectable,
    fabric_unhealthy,
    fallen_off_the_bus,
    fan_failure,
    journal,
    lost,
    memory_leak,
    no_gpu,
    nvlink_down,
    nvlink_errors,
    pcie_downtrain,
    pcie_replays,
    power_brake,
    power_throttle,
    reset_required,
    retired_page,
    row_remap_failure,
    row_remap_pending,
    thermal_throttle,
    xid,
    zombie_process,
)
from mocknvml.faults.draft import Draft
from mocknvml.faults.journal import Entry
from mocknvml.faults.vocabulary import Event, Fault, Rule, Scalar
from mocknvml.state.layout import JOURNAL_WORDS
from mocknvml.state.values import did_you_mean

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu, Node, _Block

FAULTS: Final[Mapping[str, Fault]] = {
    fault.name: fault
    for fault in (
        xid.FAULT,
        lost.FAULT,
        fallen_off_the_bus.FAULT,
        reset_required.FAULT,
        ecc_correctable.FAULT,
        ecc_uncorrectable.FAULT,
        row_remap_pending.FAULT,
        row_remap_failure.FAULT,
        retired_page.FAULT,
        thermal_throttle.FAULT,
        power_throttle.FAULT,
        power_brake.FAULT,
        nvlink_down.FAULT,
        nvlink_errors.FAULT,
        fabric_unhealthy.FAULT,
        pcie_downtrain.FAULT,
        pcie_replays.FAULT,
        fan_failure.FAULT,
        memory_leak.FAULT,
        zombie_process.FAULT,
        no_gpu.FAULT,
    )
}


def named(name: str) -> Fault:
    if name not in FAULTS:
        raise UnknownKey(f"{name}: no such fault{did_you_mean(name, FAULTS)}; `mocknvml faults` lists them")
    return FAULTS[name]


@dataclass(frozen=True)
class ActiveFault:
    """A fault that is in force: `since` in nanoseconds of node time, `gpu` None where it is the node's."""

    name: str
    gpu: int | None
    parameters: Mapping[str, Scalar]
    since: int
    _faults: Faults = field(compare=False)

    def clear(self) -> None:
        """End this one fault."""
        self._faults._end(self.gpu, lambda entry: self._is(entry), once=True)

    def _is(self, entry: Entry) -> bool:
        return (entry.name, entry.parameters, entry.since) == (self.name, self.parameters, self.since)

    def __repr__(self) -> str:
        given = "".join(f" {name}={value}" for name, value in self.parameters.items())
        return f"<{self.name}{given} on {'the node' if self.gpu is None else f'GPU {self.gpu}'}>"


class Faults:
    """The faults of a node, oldest first within a GPU; all processes see the same ones."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def inject(self, name: str, /, gpu: int | Gpu | None = None, **parameters: object) -> ActiveFault:
        """Let a fault happen: what it changes, and that it is active, becomes visible in one step.

        `gpu` is its index; a node with one GPU needs none, and a fault of the node has none.
        """
        fault = named(name)
        block = self._block(fault, gpu)
        entry = Entry(name, fault.parse(parameters), 0)
        entry.rules = [rule for each in fault.rules for rule in self._add_rules(each, entry, gpu)]
        try:
            draft = self._rewrite(block, lambda draft: self._begin(draft, fault, entry))
        except Exception:
            self._remove_rules(entry)
            raise
        assert draft is not None
        for event in fault.events:
            if self._occurs(event, entry, draft):
                self._raise(block, event.type, draft.amount(event.data, entry.parameters))
        return ActiveFault(name, self._index(block), entry.parameters, entry.since, self)

    def clear(self, name: str | None = None, gpu: int | Gpu | None = None) -> int:
        """End all faults, or those of a name or a GPU; gives how many.

        What they changed is as it was before, but for what somebody else has changed since.
        """
        if name is not None:
            named(name)
        blocks = self._blocks() if gpu is None else [self._gpu(gpu)]
        return sum(self._end(self._index(block), lambda entry: name in (None, entry.name)) for block in blocks)

    def __iter__(self) -> Iterator[ActiveFault]:
        for block in self._blocks():
            for entry in journal.decode(self._journal(block)):
                yield ActiveFault(entry.name, self._index(block), entry.parameters, entry.since, self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    # Blocks.

    def _blocks(self) -> list[_Block]:
        return [self._node, *self._node.gpus]

    def _gpu(self, gpu: int | Gpu) -> Gpu:
        index = gpu if isinstance(gpu, int) else gpu.index
        if not 0 <= index < len(self._node.gpus):
            raise NodeError(f"gpu={index}: the node has {len(self._node.gpus)} GPUs, counted from 0")
        return self._node.gpus[index]

    def _block(self, fault: Fault, gpu: int | Gpu | None) -> _Block:
        if fault.scope == "node" and gpu is not None:
            raise NodeError(f"{fault.name}: a fault of the whole node; leave out the GPU")
        if fault.scope == "gpu" and gpu is None:
            if len(self._node.gpus) != 1:
                raise NodeError(f"{fault.name}: which of the {len(self._node.gpus)} GPUs?")
            gpu = 0
        return self._node if gpu is None else self._gpu(gpu)

    def _index(self, block: _Block) -> int | None:
        return None if block is self._node else block._number

    def _journal(self, block: _Block) -> list[int]:
        at = block._scope.journal_offset
        used = min(block._words(at, 1)[0], JOURNAL_WORDS - 1)
        return block._words(at + 1, used) if used else []

    # Changes.

    def _rewrite(self, block: _Block, edit: Callable[[Draft], bool]) -> Draft | None:
        """Until nobody else writes meanwhile; None where there is nothing to write."""
        while True:
            draft = Draft(self._node, block)
            if not edit(draft):
                return None
            if draft.write():
                return draft

    def _begin(self, draft: Draft, fault: Fault, entry: Entry) -> bool:
        if fault.needs and not any(draft.has(key) for key in draft.keys(fault.needs, entry.parameters)):
            lacking = fault.needs.format(**entry.parameters)
            raise NodeError(f"{fault.name}: this GPU has no {lacking}, so that the fault would change nothing")
        entries = journal.read(draft)
        entry.since = draft.now
        journal.do(draft, entry, fault.changes)
        journal.write(draft, [*entries, entry])
        return True

    def _end(self, gpu: int | None, which: Callable[[Entry], bool], once: bool = False) -> int:
        ended: list[Entry] = []

        def edit(draft: Draft) -> bool:
            entries = journal.read(draft)
            ended[:] = [entry for entry in entries if which(entry)][: 1 if once else None]
            if not ended:
                return False
            first = next(i for i, entry in enumerate(entries) if entry is ended[0])
            foreign: set[int] = set()
            for entry in reversed(entries[first:]):
                foreign |= journal.undo(draft, entry)
            kept = [entry for entry in entries if not any(entry is other for other in ended)]
            for entry in kept[first:]:
                journal.do(draft, entry, named(entry.name).changes, foreign)
            journal.write(draft, kept)
            return True

        block = self._node if gpu is None else self._gpu(gpu)
        if self._journal(block):
            self._rewrite(block, edit)
        for entry in ended:
            self._remove_rules(entry)
        return len(ended)

    def _occurs(self, event: Event, entry: Entry, draft: Draft) -> bool:
        if not all(entry.parameters[key] in values for key, values in event.when.items()):
            return False
        if event.driver and int(str(self._node.get("driver.version")).partition(".")[0]) < event.driver:
            return False
        at = draft.head(event.changed) + 1 if event.changed else None
        return at is None or draft[at] != draft.before(at)

    def _raise(self, block: _Block, kind: str, data: int | None) -> None:
        pass

    def _add_rules(self, rule: Rule, entry: Entry, gpu: int | Gpu | None) -> list[int]:
        return []

    def _remove_rules(self, entry: Entry) -> None:
        pass
