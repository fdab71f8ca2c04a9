"""`python -m tests.processes.read_everything LIBRARY NODE...` calls all functions on all GPUs of each node, and reads
it in Python. Answers do not matter, only that each call comes back.
"""

import contextlib
import ctypes
import os
import sys
from pathlib import Path

from mocknvml import FieldStatus, Node
from mocknvml.codegen.plan import Plan
from tests.contracts.abi import SUCCESS, Call, Library, Memory, header, is_reachable, needs_init, plans

FIELD_VALUES = "nvmlDeviceGetFieldValues"
FIELD_VALUE_SIZE = header().structs["nvmlFieldValue_st"].size


def field_values(call: Call) -> None:
    """Ask for every field id in every scope that some field has."""
    ids = [(number, scope) for scope in range(3) for number in range(header().constants["NVML_FI_MAX"])]
    memory = Memory(len(ids) * FIELD_VALUE_SIZE, zeros=len(ids) * FIELD_VALUE_SIZE)
    for index, (number, scope) in enumerate(ids):
        memory.put(index * FIELD_VALUE_SIZE, number)
        memory.put(index * FIELD_VALUE_SIZE + 4, scope)
    call.memory["values"] = memory
    call["values"] = memory.address
    call["valuesCount"] = len(ids)


def registered_set(library: Library, gpu: int) -> int:
    """A set for all events that the GPU has, whichever these are."""
    made = library.event_set()
    for bit in range(16):
        library.loaded.nvmlDeviceRegisterEvents(
            ctypes.c_void_p(gpu), ctypes.c_ulonglong(1 << bit), ctypes.c_void_p(made)
        )
    return made


def read(library: Library, plan: Plan, gpu: int) -> None:
    call = Call.with_memory(library, plan)
    for param in plan.function.params:
        if param.type.text == "nvmlDevice_t" and not param.type.pointers:
            call[param.name] = gpu
        elif param.type.text == "nvmlEventSet_t" and not param.type.pointers:
            call[param.name] = registered_set(library, gpu)
    if plan.function.name == FIELD_VALUES:
        field_values(call)
    call()


def read_node(library: Library, path: str) -> None:
    os.environ["MOCK_NVML_NODE"] = path
    assert library.loaded.nvmlInit_v2() == SUCCESS
    # A file that changes meanwhile may hide any GPU.
    handles = [ctypes.c_void_p() for _ in range(library.device_count())]
    for index, handle in enumerate(handles):
        library.loaded.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle))
    for gpu in [handle.value for handle in handles if handle.value]:
        for plan in plans():
            if needs_init(plan) and is_reachable(plan):
                read(library, plan, gpu)
    assert library.loaded.nvmlShutdown() == SUCCESS

    with Node.open(path) as node:
        for block in (node, *node.gpus):
            for key in block.field_keys():
                with contextlib.suppress(FieldStatus):
                    block.get(key)
        assert len(list(node.events)) < 2048
        node.gpus[0].set("power.usage", "1 W")
        node.reset()


if __name__ == "__main__":
    loaded = Library(Path(sys.argv[1]))
    for node_path in sys.argv[2:]:
        read_node(loaded, node_path)
    print("read")
