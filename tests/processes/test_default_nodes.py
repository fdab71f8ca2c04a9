"""Which node a process finds that nobody names one to. Each test has a /run of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mocknvml import Node

ROOT = os.geteuid() == 0
NAMESPACE = ["unshare", "--mount"] if ROOT else ["unshare", "--mount", "--map-root-user"]
needs_root = pytest.mark.skipif(not ROOT, reason="needs root, to become another user")

SUCCESS, NO_PERMISSION, UNKNOWN = 0, 4, 999
NOBODY = 65534
DEFAULT, OTHER = "NVIDIA A100-SXM4-40GB", "Tesla T4"

ASK = """
import ctypes, os, sys
os.setuid(int(sys.argv[2]))
library = ctypes.CDLL(sys.argv[1])
status, device, name = library.nvmlInit_v2(), ctypes.c_void_p(), ctypes.create_string_buffer(96)
if status == 0:
    assert library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device)) == 0
    assert library.nvmlDeviceGetName(device, name, 96) == 0
print(status, name.value.decode(), sep="|")
"""

Ask = Callable[..., tuple[int, str, str]]


def has_namespaces() -> bool:
    command = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/run"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not has_namespaces(), reason="needs a mount namespace")


@pytest.fixture
def node(tmp_path: Path) -> Path:
    Node.create(tmp_path / "t4", profile="t4", gpus=1).close()
    return tmp_path / "t4"


@pytest.fixture
def ask(library: Path, mock_env: dict[str, str]) -> Ask:
    """What an init answers, the name of the first GPU, and what is said; `setup` is run first, in a shell."""

    def answers(setup: str, *arguments: Path, user: int = 0, **variables: str) -> tuple[int, str, str]:
        env = {name: value for name, value in mock_env.items() if not name.startswith(("MOCK_NVML_", "XDG_"))}
        script = f'set -e; mount -t tmpfs -o mode=755 tmpfs /run; {setup}; exec "$0" -c "$PROGRAM" "$LIBRARY" {user}'
        command = [*NAMESPACE, "sh", "-c", script, sys.executable, *map(str, arguments)]
        env |= {"PROGRAM": ASK, "LIBRARY": str(library)} | variables
        done = subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=60)
        status, name = done.stdout.rstrip("\n").split("|")
        return int(status), name, done.stderr

    return answers


IN_RUN = 'mkdir -m 755 /run/mocknvml; cp "$1" /run/mocknvml/node'
IN_OWN = 'mkdir -p -m 755 /run/user/mocknvml; cp "$1" /run/user/mocknvml/node'


def test_without_a_node_at_a_default_path_there_are_the_default_gpus(ask: Ask) -> None:
    assert ask("true") == (SUCCESS, DEFAULT, "")


@pytest.mark.parametrize("more", ["", "; chmod 664 /run/mocknvml/node", "; chmod 775 /run/mocknvml"])
def test_the_node_of_the_machine_is_found(more: str, ask: Ask, node: Path) -> None:
    assert ask(IN_RUN + more, node) == (SUCCESS, OTHER, "")


@needs_root
def test_the_node_of_the_machine_is_found_by_every_user(ask: Ask, node: Path) -> None:
    assert ask(IN_RUN, node, user=NOBODY) == (SUCCESS, OTHER, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOCK_NVML_NUM_DEVICES", "1"),
        ("MOCK_NVML_PROFILE", "dgx-a100"),
        ("MOCK_NVML_DRIVER_VERSION", "550.54.15"),
    ],
)
def test_what_the_environment_describes_comes_before_a_default_path(
    name: str, value: str, ask: Ask, node: Path
) -> None:
    assert ask(IN_RUN, node, **{name: value}) == (SUCCESS, DEFAULT, "")


def test_a_node_that_is_named_comes_before_a_default_path(ask: Ask, node: Path, tmp_path: Path) -> None:
    Node.create(tmp_path / "named").close()

    assert ask(IN_RUN, node, MOCK_NVML_NODE=str(tmp_path / "named")) == (SUCCESS, DEFAULT, "")


@needs_root
def test_a_user_has_a_node_of_his_own(ask: Ask, node: Path) -> None:
    setup = f"{IN_OWN}; chown -R {NOBODY} /run/user"

    assert ask(setup, node, user=NOBODY, XDG_RUNTIME_DIR="/run/user") == (SUCCESS, OTHER, "")
    assert ask(setup, node, user=NOBODY, XDG_RUNTIME_DIR="user") == (SUCCESS, DEFAULT, "")


@needs_root
def test_the_node_of_the_machine_comes_before_that_of_the_user(ask: Ask, node: Path, tmp_path: Path) -> None:
    Node.create(tmp_path / "a100", gpus=1).close()
    setup = f'{IN_RUN}; cp "$2" /run/mocknvml/node; {IN_OWN}; chown -R {NOBODY} /run/user'

    found = ask(setup, node, tmp_path / "a100", user=NOBODY, XDG_RUNTIME_DIR="/run/user")

    assert found == (SUCCESS, DEFAULT, "")


def test_root_takes_no_node_of_a_user(ask: Ask, node: Path) -> None:
    assert ask(IN_OWN, node, XDG_RUNTIME_DIR="/run/user") == (SUCCESS, DEFAULT, "")


@pytest.mark.parametrize("more", ["chmod 666 /run/mocknvml/node", "chmod 777 /run/mocknvml"])
def test_a_node_at_a_default_path_that_all_can_write_is_refused(more: str, ask: Ask, node: Path) -> None:
    status, _, said = ask(f"{IN_RUN}; {more}", node)

    assert status == NO_PERMISSION
    assert said.startswith("mocknvml: /run/mocknvml/node: ")
    assert said.count("\n") == 1


@needs_root
@pytest.mark.parametrize("what", ["/run/mocknvml/node", "/run/mocknvml"])
def test_a_node_at_a_default_path_that_is_another_users_is_refused(what: str, ask: Ask, node: Path) -> None:
    status, _, said = ask(f"{IN_RUN}; chown {NOBODY} {what}", node)

    assert status == NO_PERMISSION
    assert said.count("\n") == 1


def test_a_damaged_node_at_a_default_path_is_told(ask: Ask) -> None:
    setup = "mkdir -m 755 /run/mocknvml; echo nothing > /run/mocknvml/node"

    assert ask(setup) == (UNKNOWN, "", "mocknvml: /run/mocknvml/node: not a mocknvml node file\n")
