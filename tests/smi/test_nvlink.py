"""`nvlink` and `c2c` of the stand-in: beside the real ones, and what no test of them needs those for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mocknvml import Node
from tests.clients.nvidia_smi import DRIVERS
from tests.clients.nvidia_smi import Smi as RealSmi
from tests.smi.conftest import Smi, lost, mig, nothing

COMMANDS = (
    *("-s", "-c", "-p", "-R", "-e", "-ec", "-re", "-gt rd", "-s -l 1", "-c -l 1", "-R -l 1", "-e -l 1", "-re -l 1"),
    *("-s -i 1 -l 40", "-R -l 40 -i 0", "-gt d -l 40", "-gt x", "-i 0 -l 0", "-r 0 -s -i 0", "-gt r -c -s -i 0,1 -l 2"),
    *("-s -i 9", "-s -i ,", "-s -i", "-gt", "--bogus", "-s bogus"),
)
NEW_COMMANDS = (
    *("-gLowPwrInfo", "-gLowPwrInfo -i 0 -l 1", "-sLowPwrThres 10", "-sLowPwrThres 200 -i 0", "-sLowPwrThres default"),
    *("-sLowPwrThres x", "-gBwMode", "-sBwMode HALF", "-gBwMode", "-sBwMode full", "-cBridge", "-s=1", "-l=x -s"),
    *("--status --id=0 --link=1", "-gt= -i 0", "-gc x", "-sc x -i 0"),
)


def used(node: Node) -> None:
    """Links of which one is down, with errors and traffic."""
    node.gpus[0].update(
        {
            "nvlink.state.1": False,
            "nvlink.remote_link.2": 13,
            "nvlink.throughput.2.data_tx": "5 GiB",
            "nvlink.errors.2.crc_flit": 2**33,
            "nvlink.speed.2": "26005 MB/s",
            "nvlink.capability.2.p2p": 0,
            "nvlink.low_power.2": True,
            "nvlink.power_threshold": 50,
            "nvlink.power_threshold_min": 1,
            "nvlink.power_threshold_max": 100,
            "nvlink.power_threshold_default": 10,
        }
    )
    for link in range(18):
        node.gpus[1].set(f"nvlink.state.{link}", False)


def refused(node: Node) -> None:
    first, second = node.gpus[:2]
    for key, code in {
        "nvlink.state.1": 999,
        "nvlink.capability.2.valid": 15,
        "nvlink.errors.0.replay": 3,
        "nvlink.remote_link.0": 15,
        "nvlink.remote_bus.3": 3,
        "nvlink.throughput.0.data_tx": 15,
    }.items():
        first.fail(key, code)
    second.fail("identity.architecture", 15)
    second.fail("nvlink.remote_bus.0", 999)


NODES: dict[str, tuple[str, Callable[[Node], None]]] = {
    "plain": ("dgx-a100", nothing),
    "used": ("dgx-h100", used),
    "refused": ("dgx-h100", refused),
    "old": ("v100-sxm2-16gb", nothing),
    "blackwell": ("gb200-nvl72", nothing),
    "without": ("t4", nothing),
    "lost": ("dgx-a100", lost),
}


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root")
@pytest.mark.parametrize(
    ("branch", "kind"), [*((470, kind) for kind in NODES), *((535, kind) for kind in NODES), (550, "used")]
)
def test_it_says_what_the_real_one_says(kind: str, branch: int, path: Path, env: dict[str, str], smi: Smi) -> None:
    profile, change = NODES[kind]
    change(Node.create(path, profile, 8 if kind == "lost" else 2, DRIVERS[branch]))
    real = RealSmi(branch, env)

    for options in COMMANDS if branch < 535 else COMMANDS + NEW_COMMANDS:
        ours, theirs = smi("nvlink", *options.split()), real("nvlink", *options.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr), options


@pytest.mark.slow
@pytest.mark.parametrize("node", ["h100"], indirect=True)
@pytest.mark.parametrize("code", [2, 4, 999])
def test_refusals_are_told_alike(code: int, branch: int, node: Node, env: dict[str, str], smi: Smi) -> None:
    real = RealSmi(branch, env)
    for function, options in (
        ("nvmlDeviceGetIndex", "-s"),
        ("nvmlDeviceGetName", "-s"),
        ("nvmlDeviceGetUUID", "-s -l 1"),
        ("nvmlDeviceGetFieldValues", "-s"),
        ("nvmlDeviceGetArchitecture", "-e"),
        ("nvmlDeviceGetArchitecture", "-ec"),
        ("nvmlDeviceGetArchitecture", "-gLowPwrInfo"),
        ("nvmlDeviceResetNvLinkErrorCounters", "-re"),
        ("nvmlDeviceSetNvLinkDeviceLowPowerThreshold", "-sLowPwrThres 5"),
        ("nvmlSystemGetNvlinkBwMode", "-gBwMode"),
        ("nvmlSystemSetNvlinkBwMode", "-sBwMode FULL"),
    ):
        node.rules.add(function, code)
        ours, theirs = smi("nvlink", *options.split()), real("nvlink", *options.split())
        node.rules.clear()
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout), function


@pytest.mark.slow
@pytest.mark.parametrize("branch", [535, 550], indirect=True)
def test_links_between_chips_are_told_alike(branch: int, path: Path, env: dict[str, str], smi: Smi) -> None:
    node = Node.create(path, "gh200-480gb", 4, DRIVERS[branch])
    node.gpus[0].set("c2c.active.1", False)
    for link in range(10):
        node.gpus[1].set(f"c2c.active.{link}", False)
    node.gpus[2].fail("c2c.bandwidth.1", 15)
    node.gpus[3].fail("c2c.active.1", 15)
    real = RealSmi(branch, env)

    for options in ("-s", "-s -i 0,1,2 -l 1", "-l 1", "-i 0", "-s -l x", "-s -l", "-s -l 40 -i 0", "-s -i 9", "-s="):
        ours, theirs = smi("c2c", *options.split()), real("c2c", *options.split())
        assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr), options


def test_status_shows_the_speed_of_active_links(path: Path, smi: Smi) -> None:
    node = Node.create(path, "dgx-h100", 1)
    node.gpus[0].set("nvlink.state.3", False)

    lines = smi("nvlink", "-s").stdout.splitlines()

    assert lines[0].startswith("GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-")
    assert lines[3:6] == ["\t Link 2: 26.562 GB/s", "\t Link 3: <inactive>", "\t Link 4: 26.562 GB/s"]
    assert len(lines) == 19


def test_remote_links_have_the_address_of_the_switch(path: Path, smi: Smi) -> None:
    Node.create(path, "dgx-a100", 1).gpus[0].set("nvlink.remote_link.1", 27)

    lines = smi("nvlink", "-R", "-p", "-l", "1").stdout.splitlines()

    assert lines[1:] == ["\t Link 1: 00000000:C7:00.0", "\t Link 1: Remote Device 00000000:C7:00.0: Link 27"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_errors_are_shown_and_reset(path: Path, smi: Smi) -> None:
    gpu = Node.create(path, "dgx-a100", 1).gpus[0]
    gpu.set("nvlink.errors.5.replay", 77)

    assert "\t Link 5: Replay Errors: 77\n" in smi("nvlink", "-e", "-l", "5").stdout
    assert "\t Link 5: error counters reset\n" in smi("nvlink", "-re", "-l", "5").stdout
    assert gpu.get("nvlink.errors.5.replay") == 0


def test_errors_of_nvlink_5_have_its_counters(path: Path, smi: Smi) -> None:
    node = Node.create(path, "gb200-nvl72", None, "580.173.02")
    node.gpus[0].update({"nvlink.counters.1.xmit_packets": 12345, "nvlink.counters.1.effective_ber": 15 << 8 | 255})
    node.gpus[0].set("nvlink.counters.1.fec_history_15", 9)

    lines = smi("nvlink", "-e", "-i", "0", "-l", "1").stdout.splitlines()

    assert lines[1] == "\t Link 1: Tx packets: 12345"
    assert "\t Link 1: Effective BER: 15e-255" in lines
    assert "\t Link 1: FEC Errors - 15: 9" in lines
    assert not any("Replay" in line for line in lines)


@pytest.mark.parametrize(("driver", "shown"), [("550.163.01", "100000 us"), ("580.173.02", "50000 us")])
def test_newer_drivers_know_the_unit_of_the_low_power_threshold(driver: str, shown: str, path: Path, smi: Smi) -> None:
    Node.create(path, "gb200-nvl72", None, driver)

    assert f"\t Link 1: Low Power Threshold: {shown}\n" in smi("nvlink", "-gLowPwrInfo", "-i", "0").stdout


def test_firmware_of_links_is_that_of_a_recording(path: Path, smi: Smi) -> None:
    """NVIDIA/k8s-test-infra, issue 371."""
    Node.create(path, "gb200-nvl72", None, "580.173.02")

    lines = [line.strip() for line in smi("nvlink", "-info", "-i", "0").stdout.splitlines()]

    assert lines[1:] == [
        *("NVLE: disabled", "Firmware Version:", "MSE: 14:4:0", "NETIR: 36:2014:1862"),
        *("NETIR UPHY: 7:0:0", "NETIR CLN: 0:9:0", "NETIR DLN: 0:9:0"),
    ]


@pytest.mark.parametrize(
    ("profile", "change", "line"),
    [
        ("l40s", nothing, "Device does not have or support Nvlink\n"),
        ("h100-sxm5-80gb", mig, "Nvlink queries are not supported for Devices in MIG mode\n"),
    ],
)
def test_newer_drivers_say_why_there_are_no_links(
    profile: str, change: Callable[[Node], None], line: str, path: Path, smi: Smi
) -> None:
    change(Node.create(path, profile, 2, "590.48.01"))

    done = smi("nvlink", "-s", "-i", "0")

    assert done.returncode == 0
    assert done.stdout.splitlines(keepends=True)[1:] == [line]


def test_newer_drivers_spell_it_anew_when_all_links_are_down(path: Path, smi: Smi) -> None:
    used(Node.create(path, "dgx-h100", 2, "595.71.05"))

    text = smi("nvlink", "-s", "-i", "1").stdout

    assert text.endswith("\nNVML: Unable to retrieve Nvlink information as all links are inActive\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("node", ["h100"], indirect=True)
def test_the_bandwidth_mode_is_set_for_the_node(node: Node, smi: Smi) -> None:
    assert smi("nvlink", "-sBwMode", "HALF").stdout == "Successfully set nvlink bandwidth mode to HALF\n"
    assert smi("nvlink", "-gBwMode").stdout == "GPU NVLINK bandwidth mode: HALF\n"
    assert node.gpus[0].get("nvlink.node_bandwidth_mode") == 3


def test_links_between_chips_have_their_speed(path: Path, smi: Smi) -> None:
    Node.create(path, "gh200-480gb", 1)

    lines = smi("c2c", "-s").stdout.splitlines()

    assert lines[1:] == [f"\t C2C Link {link}: 44.712 GB/s" for link in range(10)]


@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_without_links_between_chips_it_fails(node: Node, smi: Smi) -> None:
    done = smi("c2c", "-s")

    assert (done.returncode, done.stdout) == (3, "No Devices support C2C.\n")


@pytest.mark.parametrize("node", ["t4"], indirect=True)
@pytest.mark.parametrize("command", ["nvlink", "c2c"])
def test_without_an_option_it_explains_itself(command: str, node: Node, smi: Smi) -> None:
    assert f"nvidia-smi {command} [" in smi(command).stdout
    assert smi(command, "-s", "-h").stdout == smi(command).stdout


@pytest.mark.parametrize("branch", [470], indirect=True)
@pytest.mark.parametrize("node", ["t4"], indirect=True)
def test_an_older_driver_has_fewer_options(branch: int, node: Node, smi: Smi) -> None:
    done = smi("nvlink", "-gBwMode")

    assert (done.returncode, done.stdout) == (2, 'Option "-gBwMode" is not recognized.\n')
    assert smi("c2c", "-s").returncode == 2
