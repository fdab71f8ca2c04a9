"""The C of one function per verb, over a table that nobody extends, so that the files change only with the emitter.

`GOLDEN=write pytest tests/unit/test_golden.py` writes them anew; their difference then belongs into the review.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mocknvml.codegen import emit_functions, plan
from mocknvml.codegen.emit_functions import function_source
from mocknvml.codegen.header import parse
from mocknvml.codegen.plan import Planner
from mocknvml.state.layout import Layout, Scope
from mocknvml.table import (
    ROOT,
    Block,
    Domain,
    Record,
    System,
    finder,
    flag,
    getter,
    i32,
    list_getter,
    member,
    native,
    records,
    refuses,
    setter,
    text,
    u32,
    u64,
    unmodelled,
)
from mocknvml.table.rows import Row

FOLDER = Path(__file__).parent / "golden"

HEADER = """
typedef int nvmlReturn_t;
typedef struct nvmlDevice_st *nvmlDevice_t;
typedef struct nvmlGpuInstance_st *nvmlGpuInstance_t;
typedef enum { NVML_CLOCK_GRAPHICS, NVML_CLOCK_MEM, NVML_CLOCK_COUNT } nvmlClockType_t;
typedef struct { unsigned int version; unsigned long long total; unsigned long long free; } nvmlMemory_v1_t;
typedef struct { unsigned int version; unsigned long long total; unsigned long long free; unsigned long long used; }
    nvmlMemory_v2_t;
typedef struct { unsigned int pid; unsigned long long usedGpuMemory; } nvmlProcessInfo_t;
typedef struct { unsigned int version; nvmlClockType_t type; int clockOffsetMHz; } nvmlClockOffset_v1_t;
typedef nvmlClockOffset_v1_t nvmlClockOffset_t;
#define nvmlClockOffset_v1 NVML_STRUCT_VERSION(ClockOffset, 1)
#define nvmlMemory_v1 NVML_STRUCT_VERSION(Memory, 1)
#define nvmlMemory_v2 NVML_STRUCT_VERSION(Memory, 2)
nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *power);
nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock);
nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory);
nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned int length);
nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *cudaDriverVersion);
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *infoCount,
                                                     nvmlProcessInfo_t *infos);
nvmlReturn_t nvmlDeviceSetPowerManagementLimit(nvmlDevice_t device, unsigned int limit);
nvmlReturn_t nvmlDeviceSetClockOffsets(nvmlDevice_t device, nvmlClockOffset_t *info);
nvmlReturn_t nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *device);
nvmlReturn_t nvmlDeviceOnSameBoard(nvmlDevice_t device1, nvmlDevice_t device2, int *onSameBoard);
nvmlReturn_t nvmlDeviceGetDriverModel(nvmlDevice_t device, unsigned int *current, unsigned int *pending);
nvmlReturn_t nvmlGpuInstanceDestroy(nvmlGpuInstance_t gpuInstance);
"""

ClockType = Domain.of("nvmlClockType_t", "graphics", "memory")


class Driver(System):
    cuda_version = u32()


class Health(Block):
    present = u32()


class Process(Record):
    pid = member("u32")
    contexts = member("u32")
    memory = member("u64", "B")


class Board(Block):
    serial = text(32)
    power = u32("mW")
    limit = u32("mW")
    limit_min = u32("mW")
    limit_max = u32("mW")
    clock = u32("MHz", per=ClockType)
    processes = records(Process, capacity=4)
    total = u64("B")
    reserved = u64("B")
    used = u64("B", derived=processes.total("memory"))
    free = u64("B", derived=total - reserved - used)
    offset = i32("MHz", per=ClockType)
    offset_min = i32("MHz", per=ClockType)
    offset_max = i32("MHz", per=ClockType)
    restricted = flag()


(REFUSES,) = refuses("Windows only", "nvmlDeviceGetDriverModel")
(UNMODELLED,) = unmodelled("no GPU instance can be made", "nvmlGpuInstanceDestroy")
ROWS: dict[str, Row] = {
    "getter_of_a_number": getter("nvmlDeviceGetPowerUsage", Board.power),
    "getter_by_an_enum": getter("nvmlDeviceGetClockInfo", Board.clock.by("type")),
    "getter_of_a_versioned_struct": getter(
        "nvmlDeviceGetMemoryInfo_v2", total=Board.total, free=Board.free, used=Board.used
    ),
    "getter_of_a_text": getter("nvmlDeviceGetSerial", Board.serial),
    "getter_of_the_node": getter("nvmlSystemGetCudaDriverVersion", Driver.cuda_version),
    "list_getter": list_getter(
        "nvmlDeviceGetComputeRunningProcesses_v3",
        Board.processes.having("contexts", 1),
        pid="pid",
        usedGpuMemory="memory",
    ),
    "setter": setter(
        "nvmlDeviceSetPowerManagementLimit", Board.limit, within=(Board.limit_min, Board.limit_max), needs=ROOT
    ),
    "setter_of_a_member": setter(
        "nvmlDeviceSetClockOffsets",
        clockOffsetMHz=Board.offset.by("type"),
        within=(Board.offset_min.by("type"), Board.offset_max.by("type")),
        needs=Board.restricted,
    ),
    "finder": finder("nvmlDeviceGetHandleBySerial", Board.serial),
    "native": native("nvmlDeviceOnSameBoard", "pci.c"),
    "refuses": REFUSES,
    "unmodelled_of_a_handle_that_cannot_exist": UNMODELLED,
}


@pytest.fixture(autouse=True)
def _small_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Layout(Scope((Driver,)), Scope((Health, Board)))
    monkeypatch.setattr(plan, "layout", lambda: small)
    monkeypatch.setattr(emit_functions, "layout", lambda: small)


@pytest.mark.parametrize("name", ROWS)
def test_the_c_of_a_row_is_that_of_the_golden_file(name: str) -> None:
    golden = FOLDER / f"{name}.c"
    row = replace(ROWS[name], where="src/mocknvml/nvml/subject.py:1")

    source = function_source(Planner(parse(HEADER)).plan(row))

    if os.environ.get("GOLDEN") == "write":
        golden.write_text(source, encoding="utf-8")
    assert source == golden.read_text(encoding="utf-8"), "if meant: GOLDEN=write pytest tests/unit/test_golden.py"


def test_every_golden_file_belongs_to_a_row() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(ROWS)
