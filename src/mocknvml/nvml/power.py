"""Power draw and power limits, in milliwatts as in NVML, and the energy drawn, in millijoules.

`energy` grows with `usage` and node time. The limits come from the profile; `limit` moves between min and max.
"""

from mocknvml.table import ROOT, Block, Domain, choice, flag, getter, native, setter, u32, u64

# nvmlPowerSource_t, which is an unsigned int with macros.
Source = Domain(("ac", "battery", "undersized"))


class Power(Block):
    management = flag()
    usage = u32("mW")
    average = u32("mW")
    instant = u32("mW")
    limit = u32("mW")
    limit_default = u32("mW")
    limit_min = u32("mW")
    limit_max = u32("mW")
    energy = u64("mJ", integral=usage)
    source = choice(Source)


FUNCTIONS = (
    getter("nvmlDeviceGetPowerManagementMode", Power.management),
    getter("nvmlDeviceGetPowerUsage", Power.usage),
    getter("nvmlDeviceGetPowerManagementLimit", Power.limit),
    getter("nvmlDeviceGetPowerManagementDefaultLimit", Power.limit_default),
    getter("nvmlDeviceGetPowerManagementLimitConstraints", minLimit=Power.limit_min, maxLimit=Power.limit_max),
    # The least of all limits in force; `limit` is the only one that is modelled.
    getter("nvmlDeviceGetEnforcedPowerLimit", Power.limit),
    getter("nvmlDeviceGetTotalEnergyConsumption", Power.energy),
    getter("nvmlDeviceGetPowerSource", Power.source),
    setter("nvmlDeviceSetPowerManagementLimit", Power.limit, within=(Power.limit_min, Power.limit_max), needs=ROOT),
    native("nvmlDeviceSetPowerManagementLimit_v2", "power.c"),
)
