"""`nvidia-smi -h` and the lists of fields that queries may ask for."""

from __future__ import annotations

import re
from contextlib import suppress

from mocknvml.smi import fields, items
from mocknvml.smi.gpus import Problem, start
from mocknvml.smi.main import Call

OVERVIEW = """\
A stand-in for nvidia-smi: it takes the same arguments and prints the same text, of the GPUs that NVML finds.

nvidia-smi                      a table of the GPUs and of the processes on them
nvidia-smi -L                   a line for each GPU
nvidia-smi --query-gpu=FIELD,... --format=csv
                                chosen fields of each GPU; --help-query-gpu lists them
nvidia-smi --query-KIND=FIELD,... --format=csv
                                a row for each compute process (compute-apps), process that accounting knows
                                (accounted-apps), clock that can be set (supported-clocks), retired page
                                (retired-pages), or for the remapped rows of each GPU (remapped-rows);
                                --help-query-KIND lists the fields

nvidia-smi COMMAND -h           more of dmon, pmon, topo, nvlink, c2c, clocks, encodersessions, fbcsessions, gpm, pci
                                and stats, as far as the driver's nvidia-smi has them

Options:
  -h, --help                    show this help
  -L, --list-gpus               list the GPUs
  -B, --list-excluded-gpus      list those that the driver leaves alone
      --version                 the versions of NVML, driver and CUDA
  -q, --query                   a report of everything, with -d PART,... of these parts
  -x, --xml-format              the report as XML, with --dtd the type of the document in it
      --dtd                     that type alone
  -i, --id=GPU,...              only these: by index, UUID, serial number or bus id
  -f, --filename=FILE           write to a file
  -l, --loop[=SECONDS]          again and again, each 5 s if no number is given
  -lms, --loop-ms[=MILLISECONDS]
      --format=csv[,noheader][,nounits]

Settings, one at a time, of all GPUs or those of -i:
  -pm, --persistence-mode=0|1
  -pl, --power-limit=WATTS
  -c, --compute-mode=0|2|3      DEFAULT, PROHIBITED, EXCLUSIVE_PROCESS
  -e, --ecc-config=0|1          after a reset
  -p, --reset-ecc-errors=0|1    counters since the driver was loaded, or all
  -am, --accounting-mode=0|1
  -caa, --clear-accounted-apps
  -lgc, --lock-gpu-clocks=MIN[,MAX]                 in MHz
  -lmc, --lock-memory-clocks=MIN[,MAX]
  -ac, --applications-clocks=MEMORY,GRAPHICS
  -rgc, -rmc, -rac              --reset-gpu-clocks, --reset-memory-clocks, --reset-applications-clocks
  -lmcd, --lock-memory-clocks-deferred=MHZ          when the driver is loaded again; -rmcd ends it
  -cc, --cuda-clocks=0|1
  -gtt, --gpu-target-temp=C
      --gom=0|1|2               ALL_ON, COMPUTE, LOW_DP, after a reset
  -mig, --multi-instance-gpu=0|1
  -vm, --virt-mode=3|4
      --auto-boost-default=0|1, --auto-boost-permission=0|1
  -r, --gpu-reset               of simulated GPUs
  -m, --mode=0|1                with -lgc
  -sc, --scope=0|1              with -pl: the GPU, or its module
  -eow, --error-on-warning      with each

Commands with options of their own, which `nvidia-smi COMMAND -h` lists:
  topo, dmon, pmon, drain, mig, vgpu, conf-compute, gpm, pci, compute-policy, boost-slider, power-hint, base-clocks
"""

