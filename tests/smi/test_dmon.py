"""`dmon` of the stand-in: beside the real one, and what no test of it needs the real one for."""

import re
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import Smi

COMMANDS = (
    *("-c 1", "-c 1 -s pucvmet", "-c 1 -i 0 -s tp", "-c 1 -s m", "-c 1 -s pp"),
    *("-c 1 -s x", "-c 1 -s P", "-c 1 -o X", "-c 1 -f /nonexistent/file"),
)
MORE_COMMANDS = (
    *("dmon -c 1 -s p --gpm-metrics=1,2,8,20,51,60,97", "dmon -c 2 --gpm-metrics 1,1 -o DT", "dmon -c 1 --gpm-metrics"),
    *(f"dmon -c 1 -s p --gpm-metrics={text}" for text in ("1,x", "1x", "98,x", "0,,", "1-2", ",".join(["1"] * 99))),
    *("dmon -c 1 -s x -o X --gpm-metrics=x", "dmon -c 1 -i 9 --gpm-metrics=x", "dmon -c 1 -f /dev/null -s x"),
    *(f"dmon -c 1 -s pt --format={text}" for text in ("csv", "csv,nounit,noheader", "nounit", ",", "", "csv,x")),
    *("dmon -c 1 --format=csv -o DT --gpm-options=dm --gpm-metrics=1", "dmon -c 1 --gpm-options=m --gpm-metrics=60"),
    *("dmon -c 1 -s=u", "dmon -c 1 -c 2 -s u -s p", "dmon -c 0x1 -d +1", "dmon -c 1 -o D -o T", "pmon -c 1 -i 0 -i 1"),
)


def said(done: CompletedProcess[str], command: str) -> tuple[int, str]:
    """Without times, usage, and what is unknown or 0 in cells of GPM: the real one has either in the first rounds."""
    told = done.stdout.split("\n    ")[0] if "nvidia-smi dmon [" in done.stdout else done.stdout
    text = re.sub(r"\d\d:\d\d:\d\d", "HH:MM:SS", told)
    return done.returncode, re.sub(r"(?<= )[-0](?=[ ,\n])", "?", text) if "--gpm" in command else text


@pytest.mark.slow
@pytest.mark.parametrize("branch", [470, 535, 550], indirect=True)
def test_it_says_what_the_real_one_says(branch: int, node: Node, env: dict[str, str], smi: Smi) -> None:
    node.clock.freeze()
    real = RealSmi(branch, env)

    for options in COMMANDS:
        ours, theirs = smi("dmon", *options.split()), real("dmon", *options.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr), options


@pytest.mark.slow
@pytest.mark.parametrize("branch", [470, 535, 550], indirect=True)
@pytest.mark.parametrize("node", ["h100"], indirect=True)
def test_options_of_each_branch_are_those_of_the_real_one(
    branch: int, node: Node, env: dict[str, str], smi: Smi
) -> None:
    node.clock.freeze()
    real = RealSmi(branch, env)

    for command in MORE_COMMANDS:
        assert said(smi(*command.split()), command) == said(real(*command.split()), command), command


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


@pytest.mark.parametrize("branch", [550], indirect=True)
@pytest.mark.parametrize("node", ["h100"], indirect=True)
def test_metrics_of_gpm_are_means_from_the_second_round_on(node: Node, smi: Smi) -> None:
    node.gpus[1].update({"gpm.active.sm": "97.9 %", "gpm.pcie.tx": f"{5.5 * 2**20:.0f} B/s"})

    done = smi("dmon", "-c", "2", "-i", "1", "-s", "p", "--gpm-metrics=2,20,51", "--format=csv")

    titles, units, first, second = (line.split(", ") for line in done.stdout.splitlines())
    assert (titles[-3:], units[-3:]) == (["smutil", "pcitx", "id=51"], ["GPM:%", "GPM:MiB/s", "GPM:%"])
    assert (first[-3:], second[-3:-1]) == (["-", "-", "-"], ["97", "5"])


@pytest.mark.parametrize("branch", [550], indirect=True)
@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ("--format=csv,nounit", ["#gpu, mclk, pclk", " 0, 5000, 1590"]),
        ("--format=csv,noheader,nounit", [" 0, 5000, 1590"]),
        ("--format=noheader", ["# Idx    MHz    MHz ", "    0   5000   1590 "]),
        ("--gpm-options=m", ["# gpu     mig_id      gi_id      ci_id ", "# Idx        Idx        Idx        Idx "]),
    ],
)
def test_formats_and_levels_choose_lines_and_columns(options: str, lines: list[str], node: Node, smi: Smi) -> None:
    done = smi("dmon", "-c", "1", "-s", "c", options)

    assert (done.returncode, done.stdout.splitlines()[: len(lines)]) == (0, lines)


@pytest.mark.parametrize("branch", [550], indirect=True)
@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--gpm-metrics=98", "Metric value too high: 98\nCould not parse GPM metrics\n"),
        ("--gpm-metrics=1,x", "Found offending character: x\nCould not parse GPM metrics\n"),
        ("--format=csv,x", "x is not a recognized format option\nError parsing format options\n"),
    ],
)
def test_what_no_list_may_have_is_named(options: str, text: str, node: Node, smi: Smi) -> None:
    done = smi("dmon", "-c", "1", options)

    assert (done.returncode, done.stdout) == (255, f"{text}Failed to process command line \n\n")


@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize(("branch", "option"), [(470, "--gpm-metrics=1"), (535, "--format=csv")], indirect=["branch"])
def test_an_older_one_knows_no_newer_option(option: str, node: Node, smi: Smi) -> None:
    assert smi("dmon", "-c", "1", option).stdout.startswith(f'Option "{option}" is not recognized.\n')


@pytest.mark.parametrize("branch", [535], indirect=True)
def test_sixteen_gpus_are_watched_unless_all_are_asked_for(
    branch: int, path: Path, smi: Smi, env: dict[str, str]
) -> None:
    Node.create(path, profile="t4", gpus=20, driver="535.261.03").close()

    few, every = smi("dmon", "-c", "1"), smi("dmon", "-c", "1", NVSMI_SHOW_ALL_DEVICES="1")

    assert few.stdout.startswith("\nWARNING: Only monitoring up to 4 GPUs")
    assert (len(few.stdout.splitlines()), len(every.stdout.splitlines())) == (5 + 2 + 16, 2 + 20)


@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_a_mistake_is_told_in_the_file(node: Node, smi: Smi, tmp_path: Path) -> None:
    done = smi("dmon", "-c", "1", "-s", "x", "-f", str(tmp_path / "log"))

    assert (done.returncode, done.stdout) == (255, "Failed to process command line \n\n")
    assert (tmp_path / "log").read_text() == "Failed to find any metric to display\n"
