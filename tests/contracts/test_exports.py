"""What the library exports and needs: the header's functions, three more names, and libc."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from mocknvml.codegen.header import include_folder
from mocknvml.nvml import ROWS
from tests.contracts import elf
from tests.contracts.abi import header

# In no prototype of nvml.h, but in every real library.
EXTRA = {"nvmlGetBlacklistDeviceCount", "nvmlGetBlacklistDeviceInfoByIndex", "nvmlInternalGetExportTable"}
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def declared() -> set[str]:
    """The functions of nvml.h, found without the model."""
    text = (include_folder() / "nvml.h").read_text(encoding="utf-8")
    return set(re.findall(r"\bDECLDIR\s+(?:\w+\s*\*\s*)?(nvml\w+)\s*\(", text))


@pytest.fixture(scope="module")
def binary(library: Path) -> elf.Elf:
    return elf.read(library)


@pytest.fixture
def plain(binary: elf.Elf) -> elf.Elf:
    if binary.is_instrumented:
        pytest.skip("a sanitizer brings its own runtime")
    return binary


def test_the_model_has_every_function_of_the_header(declared: set[str]) -> None:
    assert set(header().functions) == declared | EXTRA


def test_the_library_exports_every_function_and_nothing_else(binary: elf.Elf, declared: set[str]) -> None:
    assert sorted(binary.exported) == sorted(declared | EXTRA)


def test_every_function_has_one_row_and_every_row_a_function(declared: set[str]) -> None:
    assert Counter(row.function for row in ROWS) == Counter(declared | EXTRA)


def test_the_description_beside_the_library_has_every_function(library: Path, declared: set[str]) -> None:
    described = json.loads(library.with_name("functions.json").read_text(encoding="utf-8"))

    assert set(described) == declared | EXTRA


def test_the_library_has_the_name_that_clients_load(binary: elf.Elf) -> None:
    assert binary.soname == "libnvidia-ml.so.1"


def test_the_library_needs_libc_alone(plain: elf.Elf) -> None:
    assert plain.needed == ["libc.so.6"]


def test_the_library_is_smaller_than_a_megabyte(plain: elf.Elf, library: Path) -> None:
    assert library.stat().st_size < MEGABYTE
