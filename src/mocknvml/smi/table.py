"""nvidia-smi without arguments: the table of GPUs and the one of their processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pynvml as nvml

from mocknvml.smi.gpus import GPU_IS_LOST, NOT_SUPPORTED, Gpu, Problem, Refusal, ask, branch, status_of
from mocknvml.smi.layouts import Layout, layout_of
from mocknvml.smi.main import Call
from mocknvml.smi.processes import Process, running

MIB = 1 << 20
COMPUTE_MODES = {0: "Default", 1: "E. Thread", 2: "Prohibited", 3: "E. Process"}
OFF_ON = ("Off", "On")
DISABLED_ENABLED = ("Disabled", "Enabled")


def show(call: Call) -> int:
    out, gpus = call.out, call.gpus
    layout = layout_of(branch())
    driver, cuda = ask("nvmlSystemGetDriverVersion"), ask("nvmlSystemGetCudaDriverVersion_v2")
    version = cell(cuda, lambda number: f"{number // 1000}.{number % 1000 // 10}")
    out.write(time.strftime("%a %b %e %H:%M:%S %Y") + " " * 7 + "\n")
    out.write(layout.heads.format(driver=cell(driver), cuda=version))
    for gpu in gpus:
        out.write(gpu_rows(gpu, layout))
    if any(in_mig_mode(gpu) for gpu in gpus):
        out.write(layout.mig_heads + layout.note("No MIG devices found") + layout.line)
    out.write(f"{layout.blank}\n{layout.line}{layout.process_heads}")
    found = [(gpu, running(gpu)) for gpu in gpus]
    rows = 0
    for gpu, processes in found:
        for process in processes if isinstance(processes, list) else ():
            out.write(process_row(gpu, process, layout))
            rows += 1
    out.write(layout.line if rows else layout.note("No running processes found") + layout.line)
    if any(isinstance(processes, Refusal) and processes.code == GPU_IS_LOST for _, processes in found):
        out.write("Internal error\n")
        return 255
    return 0


def fit(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def cell(value: Any, form: Callable[[Any], str] = str, no_value: str = "N/A", error: str = "ERR!") -> str:
    if not isinstance(value, Refusal):
        return form(value)
    return no_value if value.code == NOT_SUPPORTED else error


def watts(milliwatts: int) -> str:
    return f"{milliwatts // 1000}W"


def gpu_rows(gpu: Gpu, layout: Layout) -> str:
    return layout.gpu.format(
        index=cell(gpu.ask("GetIndex"), "{:>3}".format),
        name=fit(cell(gpu.ask("GetName")), layout.name),
        persistence=cell(gpu.ask("GetPersistenceMode"), lambda on: f" {OFF_ON[on]}"),
        bus=cell(gpu.ask("GetPciInfo"), lambda pci: str(pci.busId)),
        display=cell(gpu.ask("GetDisplayActive"), lambda on: OFF_ON[on]),
        ecc=ecc(gpu),
        fan=cell(gpu.ask("GetFanSpeed"), "{}%".format),
        temperature=cell(gpu.ask("GetTemperature", 0), "{}C".format),
        performance=cell(performance(gpu), "P{}".format, "N/A ", "ERR! "),
        usage=fit(cell(gpu.ask("GetPowerUsage"), watts), 4),
        limit=limit(gpu, layout),
        memory=memory(gpu, layout),
        utilization=cell(gpu.ask("GetUtilizationRates"), lambda rates: f"{rates.gpu}%"),
        compute=cell(gpu.ask("GetComputeMode"), lambda mode: COMPUTE_MODES.get(mode, "N/A")),
        mig=cell(gpu.ask("GetMigMode"), lambda modes: DISABLED_ENABLED[modes[1]] + changes(modes)),
    )


def changes(modes: list[int]) -> str:
    """A mark where the current and the pending mode differ."""
    return "*" if modes[0] != modes[1] else ""


def in_mig_mode(gpu: Gpu) -> bool:
    modes = gpu.ask("GetMigMode")
    return not isinstance(modes, Refusal) and bool(modes[0])


def ecc(gpu: Gpu) -> str:
    """The errors, where ECC is on; those of a GPU in MIG mode stand with its MIG devices."""
    modes = gpu.ask("GetEccMode")
    if isinstance(modes, Refusal):
        return cell(modes)
    if not modes[0]:
        return "Off" + changes(modes)
    if in_mig_mode(gpu):
        return "On" + changes(modes)
    return cell(gpu.ask("GetTotalEccErrors", 1, 0)) + changes(modes)


def performance(gpu: Gpu) -> Any:
    state = gpu.ask("GetPerformanceState")
    return Refusal(nvml.NVML_ERROR_UNKNOWN) if state == nvml.NVML_PSTATE_UNKNOWN else state


def limit(gpu: Gpu, layout: Layout) -> str:
    value = gpu.ask("GetEnforcedPowerLimit")
    return f"{cell(value):>4}" if isinstance(value, Refusal) else fit(watts(value), layout.limit).rjust(layout.limit)


def memory(gpu: Gpu, layout: Layout) -> str:
    """Used and total, or why there is none: the only cell that says so, and not of missing permissions."""
    info = gpu.memory()
    width = layout.memory
    if isinstance(info, Refusal):
        return (
            f"{'N/A':>{width}}" if info.code == nvml.NVML_ERROR_NO_PERMISSION else f"{fit(info.reason, width):<{width}}"
        )
    return fit(layout.memory_form.format(info.used // MIB, info.total // MIB), width)


def process_row(gpu: Gpu, process: Process, layout: Layout) -> str:
    index = gpu.ask("GetIndex")
    if isinstance(index, Refusal):
        raise Problem("Failed to query device index\n", status_of(index.code))
    name = cell(process.name)
    return layout.process.format(
        index=index,
        gpu_instance=process.gpu_instance,
        compute_instance=process.compute_instance,
        pid=fit(str(process.shown_pid), 8),
        type=process.type,
        name=name if len(name) <= layout.process_name else f"...{name[3 - layout.process_name :]}",
        memory="N/A" if process.memory is None else fit(f"{process.memory // MIB}MiB", 8),
    )
