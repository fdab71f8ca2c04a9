"""Power draw and power limits, in milliwatts as in NVML, and the energy drawn, in millijoules.

`energy` grows with `usage` and node time. The limits come from the profile; `limit` moves between min and max.
"""

from mocknvml.table import ROOT, Block, Domain, choice, flag, getter, native, setter, u32, u64

# nvmlPowerSource_t, which is an unsigned int with macros.
Source = Domain(("ac", "battery", "undersized"))
Preset = Domain.count(5)  # NVML_POWER_SMOOTHING_MAX_NUM_PROFILES
Smoothing = Domain(
    (
        *("floor_percent", "ramp_up", "ramp_down", "ramp_down_hysteresis", "secondary_floor"),
        *("activation_window", "target_window", "activation_offset"),
    )
)


class Power(Block):
    management = flag()
    usage = u32("mW")
    # Of the module (CPU and GPU) and of the memory: `fields` reads them as scopes, in this order.
    average = u32("mW")
    module_average = u32("mW")
    memory_average = u32("mW")
    instant = u32("mW")
    module_instant = u32("mW")
    memory_instant = u32("mW")
    limit = u32("mW")
    module_limit = u32("mW")
    limit_default = u32("mW")
    module_limit_default = u32("mW")
    limit_min = u32("mW")
    module_limit_min = u32("mW")
    limit_max = u32("mW")
    module_limit_max = u32("mW")
    energy = u64("mJ", integral=usage)
    module_energy = u64("mJ", integral=module_instant)
    edpp_multiplier = u32("%")
    balancing_frequency = u64()  # accumulated, as the activity factor
    balancing_activity = u64()
    source = choice(Source)


class PowerSmoothing(Block):
    """Power smoothing of Blackwell and newer: floors in watts, rates in mW/s, hysteresis in ms."""

    enabled = flag()
    privilege_level = u32()
    immediate_ramp_down = flag()
    ceiling = u32()
    floor = u32()
    floor_percent_max = u32("%")
    floor_percent_min = u32("%")
    lifetime = u32("%")
    presets = u32()
    preset = u32(per=(Preset, Smoothing))
    active_preset = u32()
    override = u32(per=Smoothing)
    primary_floor = u32()
    secondary_floor = u32()
    activation_offset_min = u32()
    activation_point_min = u32()
    window_multiplier = u32("ms")
    delayed_supported = flag()
    soc_enabled = flag()
    limited_time = u64("ns")


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
