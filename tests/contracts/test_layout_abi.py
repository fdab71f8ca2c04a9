"""The model of nvml.h agrees with the C compiler, for each machine: sizes, offsets, alignments, versions, constants."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml.codegen.build import MACHINES, zig
from mocknvml.codegen.header import Header, Struct, include_folder
from tests.contracts.abi import header

UINT64_MAX = 2**64 - 1


def named(model: Header) -> dict[str, Struct]:
    """The structs that have a name in C; every tag of nvml.h belongs to one of them."""
    return {name: struct for name, struct in model.structs.items() if name.endswith("_t")}


def offsets(model: Header, struct: Struct, path: str = "", start: int = 0) -> Iterator[tuple[str, int]]:
    """Every member and, within structs that have no name, their members; as `offsetof` takes them."""
    for member in struct.members:
        inner = model.structs.get(member.type.base) if member.type.kind == "struct" else None
        is_nameless = inner is not None and inner.name.startswith("anonymous ") and not member.type.pointers
        here = f"{path}.{member.name}".strip(".")
        if member.name:
            yield here, start + member.offset
        if inner is not None and is_nameless:
            element = "[0]" * len(member.type.array)
            yield from offsets(model, inner, here + element, start + member.offset)


def claims(model: Header) -> Iterator[str]:
    """The model as C conditions."""
    for name, struct in named(model).items():
        yield f"sizeof({name}) == {struct.size}"
        yield f"_Alignof({name}) == {struct.align}"
        for path, offset in offsets(model, struct):
            yield f"offsetof({name}, {path}) == {offset}"
        for member in struct.members:
            if member.name:
                yield f"sizeof((({name} *)0)->{member.name}) == {member.type.size}"
        for version in model.versions(name):
            yield f"{version.macro} == {version.word}u"
    for constant, value in model.constants.items():
        if constant.lower().startswith("nvml"):
            yield f"(unsigned long long){constant} == {value & UINT64_MAX:#x}ull"
    for enum in model.enums:
        if enum.endswith("_t"):
            yield f"sizeof({enum}) == 4"


def compile_claims(folder: Path, machine: str, conditions: list[str]) -> subprocess.CompletedProcess[str]:
    lines = [f'_Static_assert({condition}, "");' for condition in conditions]
    source = folder / "claims.c"
    source.write_text("\n".join(["#include <stddef.h>", "#include <nvml.h>", *lines, ""]), encoding="utf-8")
    options = ["-std=gnu11", "-DNVML_NO_UNVERSIONED_FUNC_DEFS", f"-I{include_folder()}", "-c", "-o", "claims.o"]
    command = [*zig(machine), *options, str(source)]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_compiler_agrees_with_the_model(tmp_path: Path, machine: str) -> None:
    conditions = list(claims(header()))

    result = compile_claims(tmp_path, machine, conditions)

    assert result.returncode == 0, result.stderr
    assert len(conditions) > 10 * len(header().structs)


def test_every_struct_has_a_name_under_which_it_is_compared() -> None:
    compared = {id(struct) for struct in named(header()).values()}

    assert [name for name, s in header().structs.items() if id(s) not in compared and " " not in name] == []


def test_a_wrong_claim_would_be_noticed(tmp_path: Path) -> None:
    result = compile_claims(tmp_path, MACHINES[0], ["sizeof(nvmlMemory_t) == 25"])

    assert "static assertion failed" in result.stderr
