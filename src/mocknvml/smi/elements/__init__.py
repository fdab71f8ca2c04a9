"""What `nvidia-smi -q` prints: the elements in their order, by the driver.

Which call nvidia-smi makes for an element was seen by tracing the unmodified programs of drivers 470, 535 and 550 on a
library that answers one thing differently at a time; names and order of other drivers are those of captures.
"""

from __future__ import annotations

from mocknvml.smi import lists
from mocknvml.smi.calls import fill, system
from mocknvml.smi.elements.clocks import CLOCK
from mocknvml.smi.elements.errors import ECC, PAGES
from mocknvml.smi.elements.fabric import FABRIC
from mocknvml.smi.elements.heat import TEMPERATURE
from mocknvml.smi.elements.identity import IDENTITY_OF_GPU
from mocknvml.smi.elements.memory import MEMORY_OF_GPU
from mocknvml.smi.elements.pcie import PCI
from mocknvml.smi.elements.performance import PERFORMANCE
from mocknvml.smi.elements.power import POWER
from mocknvml.smi.elements.shape import Item, Listed, element, section
from mocknvml.smi.elements.use import USE
from mocknvml.smi.kinds import EGM, NUMBER, TEXT, VERSION

SYSTEM: tuple[Item, ...] = (
    element("driver_version", "Driver Version", TEXT, system("nvmlSystemGetDriverVersion")),
    element("cuda_version", "CUDA Version", VERSION, system("nvmlSystemGetCudaDriverVersion_v2")),
    element("kmd_version", "KMD Version", TEXT, system("nvmlSystemGetDriverVersion"), "610-"),
    element("cuda_umd_version", "CUDA UMD Version", VERSION, system("nvmlSystemGetCudaDriverVersion_v2"), "610-"),
    element("attached_gpus", "Attached GPUs", NUMBER, system("nvmlDeviceGetCount")),
)


GPU: tuple[Item, ...] = (
    *IDENTITY_OF_GPU,
    PCI,
    *PERFORMANCE,
    *MEMORY_OF_GPU,
    *USE,
    ECC,
    *PAGES,
    *TEMPERATURE,
    *POWER,
    *CLOCK,
    FABRIC,
    Listed("supported_clocks", "Supported Clocks", lists.supported_clocks, parts="SUPPORTED_CLOCKS", whole=False),
    Listed("processes", "Processes", lists.processes, parts="PIDS"),
    Listed("accounted_processes", "Accounted Processes", lists.accounted, parts="ACCOUNTING", whole=False),
    section(
        "capabilities",
        "Capabilities",
        element("egm", "EGM", EGM, fill("nvmlDeviceGetCapabilities", "c_nvmlDeviceCapabilities_v1_t", "capMask")),
        drivers="555-",
    ),
)
