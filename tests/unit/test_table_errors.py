"""What a row may get wrong: each error says where the row stands and what the header has."""

import re

import pytest

from mocknvml.codegen import plan
from mocknvml.codegen.header import Header, parse
from mocknvml.codegen.plan import field_ids, plan_all
from mocknvml.nvml.clocks import Clocks
from mocknvml.nvml.ecc import Ecc
from mocknvml.nvml.identity import Identity
from mocknvml.nvml.memory import Memory
from mocknvml.nvml.power import Power
from mocknvml.nvml.processes import COMPUTE, Processes
from mocknvml.nvml.system import Driver
from mocknvml.nvml.thermal import Thermal
from mocknvml.table import TableError, field_id, finder, getter, list_getter, refuses, setter, unmodelled
from mocknvml.table.blocks import Number
from mocknvml.table.rows import FieldId, Row

# Without the prototypes, which the tests add: every function of a header needs a row.
TYPES = """
#define NVML_FI_DEV_POWER 5
typedef struct nvmlDevice_st *nvmlDevice_t;
typedef enum { NVML_CLOCK_GRAPHICS } nvmlClockType_t;
typedef struct { unsigned long long total; unsigned int rate; } nvmlMemory_t;
typedef struct { char busId[32]; unsigned int bus; } nvmlPciInfo_t;
typedef struct { unsigned int pid; } nvmlProcessInfo_t;
"""
POWER = "int nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *power)"
SERIAL = "int nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned int length)"
CLOCK = "int nvmlDeviceGetClockInfo(nvmlDevice_t device, nvmlClockType_t type, unsigned int *clock)"
LIMITS = "int nvmlDeviceGetLimits(nvmlDevice_t device, unsigned int *minLimit, unsigned int *maxLimit)"
MEMORY = "int nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)"
PCI = "int nvmlDeviceGetPciInfo(nvmlDevice_t device, nvmlPciInfo_t *pci)"
PROCESSES = "int nvmlDeviceGetProcesses(nvmlDevice_t device, unsigned int *infoCount, nvmlProcessInfo_t *infos)"
SET_LIMIT = "int nvmlDeviceSetLimit(nvmlDevice_t device, unsigned int limit)"
RESET = "int nvmlDeviceReset(nvmlDevice_t device)"
BY_UUID = "int nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)"
VERSION = "int nvmlSystemGetDriverVersion(char *version, unsigned int length)"

HERE = re.compile(r"\S*test_table_errors\.py:\d+: ")


def header(*prototypes: str) -> Header:
    return parse(TYPES + "".join(f"{prototype};\n" for prototype in prototypes))


def error(prototype: str, row: Row) -> str:
    """The message about a row, without the place and the prototype, which are checked here."""
    with pytest.raises(TableError) as raised:
        plan_all(header(prototype), (row,))
    message = str(raised.value)
    assert HERE.match(message), message
    assert message.endswith(f"\n  nvml.h: {prototype}"), message
    return HERE.sub("", message).removesuffix(f"\n  nvml.h: {prototype}")


def test_rows_that_fit_their_prototypes_are_planned() -> None:
    rows = (
        getter("nvmlDeviceGetPowerUsage", Power.usage),
        getter("nvmlDeviceGetSerial", Identity.serial),
        getter("nvmlDeviceGetClockInfo", Clocks.current.by("type")),
        getter("nvmlDeviceGetMemoryInfo", total=Memory.total),
        getter("nvmlDeviceGetPciInfo", busId=Identity.uuid),
        list_getter("nvmlDeviceGetProcesses", Processes.running.having("contexts", COMPUTE), pid="pid"),
        setter("nvmlDeviceSetLimit", Power.limit),
        finder("nvmlDeviceGetHandleByUUID", Identity.uuid),
        getter("nvmlSystemGetDriverVersion", Driver.version),
    )
    prototypes = (POWER, SERIAL, CLOCK, MEMORY, PCI, PROCESSES, SET_LIMIT, BY_UUID, VERSION)

    planned = plan_all(header(*prototypes), rows)

    assert [item.row for item in planned] == list(rows)


