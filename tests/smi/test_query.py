"""The stand-in's csv, its choice of GPUs, its loops and its help, without the real nvidia-smi."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pynvml
import pytest

import mocknvml
from mocknvml import Node
from mocknvml.smi import fields, gpus, help, items
from tests.smi.conftest import Smi

SOURCES = sorted((Path(mocknvml.__file__).parent / "smi").rglob("*.py"))

pytestmark = pytest.mark.parametrize("node", ["dgx-a100"], indirect=True)


def test_fields_stand_below_their_names_and_units(node: Node, smi: Smi) -> None:
    node.gpus[1].update({"power.usage": "301.239 W", "thermal.temperature.gpu": "71 C"})
    node.gpus[1].set("processes.running", [{"pid": 1, "contexts": 1, "memory": "2 GiB", "name": "x"}])

    shown = smi("--query-gpu=index,gpu_name,power.draw,temperature.gpu,memory.used,mig.mode.current", "--format=csv")

    lines = shown.stdout.splitlines()
    assert lines[0] == "index, name, power.draw [W], temperature.gpu, memory.used [MiB], mig.mode.current"
    assert lines[2] == "1, NVIDIA A100-SXM4-40GB, 301.24 W, 71, 2048 MiB, Disabled"
    assert len(lines) == 9
    assert (shown.returncode, shown.stderr) == (0, "")


def test_names_and_units_can_be_left_out(node: Node, smi: Smi) -> None:
    shown = smi("--query-gpu=memory.total,fan.speed", "--format=csv,noheader,nounits", "-i", "0")

    assert shown.stdout == "40960, [N/A]\n"


def test_pci_ids_have_four_digits_or_more(node: Node, smi: Smi) -> None:
    node.gpus[0].update({"pci.device_id": 0x20, "pci.subsystem_id": 0x1F0DE})

    shown = smi("--query-gpu=pci.device_id,pci.sub_device_id", "--format=csv,noheader", "-i", "0")

    assert shown.stdout == "0x0020, 0x1F0DE\n"


def test_a_lost_gpu_says_so_in_each_field(node: Node, smi: Smi) -> None:
    node.faults.inject("lost", 3)

    rows = smi("--query-gpu=index,uuid,clocks.sm", "--format=csv,noheader").stdout.splitlines()

    assert rows[3] == "[GPU is lost], [GPU is lost], [GPU is lost]"
    assert rows[4].startswith("4, GPU-")


@pytest.mark.parametrize("by", ["identity.uuid", "identity.serial", "bus id"])
def test_a_gpu_is_chosen_by_what_identifies_it(by: str, node: Node, smi: Smi) -> None:
    choice = "00000000:47:00.0" if by == "bus id" else str(node.gpus[2].get(by))

    assert smi("-i", choice, "--query-gpu=index", "--format=csv,noheader").stdout == "2\n"


def test_compute_processes_have_rows(node: Node, smi: Smi) -> None:
    node.gpus[4].set("processes.running", [{"pid": 4242, "contexts": 1, "memory": "8 GiB", "name": "/usr/bin/python3"}])

    shown = smi("--query-compute-apps=gpu_bus_id,pid,name,used_memory", "--format=csv")

    assert shown.stdout.splitlines() == [
        "gpu_bus_id, pid, process_name, used_gpu_memory [MiB]",
        "00000000:87:00.0, 4242, /usr/bin/python3, 8192 MiB",
    ]


def test_a_mistake_ends_it_with_status_2(node: Node, smi: Smi) -> None:
    shown = smi("--query-gpu=index,bogus", "--format=csv")

    assert (shown.returncode, shown.stdout) == (2, 'Field "bogus" is not a valid field to query.\n\n')


def test_what_is_absent_says_so(node: Node, smi: Smi) -> None:
    for command in ("replay", "daemon"):
        shown = smi(command, "-s")
        assert (shown.returncode, shown.stdout) == (
            255,
            f"ERROR: {command} is not in this stand-in for nvidia-smi.\n\n",
        )


def test_versions_are_told_from_driver_550_on(node: Node, smi: Smi) -> None:
    assert smi("--version").returncode == 255

    node.set("driver.version", "590.48.01")

    assert "DRIVER version      : 590.48.01\nCUDA Version        : " in smi("--version").stdout


def test_no_gpu_ends_it_with_status_6(node: Node, smi: Smi) -> None:
    node.faults.inject("no-gpu")

    assert [smi().returncode, smi("--query-gpu=index", "--format=csv").returncode] == [6, 6]
    assert (smi("-L").returncode, smi("-L").stdout) == (0, "No devices found.\n")


def test_no_driver_ends_it_with_status_9(node: Node, smi: Smi) -> None:
    node.faults.inject("no-driver")

    shown = smi("-L")

    assert shown.returncode == 9
    assert shown.stdout.startswith("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")


@pytest.mark.skipif(os.geteuid() != 0, reason="setters need root")
@pytest.mark.parametrize(
    ("command", "said", "state"),
    [
        (
            "-pl 300",
            "Power limit for GPU 00000000:0F:00.0 was set to 300.00 W from 400.00 W.",
            ("power.limit", 300_000),
        ),
        ("-pm 0", "Disabled persistence mode for GPU 00000000:0F:00.0.", ("modes.persistence", 0)),
        ("-c 3", "Set compute mode to EXCLUSIVE_PROCESS for GPU 00000000:0F:00.0.", ("modes.compute", 3)),
        ("-e 0", "Disabled ECC support for GPU 00000000:0F:00.0.", ("ecc.mode_pending", 0)),
        ("-am 1", "Enabled Accounting Mode for GPU 00000000:0F:00.0.", ("modes.accounting", 1)),
        ("-lgc 900,1200", 'GPU clocks set to "(gpuClkMin 900, gpuClkMax 1200)"', ("clocks.locked_max.graphics", 1200)),
        ("-ac 1215,1005", 'Applications clocks set to "(MEM 1215, SM 1005)"', ("clocks.application.graphics", 1005)),
    ],
)
def test_a_setting_changes_the_chosen_gpu(
    command: str, said: str, state: tuple[str, int], node: Node, smi: Smi
) -> None:
    shown = smi("-i", "1", *command.split())

    assert shown.stdout.startswith(said)
    assert "\nAll done.\n" in shown.stdout
    assert shown.returncode == 0
    assert node.gpus[1].get(state[0]) == state[1]
    assert node.gpus[0].get(state[0]) != state[1]


def test_a_setting_that_nvml_refuses_ends_it_with_its_status(node: Node, smi: Smi) -> None:
    node.rules.add("nvmlDeviceSetPersistenceMode", "NO_PERMISSION")

    shown = smi("-pm", "0")

    assert shown.returncode == 4
    assert shown.stdout == (
        "Unable to set persistence mode for GPU 00000000:07:00.0: Insufficient Permissions\n"
        "Terminating early due to previous errors.\n"
    )


def test_output_goes_to_a_file(node: Node, smi: Smi, tmp_path: Path) -> None:
    shown = smi("--query-gpu=index", "--format=csv,noheader", "-f", str(tmp_path / "log"))

    assert (shown.returncode, shown.stdout) == (0, "")
    assert (tmp_path / "log").read_text() == "".join(f"{index}\n" for index in range(8))


def test_a_loop_asks_again_below_one_header(node: Node, env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mocknvml", "smi", "-i", "0", "-lms", "5"]
    command += ["--query-gpu=temperature.gpu", "--format=csv"]
    node.gpus[0].set("thermal.temperature.gpu", "40 C")
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = [process.stdout.readline() for _ in range(2)]
        node.gpus[0].set("thermal.temperature.gpu", "90 C")
        later = next(line for line in process.stdout if line != "40\n")
        process.kill()

    assert (first, later) == (["temperature.gpu\n", "40\n"], "90\n")


def test_the_packaged_library_is_found_without_a_path(node: Node, smi: Smi, env: dict[str, str]) -> None:
    del env["LD_LIBRARY_PATH"]

    assert smi("-L").stdout.count("NVIDIA A100-SXM4-40GB") == 8


def test_another_library_on_the_path_is_asked_instead(node: Node, smi: Smi, library: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / library.name).write_bytes(b"no library")

    assert smi("-L", LD_LIBRARY_PATH=str(tmp_path / "other")).returncode == 12


def test_each_field_stands_in_the_help_with_its_other_names(node: Node, smi: Smi) -> None:
    shown = smi("--help-query-gpu").stdout

    told = re.findall(r'^"([^"]+)"(?: or "([^"]+)")?\n\S', shown, re.MULTILINE)
    known = [name for name in fields.FIELDS if gpus.is_of((535, 261), fields.DRIVERS.get(name, ""))]
    assert [name for name, _ in told] == known
    assert ("clocks.current.sm", "clocks.sm") in told
    for query in items.ITEMS:
        assert all(f'"{name}"' in smi(query.replace("--", "--help-")).stdout for name in items.ITEMS[query].fields)


def test_help_needs_no_driver(node: Node, smi: Smi) -> None:
    node.faults.inject("no-driver")

    assert smi("-h").stdout.startswith("A stand-in for nvidia-smi")
    assert '"c2c.mode"' in smi("--help-query-gpu").stdout


def test_every_field_has_a_text(node: Node) -> None:
    names = {*fields.FIELDS, *(name for kind in items.ITEMS.values() for name in kind.fields)}
    assert all(help.text(name).endswith(".") for name in names)
    assert set(help.TEXTS) <= names


def test_it_asks_nvml_alone(node: Node) -> None:
    """So that it works on a real driver; what it asks is there in nvidia-ml-py."""
    asked = set()
    for source in SOURCES:
        text = source.read_text()
        for imported in ast.walk(ast.parse(text)):
            if isinstance(imported, ast.ImportFrom) and str(imported.module).startswith("mocknvml"):
                assert str(imported.module).startswith("mocknvml.smi"), source
        for name in re.findall(r'\b(?:ask|_?asked|call|read|clock|system|filled)\(\s*"([A-Z]\w+|nvml\w+)"', text):
            asked.add(name if name.startswith("nvml") else f"nvmlDevice{name}")

    assert len(asked) > 50
    assert [name for name in asked if not hasattr(pynvml, name)] == []


def test_a_closed_pipe_ends_it_quietly(node: Node, env: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "mocknvml", "smi", "-L"]
    done = subprocess.run(command, env=env, check=False, stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)

    assert done.stderr == b""
