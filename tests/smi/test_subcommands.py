"""Smaller commands of the stand-in: beside the real ones, and what no test of them needs those for."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import Smi

COMMANDS = (
    *("-u", "-q -u -i 0", "-q -u -i foo", "-q -u -d MEMORY", "-q -u -x -d MEMORY"),
    *("-t 0", "-t 0 -i 0", "-t AMBER", "-t 2 -i 0", "clocks --sync-boost-add -i 0,1", "clocks --sync-boost-add -i 0"),
    *("clocks --bogus", "clocks -i", "fbcsessions -l 11", "encodersessions -l 0", "encodersessions -i"),
    *("encodersessions --bogus", "fbcsessions -i 9"),
)
# As of 535.
NEW_COMMANDS = (
    *("-u -L", "-L -u", "-t", "-t x", "-t amber -i 0", "encodersessions -l=11"),
    *("clocks --sync-boost-list", "clocks --sync-boost-add", "clocks --sync-boost-remove 3"),
    *("clocks --sync-boost-remove=x", "clocks -som", "clocks -som 2", "clocks -som x", "clocks -som 0"),
    *("clocks --sparse-operation-mode=ENABLED -i 0", "gpm -g", "gpm -s 1", "gpm -g", "gpm -s 2", "gpm -s x", "gpm -s"),
    *("gpm -s 1 -g", "gpm --bogus", "gpm -g -i 0", "gpm -g -i 9"),
)
OF_BRANCH = {
    470: ("clocks --sync-boost-add", "clocks -som 1"),
    535: ("pci", "pci -gErrCnt -i 0", "stats", "stats -c 1"),
    550: (
        *("pci -gErrCnt", "pci -cErrCnt -i 0,1"),
        *("pci -gErrCnt -cErrCnt -i 0", "pci -i 0", "pci --bogus", "pci -gErrCnt -i 9", "stats"),
    ),
}
NODES = [(470, "h100"), (535, "h100"), (550, "h100"), (550, "lost"), (535, "t4"), (535, "none")]


def used(node: Node) -> None:
    """A GPU with sessions of encoders and frame-buffer capture, and errors of its PCIe link."""
    node.gpus[0].set(
        "utilization.encoder_session",
        [
            {"id": 7, "pid": 99999999, "codec": codec, "width": 1920, "height": 1080, "fps": 60, "latency": "15 us"}
            for codec in (0, 1, 2, 255)
        ],
    )
    node.gpus[0].set(
        "utilization.fbc_session",
        [
            {"id": 8, "pid": 1234, "display": 1, "type": kind, "flags": 1 << kind >> 1}
            | {"width_max": 4096, "height_max": 2160, "width": 640, "height": 480, "fps": 30, "latency": "900 us"}
            for kind in range(6)
        ],
    )
    node.gpus[0].update({"pcie.errors.naks_sent": 2**32 - 1, "pcie.errors.lane": 9, "pcie.replays": 5})


def first_lines(count: int, command: list[str | Path], env: dict[str, str]) -> list[str]:
    """What a program without an end begins with."""
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(count)]
        process.kill()
    return lines


OURS: list[str | Path] = [sys.executable, "-m", "mocknvml", "smi"]


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root")
@pytest.mark.parametrize(("branch", "node"), NODES, indirect=True)
def test_they_say_what_the_real_ones_say(branch: int, node: Node, env: dict[str, str], smi: Smi) -> None:
    if node.gpus:
        used(node)
    real = RealSmi(branch, env)

    for command in COMMANDS + OF_BRANCH[branch] + (NEW_COMMANDS if branch >= 535 else ()):
        ours, theirs = smi(*command.split()), real(*command.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr), command


@pytest.mark.slow
@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("node", ["h100"], indirect=True)
@pytest.mark.parametrize("branch", [470, 535, 550], indirect=True)
def test_units_are_reported_alike(branch: int, env: dict[str, str], smi: Smi) -> None:
    real = RealSmi(branch, env)

    def timeless(text: str) -> str:
        return re.sub(r"\w{3} \w{3} .\d [\d:]{8} \d{4}", "now", text)

    for options in ("-q -u", "-q -u -x"):
        assert timeless(smi(*options.split()).stdout) == timeless(real(*options.split()).stdout)


@pytest.mark.slow
@pytest.mark.parametrize("node", ["h100", "lost"], indirect=True)
@pytest.mark.parametrize("branch", [470, 535], indirect=True)
def test_sessions_scroll_alike(node: Node, branch: int, env: dict[str, str]) -> None:
    used(node)
    rows = 10 if len(node.gpus) == 2 else 22

    for command in ("encodersessions", "fbcsessions"):
        ours, theirs = (
            first_lines(rows, [*program, command], env) for program in (OURS, [RealSmi(branch, env).program])
        )
        assert ours == theirs


@pytest.mark.slow
@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_titles_of_sessions_come_again_where_those_of_the_real_one_do(
    branch: int, node: Node, env: dict[str, str]
) -> None:
    ours, theirs = (
        first_lines(14, [*program, "encodersessions"], env) for program in (OURS, [RealSmi(branch, env).program])
    )

    assert ours == theirs
    assert sum(line.startswith("# GPU") for line in ours) == 2


@pytest.mark.slow
@pytest.mark.parametrize("branch", [470], indirect=True)
@pytest.mark.parametrize("node", ["h100", "odd", "lost", "none"], indirect=True)
def test_stats_are_those_of_the_real_one(node: Node, branch: int, env: dict[str, str], smi: Smi) -> None:
    node.clock.freeze()
    node.clock.step("1 h")  # all samples that there are come after what nvidia-smi takes for now
    real = RealSmi(branch, env)

    def timeless(text: str) -> str:
        return re.sub(r"(temp|violThm) +, \d+", r"\1, now", text)

    for options in (
        *("-c 1", "-c 1 -i 0 -d procClk,pwrDraw", "-c 2 -d violPwr,violThm,xidEvent", "-c 1 -d foo", "-c 0", "-c x"),
        *("-d", "-c 1 -f /nonexistent/x", "--bogus", "-c 1 -i 9", "-c 1 -i 0 -d ,violThm,"),
    ):
        ours, theirs = smi("stats", *options.split()), real("stats", *options.split())
        assert (ours.returncode, timeless(ours.stdout)) == (theirs.returncode, timeless(theirs.stdout)), options


@pytest.mark.slow
@pytest.mark.parametrize("branch", [550], indirect=True)
@pytest.mark.parametrize("node", ["h100"], indirect=True)
@pytest.mark.parametrize("code", [3, 999])
def test_refusals_are_told_alike(code: int, node: Node, branch: int, env: dict[str, str], smi: Smi) -> None:
    real = RealSmi(branch, env)
    for function, command in (
        ("nvmlUnitGetCount", "-q -u"),
        ("nvmlGpmQueryIfStreamingEnabled", "gpm -g"),
        ("nvmlGpmSetStreamingEnabled", "gpm -s 1"),
        ("nvmlDeviceGetArchitecture", "gpm -g"),
        ("nvmlDeviceGetName", "pci -gErrCnt"),
        ("nvmlDeviceGetIndex", "pci -gErrCnt"),
        ("nvmlDeviceGetFieldValues", "pci -gErrCnt"),
        ("nvmlDeviceClearFieldValues", "pci -cErrCnt"),
    ):
        node.rules.add(function, code)
        ours, theirs = smi(*command.split()), real(*command.split())
        node.rules.clear()
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout), (function, command)


@pytest.mark.parametrize("node", ["h100"], indirect=True)
@pytest.mark.parametrize("branch", [550], indirect=True)
def test_errors_of_the_pcie_link_have_their_names(branch: int, node: Node, smi: Smi) -> None:
    used(node)

    lines = smi("pci", "-gErrCnt", "-i", "0").stdout.splitlines()

    assert lines[1] == "    REPLAY_COUNTER:          5"
    assert "    NAKS_SENT:               4294967295" in lines
    assert lines[-1] == "\t lane 12: 9"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("node", ["h100"], indirect=True)
def test_streaming_of_metrics_is_set_and_shown(node: Node, smi: Smi) -> None:
    assert smi("gpm", "-g").stdout == "GPM stream state: DISABLED\n"
    assert smi("gpm", "-s", "1").stdout == ""
    assert smi("gpm", "-g").stdout == "GPM stream state: ENABLED\n"


@pytest.mark.parametrize("node", ["h100"], indirect=True)
def test_sessions_stand_below_their_titles(node: Node, env: dict[str, str]) -> None:
    used(node)

    heads, _, *rows = first_lines(7, [*OURS, "encodersessions"], env)
    captured = first_lines(3, [*OURS, "fbcsessions", "-i", "0"], env)[2].split()

    assert heads.split()[:4] == ["#", "GPU", "Session", "Process"]
    assert [row.split()[3] for row in rows] == ["H.264", "H.265", "AV1", "-", "-"]
    assert rows[0].split() == ["0", "7", "99999999", "H.264", "1920", "1080", "60", "15"]
    assert rows[4].split() == ["1", *["-"] * 7]
    assert captured[4:] == ["Unknown", "Disabled", "Disabled", "Unknown", "4096", "2160", "640", "480", "30", "900"]


@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize("branch", [470], indirect=True)
def test_stats_tell_of_an_xid(branch: int, node: Node, env: dict[str, str]) -> None:
    command = [*OURS, "stats", "-c", "2", "-d", "temp,xidEvent"]

    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        node.gpus[0].events.add("xid", 31)
        rest = process.stdout.readlines()

    assert first.startswith("0, temp    , ")
    assert [re.sub(r"\d{6,}", "now", line) for line in rest].count("0, xidEvent, now, 31\n") == 1


@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize("branch", [470], indirect=True)
def test_power_violations_count_from_the_first_round_on(branch: int, node: Node, env: dict[str, str]) -> None:
    node.gpus[0].update({"clocks.violation_time.power": "5 ns"})
    node.clock.freeze()

    with subprocess.Popen(
        [*OURS, "stats", "-c", "2", "-d", "violPwr"], env=env, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        node.gpus[0].set("clocks.violation_time.power", "105 ns")
        rest = process.stdout.read()

    time = first.split(", ")[2]
    assert time.isdecimal()
    assert (first, rest) == (f"0, violPwr , {time}, 0\n", f"0, violPwr , {time}, 100\n")


@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_no_unit_is_simulated(node: Node, smi: Smi) -> None:
    assert "Attached Units                            : 0\n" in smi("-q", "-u").stdout
    assert "<attached_units>0</attached_units>" in smi("-q", "-u", "-x").stdout


@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize("branch", [550], indirect=True)
@pytest.mark.parametrize("command", ["clocks", "gpm", "pci"])
def test_without_an_option_it_explains_itself(command: str, branch: int, node: Node, smi: Smi) -> None:
    assert f"nvidia-smi {command} [" in smi(command).stdout
    assert smi(command, "-h").stdout == smi(command).stdout
