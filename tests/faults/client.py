"""An unmodified client that lives on while its node changes: answers one expression per line of its input, as JSON.

An expression sees pynvml's names, `gpu(INDEX)`, whose handle it keeps, `uuid()` of the first, `field(ID, SCOPE)`,
`fabric()`, `init()`, and `listen(TYPES)` with `heard()`. An NVML error answers with the name of its class.
"""

import ctypes
import functools
import json
import sys
import time
from typing import Any

import pynvml

gpu = functools.cache(pynvml.nvmlDeviceGetHandleByIndex)


@functools.cache
def uuid() -> str:
    return pynvml.nvmlDeviceGetUUID(gpu(0))


def field(field_id: int, scope: int = 0) -> Any:
    value = pynvml.nvmlDeviceGetFieldValues(gpu(0), [(field_id, scope)])[0]
    if value.nvmlReturn != pynvml.NVML_SUCCESS:
        raise pynvml.NVMLError(value.nvmlReturn)
    return value.value.ullVal if value.valueType == pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG else value.value.uiVal


def fabric() -> list[int]:
    info = pynvml.c_nvmlGpuFabricInfo_v3_t()
    info.version = pynvml.nvmlGpuFabricInfo_v3
    pynvml.nvmlDeviceGetGpuFabricInfoV(gpu(0), ctypes.byref(info))
    return [info.healthMask, info.healthSummary]


def init() -> str:
    pynvml.nvmlShutdown()
    pynvml.nvmlInit()
    return "initialised"


def listen(types: int) -> None:
    listening.append(pynvml.nvmlEventSetCreate())
    pynvml.nvmlDeviceRegisterEvents(gpu(0), types, listening[-1])


def heard() -> list[list[int]]:
    """Types and data of the events since the last time."""
    found = []
    while True:
        try:
            event = pynvml.nvmlEventSetWait_v2(listening[-1], 0)
        except pynvml.NVMLError_Timeout:
            return found
        found.append([event.eventType, event.eventData])


listening: list[Any] = []
HELPERS = {each.__name__: each for each in (field, fabric, init, listen, heard, time)} | {"gpu": gpu, "uuid": uuid}


def answer(expression: str) -> Any:
    try:
        return eval(expression, {**vars(pynvml), **HELPERS})
    except pynvml.NVMLError as error:
        return type(error).__name__


pynvml.nvmlInit()
for line in sys.stdin:
    print(json.dumps(answer(line)), flush=True)
