"""The page of coverage says of each function what the table and the bodies say."""

import platform
from pathlib import Path

import pytest

from mocknvml.codegen import header, plan
from mocknvml.codegen.build import zig
from mocknvml.codegen.emit_coverage import coverage_page
from mocknvml.nvml import ROWS
from mocknvml.table.rows import Refuses, Setter, Unmodelled


@pytest.fixture(scope="module")
def plans() -> list[plan.Plan]:
    return plan.plan_all(header.load(zig(platform.machine())), ROWS)


@pytest.fixture
def rows(plans: list[plan.Plan], tmp_path: Path) -> dict[str, list[str]]:
    """State, fields and tests by function, for a folder of one test."""
    (tmp_path / "test_one.py").write_text("nvmlDeviceGetCount()\n", encoding="utf-8")
    cells = [
        [cell.strip("` ") for cell in line.split("|")[1:-1]]
        for line in coverage_page(plans, tmp_path, "").splitlines()
        if line.startswith("| `nvml")
    ]
    return {name: rest for name, *rest in cells}


def test_every_function_has_the_state_of_its_row(plans: list[plan.Plan], rows: dict[str, list[str]]) -> None:
    assert rows.keys() == {one.function.name for one in plans}
    for row in (one.row for one in plans):
        state = rows[row.function][0]
        match row:
            case Refuses(code=code):
                assert state == f"refuses: {code.removeprefix('NVML_ERROR_')}"
            case Unmodelled():
                assert state == "unmodelled"
            case Setter():
                assert state == "stateful"
            case _:
                assert state in ("modelled", "stateful")


def test_a_body_that_writes_the_node_is_stateful(rows: dict[str, list[str]]) -> None:
    assert rows["nvmlDeviceClearAccountingPids"][0] == "stateful"
    assert rows["nvmlDeviceGetAccountingPids"][0] == "modelled"


def test_fields_are_those_of_the_row_or_of_the_body(rows: dict[str, list[str]]) -> None:
    assert rows["nvmlDeviceGetSerial"][1] == "identity.serial"
    assert rows["nvmlDeviceGetRunningProcessDetailList"][1] == "processes.running"


def test_tests_are_the_files_that_name_the_function(rows: dict[str, list[str]]) -> None:
    assert [name for name, (_, _, tests) in rows.items() if tests] == ["nvmlDeviceGetCount", "nvmlDeviceGetCount_v2"]
    assert rows["nvmlDeviceGetCount_v2"][2] == "test_one.py"
