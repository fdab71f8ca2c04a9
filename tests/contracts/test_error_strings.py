"""nvmlErrorString: a text for every code, at an address that stays. The texts themselves are in test_oracle.py."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.abi import SUCCESS, Library, header

CODES = header().enums["nvmlReturn_t"]
UNKNOWN = CODES["NVML_ERROR_UNKNOWN"]


def address(library: Library, code: int) -> int:
    pointer: int = library.function(header().functions["nvmlErrorString"])(code)
    return pointer


def text(library: Library, code: int) -> str:
    return ctypes.string_at(address(library, code)).decode("ascii")


def test_every_code_of_the_header_has_a_text_of_its_own(fresh: Library) -> None:
    texts = {name: text(fresh, code) for name, code in CODES.items()}

    assert len(set(texts.values())) == len(set(CODES.values()))


@pytest.mark.parametrize("name", CODES)
def test_a_text_is_words_and_not_the_name_of_the_code(fresh: Library, name: str) -> None:
    found = text(fresh, CODES[name])

    assert found
    assert "_" not in found
    assert found == found.strip()


@pytest.mark.parametrize("code", [31, 998, 1000, -1, 2**31 - 1, -(2**31)])
def test_a_number_that_is_no_code_is_an_unknown_error(fresh: Library, code: int) -> None:
    assert code not in CODES.values()

    assert text(fresh, code) == text(fresh, UNKNOWN)


def test_texts_outlive_shutdown_and_another_init(load: Callable[[Path], Library], full_node: Path) -> None:
    library = load(full_node)
    before = {code: address(library, code) for code in CODES.values()}
    texts = {code: ctypes.string_at(pointer) for code, pointer in before.items()}

    assert library.loaded.nvmlShutdown() == SUCCESS

    assert {code: ctypes.string_at(pointer) for code, pointer in before.items()} == texts
    assert {code: address(library, code) for code in CODES.values()} == before