@pytest.mark.parametrize(
    ("prototype", "row", "message"),
    [
        pytest.param(
            LIMITS,
            getter("nvmlDeviceGetLimits", minLimit=Power.limit_min, maxLimits=Power.limit_max),
            "has no output 'maxLimits' (did you mean maxLimit?).",
            id="unknown output",
        ),
        pytest.param(
            LIMITS, getter("nvmlDeviceGetLimits", Power.limit), "has 2 outputs: name each.", id="more than one output"
        ),
        pytest.param(RESET, getter("nvmlDeviceReset", Power.limit), "has 0 outputs: name each.", id="no output"),
        pytest.param(POWER, getter("nvmlDeviceGetPowerUsage"), "reads nothing: name a field.", id="no field"),
        pytest.param(
            CLOCK, getter("nvmlDeviceGetClockInfo", type=Power.usage), "has 'type' as an input.", id="input as output"
        ),
        pytest.param(
            MEMORY,
            getter("nvmlDeviceGetMemoryInfo", Memory.total),
            "fills a struct: name the members of nvmlMemory_t.",
            id="struct without members",
        ),
        pytest.param(
            MEMORY,
            getter("nvmlDeviceGetMemoryInfo", totals=Memory.total),
            "has no output 'totals' (did you mean total?).",
            id="unknown struct member",
        ),
        pytest.param(
            CLOCK,
            getter("nvmlDeviceGetClockInfo", Clocks.current.by("typ")),
            "has no argument 'typ' (did you mean type?).",
            id="unknown argument",
        ),
        pytest.param(
            CLOCK,
            getter("nvmlDeviceGetClockInfo", Clocks.current.by("kind")),
            "has no argument 'kind'.",
            id="unknown argument like no other",
        ),
        pytest.param(
            CLOCK,
            getter("nvmlDeviceGetClockInfo", Clocks.current),
            "reads clocks.current, which has 1 indices, by 0.",
            id="too few indices",
        ),
        pytest.param(
            CLOCK,
            getter("nvmlDeviceGetClockInfo", Power.usage.by("type")),
            "reads power.usage, which has 0 indices, by 1.",
            id="too many indices",
        ),
        pytest.param(
            POWER,
            getter("nvmlDeviceGetPowerUsage", Clocks.current.at("graphic")),
            "reads clocks.current at 'graphic' (did you mean graphics?).",
            id="unknown fixed key",
        ),
        pytest.param(
            POWER,
            getter("nvmlDeviceGetPowerUsage", Thermal.temperature.by("device")),
            "reads thermal.temperature by an enum nvmlTemperatureSensors_t that nvml.h lacks.",
            id="unknown enum",
        ),
        pytest.param(
            POWER,
            getter("nvmlDeviceGetPowerUsage", Identity.name),
            "has 'power' of type unsigned int, which identity.name does not fit.",
            id="text into a number",
        ),
        pytest.param(
            SERIAL,
            getter("nvmlDeviceGetSerial", Power.usage),
            "has 'serial' of type char, which power.usage does not fit.",
            id="number into a text",
        ),
        pytest.param(
            POWER,
            getter("nvmlDeviceGetPowerUsage", Processes.running),
            "has 'power' of type unsigned int, which processes.running does not fit.",
            id="list into a number",
        ),
        pytest.param(
            MEMORY,
            getter("nvmlDeviceGetMemoryInfo", rate=Identity.name),
            "has 'rate' of type unsigned int, which identity.name does not fit.",
            id="text into a number of a struct",
        ),
        pytest.param(
            PCI,
            getter("nvmlDeviceGetPciInfo", busId=Power.usage),
            "has 'busId' of type char, which power.usage does not fit.",
            id="number into a text of a struct",
        ),
        pytest.param(
            SERIAL,
            getter("nvmlDeviceGetSerial", Driver.version),
            "reads driver.version, which is a field of the node.",
            id="field of the node from a GPU",
        ),
        pytest.param(
            VERSION,
            getter("nvmlSystemGetDriverVersion", Identity.name),
            "reads identity.name, which is a field of a GPU.",
            id="field of a GPU without one",
        ),
        pytest.param(
            RESET,
            setter("nvmlDeviceReset", Power.limit),
            "has 0 inputs that may be the value; it needs one.",
            id="setter without value",
        ),
        pytest.param(
            SET_LIMIT,
            setter("nvmlDeviceSetLimit", limits=Power.limit),
            "has no argument 'limits' (did you mean limit?).",
            id="setter of a parameter that is not there",
        ),
        pytest.param(
            SET_LIMIT,
            setter("nvmlDeviceSetLimit", Power.limit, needs=Memory.used),
            "needs root by a derived field.",
            id="setter with a derived permission",
        ),
        pytest.param(
            SET_LIMIT,
            setter("nvmlDeviceSetLimit", Memory.used),
            "cannot set memory.used.",
            id="setter of a derived field",
        ),
        pytest.param(
            SET_LIMIT, setter("nvmlDeviceSetLimit", Identity.name), "cannot set identity.name.", id="setter of a text"
        ),
        pytest.param(
            POWER,
            finder("nvmlDeviceGetPowerUsage", Identity.uuid),
            "does not find a GPU by identity.uuid.",
            id="finder that finds nothing",
        ),
        pytest.param(
            BY_UUID,
            finder("nvmlDeviceGetHandleByUUID", Identity.index),
            "does not find a GPU by identity.index.",
            id="finder by a number",
        ),
        pytest.param(
            POWER,
            list_getter("nvmlDeviceGetPowerUsage", Processes.running, pid="pid"),
            "does not list processes.running.",
            id="list without an array",
        ),
        pytest.param(
            PROCESSES,
            list_getter("nvmlDeviceGetProcesses", Processes.running, pidd="pid"),
            "lists nvmlProcessInfo_t, which has no member 'pidd' (did you mean pid?).",
            id="unknown member of the listed struct",
        ),
        pytest.param(
            PROCESSES,
            list_getter("nvmlDeviceGetProcesses", Processes.running, pid="pidd"),
            "lists processes.running, which has no 'pidd' (did you mean pid?).",
            id="unknown member of the record",
        ),
        pytest.param(
            PROCESSES,
            list_getter("nvmlDeviceGetProcesses", Processes.running.having("context", COMPUTE), pid="pid"),
            "lists processes.running, which has no 'context' (did you mean contexts?).",
            id="unknown member to select by",
        ),
    ],
)
def test_a_row_that_contradicts_its_prototype_is_refused(prototype: str, row: Row, message: str) -> None:
    assert error(prototype, row) == f"{row.function} {message}"


