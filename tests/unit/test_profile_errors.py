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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pwoer: {limit: 300 W}", "mine.yaml:3: pwoer: no such block (did you mean power?)"),
        ("sources: mine", "mine.yaml:3: sources: no such block (did you mean source?)"),
        ("power:\n  limt: 300 W", "mine.yaml:4: power.limt: no such field (did you mean limit?)"),
        (
            "memory: {used: 1 GiB}",
            "mine.yaml:3: memory.used: follows from memory.allocated, processes.running, give those",
        ),
        (
            "power: 300 W",
            "mine.yaml:3: power: give a mapping of fields: management, usage, average, module_average, memory_average",
        ),
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
        ("addresses: []", "mine.yaml: addresses: give the PCI address of at least one GPU"),
    ],
)
def test_a_wrong_entry_is_an_error_that_says_where_and_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    assert message in error(tmp_path, START + text + "\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "inherits: a1oo-sxm4-40gb\nsource: mine\n",
            "mine.yaml:1: inherits: no profile a1oo-sxm4-40gb (did you mean a100-sxm4-40gb?)",
        ),
        ("inherits: t4\n", "mine.yaml:1: source: say where the values come from"),
        ("source: mine\n", "mine.yaml: addresses: give the PCI address of at least one GPU"),
        ("", "mine.yaml: a profile is a mapping of blocks; start with `inherits:` and `source:`"),
        ("- power\n", "mine.yaml: a profile is a mapping of blocks; start with `inherits:` and `source:`"),
        ("source: \x01\n", "mine.yaml: not YAML in UTF-8: special characters are not allowed"),
        (b"source: \xff\n", "mine.yaml: not YAML in UTF-8: invalid start byte"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_what_to_do(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert error(tmp_path, text).startswith(message)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"absent\.yaml: No such file or directory"):
        load_profile(str(tmp_path / "absent.yaml"))


def test_an_unknown_name_lists_the_boards() -> None:
    with pytest.raises(ProfileError, match=r"a100-sxm-40gb: no such profile \(did you mean a100-sxm4-40gb\?\)"):
        load_profile("a100-sxm-40gb")
