"""Fans, in percent of the maximum speed. Passively cooled boards have none."""

from mocknvml.table import ROOT, Block, Domain, choice, getter, native, setter, u32

Fan = Domain.count(4)
# NVML_FAN_POLICY_*
Policy = Domain(("automatic", "manual"))


class Fans(Block):
    count = u32()
    speed = u32("%", per=Fan)
    target = u32("%", per=Fan)
    speed_min = u32("%")
    speed_max = u32("%")
    rpm = u32(per=Fan)
    policy = choice(Policy, per=Fan)
    control_signal = u32(per=Fan)  # NVML_THERMAL_COOLER_SIGNAL_*
    control_target = u32(per=Fan)  # NVML_THERMAL_COOLER_TARGET_*


FUNCTIONS = (
    getter("nvmlDeviceGetNumFans", Fans.count),
    getter("nvmlDeviceGetFanSpeed", Fans.speed.at("0")),
    getter("nvmlDeviceGetFanSpeed_v2", Fans.speed.by("fan")),
    getter("nvmlDeviceGetTargetFanSpeed", Fans.target.by("fan")),
    getter("nvmlDeviceGetFanSpeedRPM", speed=Fans.rpm.by("fan")),
    getter("nvmlDeviceGetFanControlPolicy_v2", Fans.policy.by("fan")),
    setter("nvmlDeviceSetFanControlPolicy", policy=Fans.policy.by("fan"), needs=ROOT),
    native("nvmlDeviceSetFanSpeed_v2", "cooling.c"),
    native("nvmlDeviceSetDefaultFanSpeed_v2", "cooling.c"),
    getter(
        "nvmlDeviceGetCoolerInfo",
        signalType=Fans.control_signal.by("index"),
        target=Fans.control_target.by("index"),
    ),
    getter("nvmlDeviceGetMinMaxFanSpeed", minSpeed=Fans.speed_min, maxSpeed=Fans.speed_max),
)
