"""nvidia-smi without arguments: the table of GPUs and the one of their processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pynvml as nvml

from mocknvml.smi.gpus import GPU_IS_LOST, NOT_SUPPORTED, Gpu, Problem, Refusal, ask, branch
from mocknvml.smi.layouts import Layout, layout_of
from mocknvml.smi.main import Call

MIB = 1 << 20
COMPUTE_MODES = {0: "Default", 1: "E. Thread", 2: "Prohibited", 3: "E. Process"}
OFF_ON = ("Off", "On")
DISABLED_ENABLED = ("Disabled", "Enabled")
# By the letter of their type, in the order in which a process of several shows them.
PROCESS_LISTS = {
    "M": "GetMPSComputeRunningProcesses",
    "C": "GetComputeRunningProcesses",
    "G": "GetGraphicsRunningProcesses",
}


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
    found = [(gpu, processes(gpu)) for gpu in gpus]
    rows = 0
    for gpu, running in found:
        for number, letters, process in running if isinstance(running, list) else ():
            out.write(process_row(gpu, number, letters, process, layout))
            rows += 1
    out.write(layout.line if rows else layout.note("No running processes found") + layout.line)
    if any(isinstance(running, Refusal) and running.code == GPU_IS_LOST for _, running in found):
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


def processes(gpu: Gpu) -> Any:
    """The pid, the letters of the types and one entry of each process, or a refusal if a list has none."""
    types: dict[int, list[str]] = {}
    entries: dict[int, Any] = {}
    for letter, name in PROCESS_LISTS.items():
        running = gpu.ask(name)
        if isinstance(running, Refusal):
            return running
        for process in running:
            types.setdefault(process.pid, []).append(letter)
            entries[process.pid] = process
    shown = sorted((signed(pid), letters, entries[pid]) for pid, letters in types.items() if letters != ["M"])
    return shown


def signed(pid: int) -> int:
    return pid - (1 << 32) if pid >> 31 else pid


def process_row(gpu: Gpu, pid: int, letters: list[str], process: Any, layout: Layout) -> str:
    index = gpu.ask("GetIndex")
    if isinstance(index, Refusal):
        raise Problem("Failed to query device index\n", index.code)
    name = cell(ask("nvmlSystemGetProcessName", process.pid))
    return layout.process.format(
        index=index,
        gpu_instance=instance(process.gpuInstanceId),
        compute_instance=instance(process.computeInstanceId),
        pid=fit(str(pid), 8),
        type="+".join(letters),
        name=name if len(name) <= layout.process_name else f"...{name[3 - layout.process_name :]}",
        memory="N/A" if process.usedGpuMemory is None else fit(f"{process.usedGpuMemory // MIB}MiB", 8),
    )


def instance(number: int | None) -> str:
    return "N/A" if number in (None, 0xFFFFFFFF) else str(number)
