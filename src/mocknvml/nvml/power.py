"""Power draw and power limits, in milliwatts as in NVML, and the energy drawn, in millijoules.

`energy` grows with `usage` and node time. The limits come from the profile; `limit` moves between min and max.
"""

from mocknvml.table import CLEARED, ROOT, Block, Domain, choice, flag, getter, native, setter, u32, u64

# nvmlPowerSource_t, which is an unsigned int with macros.
Source = Domain(("ac", "battery", "undersized"))
# NVML_POWER_MIZER_MODE_*
Mizer = Domain(("adaptive", "maximum_performance", "auto", "consistent_performance"))
# The 32-bit words of an nvmlMask255_t.
Word = Domain.count(8)
Workload = Domain.of(
    "nvmlPowerProfileType_t",
    *("max_p", "max_q", "compute", "memory_bound", "network", "balanced", "llm_inference", "llm_training", "rbm"),
    *("dcpcie", "hmma_sparse", "hmma_dense", "sync_balanced", "hpc", "mig", "max_q_1", "network_bound"),
    *("high_throughput_inference", "medium_throughput_inference", "low_latency_inference", "training", "inference"),
    *("max_q_2", "max_q_3", "low_priority_background"),
)
Preset = Domain.count(5)  # NVML_POWER_SMOOTHING_MAX_NUM_PROFILES
Smoothing = Domain(
    (
        *("floor_percent", "ramp_up", "ramp_down", "ramp_down_hysteresis", "secondary_floor"),
        *("activation_window", "target_window", "activation_offset"),
    )
)


class Power(Block):
    management = flag()
    averaged = (
        flag()
    )  # `usage` is the mean of a second: on "Ampere (except GA100) or newer" (nvml.h), else of this moment
    # Of the module (CPU and GPU) and of the memory: `fields` reads them as scopes, in this order.
    usage = u32("mW")
    module_average = u32("mW")
    memory_average = u32("mW")
    instant = u32("mW")  # where it is not `usage`
    module_instant = u32("mW")
    memory_instant = u32("mW")
    limit_default = u32("mW")
    module_limit_default = u32("mW")
    limit = u32("mW", reset=limit_default)
    module_limit = u32("mW", reset=module_limit_default)
    limit_min = u32("mW")
    module_limit_min = u32("mW")
    limit_max = u32("mW")
    module_limit_max = u32("mW")
    voltage = u32("uV")  # of the graphics units; only nvidia-smi shows it (`native/export.c`)
    energy = u64("mJ", integral=usage, reset=CLEARED)  # since the driver was loaded
    module_energy = u64("mJ", integral=module_instant, reset=CLEARED)
    edpp_multiplier = u32("%")
    balancing_frequency = u64()  # accumulated, as the activity factor
    balancing_activity = u64()
    source = choice(Source)
    mizer = choice(Mizer)
    mizer_supported = u32()  # a bit per mode


class AdaptiveTgp(Block):
    """A power budget that makes up for the differences between GPUs; Rubin and newer have it (nvml.h)."""

    requested = flag()
    allowed = flag()
    overridden = flag()
    enabled = flag()
    limit = u32("mW")


class PowerProfiles(Block):
    """Profiles of workloads, as masks with a bit per nvmlPowerProfileType_t; Blackwell and newer have them (nvml.h)."""

    supported = u32(per=Word)
    requested = u32(per=Word)
    enforced = u32(per=Word)
    priority = u32(per=Workload)  # the lower, the stronger
    conflicts = u32(per=Workload)  # a bit per profile that excludes this one


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
    getter(
        "nvmlDeviceGetPowerMizerMode_v1",
        currentMode=Power.mizer,
        supportedPowerMizerModes=Power.mizer_supported,
    ),
    getter(
        "nvmlDeviceGetAdaptiveTgpModeInfo_v1",
        inBandEnableRequest=AdaptiveTgp.requested,
        featureAllowedByAdmin=AdaptiveTgp.allowed,
        adminOverrideEnabled=AdaptiveTgp.overridden,
        enablementStatus=AdaptiveTgp.enabled,
        adjustedLimitMw=AdaptiveTgp.limit,
    ),
    native("nvmlDeviceWorkloadPowerProfileGetProfilesInfo", "power_profiles.c"),
    native("nvmlDeviceWorkloadPowerProfileGetCurrentProfiles", "power_profiles.c"),
    setter("nvmlDeviceSetPowerManagementLimit", Power.limit, within=(Power.limit_min, Power.limit_max), needs=ROOT),
    native("nvmlDeviceSetPowerManagementLimit_v2", "power.c"),
    # nvml.h does not let the request alone switch it on: an administrator may override it out of band.
    setter("nvmlDeviceSetAdaptiveTgpMode_v1", AdaptiveTgp.requested, needs=ROOT),
    native("nvmlDeviceSetPowerMizerMode_v1", "power.c"),
    native("nvmlDeviceWorkloadPowerProfileSetRequestedProfiles", "set_power_profiles.c"),
    native("nvmlDeviceWorkloadPowerProfileClearRequestedProfiles", "set_power_profiles.c"),
    native("nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1", "set_power_profiles.c"),
    setter("nvmlDevicePowerSmoothingSetState", state=PowerSmoothing.enabled, needs=ROOT),
    native("nvmlDevicePowerSmoothingActivatePresetProfile", "power_smoothing.c"),
    native("nvmlDevicePowerSmoothingUpdatePresetProfileParam", "power_smoothing.c"),
)
