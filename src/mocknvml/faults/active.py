"""The faults of a node: injecting them, ending them, and which there are.

A fault of a GPU stands in the journal of its block, so that its changes and its being active are one step. One of the
whole node, or of calls, stands in the node's; its rules are there before it is, and longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mocknvml.errors import NodeError, UnknownKey
from mocknvml.faults import journal
from mocknvml.faults.catalogue import FAULTS, changes_of, named
from mocknvml.faults.draft import Draft
from mocknvml.faults.journal import Entry
from mocknvml.faults.vocabulary import Event, Fault, Rule, Scalar
from mocknvml.state.layout import JOURNAL_WORDS

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu, Node, _Block

HANDLE = "health.handle"


@dataclass(frozen=True)
class ActiveFault:
    """A fault that is in force: `since` in nanoseconds of node time, `gpu` None where it is the whole node's."""

    name: str
    gpu: int | None
    parameters: Mapping[str, Scalar]
    since: int
    _faults: Faults = field(compare=False)

    def clear(self) -> None:
        """End this one fault."""
        self._faults._clear(lambda entry: self._is(entry), self.gpu, once=True)

    def _is(self, entry: Entry) -> bool:
        return (entry.name, entry.parameters, entry.since) == (self.name, self.parameters, self.since)

    def __str__(self) -> str:
        parameters = FAULTS[self.name].parameters if self.name in FAULTS else ()
        units = {parameter.name: parameter.unit for parameter in parameters}
        return self.name + "".join(f" {name}={value}{units.get(name, '')}" for name, value in self.parameters.items())

    def __repr__(self) -> str:
        return f"<{self} on {'the node' if self.gpu is None else f'GPU {self.gpu}'}>"


