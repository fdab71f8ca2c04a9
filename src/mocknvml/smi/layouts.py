"""How nvidia-smi draws its table, by the branch of the driver."""

from __future__ import annotations

from typing import NamedTuple


class Layout(NamedTuple):
    heads: str  # with the versions of driver and CUDA
    gpu: str
    name: int  # how wide the cells are whose texts may be longer
    memory: int
    limit: int
    memory_form: str
    mig_heads: str
    process_heads: str
    process: str
    process_name: int

    @property
    def width(self) -> int:
        return self.heads.index("\n")

    @property
    def blank(self) -> str:
        return " " * min(self.width, 89)  # not as wide as the widest

    @property
    def line(self) -> str:
        return f"+{'-' * (self.width - 2)}+\n"

    def note(self, text: str) -> str:
        """A row with nothing but a text."""
        return f"|  {text:<{self.width - 4}}|\n"


# Of 470; its rows are those of the branches up to 525.
OLD = Layout(
    heads="""\
+-----------------------------------------------------------------------------+
| NVIDIA-SMI {driver:<13}Driver Version: {driver:<13}CUDA Version: {cuda:<9}|
|-------------------------------+----------------------+----------------------+
| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
| Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |
|                               |                      |               MIG M. |
|===============================+======================+======================|
""",
    gpu="""\
| {index:<5}{name:<18} {persistence:<6}| {bus:<16}{display:>4} | {ecc:>20} |
|{fan:>4} {temperature:>5} {performance:>5}{usage:>7} / {limit:<4} | {memory} | {utilization:>7} {compute:>12} |
|                               |                      | {mig:>20} |
+-------------------------------+----------------------+----------------------+
""",
    name=18,
    memory=20,
    limit=4,
    memory_form=" {:>5}MiB / {:>5}MiB",
    mig_heads="""\

+-----------------------------------------------------------------------------+
| MIG devices:                                                                |
+------------------+----------------------+-----------+-----------------------+
| GPU  GI  CI  MIG |         Memory-Usage |        Vol|         Shared        |
|      ID  ID  Dev |           BAR1-Usage | SM     Unc| CE  ENC  DEC  OFA  JPG|
|                  |                      |        ECC|                       |
|==================+======================+===========+=======================|
""",
    process_heads="""\
| Processes:                                                                  |
|  GPU   GI   CI        PID   Type   Process name                  GPU Memory |
|        ID   ID                                                   Usage      |
|=============================================================================|
""",
    process="|{index:>5}{gpu_instance:>6}{compute_instance:>5}{pid:>10}{type:>7}   {name:<28}{memory:>12} |\n",
    process_name=28,
)

# Of 535 and 545.
NARROW = Layout(
    heads="""\
+---------------------------------------------------------------------------------------+
| NVIDIA-SMI {driver:<23}Driver Version: {driver:<13}CUDA Version: {cuda:<9}|
|-----------------------------------------+----------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id        Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |         Memory-Usage | GPU-Util  Compute M. |
|                                         |                      |               MIG M. |
|=========================================+======================+======================|
""",
    gpu="""\
| {index:<5}{name:<27}   {persistence:<4} | {bus:<16}{display:>4} | {ecc:>20} |
|{fan:>4} {temperature:>5} {performance:>5}{usage:>17} / {limit:<4} | {memory} | {utilization:>7} {compute:>12} |
|                                         |                      | {mig:>20} |
+-----------------------------------------+----------------------+----------------------+
""",
    name=27,
    memory=20,
    limit=4,
    memory_form=" {:>5}MiB / {:>5}MiB",
    mig_heads="""\

+---------------------------------------------------------------------------------------+
| MIG devices:                                                                          |
+------------------+--------------------------------+-----------+-----------------------+
| GPU  GI  CI  MIG |                   Memory-Usage |        Vol|      Shared           |
|      ID  ID  Dev |                     BAR1-Usage | SM     Unc| CE ENC DEC OFA JPG    |
|                  |                                |        ECC|                       |
|==================+================================+===========+=======================|
""",
    process_heads="""\
| Processes:                                                                            |
|  GPU   GI   CI        PID   Type   Process name                            GPU Memory |
|        ID   ID                                                             Usage      |
|=======================================================================================|
""",
    process="|{index:>5}{gpu_instance:>6}{compute_instance:>5}{pid:>10}{type:>7}   {name:<38}{memory:>12} |\n",
    process_name=38,
)

