import json

from tests.cli.conftest import Cli


def test_explains_a_getter(cli: Cli) -> None:
    result = cli("explain", "nvmlDeviceGetPowerUsage")

    assert result.returncode == 0
    assert "src/mocknvml/nvml/power.py:" in result.stdout
    assert "nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *power)" in result.stdout
    assert "power  power.usage [mW]" in result.stdout
    assert "return" in result.stdout


def test_explains_why_a_function_is_not_modelled(cli: Cli) -> None:
    function = json.loads(cli("explain", "nvmlUnitGetHandleByIndex", "--json").stdout)

    assert cli("explain", "nvmlUnitGetHandleByIndex").stdout.count(function["reason"]) == 1


def test_json_is_the_whole_entry(cli: Cli) -> None:
    function = json.loads(cli("explain", "nvmlDeviceGetPowerUsage", "--json").stdout)

    assert set(function) == {"row", "verb", "prototype", "fields", "reason", "native", "c"}
    assert function["fields"] == [{"argument": "power", "field": "power.usage", "unit": "mW"}]


def test_names_the_file_of_a_native_function(cli: Cli) -> None:
    assert "src/mocknvml/native/init.c" in cli("explain", "nvmlInit_v2").stdout


def test_a_mistyped_function_is_told_its_name(cli: Cli) -> None:
    result = cli("explain", "nvmlDeviceGetPowerUsag")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "mocknvml: error: nvmlDeviceGetPowerUsag: no such function in nvml.h (did you mean nvmlDeviceGetPowerUsage?)\n"
    )
