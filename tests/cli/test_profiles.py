import json
from pathlib import Path

import pytest
import yaml

from mocknvml.profiles import load_system
from tests.cli.conftest import Cli


def rows(stdout: str) -> dict[str, str]:
    """The lines of the list by name, their columns with one space between them."""
    return {line.split()[0]: " ".join(line.split()) for line in stdout.splitlines() if not line.startswith(" ")}


def test_the_list_says_what_each_is(cli: Cli) -> None:
    found = rows(cli("profiles").stdout)

    assert list(found) == sorted(found)
    assert found["a100-sxm4-40gb"] == "a100-sxm4-40gb board ampere 40960 MiB NVIDIA A100-SXM4-40GB"
    assert found["aws-g4dn"] == "aws-g4dn system turing 15360 MiB 4 x Tesla T4"


def test_the_list_says_where_values_come_from_if_asked(cli: Cli) -> None:
    verbose = cli("profiles", "--verbose").stdout

    assert rows(verbose) == rows(cli("profiles").stdout)
    assert "\n    nvidia-smi -q -x of an idle Tesla T4 on AWS" in verbose


def test_json_has_the_same_list(cli: Cli) -> None:
    profiles = {profile["name"]: profile for profile in json.loads(cli("profiles", "--json").stdout)}

    assert list(profiles) == list(rows(cli("profiles").stdout))
    a100 = profiles["a100-sxm4-40gb"]
    assert (a100["product"], a100["memory"]) == ("NVIDIA A100-SXM4-40GB", 40960 * 2**20)
    assert (a100["kind"], a100["architecture"]) == ("board", "ampere")
    assert a100["source"].startswith("nvidia-smi -q -x of an idle A100-SXM4-40GB")


@pytest.mark.parametrize("name", ["a100-sxm4-40gb", "t4", "aws-g4dn"])
def test_a_profile_is_shown_with_what_it_inherits_and_can_be_read_back(cli: Cli, name: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(cli("profiles", "show", name).stdout)

    shown = yaml.safe_load(file.read_text())

    assert "source" in shown and "inherits" not in shown
    assert [board.values for board, _ in load_system(str(file)).gpus] == [b.values for b, _ in load_system(name).gpus]
    assert json.loads(cli("profiles", "show", name, "--json").stdout) == json.loads(json.dumps(shown))


def test_units_are_shown_as_a_person_writes_them(cli: Cli) -> None:
    shown = yaml.safe_load(cli("profiles", "show", "a100-sxm4-40gb").stdout)

    assert shown["power"]["limit"] == "400 W"
    assert shown["power"]["usage"] == "49680 mW"
    assert shown["nvlink"]["state"] == {"0-11": True}
    assert shown["modes"]["compute"] == "default"


def test_a_file_is_shown_too(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("inherits: t4\nsource: ours\npower: {limit: 60 W}\n")
    (tmp_path / "mine.yaml").write_text(
        "source: ours\ngpus:\n  - {board: base.yaml, address: '0000:01:00.0', power: {usage: 20 W}}\n"
    )

    shown = yaml.safe_load(cli("profiles", "show", f"{tmp_path}/mine.yaml").stdout)

    assert shown == {
        "source": "ours",
        "gpus": [{"board": f"{tmp_path}/base.yaml", "address": "00000000:01:00.0", "power": {"usage": "20 W"}}],
    }


def test_the_schema_is_json(cli: Cli) -> None:
    schema = json.loads(cli("profiles", "schema").stdout)

    assert schema["definitions"]["power"]["properties"]["limit"]["type"] == "string"


def test_an_unknown_profile_is_one_line_and_exit_status_2(cli: Cli) -> None:
    result = cli("profiles", "show", "h100-sxm-80gb")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("mocknvml: error: h100-sxm-80gb: no such profile (did you mean h100-sxm5-80gb?)")
    assert result.stderr.count("\n") == 1