# Of 550 to 565.
WIDE = Layout(
    heads="""\
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI {driver:<23}Driver Version: {driver:<15}CUDA Version: {cuda:<9}|
|-----------------------------------------+------------------------+----------------------+
| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |
| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |
|                                         |                        |               MIG M. |
|=========================================+========================+======================|
""",
    gpu="""\
| {index:<5}{name:<27}   {persistence:<4} |   {bus:<16}{display:>4} | {ecc:>20} |
|{fan:>4} {temperature:>5} {performance:>5}{usage:>16} / {limit:<5} | {memory} | {utilization:>7} {compute:>12} |
|                                         |                        | {mig:>20} |
+-----------------------------------------+------------------------+----------------------+
""",
    name=27,
    memory=22,
    limit=5,
    memory_form=" {:>6}MiB / {:>6}MiB",
    mig_heads="""\

+-----------------------------------------------------------------------------------------+
| MIG devices:                                                                            |
+------------------+----------------------------------+-----------+-----------------------+
| GPU  GI  CI  MIG |                     Memory-Usage |        Vol|      Shared           |
|      ID  ID  Dev |                       BAR1-Usage | SM     Unc| CE ENC DEC OFA JPG    |
|                  |                                  |        ECC|                       |
|==================+==================================+===========+=======================|
""",
    process_heads="""\
| Processes:                                                                              |
|  GPU   GI   CI        PID   Type   Process name                              GPU Memory |
|        ID   ID                                                               Usage      |
|=========================================================================================|
""",
    process="|{index:>5}{gpu_instance:>6}{compute_instance:>5}{pid:>10}{type:>7}   {name:<38}{memory:>14} |\n",
    process_name=38,
)

# As captures of an RTX 5090 (570), an H100 in MIG mode (590) and an RTX 2080 Super (610) have it.
LONG_PIDS = WIDE._replace(
    process_heads="""\
| Processes:                                                                              |
|  GPU   GI   CI              PID   Type   Process name                        GPU Memory |
|        ID   ID                                                               Usage      |
|=========================================================================================|
""",
    process="|{index:>5}{gpu_instance:>6}{compute_instance:>5}{pid:>16}{type:>7}   {name:<32}{memory:>14} |\n",
    process_name=32,
)
CLOSED_HEAD = LONG_PIDS._replace(heads=LONG_PIDS.heads.replace("|---", "+---", 1))
SHARED_MIG = CLOSED_HEAD._replace(
    mig_heads="""\

+-----------------------------------------------------------------------------------------+
| MIG devices:                                                                            |
+------------------+----------------------------------+-----------+-----------------------+
| GPU  GI  CI  MIG |              Shared Memory-Usage |        Vol|        Shared         |
|      ID  ID  Dev |                Shared BAR1-Usage | SM     Unc| CE ENC  DEC  OFA  JPG |
|                  |                                  |        ECC|                       |
|==================+==================================+===========+=======================|
"""
)
OTHER_VERSIONS = SHARED_MIG._replace(
    heads=SHARED_MIG.heads.replace(
        "Driver Version: {driver:<15}CUDA Version: {cuda:<9}|", "KMD Version: {driver:<14}CUDA UMD Version: {cuda:<9}|"
    )
)

BY_FIRST_BRANCH = {
    0: OLD,
    530: NARROW,
    550: WIDE,
    570: LONG_PIDS,
    580: CLOSED_HEAD,
    590: SHARED_MIG,
    610: OTHER_VERSIONS,
}


def layout_of(branch: int) -> Layout:
    return BY_FIRST_BRANCH[max(first for first in BY_FIRST_BRANCH if first <= branch)]
