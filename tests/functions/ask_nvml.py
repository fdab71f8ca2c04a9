"""Evaluate NVML calls on the first GPU: reads a JSON list of expressions, prints a JSON object of their answers.

An expression sees pynvml's names, `gpu`, `field(ID)`, `pci_ext()`, `set_limit(MILLIWATTS, SCOPE)` and
`struct(FUNCTION, FORMAT, NUMBER...)`, which passes a struct of these numbers in the order of Python's struct formats.
An NVML error answers with the name of its class.
"""

import ctypes
import json
import struct as layouts
import sys
from typing import Any

import pynvml

pynvml.nvmlInit()
gpu = pynvml.nvmlDeviceGetHandleByIndex(0)


def field(field_id: int, scope: int = 0) -> Any:
    value = pynvml.nvmlDeviceGetFieldValues(gpu, [(field_id, scope)])[0]
    if value.nvmlReturn != pynvml.NVML_SUCCESS:
        raise pynvml.NVMLError(value.nvmlReturn)
    members = {
        pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
        pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
        pynvml.NVML_VALUE_TYPE_SIGNED_INT: "siVal",
    }
    return getattr(value.value, members[value.valueType])


def pci_ext() -> pynvml.nvmlPciInfoExt_v1_t:
    info = pynvml.nvmlPciInfoExt_v1_t(version=pynvml.nvmlPciInfoExt_v1)
    pynvml.nvmlDeviceGetPciInfoExt(gpu, ctypes.byref(info))
    return info


def set_limit(limit: int, scope: int = 0) -> None:
    """nvmlDeviceSetPowerManagementLimit_v2, whose wrapper in pynvml drops the return code."""
    value = pynvml.c_nvmlPowerValue_v2_t(version=pynvml.nvmlPowerValue_v2, powerScope=scope, powerValueMw=limit)
    code = pynvml._nvmlGetFunctionPointer("nvmlDeviceSetPowerManagementLimit_v2")(gpu, ctypes.byref(value))
    if code != pynvml.NVML_SUCCESS:
        raise pynvml.NVMLError(code)


def struct(function: str, layout: str, *numbers: float) -> None:
    """A function that takes the GPU and a struct."""
    code = pynvml._nvmlGetFunctionPointer(function)(gpu, layouts.pack(f"@{layout}", *numbers))
    if code != pynvml.NVML_SUCCESS:
        raise pynvml.NVMLError(code)


def answer(expression: str) -> Any:
    names = {"gpu": gpu, "field": field, "pci_ext": pci_ext, "set_limit": set_limit, "struct": struct}
    try:
        return eval(expression, {**vars(pynvml), **names})
    except pynvml.NVMLError as error:
        return type(error).__name__


json.dump({expression: answer(expression) for expression in json.load(sys.stdin)}, sys.stdout)
