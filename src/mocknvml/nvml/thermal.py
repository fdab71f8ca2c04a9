"""Temperatures and their thresholds, in degrees Celsius."""

from mocknvml.table import Block, Domain, getter, i32, native, u32

Sensor = Domain.of("nvmlTemperatureSensors_t", "gpu", "gpu_max")
Threshold = Domain.of(
    "nvmlTemperatureThresholds_t",
    *("shutdown", "slowdown", "memory_max", "gpu_max"),
    *("acoustic_min", "acoustic", "acoustic_max", "gps"),
)


class Thermal(Block):
    temperature = u32("C", per=Sensor)
    memory = u32("C")
    sensor_min = i32("C")  # the range of the GPU's own sensor
    sensor_max = i32("C")
    threshold = u32("C", per=Threshold)
    margin = i32("C")
    # Hopper and newer data-centre boards give limits as distances to T.Limit.
    shutdown_tlimit = i32("C")
    slowdown_tlimit = i32("C")
    memory_max_tlimit = i32("C")
    gpu_max_tlimit = i32("C")


FUNCTIONS = (
    getter("nvmlDeviceGetTemperature", Thermal.temperature.by("sensorType")),
    getter("nvmlDeviceGetTemperatureV", temperature=Thermal.temperature.by("sensorType")),
    getter("nvmlDeviceGetMarginTemperature", marginTemperature=Thermal.margin),
    native("nvmlDeviceGetThermalSettings", "thermal.c"),
    getter("nvmlDeviceGetTemperatureThreshold", Thermal.threshold.by("thresholdType")),
    native("nvmlDeviceSetTemperatureThreshold", "cooling.c"),
)
