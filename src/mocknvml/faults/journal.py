"""Which faults are active in a block: its journal, which stands behind the fields and the signals.

The first word says how many words are in use. An entry is: its words, the bytes of its text and, as the highest bit,
whether a reset of the GPU ends it (native/faults.c, which reads this too); node time since when;
the text, a JSON list of name, parameters, GPU and rules; for each changed word its place, what it was and what it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from mocknvml.errors import NodeError
from mocknvml.faults.catalogue import changes_of
from mocknvml.faults.draft import Draft
from mocknvml.faults.vocabulary import Change, Scalar
from mocknvml.state.layout import JOURNAL_WORDS, record_offsets, text_words
from mocknvml.state.values import bytes_to_words

HEAD = 2


@dataclass
class Entry:
    name: str
    parameters: Mapping[str, Scalar]
    since: int
    rules: list[int] = field(default_factory=list)
    changed: list[tuple[int, int, int]] = field(default_factory=list)  # place, old word, new word
    gpu: int | None = None
    ends_with_reset: bool = False

    def encode(self) -> list[int]:
        text = json.dumps([self.name, self.parameters, self.gpu, self.rules], separators=(",", ":")).encode()
        body = [*bytes_to_words(text, text_words(len(text))), *(word for change in self.changed for word in change)]
        return [HEAD + len(body) | len(text) << 32 | self.ends_with_reset << 63, self.since, *body]


def read(draft: Draft) -> list[Entry]:
    at = draft.scope.journal_offset
    used = min(draft[at], JOURNAL_WORDS - 1)
    return list(decode([draft[at + 1 + word] for word in range(used)]))


def decode(words: list[int]) -> Iterator[Entry]:
    """The entries; the rest is left out where the words are none of ours."""
    at = 0
    while at + HEAD <= len(words):
        size, length = words[at] & 0xFFFFFFFF, words[at] >> 32 & 0x7FFFFFFF
        end, body = at + size, at + HEAD + text_words(length)
        if body > end or end > len(words) or (end - body) % 3:
            return
        text = b"".join(word.to_bytes(8, "little") for word in words[at + HEAD : body])[:length]
        try:
            name, parameters, gpu, rules = json.loads(text)
            entry = Entry(str(name), dict(parameters), words[at + 1], [int(rule) for rule in rules], gpu=gpu)
            entry.ends_with_reset = bool(words[at] >> 63)
        except (ValueError, TypeError):
            return
        entry.changed = [(words[i], words[i + 1], words[i + 2]) for i in range(body, end, 3)]
        if any(place >= 2**32 for place, _, _ in entry.changed):
            return
        yield entry
        at = end


def write(draft: Draft, entries: Iterable[Entry]) -> None:
    at = draft.scope.journal_offset
    words = [word for entry in entries for word in entry.encode()]
    if len(words) >= JOURNAL_WORDS:
        raise NodeError("no room for more faults; clear some first")
    before = min(draft[at], JOURNAL_WORDS - 1)
    draft[at] = len(words)
    for offset, word in enumerate([*words, *[0] * (before - len(words))]):
        draft[at + 1 + offset] = word


def do(
    draft: Draft, entry: Entry, changes: Iterable[Change], foreign: Set[int] = frozenset(), again: bool = False
) -> None:
    """Make a fault's changes, but for words that others have changed, and note them in its entry."""
    draft.now = entry.since
    entry.changed = []
    for change in changes:
        before = dict(draft.words)
        try:
            touched = list(draft.apply(change, entry.parameters))
        except NodeError:  # a list that others have filled meanwhile
            if not again:
                raise
            draft.words = before
            continue
        for at in touched:
            old = before.get(at, draft.before(at))
            if at in foreign:
                draft[at] = old
            elif draft[at] != old or change.kind == "append":
                entry.changed.append((at, old, draft[at]))


def take_out(draft: Draft, entries: list[Entry], ended: list[Entry]) -> list[Entry]:
    """End faults as if they had never been: the later ones are taken back, and made again without them."""
    first = next(number for number, entry in enumerate(entries) if entry is ended[0])
    foreign: set[int] = set()
    for entry in reversed(entries[first:]):
        foreign |= undo(draft, entry)
    kept = [entry for entry in entries if not any(entry is other for other in ended)]
    for entry in kept[first:]:
        do(draft, entry, changes_of(entry.name), foreign, again=True)
    return kept


def undo(draft: Draft, entry: Entry) -> set[int]:
    """Take a fault's changes back; gives the words that others have changed since, which stay as they are."""
    foreign: set[int] = set()
    for part in reversed(list(_parts(draft, entry.changed))):
        place = draft.lists.get(part[0][0])
        if place is not None and any(draft[at] != new for at, _, new in part):
            draft.take_out(place, [new for _, _, new in part[1:]])
            continue
        for at, old, new in part:
            if draft[at] == new:
                draft[at] = old
            else:
                foreign.add(at)
    return foreign


def _parts(draft: Draft, changed: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """The changed words one by one, but the head of a list with the record that came with it."""
    index = 0
    while index < len(changed):
        place = draft.lists.get(changed[index][0])
        size = 0 if place is None else record_offsets(place.field)[1]  # type: ignore[arg-type]
        if changed[index][0] < draft.scope.journal_offset:
            yield changed[index : index + 1 + size]
        index += 1 + size
