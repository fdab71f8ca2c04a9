import json
from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.faults import FAULTS
from tests.cli.conftest import Cli


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node.create(tmp_path / "node", profile="dgx-h100", gpus=2)


def test_faults_are_injected_listed_and_cleared(cli: Cli, node: Node) -> None:
    path = str(node.path)

    one = cli("inject", "xid", "79", "--gpu", "0", "--node", path)
    more = cli("inject", "ecc-uncorrectable", "--gpu", "all", "--count", "3", MOCK_NVML_NODE=path)
    listed = cli("faults", "--active", "--node", path)
    some = cli("clear", "ecc-uncorrectable", "--gpu", "1", MOCK_NVML_NODE=path)
    rest = cli("clear", MOCK_NVML_NODE=path)

    assert one.stdout == "GPU 0: xid xid=79\n"
    assert [line.split()[:3] for line in more.stdout.splitlines()] == [
        ["GPU", "0:", "ecc-uncorrectable"],
        ["GPU", "1:", "ecc-uncorrectable"],
    ]
    assert listed.stdout.splitlines() == [one.stdout.strip(), *more.stdout.splitlines()]
    assert (some.stdout, rest.stdout) == ("1 cleared\n", "2 cleared\n")
    assert list(node.faults) == []


def test_gpus_are_named_as_elsewhere(cli: Cli, node: Node) -> None:
    uuid = str(node.gpus[1].get("identity.uuid"))

    cli("inject", "lost", "--gpu", uuid, "--node", str(node.path))
    node.faults.inject("lost", gpu=uuid)

    assert [fault.gpu for fault in node.faults] == [1, 1]


def test_a_fault_changes_the_gpus_that_are_named(cli: Cli, node: Node) -> None:
    cli("inject", "thermal-throttle", "--temperature", "95C", "--gpu", "1", "--node", str(node.path))

    assert [gpu.get("thermal.temperature.gpu") for gpu in node.gpus] == [29, 95]


def test_all_faults_are_listed_with_their_parameters(cli: Cli) -> None:
    text, bare, described = cli("faults"), cli("inject"), json.loads(cli("faults", "--json").stdout)

    assert text.stdout == bare.stdout
    assert [fault["name"] for fault in described] == list(FAULTS)
    for fault in FAULTS.values():
        assert f"{fault.name}: {fault.summary}\n" in text.stdout
    leak = next(fault for fault in described if fault["name"] == "memory-leak")
    assert leak["parameters"][0] == {
        "name": "rate",
        "description": "how much a second",
        "values": "a number with its unit, such as 100 MiB/s",
        "unit": "B/s",
        "default": "100 MiB/s",
        "required": False,
    }


def test_what_is_active_is_json_too(cli: Cli, node: Node) -> None:
    injected = cli("inject", "nvlink-down", "--link", "3", "--gpu", "1", "--node", str(node.path), "--json")
    listed = cli("faults", "--active", "--json", "--node", str(node.path))

    assert injected.stdout == listed.stdout
    (fault,) = json.loads(listed.stdout)
    assert (fault["name"], fault["gpu"], fault["parameters"]) == ("nvlink-down", 1, {"link": 3})


def test_calls_fail_by_rules(cli: Cli, node: Node) -> None:
    path = str(node.path)

    one = cli("inject", "return", "nvmlDeviceGetPowerUsage", "TIMEOUT", "--gpu", "all", "--every", "3", "--node", path)
    other = cli("inject", "hang", "nvmlDeviceGetName", "--gpu", "1", "--node", path)

    assert (one.stdout[:12], other.stdout[:11]) == ("node: return", "GPU 1: hang")
    assert [(rule.function, rule.gpu, rule.every) for rule in node.rules] == [
        ("nvmlDeviceGetPowerUsage", None, 3),
        ("nvmlDeviceGetName", 1, 1),
    ]


def test_help_names_the_parameters_of_a_fault(cli: Cli) -> None:
    shown = cli("inject", "nvlink-errors", "--help").stdout

    assert all(option in shown for option in ("--link", "--counter", "--count", "--rate", "--gpu", "--node"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("inject", "xid", "79"), "xid: which of the 2 GPUs?"),
        (("inject", "xid", "79", "--gpu", "2"), "'2': no such GPU"),
        (("inject", "xid", "--gpu", "0"), "the following arguments are required: XID (see mocknvml inject xid --help)"),
        (("inject", "xid", "no", "--gpu", "0"), "xid: xid: 'no': give a whole number"),
        (
            ("inject", "retired-page", "--gpu", "0"),
            "retired-page: this GPU has no ecc.retired, so that the fault would",
        ),
        (("clear", "lots"), "lots: no such fault (did you mean lost?); `mocknvml faults` lists them"),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], message: str, cli: Cli, node: Node) -> None:
    result = cli(*arguments, MOCK_NVML_NODE=str(node.path))

    assert result.returncode == 2
    assert result.stderr.startswith(f"mocknvml: error: {message}")
    assert result.stderr.count("\n") == 1
