"""The table, drawn as by the nvidia-smi of each branch of the driver."""

from pathlib import Path

import pytest

from mocknvml import Node
from mocknvml.smi.layouts import BY_FIRST_BRANCH, Layout, layout_of
from tests.smi.conftest import Smi

# What stands in the line of the versions behind the first, how the next one starts, and how wide pids are.
NEWER = {
    565: ("Driver Version: 565.1          CUDA Version: 12.", "|-----", 10),
    570: ("Driver Version: 570.1          CUDA Version: 12.", "|-----", 16),
    580: ("Driver Version: 580.1          CUDA Version: 13.", "+-----", 16),
    610: ("KMD Version: 610.1         CUDA UMD Version: 13.", "+-----", 16),
}


@pytest.mark.parametrize("node", ["busy"], indirect=True)
def test_gpus_and_their_processes_stand_in_the_table(node: Node, smi: Smi) -> None:
    lines = smi().stdout.splitlines()

    assert lines[2] == "| NVIDIA-SMI 535.261.03             Driver Version: 535.261.03   CUDA Version: 12.2     |"
    assert lines[8:12] == [
        "|   0  NVIDIA A100-SXM4-40GB          On  | 00000000:07:00.0 Off |                    0 |",
        "| N/A   33C    P0              49W / 400W |   9216MiB / 40960MiB |      0%      Default |",
        "|                                         |                      |             Disabled |",
        "+-----------------------------------------+----------------------+----------------------+",
    ]
    assert lines[-4:-1] == [
        "|    0   N/A  N/A      4242      C   /usr/bin/python3                           8192MiB |",
        "|    0   N/A  N/A      4343    C+G   .../with/a/name/longer/than/its/column     1024MiB |",
        "|    2   N/A  N/A        44    M+C   served                                    99999... |",
    ]


@pytest.mark.parametrize("node", ["lost"], indirect=True)
def test_a_lost_gpu_stands_in_the_table_and_ends_it_with_status_255(node: Node, smi: Smi) -> None:
    shown = smi("-i", "2,3")

    assert "| ERR! ERR!                          ERR! | ERR!            ERR! |                 ERR! |\n" in shown.stdout
    assert "| GPU is lost          |" in shown.stdout
    assert (shown.returncode, shown.stdout.splitlines()[-1]) == (255, "Internal error")


@pytest.mark.parametrize("layout", BY_FIRST_BRANCH.values(), ids=BY_FIRST_BRANCH)
def test_all_lines_of_a_layout_are_as_wide(layout: Layout) -> None:
    cells = {name: "x" for name in ("driver", "cuda", "index", "name", "persistence", "bus", "display", "ecc", "fan")}
    cells |= {name: "x" for name in ("temperature", "performance", "usage", "limit", "utilization", "compute", "mig")}
    cells |= {name: "x" for name in ("gpu_instance", "compute_instance", "pid", "type")}
    heads = layout.heads.format(**cells)
    gpu = layout.gpu.format(**cells, memory="x" * layout.memory)
    process = layout.process.format(**cells | {"memory": "x"})
    drawn = heads + gpu + layout.mig_heads + layout.line + layout.process_heads + process + layout.note("x")

    assert {len(line) for line in drawn.splitlines() if line} == {len(layout.line) - 1}


@pytest.mark.parametrize("branch", NEWER)
def test_newer_branches_are_drawn_as_on_captures(branch: int, smi: Smi, path: Path) -> None:
    with Node.create(path, "h100-sxm5-80gb", 3, f"{branch}.1") as node:
        node.gpus[2].set("processes.running", [{"pid": 7, "contexts": 1, "memory": "1 GiB", "name": "x"}])
        lines = smi().stdout.splitlines()

    versions, below, pid = NEWER[branch]
    assert lines[2].startswith(f"| NVIDIA-SMI {branch}.1                  {versions}")
    assert lines[3].startswith(below)
    assert lines[-2].startswith(f"|    2   N/A  N/A{7:{pid}}      C   x ")
    assert {len(line) for line in lines[1:] if line.strip()} == {91}


def test_the_layout_of_an_unknown_branch_is_that_of_the_one_before() -> None:
    assert layout_of(549) is layout_of(535)
    assert layout_of(9999) is layout_of(610)
