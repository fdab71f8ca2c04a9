"""A mini device plugin with the real go-nvml, registered over the real kubelet API at a stand-in for the kubelet.

A real plugin asks NVML what GPUs there are and the kubelet believes it, so this is what a cluster would see.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Node

pytestmark = pytest.mark.slow


def run(*command: str | Path, env: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    # The kubelet stand-in gives up after 30 s and takes the plugin with it; this limit only catches a broken one.
    return subprocess.run(command, env=env, cwd=folder, check=False, capture_output=True, text=True, timeout=60)


def output_of(*command: str | Path, env: dict[str, str], folder: Path) -> Any:
    result = run(*command, env=env, folder=folder)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def inventory(programs: Path, env: dict[str, str], folder: Path) -> Any:
    return output_of(programs / "plugin", "-inventory", env=env, folder=folder)


def conversation(programs: Path, env: dict[str, str], folder: Path) -> Any:
    # The sockets lie in the working folder and are named relatively: their full paths may exceed a socket's limit.
    return output_of(programs / "kubelet", "-dir", ".", programs / "plugin", "-dir", ".", env=env, folder=folder)


def topology(numa_nodes: list[int]) -> dict[str, Any] | None:
    # protojson writes 64-bit integers as strings.
    return {"nodes": [{"ID": str(node)} for node in numa_nodes]} if numa_nodes else None


def test_the_inventory_shows_the_gpus_of_a_dgx_a100(programs: Path, mock_env: dict[str, str], tmp_path: Path) -> None:
    found = inventory(programs, mock_env, tmp_path)

    gpus = found["gpus"]
    assert found["driver_version"] == "550.54.15"
    assert [gpu["name"] for gpu in gpus] == ["NVIDIA A100-SXM4-40GB"] * 8
    assert [gpu["memory_total_bytes"] for gpu in gpus] == [40960 * 1024**2] * 8
    assert all(gpu["memory_used_bytes"] < gpu["memory_total_bytes"] for gpu in gpus)
    assert all(gpu["uuid"].startswith("GPU-") for gpu in gpus)
    assert len({gpu["uuid"] for gpu in gpus}) == 8
    assert len({gpu["pci_bus_id"] for gpu in gpus}) == 8
    assert [gpu["compute_processes"] + gpu["graphics_processes"] for gpu in gpus] == [[]] * 8


def test_the_kubelet_receives_a_registration(programs: Path, mock_env: dict[str, str], tmp_path: Path) -> None:
    received = conversation(programs, mock_env, tmp_path)

    options = {"pre_start_required": False, "get_preferred_allocation_available": False}
    assert received["registration"] == {
        "version": "v1beta1",
        "endpoint": "mocknvml.sock",
        "resource_name": "nvidia.com/gpu",
        "options": options,
    }
    assert received["options"] == options


def test_the_kubelet_is_offered_every_gpu_healthy_and_with_its_numa_nodes(
    programs: Path, mock_env: dict[str, str], tmp_path: Path
) -> None:
    found = inventory(programs, mock_env, tmp_path)

    received = conversation(programs, mock_env, tmp_path)

    assert received["device_list"]["devices"] == [
        {"ID": gpu["uuid"], "health": "Healthy", "topology": topology(gpu["numa_nodes"])} for gpu in found["gpus"]
    ]


def test_a_container_sees_the_two_gpus_that_the_kubelet_asked_for(
    programs: Path, mock_env: dict[str, str], tmp_path: Path
) -> None:
    received = conversation(programs, mock_env, tmp_path)

    requested = received["requested_ids"]
    assert requested == [device["ID"] for device in received["device_list"]["devices"][:2]]
    assert len(requested) == 2
    (response,) = received["allocation"]["container_responses"]
    assert response["envs"] == {"NVIDIA_VISIBLE_DEVICES": ",".join(requested)}


def test_allocating_an_unknown_gpu_is_refused(programs: Path, mock_env: dict[str, str], tmp_path: Path) -> None:
    received = conversation(programs, mock_env, tmp_path)

    assert received["unknown_device_code"] == "InvalidArgument"


def test_three_gpus_are_offered_if_the_environment_says_three(
    programs: Path, mock_env: dict[str, str], tmp_path: Path
) -> None:
    env = mock_env | {"MOCK_NVML_NUM_DEVICES": "3"}

    found = inventory(programs, env, tmp_path)
    received = conversation(programs, env, tmp_path)

    assert len(found["gpus"]) == 3
    assert [device["ID"] for device in received["device_list"]["devices"]] == [gpu["uuid"] for gpu in found["gpus"]]


def test_a_plugin_without_gpus_registers_and_offers_none(
    programs: Path, mock_env: dict[str, str], tmp_path: Path
) -> None:
    env = mock_env | {"MOCK_NVML_NUM_DEVICES": "0"}

    found = inventory(programs, env, tmp_path)
    received = conversation(programs, env, tmp_path)

    assert found == {"driver_version": "550.54.15", "gpus": []}
    assert received["registration"]["resource_name"] == "nvidia.com/gpu"
    assert received["device_list"] == {"devices": []}
    assert received["allocation"] == {"container_responses": []}


def test_a_failing_nvml_init_is_one_line_of_the_plugin_and_a_failure(
    programs: Path, mock_env: dict[str, str], tmp_path: Path
) -> None:
    env = mock_env | {"MOCK_NVML_PROFILE": "nonsense"}

    result = run(programs / "plugin", "-inventory", env=env, folder=tmp_path)

    assert result.returncode == 1
    assert result.stdout == ""
    reason, line = result.stderr.splitlines()
    assert reason.startswith("mocknvml: MOCK_NVML_PROFILE=nonsense: ")
    assert line.startswith("plugin: nvmlInit: ")


def test_the_health_check_is_told_xids_and_lost_gpus(programs: Path, mock_env: dict[str, str], tmp_path: Path) -> None:
    env = mock_env | {"MOCK_NVML_NODE": str(tmp_path / "node")}
    with (
        Node.create(tmp_path / "node", gpus=2) as node,
        subprocess.Popen([programs / "plugin", "-health"], env=env, stdout=subprocess.PIPE, text=True) as plugin,
    ):
        assert plugin.stdout is not None
        assert plugin.stdout.readline() == "watching\n"

        node.gpus[1].events.add("xid", 48)
        node.gpus[1].events.add("double_bit_ecc_error")

        uuid = node.gpus[1].get("identity.uuid")
        whole = "instances 4294967295 4294967295\n"
        assert plugin.stdout.readline() == f"{uuid} type 8 data 48 {whole}"
        assert plugin.stdout.readline() == f"{uuid} type 2 data 0 {whole}"
        node.gpus[0].fail("health.present", 15)
        assert plugin.stdout.readline() == "error waiting for event: GPU is lost\n"
        assert plugin.wait(timeout=60) == 0
