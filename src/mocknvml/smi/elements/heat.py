"""Temperatures."""

from __future__ import annotations

from mocknvml.smi.calls import Call, Slot, call
from mocknvml.smi.elements.shape import Item, element, field, section
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal, branch
from mocknvml.smi.kinds import CELSIUS


def threshold(kind: int) -> Call:
    return call("nvmlDeviceGetTemperatureThreshold", kind)


MARGIN_525, MARGIN = (Slot(number, public=call("nvmlDeviceGetMarginTemperature")) for number in (237, 240))


def has_margin(gpu: Gpu) -> bool:
    """Whether temperatures are told as the distance to their limits; all but NOT_SUPPORTED says so."""
    answer = (MARGIN_525 if branch() < 530 else MARGIN)(gpu)
    return not (isinstance(answer, Refusal) and answer.code == NOT_SUPPORTED)


def has_thresholds(gpu: Gpu) -> bool:
    return not has_margin(gpu)


TEMPERATURE: tuple[Item, ...] = (
    section(
        "temperature",
        "Temperature",
        element("gpu_temp", "GPU Current Temp", CELSIUS, call("nvmlDeviceGetTemperature", 0)),
        element("gpu_temp_tlimit", "GPU T.Limit Temp", CELSIUS, MARGIN_525, "525-530"),
        element("gpu_temp_tlimit", "GPU T.Limit Temp", CELSIUS, MARGIN, "530-610"),
        element("gpu_temp_tlimit", "GPU Current T.Limit Temp", CELSIUS, MARGIN, "610-"),
        *(
            it
            for xml, text, kind, limit in (
                ("gpu_temp_max", "GPU Shutdown", 0, "SHUTDOWN"),
                ("gpu_temp_slow", "GPU Slowdown", 1, "SLOWDOWN"),
                ("gpu_temp_max_gpu", "GPU Max Operating", 3, "GPU_MAX"),
            )
            for it in (
                element(f"{xml}_threshold", f"{text} Temp", CELSIUS, threshold(kind), "-525"),
                element(f"{xml}_threshold", f"{text} Temp", CELSIUS, threshold(kind), "525-", where=has_thresholds),
                element(
                    f"{xml}_tlimit_threshold",
                    f"{text} T.Limit Temp",
                    CELSIUS,
                    field(f"TEMPERATURE_{limit}_TLIMIT"),
                    "525-",
                    where=has_margin,
                ),
            )
        ),
        element("gpu_target_temperature", "GPU Target Temperature", CELSIUS, threshold(5), "-610"),
        element("gpu_target_temperature", "GPU Target Temperature Specification", CELSIUS, threshold(5), "610-"),
        element("memory_temp", "Memory Current Temp", CELSIUS, field("MEMORY_TEMP")),
        element("gpu_temp_max_mem_threshold", "Memory Max Operating Temp", CELSIUS, threshold(2), "-525"),
        element(
            "gpu_temp_max_mem_threshold",
            "Memory Max Operating Temp",
            CELSIUS,
            threshold(2),
            "525-",
            where=has_thresholds,
        ),
        element(
            "gpu_temp_max_mem_tlimit_threshold",
            "Memory Max Operating T.Limit Temp",
            CELSIUS,
            field("TEMPERATURE_MEM_MAX_TLIMIT"),
            "525-",
            where=has_margin,
        ),
        parts="TEMPERATURE",
    ),
    section(
        "supported_gpu_target_temp",
        "Supported GPU_TARGET_TEMP",
        element("gpu_target_temp_min", "Min", CELSIUS, threshold(4)),
        element("gpu_target_temp_max", "Max", CELSIUS, threshold(6)),
        parts="SUPPORTED_GPU_TARGET_TEMP",
        whole=False,
    ),
)
