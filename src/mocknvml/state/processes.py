"""The processes that run on a GPU, as `gpu.processes`."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import c_uint64
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from mocknvml.errors import NodeError, ValueMismatch
from mocknvml.nvml.processes import COMPUTE, GRAPHICS, MPS, Processes
from mocknvml.state.layout import layout
from mocknvml.state.native import native
from mocknvml.state.values import parse, parse_number, words

if TYPE_CHECKING:
    from mocknvml.state.node import Gpu, Node

# As nvidia-smi shows them.
TYPES = {"C": COMPUTE, "G": GRAPHICS, "C+G": COMPUTE | GRAPHICS, "M+C": MPS | COMPUTE}
NOT_FOUND, IN_USE, MEMORY, INSUFFICIENT_RESOURCES = 6, 19, 20, 23


@dataclass(frozen=True)
class Process:
    """A process on a GPU: memory in bytes, utilization in percent, start in microseconds since 1970."""

    pid: int
    type: str
    memory: int
    sm_utilization: int
    memory_utilization: int
    encoder_utilization: int
    decoder_utilization: int
    jpeg_utilization: int
    ofa_utilization: int
    start: int
    name: str
    gpu_instance: int
    compute_instance: int


FIELDS = tuple(field.name for field in fields(Process) if field.name != "type")
# Where the stored record has a shorter name.
MEMBERS = {f"{engine}_utilization": engine for engine in ("sm", "encoder", "decoder", "jpeg", "ofa")}


class ProcessList:
    """The processes of one GPU.

    >>> gpu.processes.add(pid=4242, memory="8 GiB", type="C", sm_utilization="60 %")
    >>> [process.pid for process in gpu.processes]
    [4242]
    >>> gpu.processes.remove(4242)
    """

    def __init__(self, gpu: Gpu, node: Node) -> None:
        self._gpu = gpu
        self._node = node

    @property
    def running(self) -> list[dict[str, int | str]]:
        """The records as they are stored."""
        listed = self._gpu.get("processes.running")
        assert isinstance(listed, list)
        return listed

    def __iter__(self) -> Iterator[Process]:
        names = {contexts: name for name, contexts in TYPES.items()} | {MPS: "M"}
        for record in self.running:
            yield Process(
                **{field: record[MEMBERS.get(field, field)] for field in FIELDS},  # type: ignore[arg-type]
                type=names.get(int(record["contexts"]), "?"),
            )

    def __len__(self) -> int:
        return len(self.running)

    def __contains__(self, pid: object) -> bool:
        return any(record["pid"] == pid for record in self.running)

    def add(
        self,
        pid: int,
        *,
        memory: str = "0 B",
        type: str = "C",
        name: str = "",
        sm_utilization: str = "0 %",
        memory_utilization: str = "0 %",
        encoder_utilization: str = "0 %",
        decoder_utilization: str = "0 %",
        jpeg_utilization: str = "0 %",
        ofa_utilization: str = "0 %",
        start: str | None = None,
        gpu_instance: int | None = None,
        compute_instance: int | None = None,
    ) -> None:
        """Let a process run on the GPU: its memory is used, and its utilization is sampled.

        `type` is that of nvidia-smi: C, G, C+G, or M+C for one of MPS. A process without a name has that of the live
        process with its pid. It starts now, if `start` is no time since 1970.
        """
        if type not in TYPES:
            raise ValueMismatch(f"type={type!r}: give one of {', '.join(TYPES)}")
        if pid == 0:
            raise ValueMismatch("pid=0: give the id of a process, from 1 on")
        record = {
            "pid": pid,
            "contexts": TYPES[type],
            "memory": memory,
            "name": name,
            "sm": sm_utilization,
            "memory_utilization": memory_utilization,
            "encoder": encoder_utilization,
            "decoder": decoder_utilization,
            "jpeg": jpeg_utilization,
            "ofa": ofa_utilization,
            "start": start,
            "gpu_instance": gpu_instance,
            "compute_instance": compute_instance,
        }
        for member in (*MEMBERS.values(), "memory_utilization"):
            if parse_number("u32", "%", record[member]) > 100:
                raise ValueMismatch(f"{record[member]}: no process uses more than 100 %")
        place = layout().gpu.places["processes.running"]
        stored = list(words(layout().gpu, place, (), parse(Processes.running, [record])).values())[1:]
        status = native().mock_api_process_add(self._node.handle, self._gpu.index, (c_uint64 * len(stored))(*stored))
        refused = {
            IN_USE: "it runs there already",
            MEMORY: f"less than {memory} is free",
            INSUFFICIENT_RESOURCES: f"it has {Processes.running.capacity} processes, which are all that it can have",
        }
        if status in refused:
            raise NodeError(f"process {pid} cannot run on GPU {self._gpu.index}: {refused[status]}")
        self._node.check(status)

    def remove(self, pid: int) -> None:
        """Let a process end. While accounting is on, its statistics stay."""
        status = NOT_FOUND
        if 0 < pid < 2**32:
            status = native().mock_api_process_remove(self._node.handle, self._gpu.index, pid)
        if status == NOT_FOUND:
            raise NodeError(f"process {pid} does not run on GPU {self._gpu.index}")
        self._node.check(status)