TEXTS = {
    "timestamp": "When the query was made, to the millisecond.",
    "driver_version": "The version of the driver.",
    "kmd_version": "The version of the kernel driver.",
    "vgpu_driver_capability.heterogenous_multivGPU": "Whether the driver runs vGPUs of several profiles on a GPU.",
    "count": "How many GPUs there are.",
    "name": "The name of the product.",
    "serial": "The serial number of the board.",
    "uuid": "The UUID of the GPU.",
    "pci.bus_id": "The PCI address: domain:bus:device.function.",
    "pci.domain": "The PCI domain.",
    "pci.bus": "The PCI bus.",
    "pci.device": "The PCI device.",
    "pci.baseClass": "The base class of the PCI device.",
    "pci.subClass": "The sub class of the PCI device.",
    "pci.device_id": "PCI device and vendor.",
    "pci.sub_device_id": "PCI subsystem and its vendor.",
    "vgpu_device_capability.fractional_multiVgpu": "Whether vGPUs of a part of the GPU share it.",
    "vgpu_device_capability.heterogeneous_timeSlice_profile": "Whether time-sliced vGPUs of several profiles share it.",
    "vgpu_device_capability.heterogeneous_timeSlice_sizes": "Whether time-sliced vGPUs of several sizes share it.",
    "vgpu_device_capability.homogeneous_placements": "Whether placements of time-sliced vGPUs of one size are told.",
    "vgpu_device_capability.mig_timeSlicing": "Whether vGPUs can be time-sliced on MIG.",
    "vgpu_device_capability.mig_timeSlicing_mode": "Whether vGPUs are time-sliced on MIG.",
    "pcie.link.gen.current": "The PCIe generation in use.",
    "pcie.link.gen.gpucurrent": "The PCIe generation in use.",
    "pcie.link.gen.max": "The PCIe generation that GPU and host both have.",
    "pcie.link.gen.gpumax": "The PCIe generation that the GPU has.",
    "pcie.link.gen.hostmax": "The PCIe generation that the host has.",
    "pcie.link.width.current": "The PCIe lanes in use.",
    "pcie.link.width.max": "The PCIe lanes that GPU and host both have.",
    "index": "The index of the GPU.",
    "display_mode": "Whether a display is connected.",
    "display_attached": "Whether a display is connected.",
    "display_active": "Whether a display is in use.",
    "persistence_mode": "Whether the driver stays loaded without clients.",
    "addressing_mode": "How the GPU reaches pageable memory of the host: None, HMM or ATS.",
    "accounting.mode": "Whether statistics of processes are kept.",
    "accounting.buffer_size": "Of how many processes statistics are kept.",
    "driver_model.current": "The driver model of Windows.",
    "driver_model.pending": "The driver model of Windows after a restart.",
    "vbios_version": "The version of the VBIOS.",
    "inforom.img": "The version of the InfoROM image.",
    "inforom.oem": "The version of the InfoROM's OEM object.",
    "inforom.ecc": "The version of the InfoROM's ECC object.",
    "inforom.pwr": "The version of the InfoROM's power object.",
    "inforom.checksum_validation": "Whether the checksums of the InfoROM are right.",
    "reset_status.reset_required": "Whether the GPU needs a reset.",
    "reset_status.drain_and_reset_recommended": "Whether the GPU should be drained and reset.",
    "gpu_recovery_action": "What brings the GPU back: None, Reset, Reboot, Drain P2P, or Drain and Reset.",
    "gom.current": "The GPU operation mode.",
    "gom.pending": "The GPU operation mode after a restart.",
    "fan.speed": "The speed of the fan that is asked for.",
    "pstate": "The performance state: P0, the highest, to P15.",
    "clocks_event_reasons.supported": "A mask of the reasons that the GPU can tell.",
    "clocks_event_reasons.active": "A mask of the reasons why clocks are where they are.",
    "clocks_event_reasons.gpu_idle": "Nothing runs.",
    "clocks_event_reasons.applications_clocks_setting": "Application clocks are set.",
    "clocks_event_reasons.sw_power_cap": "The power limit holds clocks back.",
    "clocks_event_reasons.hw_slowdown": "The hardware halves clocks or more.",
    "clocks_event_reasons.hw_thermal_slowdown": "The hardware halves clocks or more, because of heat.",
    "clocks_event_reasons.hw_power_brake_slowdown": "The hardware halves clocks or more, as the power supply demands.",
    "clocks_event_reasons.sw_thermal_slowdown": "The driver holds clocks back because of heat.",
    "clocks_event_reasons.sync_boost": "Clocks follow those of a group of GPUs.",
    "clocks_event_reasons_counters.sw_power_cap": "How long the power limit has held clocks back.",
    "clocks_event_reasons_counters.sync_boost": "How long clocks have followed those of a group of GPUs.",
    "clocks_event_reasons_counters.sw_thermal_slowdown": "How long the driver has held clocks back because of heat.",
    "clocks_event_reasons_counters.hw_thermal_slowdown": "How long the hardware has, because of heat.",
    "clocks_event_reasons_counters.hw_power_brake_slowdown": "How long the hardware has, as the power supply demands.",
    "memory.total": "The memory of the GPU.",
    "memory.reserved": "The memory that driver and firmware keep.",
    "memory.used": "The memory that is allocated.",
    "memory.free": "The memory that is free.",
    "compute_mode": "Who may compute: Default, Exclusive_Thread, Prohibited or Exclusive_Process.",
    "compute_cap": "The CUDA compute capability.",
    "utilization.gpu": "The share of time in which a kernel ran.",
    "utilization.memory": "The share of time in which memory was read or written.",
    "utilization.encoder": "The share of time in which the encoder ran.",
    "utilization.decoder": "The share of time in which the decoder ran.",
    "utilization.jpeg": "The share of time in which the JPEG engine ran.",
    "utilization.ofa": "The share of time in which the optical flow accelerator ran.",
    "encoder.stats.sessionCount": "How many encoder sessions there are.",
    "encoder.stats.averageFps": "The mean frame rate of encoder sessions.",
    "encoder.stats.averageLatency": "The mean latency of encoder sessions, in microseconds.",
    "dramEncryption.mode.current": "Whether the memory is encrypted.",
    "dramEncryption.mode.pending": "Whether the memory is encrypted after a restart.",
    "ecc.mode.current": "Whether ECC is on.",
    "ecc.mode.pending": "Whether ECC is on after a reset.",
    "retired_pages.single_bit_ecc.count": "How many pages are retired because of several single-bit errors.",
    "retired_pages.double_bit.count": "How many pages are retired because of a double-bit error.",
    "retired_pages.pending": "Whether pages wait for a restart to be retired.",
    "temperature.gpu": "The temperature of the GPU, in C.",
    "temperature.gpu.tlimit": "How far the temperature is from slowing the GPU down, in C.",
    "temperature.memory": "The temperature of the memory, in C.",
    "power.management": "Whether power is managed.",
    "power.draw": "The power that the board draws: an average over a second, or on old GPUs that of the moment.",
    "power.draw.average": "The power that the board draws, as an average.",
    "power.draw.instant": "The power that the board draws at the moment.",
    "power.limit": "The power limit that is set.",
    "enforced.power.limit": "The power limit that holds: the lowest of several.",
    "power.default_limit": "The power limit without a setting.",
    "power.min_limit": "The lowest power limit that can be set.",
    "power.max_limit": "The highest power limit that can be set.",
    "module.power.draw.average": "The power that the module draws, as an average.",
    "module.power.draw.instant": "The power that the module draws at the moment.",
    "module.power.limit": "The power limit of the module that is set.",
    "module.enforced.power.limit": "The power limit of the module that holds.",
    "module.power.default_limit": "The power limit of the module without a setting.",
    "module.power.min_limit": "The lowest power limit of the module that can be set.",
    "module.power.max_limit": "The highest power limit of the module that can be set.",
    **{f"gpu.base.{name}": f"The {name} base power." for name in ("current", "requested", "default", "min", "max")},
    "edpp_multiplier": "The multiplier of the peak power that may be drawn.",
    **{f"clocks.current.{name}": f"The {name} clock." for name in ("graphics", "memory", "video")},
    "clocks.current.sm": "The SM clock.",
    **{f"clocks.applications.{name}": f"The {name} clock set for applications." for name in ("graphics", "memory")},
    **{
        f"clocks.default_applications.{name}": f"The {name} clock of applications without a setting."
        for name in ("graphics", "memory")
    },
    **{f"clocks.max.{name}": f"The highest {name} clock." for name in ("graphics", "memory")},
    "clocks.max.sm": "The highest SM clock.",
    "mig.mode.current": "Whether MIG mode is on.",
    "mig.mode.pending": "Whether MIG mode is on after a reset.",
    "gsp.mode.current": "Whether the GSP firmware runs.",
    "gsp.mode.default": "Whether the GSP firmware runs without a setting.",
    "c2c.mode": "Whether the link between chips is on.",
    "protected_memory.total": "The memory that confidential computing protects.",
    "protected_memory.used": "The protected memory that is allocated.",
    "protected_memory.free": "The protected memory that is free.",
    "fabric.state": "How far the GPU's registration with the NVLink fabric is.",
    "fabric.status": "How that registration ended.",
    "fabric.cliqueId": "The clique of the fabric that the GPU is in.",
    "fabric.clusterUuid": "The cluster of the fabric that the GPU is in.",
    "fabric.health.summary": "How well the fabric is, for this GPU.",
    "fabric.health.bandwidth": "Whether its bandwidth is full.",
    "fabric.health.route_recovery_in_progress": "Whether its routes are being repaired.",
    "fabric.health.route_unhealthy": "Whether a route is broken.",
    "fabric.health.access_timeout_recovery": "Whether it recovers from accesses that timed out.",
    "fabric.health.incorrect_configuration": "What is wrong with its configuration.",
    "fabric.health.partition_assigned": "Whether the GPU is in a partition.",
    "platform.chassis_serial_number": "The serial number of the chassis.",
    "platform.slot_number": "The slot in the chassis, switches counted.",
    "platform.tray_index": "The slot in the chassis among those that compute.",
    "platform.host_id": "The index of the host in the slot.",
    "platform.peer_type": "Whether NVLinks go to switches.",
    "platform.module_id": "The id of the GPU in the host.",
    "platform.gpu_fabric_guid": "The id of the GPU in the fabric.",
    "hostname": "A name that was given to the GPU.",
    "bbx.time_run": "How long the GPU has run in its life.",
    "vgpu_instance": "The vGPU of the process.",
    "pid": "The id of the process.",
    "process_name": "The name of the process.",
    "used_gpu_memory": "The memory of the GPU that the process uses.",
    "gpu_utilization": "The share of time in which a kernel of the process ran.",
    "mem_utilization": "The share of time in which memory was read or written for the process.",
    "max_memory_usage": "The most memory that the process used.",
    "time": "How long the process used the GPU.",
    "memory": "A memory clock that can be set.",
    "graphics": "A graphics clock that goes with it.",
    "retired_pages.address": "The address of the page.",
    "retired_pages.timestamp": "When the page was retired.",
    "retired_pages.cause": "Single Bit ECC (several errors) or Double Bit ECC.",
    "remapped_rows.correctable": "How many rows are remapped because of correctable errors.",
    "remapped_rows.uncorrectable": "How many rows are remapped because of uncorrectable errors.",
    "remapped_rows.pending": "Whether rows wait for a reset to be remapped.",
    "remapped_rows.failure": "Whether a row could not be remapped.",
    "remapped_rows.correctable_inactive": "How many of the former are not in use yet.",
    "remapped_rows.uncorrectable_inactive": "How many of the former are not in use yet.",
    **{
        f"remapped_rows.histogram.{name}": f"How many banks have {how} for more rows to be remapped."
        for name, how in {
            "max": "all of the room",
            "high": "much room",
            "partial": "some room",
            "low": "little room",
            "none": "no room",
        }.items()
    },
}


