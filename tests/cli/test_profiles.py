import json

import pytest
import yaml

from tests.cli.conftest import Cli


def test_the_list_has_name_product_and_memory(cli: Cli) -> None:
    lines = cli("profiles").stdout.splitlines()

    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    assert [" ".join(line.split()) for line in lines if line.startswith("a100-sxm4-40gb")] == [
        "a100-sxm4-40gb NVIDIA A100-SXM4-40GB 40960 MiB"
    ]


def test_json_has_the_same_list(cli: Cli) -> None:
    boards = json.loads(cli("profiles", "--json").stdout)

    assert {"name": "a100-sxm4-40gb", "product": "NVIDIA A100-SXM4-40GB", "memory": 40960 * 2**20} in boards
    assert [board["name"] for board in boards] == [line.split()[0] for line in cli("profiles").stdout.splitlines()]


@pytest.mark.parametrize("name", ["a100-sxm4-40gb", "h100-sxm5-80gb", "t4"])
def test_a_profile_is_printed_as_yaml(cli: Cli, name: str) -> None:
    result = cli("profiles", name)

    assert result.returncode == 0
    assert "source" in yaml.safe_load(result.stdout)


def test_an_unknown_profile_is_one_line_and_exit_status_2(cli: Cli) -> None:
    result = cli("profiles", "h100-sxm-80gb")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("mocknvml: error: h100-sxm-80gb: no such profile (did you mean h100-sxm5-80gb?)")
    assert result.stderr.count("\n") == 1
