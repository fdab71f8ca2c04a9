"""`dmon` of the stand-in: beside the real one, and what no test of it needs the real one for."""

from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import Smi

COMMANDS = (
    *("-c 1", "-c 1 -s pucvmet", "-c 1 -i 0 -s tp", "-c 1 -s m", "-c 1 -s pp"),
    *("-c 1 -s x", "-c 1 -s P", "-c 1 -o X", "-c 1 -f /nonexistent/file"),
)


@pytest.mark.slow
@pytest.mark.parametrize("branch", [470, 535, 550], indirect=True)
def test_it_says_what_the_real_one_says(branch: int, node: Node, env: dict[str, str], smi: Smi) -> None:
    node.clock.freeze()
    real = RealSmi(branch, env)

    for options in COMMANDS:
        ours, theirs = smi("dmon", *options.split()), real("dmon", *options.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr), options


@pytest.mark.slow
@pytest.mark.parametrize("node", ["dgx-a100"], indirect=True)
def test_titles_come_again_where_those_of_the_real_one_do(
    branch: int, node: Node, env: dict[str, str], smi: Smi
) -> None:
    node.clock.freeze()

    ours, theirs = smi("dmon", "-c", "6", "-s", "p"), RealSmi(branch, env)("dmon", "-c", "6", "-s", "p")

    assert ours.stdout == theirs.stdout
    assert ours.stdout.count("gtemp") == 2


@pytest.mark.parametrize("node", ["h100"], indirect=True)
def test_readings_stand_below_their_titles(node: Node, smi: Smi) -> None:
    node.gpus[1].update({"power.usage": "432 W", "thermal.temperature.gpu": "61 C", "utilization.gpu": "97 %"})

    lines = [line.split() for line in smi("dmon", "-c", "1", "-s", "pu").stdout.splitlines()]

    row = dict(zip(lines[0][1:], lines[3], strict=True))
    assert (row["gpu"], row["pwr"], row["gtemp"], row["sm"]) == ("1", "432", "61", "97")


@pytest.mark.parametrize("options", ["D", "T", "DT"])
@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_date_and_time_have_titles_of_the_width_of_their_rows(options: str, node: Node, smi: Smi) -> None:
    titles, units, row = smi("dmon", "-c", "1", "-s", "p", "-o", options).stdout.splitlines()

    assert ("Date" in titles, "Time" in titles) == ("D" in options, "T" in options)
    assert len(titles) == len(units) == len(row)
    assert titles.index("gpu") + 3 == row.index(" 0 ") + 2


@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_a_file_gets_the_rows(node: Node, smi: Smi, tmp_path: Path) -> None:
    assert smi("dmon", "-c", "1", "-f", str(tmp_path / "log")).stdout == ""
    assert (tmp_path / "log").read_text().startswith("# gpu    pwr")


@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("-c 0", "Invalid value for number of samples to be displayed\n"),
        ("-d 601", "Collection delay/interval should be between 1 second and 600 seconds\n"),
        ("--bogus", 'Option "--bogus" is not recognized.\n'),
        ("-s", 'Option "-s" is missing its value.\n'),
    ],
)
def test_a_mistake_is_told_with_the_usage(options: str, text: str, node: Node, smi: Smi) -> None:
    done = smi("dmon", *options.split())

    assert done.returncode == 0  # as that of the real one
    assert done.stdout.startswith(text)
    assert "nvidia-smi dmon [" in done.stdout


@pytest.mark.parametrize("branch", [535], indirect=True)
@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_violations_are_a_share_of_the_time_between_rounds(node: Node, smi: Smi) -> None:
    node.faults.inject("power-throttle")
    node.faults.inject("thermal-throttle", temperature="50 C")

    rows = [line.split() for line in smi("dmon", "-c", "2", "-s", "v").stdout.splitlines()[2:]]

    assert rows[0] == ["0", "0", "1"]
    assert int(rows[1][1]) in range(99, 102)