class Faults:
    """The faults of a node, oldest first within a GPU; all processes see the same ones."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def inject(self, name: str, /, gpu: int | str | Gpu | None = None, **parameters: object) -> ActiveFault:
        """Let a fault happen: what it changes, and that it is active, becomes visible in one step.

        `gpu` is its index, UUID or PCI address; a node with one GPU needs none, and a fault of the node has none.
        """
        fault = named(name)
        block, index = self._place(fault, gpu)
        entry = Entry(name, fault.parse(parameters), 0, gpu=index, ends_with_reset=fault.ends_with_reset)
        self._count_unreachable(entry, 1)
        try:
            for rule in fault.rules:
                entry.rules.append(self._add_rule(rule, entry))
            draft = self._rewrite(block, lambda draft: self._begin(draft, fault, entry))
        except Exception:
            self._release(entry)
            raise
        for event in fault.events:
            if self._occurs(event, entry, draft):
                data = None if event.data is None else draft.amount(event.data, entry.parameters)
                self._raise(block, event, data)
        return ActiveFault(name, index, entry.parameters, entry.since, self)

    def clear(self, name: str | None = None, gpu: int | str | Gpu | None = None) -> int:
        """End all faults, or those of a name or a GPU; gives how many.

        What they changed is as it was before, but for what somebody else has changed since.
        """
        if name is not None:
            named(name)
        return self._clear(lambda entry: name in (None, entry.name), None if gpu is None else self._gpu(gpu).index)

    def __iter__(self) -> Iterator[ActiveFault]:
        for block in (self._node, *self._node.gpus):
            for entry in journal.decode(self._journal(block)):
                yield ActiveFault(entry.name, entry.gpu, entry.parameters, entry.since, self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    # Blocks.

    def _gpu(self, gpu: int | str | Gpu) -> Gpu:
        if isinstance(gpu, str):
            found = list(self._node.select(gpu))
            if len(found) != 1:
                raise NodeError(f"gpu={gpu}: give one GPU")
            return found[0]
        index = gpu if isinstance(gpu, int) else gpu.index
        if not 0 <= index < len(self._node.gpus):
            raise NodeError(f"gpu={index}: the node has {len(self._node.gpus)} GPUs, counted from 0")
        return self._node.gpus[index]

    def _place(self, fault: Fault, gpu: int | str | Gpu | None) -> tuple[_Block, int | None]:
        """The block whose journal tells of a fault, and the GPU that it is about."""
        if fault.scope == "gpu":
            if gpu is None and len(self._node.gpus) != 1:
                raise NodeError(f"{fault.name}: which of the {len(self._node.gpus)} GPUs?")
            found = self._gpu(0 if gpu is None else gpu)
            return found, found.index
        if fault.scope == "node" and gpu is not None:
            raise NodeError(f"{fault.name}: a fault of the whole node; leave out the GPU")
        return self._node, None if gpu is None else self._gpu(gpu).index

    def _journal(self, block: _Block) -> list[int]:
        at = block._scope.journal_offset
        used = min(block._words(at, 1)[0], JOURNAL_WORDS - 1)
        return block._words(at + 1, used) if used else []

    # Changes.

    def _rewrite(self, block: _Block, edit: Callable[[Draft], bool]) -> Draft:
        """Until nobody else writes meanwhile, or there is nothing to write."""
        while True:
            draft = Draft(self._node, block)
            if not edit(draft) or draft.write():
                return draft

    def _begin(self, draft: Draft, fault: Fault, entry: Entry) -> bool:
        if fault.needs and not any(draft.has(key) for key in draft.keys(fault.needs, entry.parameters)):
            lacking = fault.needs.format(**entry.parameters)
            raise NodeError(f"{fault.name}: this GPU has no {lacking}, so that the fault would change nothing")
        if fault.on and draft.value(fault.on) == 0:
            raise NodeError(f"{fault.name}: {fault.on} is off on this GPU, so that nobody would see the fault")
        entries = journal.read(draft)
        entry.since = draft.now
        journal.do(draft, entry, fault.changes)
        journal.write(draft, [*entries, entry])
        return True

    def _clear(self, which: Callable[[Entry], bool], gpu: int | None, once: bool = False) -> int:
        """End the faults that are so, of a GPU if one is given; only the first if `once`."""
        cleared = 0
        for block in (self._node, *(self._node.gpus if gpu is None else (self._node.gpus[gpu],))):
            if self._journal(block) and not (once and cleared):
                cleared += self._end(block, lambda entry: which(entry) and gpu in (None, entry.gpu), once)
        return cleared

    def _end(self, block: _Block, which: Callable[[Entry], bool], once: bool) -> int:
        ended: list[Entry] = []

        def edit(draft: Draft) -> bool:
            entries = journal.read(draft)
            ended[:] = [entry for entry in entries if which(entry)][: 1 if once else None]
            if ended:
                journal.write(draft, journal.take_out(draft, entries, ended))
            return bool(ended)

        self._rewrite(block, edit)
        for entry in ended:
            self._release(entry)
        return len(ended)

    # What is there before a fault and until after it: the library looks for errors of handles only where some may be.

    def _release(self, entry: Entry) -> None:
        self._count_unreachable(entry, -1)
        for rule in entry.rules:
            with suppress(UnknownKey):  # somebody has removed it
                self._node.rules.remove(rule)

    def _count_unreachable(self, entry: Entry, by: int) -> None:
        def edit(draft: Draft) -> bool:
            at = draft.head("drain.unreachable") + 1
            draft[at] = max(0, draft[at] + by)
            return True

        if any(change.key == HANDLE and change.takes_place(entry.parameters) for change in changes_of(entry.name)):
            self._rewrite(self._node, edit)

    def _add_rule(self, rule: Rule, entry: Entry) -> int:
        function, arguments = rule.filled(entry.parameters)
        return self._node.rules.add(function, gpu=entry.gpu, **arguments)

    # Events.

    def _occurs(self, event: Event, entry: Entry, draft: Draft) -> bool:
        if not all(entry.parameters[key] in values for key, values in event.when.items()):
            return False
        if event.driver and int(str(self._node.get("driver.version")).partition(".")[0]) < event.driver:
            return False
        at = draft.head(event.changed) + 1 if event.changed else None
        return at is None or draft[at] != draft.before(at)

    def _raise(self, block: Any, event: Event, data: int | None) -> None:
        from mocknvml.state.events import GPU_TYPES

        if block.get("event_types.supported") & GPU_TYPES[event.type]:
            block.events.add(event.type, data)
