"""The JSON Schema of profiles takes what the reader takes, and refuses what it refuses as far as a schema can."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from mocknvml.profiles import FOLDER, builtin, builtin_systems, load_system
from mocknvml.profiles.resolve import resolved
from mocknvml.profiles.schema import schema
from tests.functions.test_systems import WRONG
from tests.unit.test_profile_errors import START, WRONG_ENTRIES

# What no schema can say, by a part of the reader's message.
BEYOND = (
    *("not YAML", "given twice", "nested too deeply", "recursive", "<<: not read", "more links than"),
    *(
        "must be from",
        "at most 95 bytes",
        "no file",
        "needs its own",
        "5-2:",
        "which is not listed",
        "give two GPUs from",
        "nvlink.ports",
    ),
    *("that of GPU 0 too", "'99999", "x00B", "inherits: no profile 7", "plain word", "write a plain value"),
    *("could not determine", "Exceeds the limit"),
)
FILES = sorted(FOLDER.rglob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    described = schema()
    Draft7Validator.check_schema(described)
    return Draft7Validator(described)


def as_an_editor_reads(text: str) -> Any:
    """Every key is a text: JSON knows no other."""

    def texts(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): texts(each) for key, each in value.items()}
        return [texts(each) for each in value] if isinstance(value, list) else value

    return texts(yaml.safe_load(text))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_built_in_profile_is_valid(validator: Draft7Validator, file: Path) -> None:
    errors = [error.message for error in validator.iter_errors(as_an_editor_reads(file.read_text()))]

    assert errors == []


@pytest.mark.parametrize("name", [*builtin(), *builtin_systems()])
def test_a_resolved_profile_is_valid_and_the_same(validator: Draft7Validator, name: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(resolved(load_system(name)), sort_keys=False))

    again, built_in = load_system(str(file)), load_system(name)

    assert validator.is_valid(as_an_editor_reads(file.read_text()))
    for (board, address), (expected, where) in zip(again.gpus, built_in.gpus, strict=True):
        assert (board.values, address) == (expected.values, where)


REFUSED = [START + text for text, message in WRONG_ENTRIES if not any(part in message for part in BEYOND)]
REFUSED += [text for text, message in WRONG.items() if not any(part in message for part in BEYOND)]


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_reader_refuses_is_not_valid(validator: Draft7Validator, text: str) -> None:
    assert not validator.is_valid(as_an_editor_reads(text))


def test_the_schema_refuses_most_of_what_the_reader_does() -> None:
    assert len(REFUSED) > 0.6 * len(WRONG_ENTRIES + list(WRONG))