def overview(call: Call) -> int:
    call.out.write(OVERVIEW)
    return 0


def query(call: Call) -> int:
    """The fields of a query: those of the driver's branch, or all if there is no driver."""
    option = next(name for name in call.options if name.startswith("--help-query-")).replace("--help", "-")
    if option == "--query-gpu":
        with suppress(Problem):
            start()
        known, aliases = fields.of_gpu()
    else:
        kind = items.ITEMS[option]
        known, aliases = items.OWNER | kind.fields, kind.aliases
    call.out.write(f"Fields of {option}:\n\n")
    for name in known:
        names = [name, *(other for other, of in aliases.items() if of == name)]
        call.out.write(" or ".join(f'"{name}"' for name in names) + f"\n{text(name)}\n\n")
    return 0


def text(name: str) -> str:
    """What a field is."""
    name = {**fields.ALIASES, "gpu_name": "name"}.get(name, name)
    if name.startswith("ecc.errors."):
        _, _, error, since, where = name.split(".", 4)
        start_of = "since the driver was loaded" if since == "volatile" else "in the life of the GPU"
        return f"Errors that {'were' if error == 'corrected' else 'could not be'} corrected, {start_of}: {where}."
    if name.startswith("power_smoothing."):
        return f"Power smoothing: {re.sub('[._]', ' ', name.partition('.')[2])}."
    return TEXTS[name]
