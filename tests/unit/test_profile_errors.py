"""What a profile file of a user may get wrong: each error says where, which key, and what to do."""

from pathlib import Path

import pytest

from mocknvml.errors import ProfileError
from mocknvml.profiles import load_profile

START = "inherits: a100-sxm4-40gb\nsource: measured\n"


def error(folder: Path, text: str | bytes) -> str:
    """The message of the error, without the folder."""
    file = folder / "mine.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ProfileError) as raised:
        load_profile(str(file))
    return str(raised.value).removeprefix(f"{folder}/")


def test_a_correct_file_changes_what_it_names_and_inherits_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(START + "power: {limit: 0.3 kW}\nnvlink:\n  state: {0-5: false, 11: false}\n")
    values = load_profile(str(file)).values

    assert values["power.limit", ()] == 300_000
    assert values["power.limit_max", ()] == 400_000
    assert [values["nvlink.state", (str(link),)] for link in range(12)] == [0] * 6 + [1] * 5 + [0]


WRONG_ENTRIES = [
    ("pwoer: {limit: 300 W}", "mine.yaml:3: pwoer: no such block (did you mean power?)"),
    ("sources: mine", "mine.yaml:3: sources: no such block (did you mean source?)"),
    ("power:\n  limt: 300 W", "mine.yaml:4: power.limt: no such field (did you mean limit?)"),
    (
        "memory: {used: 1 GiB}",
        "mine.yaml:3: memory.used: follows from memory.allocated, processes.running, give those",
    ),
    ("power: 300 W", "mine.yaml:3: power: give a mapping of fields: management, averaged, usage"),
    ("power: {limit: 300}", "mine.yaml:3: power.limit: 300: give a number with a unit, one of mW, W, kW"),
    ("power: {limit: 300 MHz}", "mine.yaml:3: power.limit: '300 MHz': give a number with a unit, one of mW, W, kW"),
    ("power: {limit: 0.0001 mW}", "mine.yaml:3: power.limit: '0.0001 mW': not a whole number of mW"),
    ("power: {limit: -1 W}", "mine.yaml:3: power.limit: '-1 W': must be from 0 to 4294967295 mW"),
    ("power: {limit: [300 W]}", "mine.yaml:3: power.limit: ['300 W']: give a number with a unit, one of mW, W, kW"),
    ("power:\n  limit:", "mine.yaml:4: power.limit: None: give a number with a unit, one of mW, W, kW"),
    ("modes: {persistence: 1}", "mine.yaml:3: modes.persistence: 1: give true or false"),
    ("identity: {cores: many}", "mine.yaml:3: identity.cores: 'many': give a whole number"),
    ("identity: {name: 100}", "mine.yaml:3: identity.name: 100: give a text (in quotes)"),
    ("identity: {serial: '0123456789012345678901234567890123'}", "at most 31 bytes"),
    (
        "modes: {compute: exclusive}",
        "mine.yaml:3: modes.compute: 'exclusive': give one of default, exclusive_thread, prohibited",
    ),
    (
        "clocks:\n  max:\n    graphic: 2 GHz",
        "mine.yaml:5: clocks.max.graphic: give one of graphics, sm, memory, video (did you mean graphics?)",
    ),
    (
        "clocks:\n  max: {graphics: 1410}",
        "mine.yaml:4: clocks.max.graphics: 1410: give a number with a unit, one of MHz, GHz",
    ),
    ("nvlink: {state: {0-40: true}}", "mine.yaml:3: nvlink.state.0-40: give a number from 0 to 35, or a range"),
    ("nvlink: {state: {5-2: true}}", "mine.yaml:3: nvlink.state.5-2: give a number from 0 to 35, or a range"),
    ("processes: {running: [{pidd: 1}]}", "mine.yaml:3: processes.running: pidd: no such member"),
    ("power: {limit: 300 W}\npower: {usage: 90 W}", "mine.yaml:4: power: given twice, remove one"),
    ("power: {limit: 300 W, limit: 200 W}", "mine.yaml:3: power.limit: given twice, remove one"),
    ("power: {limit: 300 W", "mine.yaml:4: not YAML: expected ',' or '}', but got '<stream end>'"),
    ("identity: {name: !board A100}", "mine.yaml:3: could not determine a constructor for the tag '!board'"),
    ("? [a, b]\n: 1", "mine.yaml:3: a key must be a plain word"),
    ("addresses: ['07:00.0']", "mine.yaml:3: addresses: 07:00.0: give a PCI address such as '00000000:07:00.0'"),
    ("addresses: ['0000:07:20.0']", "mine.yaml:3: addresses: 0000:07:20.0: give a PCI address"),
    ("addresses: '0000:07:00.0'", "mine.yaml:3: addresses: give a list, such as"),
    ("addresses: []", "mine.yaml:1: addresses: give the PCI address of at least one GPU"),
    ("addresses: ['0000:07:00.0', '00000000:07:00.0']", "mine.yaml:3: addresses: given twice, each GPU needs its own"),
    # The line is that of the key, also where the value stands on the next.
    ("pwoer:\n  limit: 300 W", "mine.yaml:3: pwoer: no such block (did you mean power?)"),
    ("power:\n  - limit: 300 W", "mine.yaml:3: power: give a mapping of fields: management, averaged"),
    ("power:\n  limt:\n    max: 1 W", "mine.yaml:4: power.limt: no such field (did you mean limit?)"),
    ("power: {limit: {max: 300 W}}", "mine.yaml:3: power.limit: {'max': '300 W'}: give a number with a unit"),
    ("power: {limit: 1.5 mW}", "mine.yaml:3: power.limit: '1.5 mW': not a whole number of mW"),
    ("power: {limit: .nan}", "mine.yaml:3: power.limit: nan: give a number with a unit"),
    ("power: {limit: 5000000000 mW}", "mine.yaml:3: power.limit: '5000000000 mW': must be from 0 to 4294967295 mW"),
    ("power: {limit: ٣ W}", "mine.yaml:3: power.limit: '٣ W': give a number with a unit"),
    ("identity: {cores: -1}", "mine.yaml:3: identity.cores: -1: must be from 0 to 4294967295"),
    ("identity: {cores: 1.5}", "mine.yaml:3: identity.cores: 1.5: give a whole number"),
    ("identity: {cores: true}", "mine.yaml:3: identity.cores: True: give a whole number"),
    ("identity: {cores: " + "9" * 5000 + "}", "mine.yaml:3: Exceeds the limit (4300 digits) for integer string"),
    ("power: {limit: " + "9" * 5000 + " W}", "mine.yaml:3: power.limit: '99999"),
    ("identity: {name: 2001-99-99}", "mine.yaml:3: month must be in 1..12; write a plain value"),
    ("identity: {name: '" + "é" * 48 + "'}", "at most 95 bytes"),
    ('identity: {name: "A\\0B"}', "mine.yaml:3: identity.name: 'A\\x00B': give a text (in quotes)"),
    ("identity: {index: 3}", "mine.yaml:3: identity.index: follows from the order of the GPUs, leave it out"),
    ("pci: {bus: 3}", "mine.yaml:3: pci.bus: follows from the address of the GPU, give that"),
    ("nvlink:\n  state:\n    0: yes\n    x: no", "mine.yaml:6: nvlink.state.x: give a number from 0 to 35"),
    ("ecc: {location: {corrected: {volatile: {dramm: 0}}}}", "ecc.location.corrected.volatile.dramm: give one of"),
    (
        "processes:\n  running:\n    - {pid: 1}\n    - {pid: x}",
        "mine.yaml:6: processes.running: pid: 'x': give a whole",
    ),
    (
        "processes: {running: [{pid: 1, memory: 5}]}",
        "mine.yaml:3: processes.running: memory: 5: give a number with a unit",
    ),
    ("processes: {running: [{pid: 1, name: 5}]}", "mine.yaml:3: processes.running: name: 5: give a text (in quotes)"),
    ("processes: {running: [{pid: 1, pid: 2}]}", "mine.yaml:3: processes.running.pid: given twice, remove one"),
    ("processes: {running: [7]}", "mine.yaml:3: processes.running: give a mapping, such as `key: value`"),
    ("power:\n\tlimit: 300 W", "mine.yaml:4: not YAML: found character '\\t' that cannot start any token"),
    ("power: &p {limit: 300 W}\nthermal:\n  <<: *p", "mine.yaml:5: thermal.<<: not read, use `inherits` or an alias"),
    ("nvlink: {state: &a {0: *a}}", "mine.yaml:3: found unconstructable recursive node; write a plain value"),
    ("thermal: *absent", "mine.yaml:3: not YAML: found undefined alias 'absent'"),
    ("power: " + "[" * 5000, "mine.yaml:1: not a profile: nested too deeply"),
    ("--- {}", "mine.yaml:3: not YAML: expected a single document in the stream"),
]


