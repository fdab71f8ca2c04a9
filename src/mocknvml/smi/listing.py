"""`nvidia-smi -L`, `-B` and `--version`."""

from __future__ import annotations

from mocknvml.smi.gpus import Problem, Refusal, ask, driver, every, status_of
from mocknvml.smi.kinds import VERSION
from mocknvml.smi.main import Call, unknown_option

RENAMED = {"DRIVER version": "KMD version", "CUDA version": "CUDA UMD version"}  # by driver 610
DEPRECATED = 'Deprecated, see "{}" instead'


def gpus(call: Call) -> int:
    found = every()
    if not found:
        call.out.write("No devices found.\n")
    status = 0
    for gpu in found:
        name, uuid = gpu.ask("GetName"), gpu.ask("GetUUID")
        if isinstance(name, Refusal):
            call.out.write(f"Unable to determine the product name for gpu {gpu.index}: {name}\n")
            status = status_of(name.code)
        else:
            call.out.write(f"GPU {gpu.index}: {name} (UUID: {uuid})\n")
    return status


def excluded(call: Call) -> int:
    count = ask("nvmlGetExcludedDeviceCount")
    if isinstance(count, Refusal):
        raise Problem(f"Unable to get excluded device count: {count.reason}\n", status_of(count.code))
    for index in range(count):
        info = ask("nvmlGetExcludedDeviceInfoByIndex", index)
        if isinstance(info, Refusal):
            text = f"Unable to get excluded device info for index {index}: {info.reason}"
            raise Problem(f"{text}\n", status_of(info.code))
        call.out.write(f"Excluded GPU {index}: {info.pci.busId} (UUID: {info.uuid})\n")
    if not count:
        call.out.write("No excluded devices found.\n")
    return 0


def versions(call: Call) -> int:
    """Of nvidia-smi, which is that of the driver, of NVML, of the driver and of CUDA."""
    if driver() < (550,):
        raise unknown_option(call.words["--version"])
    own, nvml = ask("nvmlSystemGetDriverVersion"), ask("nvmlSystemGetNVMLVersion")
    cuda = ask("nvmlSystemGetCudaDriverVersion_v2")
    cuda = cuda if isinstance(cuda, Refusal) else VERSION.show(cuda)
    told = {"NVIDIA-SMI version": own, "NVML version": ".".join(str(nvml).split(".")[1:3])}
    if driver() < (610,):
        told |= {"DRIVER version": own, "CUDA Version": cuda}
    else:
        told |= {name: DEPRECATED.format(new) for name, new in RENAMED.items()}
        told |= dict(zip(RENAMED.values(), (own, cuda), strict=True))
    call.out.writelines(f"{name:<20}: {text}\n" for name, text in told.items())
    return 0
