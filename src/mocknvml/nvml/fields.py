"""nvmlDeviceGetFieldValues: which id answers from which field.

The value type is that of the field; nvml.h says in the comment of an id where scopeId selects a link or a module.
"""

from mocknvml.nvml.ecc import Ecc
from mocknvml.nvml.nvlink import Nvlink
from mocknvml.nvml.pcie import Pcie
from mocknvml.nvml.power import Power
from mocknvml.nvml.thermal import Thermal
from mocknvml.table import field_id, native

FIELDS = (
    field_id("NVML_FI_DEV_ECC_CURRENT", Ecc.mode),
    field_id("NVML_FI_DEV_ECC_PENDING", Ecc.mode_pending),
    field_id("NVML_FI_DEV_ECC_SBE_VOL_TOTAL", Ecc.total.at("corrected", "volatile")),
    field_id("NVML_FI_DEV_ECC_DBE_VOL_TOTAL", Ecc.total.at("uncorrected", "volatile")),
    field_id("NVML_FI_DEV_ECC_SBE_AGG_TOTAL", Ecc.total.at("corrected", "aggregate")),
    field_id("NVML_FI_DEV_ECC_DBE_AGG_TOTAL", Ecc.total.at("uncorrected", "aggregate")),
    field_id("NVML_FI_DEV_MEMORY_TEMP", Thermal.memory),
    field_id("NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION", Power.energy),
    field_id("NVML_FI_DEV_NVLINK_LINK_COUNT", Nvlink.count),
    field_id("NVML_FI_DEV_NVLINK_GET_SPEED", Nvlink.speed.by("scopeId")),
    field_id("NVML_FI_DEV_NVLINK_GET_STATE", Nvlink.state.by("scopeId")),
    field_id("NVML_FI_DEV_NVLINK_GET_VERSION", Nvlink.version.by("scopeId")),
    field_id("NVML_FI_DEV_PCIE_REPLAY_COUNTER", Pcie.replays),
    field_id("NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER", Pcie.replay_rollovers),
    field_id("NVML_FI_DEV_POWER_AVERAGE", Power.average),
    field_id("NVML_FI_DEV_POWER_INSTANT", Power.instant),
    field_id("NVML_FI_DEV_POWER_MIN_LIMIT", Power.limit_min),
    field_id("NVML_FI_DEV_POWER_MAX_LIMIT", Power.limit_max),
    field_id("NVML_FI_DEV_POWER_DEFAULT_LIMIT", Power.limit_default),
    field_id("NVML_FI_DEV_POWER_CURRENT_LIMIT", Power.limit),
    field_id("NVML_FI_DEV_POWER_REQUESTED_LIMIT", Power.limit),
    field_id("NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT", Thermal.shutdown_tlimit),
    field_id("NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT", Thermal.slowdown_tlimit),
    field_id("NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT", Thermal.memory_max_tlimit),
    field_id("NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT", Thermal.gpu_max_tlimit),
)

FUNCTIONS = (native("nvmlDeviceGetFieldValues", "fields.c"),)