@pytest.mark.parametrize(("text", "message"), WRONG_ENTRIES)
def test_a_wrong_entry_is_an_error_that_says_where_and_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    said = error(tmp_path, START + text + "\n")

    assert message in said
    assert said.startswith("mine.yaml:")
    assert len(said.splitlines()) == 1
    assert len(said) < 500


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "inherits: a1oo-sxm4-40gb\nsource: mine\n",
            "mine.yaml:1: inherits: no profile a1oo-sxm4-40gb (did you mean a100-sxm4-40gb?)",
        ),
        ("source: x\ninherits: ./absent.yaml\n", "mine.yaml:2: inherits: no file "),
        ("source: x\ninherits: ./mine.yaml\n", "mine.yaml:2: inherits: ./mine.yaml inherits from this file, a cycle"),
        ("source: x\ninherits: [a100-sxm4-40gb, 7]\n", "mine.yaml:2: inherits: no profile 7"),
        ("inherits: t4\nsource: ''\n", "mine.yaml:2: source: say in words where the values come from"),
        ("inherits: t4\nsource: [x]\n", "mine.yaml:2: source: say in words where the values come from"),
        ("# nothing\n\n--- 5\n", "mine.yaml:3: a profile is a mapping of blocks"),
        ("inherits: t4\n\x07", "mine.yaml:2: not YAML in UTF-8"),
        (b"inherits: t4\nsource: \xff\n", "mine.yaml:2: not YAML in UTF-8"),
        ("inherits: t4\n", "mine.yaml:1: source: say where the values come from"),
        ("source: mine\n", "mine.yaml:1: addresses: give the PCI address of at least one GPU"),
        ("", "mine.yaml:1: a profile is a mapping of blocks; start with `inherits:` and `source:`"),
        ("- power\n", "mine.yaml:1: a profile is a mapping of blocks; start with `inherits:` and `source:`"),
        ("source: \x01\n", "mine.yaml:1: not YAML in UTF-8: special characters are not allowed"),
        (b"source: \xff\n", "mine.yaml:1: not YAML in UTF-8: invalid start byte"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_what_to_do(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert error(tmp_path, text).startswith(message)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"absent\.yaml: No such file or directory"):
        load_profile(str(tmp_path / "absent.yaml"))


def test_a_folder_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r": Is a directory$"):
        load_profile(f"{tmp_path}/")


