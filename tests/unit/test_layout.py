"""Where fields stand in memory, and how values become words."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mocknvml.errors import UnknownKey, ValueMismatch
from mocknvml.state.layout import (
    BLOCK_HEADER_WORDS,
    JOURNAL_WORDS,
    LENGTH_SHIFT,
    PAGE_WORDS,
    SIGNAL_SHIFT,
    SIGNAL_WORDS,
    SIGNALS,
    SUCCESS_HEAD,
    Layout,
    Scope,
    layout,
    record_offsets,
    text_words,
)
from mocknvml.state.values import UNITS, Value, parse, split_key, words
from mocknvml.table import Block, Domain, Record, choice, flag, i32, member, records, text, u32, u64
from mocknvml.table.blocks import Field, Number, Records

Engine = Domain.count(2)
Clock = Domain.of("nvmlClockType_t", "graphics", "memory", "video")
Mode = Domain.of("nvmlComputeMode_t", "default", "prohibited")


class Process(Record):
    pid = member("u32")
    name = member("text", size=12)
    memory = member("u64", "B", default=5)


class Board(Block):
    serial = text(9)
    power = u32("mW")
    clock = u32("MHz", per=(Engine, Clock))
    offset = i32("C")
    persistence = flag()
    mode = choice(Mode)
    processes = records(Process, capacity=3)
    total = u64("B")
    used = u64("B", derived=processes.total("memory"))
    energy = u64("mJ", integral=power)


SCOPE = Scope((Board,))


def field(key: str) -> Field:
    return SCOPE.places[f"board.{key}"].field


# Places


def test_fields_stand_one_behind_the_other_in_the_order_of_their_block() -> None:
    offsets = {key.removeprefix("board."): place.offset for key, place in SCOPE.places.items()}

    assert offsets == {
        "serial": 0,
        "power": 3,  # behind a head and the words of 9 bytes
        "clock": 5,
        "offset": 17,
        "persistence": 19,
        "mode": 21,
        "processes": 23,
        "total": 36,  # behind a head and 3 records of 4 words
        "energy": 38,
    }


def test_a_derived_field_has_no_place() -> None:
    assert "board.used" not in SCOPE.places


def test_the_signals_and_the_journal_stand_behind_the_fields() -> None:
    assert SCOPE.signals_offset == 40
    assert SCOPE.journal_offset == 40 + SIGNALS * SIGNAL_WORDS
    assert SCOPE.words == SCOPE.journal_offset + JOURNAL_WORDS


def test_a_block_holds_its_header_and_three_copies_in_whole_pages() -> None:
    assert SCOPE.stride % PAGE_WORDS == 0
    assert 0 <= SCOPE.stride - (BLOCK_HEADER_WORDS + 3 * SCOPE.words) < PAGE_WORDS


def test_elements_are_counted_with_the_last_index_fastest() -> None:
    place = SCOPE.places["board.clock"]

    assert [place.element(place.index(names)) for names in place.element_names()] == [5, 7, 9, 11, 13, 15]
    assert list(place.element_names())[4] == ("1", "memory")


@pytest.mark.parametrize(("size", "count"), [(1, 1), (8, 1), (9, 2), (96, 12)])
def test_a_text_takes_whole_words(size: int, count: int) -> None:
    assert text_words(size) == count


def test_a_record_takes_a_word_per_number_and_whole_words_per_text() -> None:
    assert record_offsets(Board.processes) == ({"pid": 0, "name": 1, "memory": 3}, 4)


@pytest.mark.parametrize("scope", [layout().node, layout().gpu], ids=["node", "gpu"])
def test_no_two_fields_of_a_real_block_share_a_word(scope: Scope) -> None:
    taken = [
        word
        for place in scope.places.values()
        for word in range(place.offset, place.offset + place.elements * place.element_words)
    ]

    assert taken == list(range(scope.signals_offset))


def test_there_is_a_signal_for_every_integral() -> None:
    assert len(layout().gpu.integrals) <= SIGNALS
    assert len(layout().node.integrals) == 0


# The hash


def test_every_process_computes_the_same_layout() -> None:
    command = [sys.executable, "-c", "from mocknvml.state.layout import layout; print(layout().hash)"]
    path = os.pathsep.join(sys.path)
    hashes = [
        subprocess.run(
            command,
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]

    assert hashes == [f"{layout().hash}\n"] * 2


class Other(Block):
    first = u32()


def scope_of(*fields: Field) -> Scope:
    """A scope of one block, which has fields `a`, `b`, …"""
    return Scope((type("Thing", (Block,), dict(zip("abcdef", fields, strict=False))),))


def of_records(**members: object) -> Records:
    return records(type("Listed", (Record,), members), capacity=2)


BASE = scope_of(u32("mW"), u64("B"))
CHANGED = {
    "one field more": scope_of(u32("mW"), u64("B"), u32()),
    "one field less": scope_of(u32("mW")),
    "two fields in another order": Scope((type("Thing", (Block,), {"b": u64("B"), "a": u32("mW")}),)),
    "another name": Scope((type("Thing", (Block,), {"a": u32("mW"), "c": u64("B")}),)),
    "another block": Scope((type("Stuff", (Block,), {"a": u32("mW"), "b": u64("B")}),)),
    "one block more": Scope((*BASE.blocks, Other)),
    "another unit": scope_of(u32("MHz"), u64("B")),
    "another type": scope_of(i32("mW"), u64("B")),
    "an index": scope_of(u32("mW", per=Clock), u64("B")),
    "a text": scope_of(u32("mW"), text(8)),
    "named values": scope_of(choice(Mode), u64("B")),
}


@pytest.mark.parametrize("change", CHANGED)
def test_the_hash_changes_with_the_layout_and_its_meaning(change: str) -> None:
    node = Scope(())

    assert Layout(node, CHANGED[change]).hash != Layout(node, BASE).hash
    assert Layout(CHANGED[change], BASE).hash != Layout(node, BASE).hash


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(text(8), text(7), id="size of a text within its words"),
        pytest.param(
            of_records(pid=member("u32"), gpu=member("u32")),
            of_records(gpu=member("u32"), pid=member("u32")),
            id="order of members",
        ),
        pytest.param(of_records(a=member("u64", "B")), of_records(a=member("u64", "mJ")), id="unit of a member"),
        pytest.param(
            u32(per=Domain(("graphics", "memory"))), u32(per=Domain(("memory", "graphics"))), id="order of indices"
        ),
    ],
)
def test_the_hash_changes_where_only_the_meaning_does(one: Field, other: Field) -> None:
    node = Scope(())

    assert Layout(node, scope_of(one)).hash != Layout(node, scope_of(other)).hash


# Values


def units() -> Iterator[tuple[str, str]]:
    """Every unit that a field or a member of the table has, with its place."""
    for scope in (layout().node, layout().gpu):
        for block in scope.blocks:
            for item in block.fields():
                yield item.key, item.unit
                if isinstance(item, Records):
                    yield from ((f"{item.key}.{name}", of.unit) for name, of in item.record.members().items())


@pytest.mark.parametrize(("key", "unit"), [pair for pair in units() if pair[1]])
def test_the_unit_of_a_field_can_be_written(key: str, unit: str) -> None:
    assert UNITS[unit][unit] == 1


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("power", "350 W", 350_000),
        ("power", "1.1 kW", 1_100_000),
        ("power", " 7mW ", 7),
        ("total", "80 GiB", 80 << 30),
        ("total", "0.5 KiB", 512),
        ("total", "18446744073709551615 B", 2**64 - 1),
        ("total", "9007199254740993 KiB", 9007199254740993 << 10),
        ("clock", "1.41 GHz", 1410),
        ("offset", "-5 C", -5),
        ("persistence", True, 1),
        ("persistence", False, 0),
        ("mode", "prohibited", 1),
        ("serial", "12345678", "12345678"),
        ("serial", "", ""),
        ("processes", [], []),
        (
            "processes",
            [{"pid": 7, "name": "train", "memory": "2 KiB"}, {"pid": 8}],
            [{"pid": 7, "name": "train", "memory": 2048}, {"pid": 8, "name": "", "memory": 5}],
        ),
    ],
)
def test_what_a_user_writes_becomes_a_value_in_the_unit_of_the_field(key: str, written: object, value: Value) -> None:
    assert parse(field(key), written) == value


@pytest.mark.parametrize(
    ("key", "written", "message"),
    [
        ("power", 350, "350: give a number with a unit, one of mW, W, kW"),
        ("power", "350", "'350': give a number with a unit, one of mW, W, kW"),
        ("power", "350 MHz", "'350 MHz': give a number with a unit, one of mW, W, kW"),
        ("power", "0.0001 mW", "'0.0001 mW': not a whole number of mW"),
        ("power", "-1 W", "'-1 W': must be from 0 to 4294967295 mW"),
        ("power", "5 MW", "'5 MW': give a number with a unit, one of mW, W, kW"),
        ("power", "4294968 W", "'4294968 W': must be from 0 to 4294967295 mW"),
        ("offset", "2147483648 C", "'2147483648 C': must be from -2147483648 to 2147483647 C"),
        ("persistence", 1, "1: give true or false"),
        ("mode", "exclusive", "'exclusive': give one of default, prohibited"),
        ("mode", 1, "1: give one of default, prohibited"),
        ("serial", "123456789", "'123456789': at most 8 bytes"),
        ("serial", "äöüäö", "'äöüäö': at most 8 bytes"),
        ("serial", 12345678, "12345678: give a text (in quotes)"),
        ("processes", [{}] * 4, f"{[{}] * 4}: give a list of at most 3 records"),
        ("processes", ["train"], "'train': give pid, name, memory"),
        ("processes", [{"name": "a name too long"}], "name: 'a name too long': at most 11 bytes"),
        ("processes", [{"pid": True}], "pid: True: give a whole number"),
    ],
)
def test_what_does_not_fit_a_field_is_refused_with_what_does(key: str, written: object, message: str) -> None:
    with pytest.raises(ValueMismatch) as raised:
        parse(field(key), written)

    assert str(raised.value) == message


def test_an_unknown_member_of_a_record_is_refused_with_the_one_it_may_have_meant() -> None:
    with pytest.raises(UnknownKey) as raised:
        parse(field("processes"), [{"pidd": 1}])

    assert str(raised.value) == "pidd: no such member of board.processes (did you mean pid?)"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("bord.power", "bord.power: no such field (did you mean board.power?)"),
        ("board", "board: no such field"),
        ("board.used", "board.used: follows from "),
        ("board.clock", "board.clock: name one element, as in board.clock.0.graphics"),
        ("board.clock.0.graphics.1", "board.clock.0.graphics.1: name one element, as in board.clock.0.graphics"),
        ("board.clock.0.sm", "board.clock.0.sm: sm is none of graphics, memory, video"),
        ("board.power.0", "board.power.0: name one element, as in board.power"),
    ],
)
def test_a_key_that_names_no_element_is_refused(key: str, message: str) -> None:
    with pytest.raises(UnknownKey) as raised:
        split_key(SCOPE, key)

    assert str(raised.value).startswith(message)


# Words


def stored(key: str, value: Value, *element: str) -> dict[int, int]:
    return words(SCOPE, SCOPE.places[f"board.{key}"], element, value)


def text_of(image: dict[int, int], at: int, size: int) -> str:
    data = b"".join(image.get(word, 0).to_bytes(8, "little") for word in range(at, at + text_words(size)))
    return data.rstrip(b"\0").decode()


@pytest.mark.parametrize(("key", "value"), [("power", 0), ("power", 2**32 - 1), ("total", 2**64 - 1)])
def test_a_number_is_a_head_and_its_value(key: str, value: int) -> None:
    at = SCOPE.places[f"board.{key}"].offset

    assert stored(key, value) == {at: SUCCESS_HEAD, at + 1: value}


def test_a_negative_number_is_its_twos_complement_in_64_bits() -> None:
    assert stored("offset", -5) == {17: SUCCESS_HEAD, 18: 2**64 - 5}


def test_an_element_is_stored_at_its_own_place() -> None:
    assert stored("clock", 1410, "1", "memory") == {13: SUCCESS_HEAD, 14: 1410}


@pytest.mark.parametrize("value", ["", "1", "12345678", "äöü"])
def test_a_text_is_a_head_with_its_length_and_its_bytes(value: str) -> None:
    image = stored("serial", value)

    assert image[0] == SUCCESS_HEAD | len(value.encode()) << LENGTH_SHIFT
    assert set(image) == {0, 1, 2}
    assert text_of(image, 1, 9) == value


def test_records_are_a_head_with_their_number_and_their_members() -> None:
    image = stored("processes", [{"pid": 7, "name": "train", "memory": 9}, {"pid": 8, "name": "a b", "memory": 0}])

    assert image[23] == SUCCESS_HEAD | 2 << LENGTH_SHIFT
    assert (image[24], text_of(image, 25, 12), image[27]) == (7, "train", 9)
    assert (image[28], text_of(image, 29, 12), image[31]) == (8, "a b", 0)
    assert max(image) == 31


def test_an_integral_starts_a_signal_that_names_its_source() -> None:
    image = stored("energy", 1000)
    signal = SCOPE.signals_offset

    assert image[38] == SUCCESS_HEAD | 1 << SIGNAL_SHIFT
    assert image[39] == 1000
    assert image[signal] == 1
    assert image[signal + 1] == SCOPE.places["board.power"].offset
    assert isinstance(Board.energy, Number)