def test_an_unknown_function_is_refused_with_the_one_it_may_have_meant() -> None:
    with pytest.raises(TableError) as raised:
        plan_all(header(POWER), (getter("nvmlDeviceGetPowerUsge", Power.usage),))

    assert HERE.sub("", str(raised.value)) == (
        "nvml.h has no function nvmlDeviceGetPowerUsge (did you mean nvmlDeviceGetPowerUsage?)"
    )


def test_a_second_row_is_refused_with_the_place_of_the_first() -> None:
    first = getter("nvmlDeviceGetPowerUsage", Power.usage)
    (second,) = refuses("no reason", "nvmlDeviceGetPowerUsage")

    with pytest.raises(TableError) as raised:
        plan_all(header(POWER), (first, second))

    assert str(raised.value) == f"{second.where}: nvmlDeviceGetPowerUsage has a row at {first.where} already"
    assert HERE.match(f"{first.where}: ")
    assert first.where != second.where


def test_functions_without_a_row_are_told_with_their_prototypes() -> None:
    rows = unmodelled("no reason", "nvmlDeviceGetPowerUsage")

    with pytest.raises(TableError) as raised:
        plan_all(header(POWER, CLOCK, RESET), rows)

    assert str(raised.value) == (f"src/mocknvml/nvml: functions without a row:\n  nvml.h: {CLOCK}\n  nvml.h: {RESET}")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param(
            field_id("NVML_FI_DEV_POWR", Power.usage),
            "nvml.h has no NVML_FI_DEV_POWR (did you mean NVML_FI_DEV_POWER?)",
            id="unknown id",
        ),
        pytest.param(
            field_id("NVML_FI_DEV_POWER", Ecc.total.at("corrected", "volatil")),
            "NVML_FI_DEV_POWER reads ecc.total at 'volatil' (did you mean volatile?)",
            id="unknown fixed key",
        ),
        pytest.param(
            field_id("NVML_FI_DEV_POWER", Clocks.current.by("type")),
            "NVML_FI_DEV_POWER reads clocks.current at 'type'",
            id="another selector",
        ),
        pytest.param(
            field_id("NVML_FI_DEV_POWER", Clocks.current),
            "NVML_FI_DEV_POWER reads clocks.current, which has 1 indices",
            id="no selection",
        ),
        pytest.param(
            field_id("NVML_FI_DEV_POWER", Power.usage.by("scopeId")),
            "NVML_FI_DEV_POWER reads power.usage, which has 0 indices",
            id="nothing to select",
        ),
        pytest.param(
            field_id("NVML_FI_DEV_POWER", Identity.name),
            "NVML_FI_DEV_POWER cannot answer identity.name: it needs a stored number of a GPU",
            id="text",
        ),
        pytest.param(
            field_id("NVML_FI_DEV_POWER", Memory.free),
            "NVML_FI_DEV_POWER cannot answer memory.free: it needs a stored number of a GPU",
            id="derived field",
        ),
        pytest.param(
            field_id("NVML_FI_DEV_POWER", Power.usage, Power.module_average, Power.limit),
            "NVML_FI_DEV_POWER has scopes that do not follow each other in their block",
            id="scopes apart",
        ),
        pytest.param(
            field_id("NVML_FI_DEV_POWER", Driver.cuda_version),
            "NVML_FI_DEV_POWER cannot answer driver.cuda_version: it needs a stored number of a GPU",
            id="field of the node",
        ),
    ],
)
def test_a_wrong_field_id_is_refused(monkeypatch: pytest.MonkeyPatch, row: FieldId, message: str) -> None:
    monkeypatch.setattr(plan, "FIELD_IDS", (row,))

    with pytest.raises(TableError) as raised:
        field_ids(header())

    assert HERE.match(str(raised.value))
    assert HERE.sub("", str(raised.value)) == message


def test_a_field_id_is_planned_by_the_number_of_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    row = field_id("NVML_FI_DEV_POWER", Clocks.current.by("scopeId"))
    monkeypatch.setattr(plan, "FIELD_IDS", (row,))

    planned = field_ids(header())

    assert list(planned) == [5]
    assert isinstance(planned[5][1].place.field, Number)


@pytest.mark.parametrize("inputs", [{}, {"limit": Power.limit, "other": Power.usage}])
def test_a_setter_sets_one_field(inputs: dict[str, Number]) -> None:
    with pytest.raises(TableError, match=rf"nvmlDeviceSetLimit sets {len(inputs)} fields; name one"):
        setter("nvmlDeviceSetLimit", **inputs)
