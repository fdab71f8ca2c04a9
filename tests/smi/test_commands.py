"""Commands that change more than a setting, and those that tell what few systems have: what they say and do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mocknvml import Node
from tests.smi.conftest import Smi

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
H100 = "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-956927e8-0662-e1be-8279-892bfe347a3a)\n"


@pytest.fixture
def node(path: Path) -> Node:
    return Node.create(path, "h100-sxm5-80gb", 2, "550.163.01")


def told(smi: Smi, command: str) -> tuple[int, str]:
    done = smi(*command.split())
    assert done.stderr == ""
    return done.returncode, done.stdout


@root
def test_a_gpu_drains_is_removed_and_found_again(node: Node, smi: Smi) -> None:
    place = "0000:19:00.0"
    assert told(smi, f"drain -p {place} -m 1") == (255, "Failed to modify the GPU drain state.\n")
    node.gpus[0].set("modes.persistence", False)

    said = "Successfully set GPU 00000000:19:00.0 drain state to: draining.\n"
    assert told(smi, f"drain -p {place} -m 1") == (0, said)
    assert told(smi, f"drain -p {place} -q") == (0, "The current drain state of GPU 00000000:19:00.0 is: draining.\n")
    assert len(node.get("drain.gpus")) == 1
    assert told(smi, "-L")[1].count("\n") == 1
    assert told(smi, f"drain -p {place} -r") == (0, "GPU 00000000:19:00.0 successfully removed.\n")
    assert told(smi, "drain -d")[1].startswith("Discovery completed successfully.")
    assert node.get("drain.gpus") == []
    assert told(smi, "-L")[1].count("\n") == 2


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("-q", "Must specify -p with this option."),
        ("-p 07:00.0 -q", "Failed to parse device specified at the command-line"),
        ("-p 0000:19:00.0 -m x", 'Option "x" is invalid for "-m".'),
        ("-p", 'Option "-p" is missing its value.'),
        ("-p 0000:19:00.0 -m 1 -r", "Cannot specify both -m and -r."),
        ("bogus", 'Option "bogus" is not recognized.'),
    ],
)
def test_a_wrong_drain_is_refused(arguments: str, said: str, smi: Smi) -> None:
    assert told(smi, f"drain {arguments}") == (2, f"{said}\n")


def test_confidential_computing_is_told(node: Node, smi: Smi) -> None:
    node.update({"conf_compute_system.cpu_capabilities": 3, "conf_compute_system.gpu_capabilities": 1})
    node.update({f"conf_compute_system.{key}": 1 for key in ("environment", "feature", "developer_tools", "multi_gpu")})
    node.update({"conf_compute_system.accepting_work": True, "conf_compute_system.attacker_advantage": 60})
    node.gpus[0].update({"conf_compute.protected_size": "9 KiB", "conf_compute.unprotected_size": "7 KiB"})

    for option, said in {
        "-gc": "CPU CC capabilities: AMD SEV-SNP",
        "-gg": "GPU CC capabilities: CC Capable",
        "-d": "DevTools Mode: ON",
        "-e": "CC Environment: INTERNAL",
        "-f": "CC status: ON",
        "-grs": "\nConfidential Compute GPUs Ready state: ready\n",
        "-gkr": "\nConfidential Compute Key Rotation Threshold Attacker Advantage: 60\n",
        "-mgm": "Multi-GPU Mode: Protected PCIe",
        "-i 0 -gm": f"{H100}Protected memory size:   9 KiB\nUnprotected memory size: 7 KiB",
    }.items():
        assert told(smi, f"conf-compute {option}") == (0, f"{said}\n")


@root
def test_confidential_computing_is_set(node: Node, smi: Smi) -> None:
    node.update({"conf_compute_system.accepting_work": False, "conf_compute_system.attacker_advantage": 60})
    for gpu in node.gpus:
        gpu.update({"conf_compute.protected_size": "9 KiB", "conf_compute.unprotected_size": "7 KiB"})

    for option in ("-skr 55", "-srs 1", "-i 1 -sm 5000000000"):
        assert told(smi, f"conf-compute {option}") == (0, "")
    assert node.get("conf_compute_system.attacker_advantage") == 55
    assert node.get("conf_compute_system.accepting_work") is True
    assert [gpu.get("conf_compute.unprotected_size") for gpu in node.gpus] == [7, 5_000_000_000]


@pytest.mark.usefixtures("node")
def test_without_confidential_computing_it_is_off(smi: Smi) -> None:
    assert told(smi, "conf-compute -f") == (0, "CC status: OFF\n")
    assert told(smi, "conf-compute -f -d") == (2, "One, and only one, conf-compute command allowed at a time\n")


def test_before_550_a_refusal_means_that_confidential_computing_is_off(path: Path, smi: Smi) -> None:
    Node.create(path, "h100-sxm5-80gb", 1, "535.261.03")

    assert told(smi, "conf-compute -f") == (0, "CC status: OFF\n")


@root
@pytest.mark.usefixtures("node")
def test_performance_counters_stream(smi: Smi) -> None:
    assert told(smi, "gpm -g") == (0, "GPM stream state: DISABLED\n")
    assert told(smi, "gpm -s 1") == (0, "")
    assert told(smi, "gpm -g") == (0, "GPM stream state: ENABLED\n")


def test_old_gpus_have_no_performance_counters(path: Path, smi: Smi) -> None:
    Node.create(path, "t4", 1, "550.163.01")

    assert told(smi, "gpm -g") == (6, "No GPM capable devices found.\n")


def test_errors_of_the_pcie_link_are_counted(node: Node, smi: Smi) -> None:
    node.gpus[0].set("pcie.errors.bad_tlp", 7)
    status, said = told(smi, "pci -i 0 -gErrCnt")

    assert status == 0
    assert said.startswith(f"{H100}    REPLAY_COUNTER:          0\n")
    assert "    BAD_TLP:                 7\n    NAKS_SENT:               error\n" in said
    assert said.endswith(
        "    LANE_ERROR:              \n" + "".join(f"\t lane {lane:2}: error\n" for lane in range(13))
    )


def test_a_command_that_came_later_is_unknown_before(path: Path, smi: Smi) -> None:
    Node.create(path, "t4", 1, "535.261.03")

    assert told(smi, "pci") == (255, "ERROR: Option pci is not recognized. Please run 'nvidia-smi -h'.\n\n")


@pytest.mark.parametrize(
    ("driver", "profile", "mode", "command", "said"),
    [
        ("535.261.03", "dgx-a100", 0, "-lgi", (6, "No MIG-enabled devices found.\n")),
        ("550.163.01", "dgx-a100", 0, "-lgi", (0, "No MIG-enabled devices found.\n")),
        ("550.163.01", "t4", None, "-lgi", (6, "No MIG-supported devices found.\n")),
        ("535.261.03", "dgx-a100", 1, "-lci", (6, "No GPU instances found: Not Found\n")),
        (
            "535.261.03",
            "dgx-a100",
            1,
            "-cgi 9",
            (
                2,
                "Unable to create a GPU instance on GPU  0 using profile 9: Invalid Argument\n"
                "Failed to create GPU instances: Invalid Argument\n",
            ),
        ),
    ],
)
def test_there_are_no_instances(
    driver: str, profile: str, mode: int | None, command: str, said: tuple[int, str], path: Path, smi: Smi
) -> None:
    node = Node.create(path, profile, 1, driver)
    if mode is not None:
        node.gpus[0].set("modes.mig", mode)

    assert told(smi, f"mig {command}") == said


def test_a_machine_hosts_no_vgpus(node: Node, smi: Smi) -> None:
    for option in ("", "-q", "-s", "-c", "-m", "-i 1"):
        assert told(smi, f"vgpu {option}") == (0, "No supported devices in vGPU mode\n")
    assert told(smi, "vgpu --query-accounted-apps=gpu_name,pid --format=csv") == (0, "gpu_name, pid\n")
    node.gpus[0].set("modes.virtualization", "host_vgpu")
    assert told(smi, "vgpu")[0] == 255


@root
def test_a_reset_brings_a_pending_mode_into_force(node: Node, smi: Smi) -> None:
    node.gpus[1].set("ecc.mode_pending", False)

    assert told(smi, "-r -i 1") == (0, "GPU 00000000:3B:00.0 was successfully reset.\nAll done.\n")
    assert [gpu.get("ecc.mode") for gpu in node.gpus] == [1, 0]


@root
def test_a_gpu_in_use_is_not_reset(node: Node, smi: Smi) -> None:
    node.gpus[0].processes.add(pid=4242, memory="1 GiB")
    node.gpus[0].set("ecc.mode_pending", False)
    status, said = told(smi, "--gpu-reset")

    assert status == 255
    assert said.startswith(
        "The following GPUs could not be reset:\n  GPU 00000000:19:00.0: In use by another client\n\n"
        "1 device is currently being used by one or more other processes"
    )
    assert node.gpus[0].get("ecc.mode") == 1


@pytest.mark.usefixtures("node")
def test_versions_and_excluded_gpus_are_told(smi: Smi) -> None:
    said = (
        "NVIDIA-SMI version  : 550.163.01\nNVML version        : 550.163\n"
        "DRIVER version      : 550.163.01\nCUDA Version        : 12.4\n"
    )
    assert told(smi, "--version") == (0, said)
    assert told(smi, "-B") == (0, "No excluded devices found.\n")
    assert told(smi, "-t 0") == (6, "No units found in system\n")
    assert told(smi, "-L -B")[0] == 2


@pytest.mark.usefixtures("node")
def test_what_nvml_has_no_function_for_is_not_supported(smi: Smi) -> None:
    assert told(smi, "base-clocks -i 0") == (0, "GPU 0:\n\tGraphics: \tNot Supported\n")
    assert told(smi, "power-hint -l") == (0, "No supported devices found\n")


@pytest.mark.usefixtures("node")
def test_a_time_slice_is_set_and_listed(smi: Smi) -> None:
    assert told(smi, "compute-policy --set-timeslice=3 -i 1") == (
        0,
        "Successfully set timeslice policy with value Long for GPU 1\n",
    )
    listed = told(smi, "compute-policy -l")[1]
    assert "|   0   Timeslice       Default       |\n" in listed
    assert "|   1   Timeslice       Long          |\n" in listed


@pytest.mark.usefixtures("node")
def test_sliders_of_gpus_that_have_them_are_listed(smi: Smi) -> None:
    assert "|   0     vboost           4              0       |\n" in told(smi, "boost-slider -l")[1]
    assert told(smi, "boost-slider --vboost 2 -i 0") == (0, "Successfully set vboost slider with value 2 for GPU 0\n")
    assert "|   0     vboost           4              2       |\n" in told(smi, "boost-slider -l -i 0")[1]


def test_sliders_of_gpus_that_have_none_are_not(path: Path, smi: Smi) -> None:
    Node.create(path, "t4", 1, "550.163.01")
    assert "|   No supported devices found                    |\n" in told(smi, "boost-slider -l")[1]


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("command", ["-r", "-cc 1", "-rmcd", "base-clocks", "boost-slider -l", "compute-policy -l"])
def test_beside_a_real_driver_it_says_that_nvml_cannot(command: str, env: dict[str, str]) -> None:
    program = (
        "import sys; from mocknvml.smi import gpus, main; gpus.SAFE_TABLE = 1 << 20; sys.exit(main.main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", program, *command.split()]
    done = subprocess.run(arguments, env=env, check=False, capture_output=True, text=True, timeout=60)

    assert done.returncode == 255
    assert done.stdout.startswith("ERROR: NVML has no public function for ")


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize("command", ["drain", "mig", "vgpu -h", "conf-compute", "gpm", "pci", "power-hint"])
def test_a_command_has_a_help(command: str, smi: Smi) -> None:
    status, said = told(smi, command)

    assert status == 0
    assert f"    {command.split()[0]} -- " in said
