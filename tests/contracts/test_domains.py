"""The index spaces of fields are those of the enums of nvml.h: our names stand for the numbers 0, 1, 2…"""

import pytest

from mocknvml.nvml import SUBJECTS
from mocknvml.nvml.identity import Architecture
from mocknvml.table.blocks import Domain
from tests.contracts.abi import header

DOMAINS = {
    f"{subject.__name__.rpartition('.')[2]}.{name}": value
    for subject in SUBJECTS
    for name, value in vars(subject).items()
    if isinstance(value, Domain) and value.enum is not None
}


def is_count(enumerator: str) -> bool:
    """Whether an enumerator is the number of the others."""
    return enumerator.endswith("_COUNT") or enumerator == "NVML_POWER_PROFILE_MAX"


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_has_a_name_for_every_number_of_its_enum(name: str) -> None:
    domain = DOMAINS[name]
    enum = header().enums[domain.enum or ""]

    numbers = {number for enumerator, number in enum.items() if not is_count(enumerator)}

    assert numbers == set(range(len(domain)))
    assert len(set(domain.keys)) == len(domain)


def test_the_architectures_are_those_of_the_macros() -> None:
    prefix, unknown = "NVML_DEVICE_ARCH_", 0xFFFFFFFF
    macros = {
        name.removeprefix(prefix).lower(): number
        for name, number in header().constants.items()
        if name.startswith(prefix) and number != unknown
    }

    assert {key: number for number, key in enumerate(Architecture.keys) if not key.isdigit()} == macros
