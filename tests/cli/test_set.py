import json
import subprocess
import sys

import pytest

from mocknvml import FieldStatus, Node
from tests.cli.conftest import Cli


def test_several_values_are_set_at_once(cli: Cli, node: Node) -> None:
    result = cli("set", "0", "thermal.gpu=91C", "power.usage=650W", MOCK_NVML_NODE=str(node.path))

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert (node.gpus[0].get("thermal.temperature.gpu"), node.gpus[0].get("power.usage")) == (91, 650_000)
    assert node.gpus[1].get("thermal.temperature.gpu") == 29


def test_all_gpus_are_set(cli: Cli, node: Node) -> None:
    cli("set", "all", "power.limit=350 W", "--node", str(node.path))

    assert [gpu.get("power.limit") for gpu in node.gpus] == [350_000, 350_000]


CHILD = """
import sys
import pynvml as n
n.nvmlInit()
gpu = n.nvmlDeviceGetHandleByIndex(0)
for _ in sys.stdin:
    print(n.nvmlDeviceGetTemperature(gpu, 0), n.nvmlDeviceGetPowerManagementLimit(gpu), flush=True)
"""


def test_a_program_that_runs_sees_the_change_at_its_next_call(cli: Cli, node: Node, mock_env: dict[str, str]) -> None:
    env = mock_env | {"MOCK_NVML_NODE": str(node.path)}
    program = subprocess.Popen(
        [sys.executable, "-c", CHILD], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    with program:
        assert program.stdin and program.stdout
        program.stdin.write("\n")
        before = program.stdout.readline()
        cli("set", "0", "thermal.gpu=91C", "power.limit=350W", "--node", str(node.path))
        program.stdin.write("\n")
        after = program.stdout.readline()

    assert (before, after) == ("29 700000\n", "91 350000\n")


@pytest.mark.parametrize(
    ("assignment", "key", "expected"),
    [
        ("power.limit=350.5W", "power.limit", 350_500),
        ("power.limit= 350 W ", "power.limit", 350_000),
        ("modes.persistence=false", "modes.persistence", False),
        ("modes.compute=prohibited", "modes.compute", 2),
        ("identity.minor_number=12", "identity.minor_number", 12),
        ("pci.device_id=0x20B010DE", "pci.device_id", 0x20B010DE),
        ("clocks.offset.graphics.0=-50MHz", "clocks.offset.graphics.0", -50),
        ("identity.name=a=b c", "identity.name", "a=b c"),
        ("identity.name=GPU_IS_LOST", "identity.name", "GPU_IS_LOST"),
        ("identity.name=", "identity.name", ""),
        ("identity.serial=007", "identity.serial", "007"),
        ("clocks.monitor_faults=[]", "clocks.monitor_faults", []),
        (
            'clocks.monitor_faults=[{"domain": 1, "faults": 2}]',
            "clocks.monitor_faults",
            [{"domain": 1, "faults": 2}],
        ),
    ],
)
def test_values_are_written_as_get_shows_them(
    cli: Cli, node: Node, assignment: str, key: str, expected: object
) -> None:
    result = cli("set", "0", assignment, "--node", str(node.path))

    assert result.stderr == ""
    assert node.gpus[0].get(key) == expected


@pytest.mark.parametrize(
    ("assignment", "key", "code"),
    [
        ("power.usage=GPU_IS_LOST", "power.usage", 15),
        ("power.usage=NVML_ERROR_GPU_IS_LOST", "power.usage", 15),
        ("power.usage=NOT_SUPPORTED", "power.usage", 3),
        ("identity.name=NVML_ERROR_UNKNOWN", "identity.name", 999),
    ],
)
def test_a_field_can_be_given_an_error(cli: Cli, node: Node, assignment: str, key: str, code: int) -> None:
    cli("set", "0", assignment, "--node", str(node.path))

    with pytest.raises(FieldStatus) as raised:
        node.gpus[0].get(key)
    assert raised.value.code == code


def test_a_value_ends_an_error(cli: Cli, node: Node) -> None:
    node.gpus[0].fail("power.usage", 15)

    cli("set", "0", "power.usage=70W", "--node", str(node.path))

    assert node.gpus[0].get("power.usage") == 70_000


def test_json_shows_the_fields_as_they_are_then(cli: Cli, node: Node) -> None:
    result = cli("set", "0,1", "power.limit=350W", "thermal.margin=NOT_SUPPORTED", "--json", "--node", str(node.path))

    found = json.loads(result.stdout)
    assert [(each["gpu"], each["field"], each.get("value"), each.get("error")) for each in found] == [
        (0, "power.limit", 350_000, None),
        (0, "thermal.margin", None, "NOT_SUPPORTED"),
        (1, "power.limit", 350_000, None),
        (1, "thermal.margin", None, "NOT_SUPPORTED"),
    ]


def test_fields_of_the_node_are_set(cli: Cli, node: Node) -> None:
    cli("set", "node", "driver.version=535.129.03", "--node", str(node.path))

    assert node.get("driver.version") == "535.129.03"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("power.limit", "power.limit: give FIELD=VALUE, as in power.limit=350W"),
        ("power.limit=350", "power.limit: '350': give a number with a unit, one of mW, W, kW"),
        ("power.limit=350 MHz", "power.limit: '350 MHz': give a number with a unit, one of mW, W, kW"),
        ("power.limit=-1 W", "power.limit: '-1 W': must be from 0 to 4294967295 mW"),
        ("power.limit=0.0001 W", "power.limit: '0.0001 W': not a whole number of mW"),
        ("power.limt=350 W", "power.limt: no such field (did you mean power.limit?)"),
        ("limit=350 W", "limit: no such field"),
        ("=350 W", "'': no such field"),
        ("clocks.max=1 MHz", "clocks.max: name one element, as in clocks.max.graphics"),
        ("memory.used=1 GiB", "memory.used: follows from memory.allocated, processes.running; set one of these"),
        ("modes.persistence=yes", "modes.persistence: 'yes': give true or false"),
        ("modes.compute=Default", "modes.compute: 'Default': give one of default, "),
        ("identity.minor_number=1.5", "identity.minor_number: '1.5': give a whole number"),
        ("power.usage=GPU_LOST", "power.usage: 'GPU_LOST': give a number with a unit"),
        (f"identity.name={'x' * 96}", "identity.name: 'xxx"),
        ("clocks.monitor_faults=[", "clocks.monitor_faults: '[': give a list of at most 32 records"),
        ('clocks.monitor_faults=[{"domian": 1}]', "clocks.monitor_faults: domian: no such member of"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(cli: Cli, node: Node, assignment: str, message: str) -> None:
    result = cli("set", "all", "thermal.gpu=91C", assignment, "--node", str(node.path))

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"mocknvml: error: {message}")
    assert result.stderr.count("\n") == 1
    assert [gpu.overrides() for gpu in node.gpus] == [[], []]