def test_a_file_inherits_from_a_file_beside_it(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("inherits: t4\nsource: ours\npower: {limit: 60 W, usage: 20 W}\n")
    (tmp_path / "mine.yaml").write_text("inherits: base.yaml\nsource: ours\npower: {usage: 30 W}\n")

    values = load_profile(str(tmp_path / "mine.yaml")).values

    assert (values["power.limit", ()], values["power.usage", ()]) == (60_000, 30_000)
    assert values["identity.name", ()] == "Tesla T4"


def test_a_cycle_through_another_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("source: x\ninherits: mine.yaml\n")

    assert error(tmp_path, "source: x\ninherits: other.yaml\n") == (
        "other.yaml:2: inherits: mine.yaml inherits from this file, a cycle"
    )


def test_an_alias_stands_for_its_value(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(START + "power: {limit: &most 300 W, limit_max: *most}\n")

    assert load_profile(str(tmp_path / "mine.yaml")).values["power.limit_max", ()] == 300_000


def test_a_file_is_read_again_after_a_change(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    read = []
    for watts in (300, 200):
        file.write_text(f"{START}power: {{limit: {watts} W}}\n")
        read.append(load_profile(str(file)).values["power.limit", ()])

    assert read == [300_000, 200_000]


def test_an_unknown_name_lists_the_boards() -> None:
    with pytest.raises(ProfileError, match=r"a100-sxm-40gb: no such profile \(did you mean a100-sxm4-40gb\?\)"):
        load_profile("a100-sxm-40gb")
