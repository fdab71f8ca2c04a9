"""How much of the GPU is used, by whom it may be, and modes of its memory."""

from __future__ import annotations

from mocknvml.smi import lists
from mocknvml.smi.calls import call
from mocknvml.smi.elements.shape import Item, Listed, element, section
from mocknvml.smi.kinds import COMPUTE_MODE, ENABLED, NUMBER, PERCENT

USE: tuple[Item, ...] = (
    element("compute_mode", "Compute Mode", COMPUTE_MODE, call("nvmlDeviceGetComputeMode"), parts="COMPUTE"),
    section(
        "utilization",
        "Utilization",
        element("gpu_util", "Gpu", PERCENT, call("nvmlDeviceGetUtilizationRates", at="gpu"), "-570"),
        element("gpu_util", "GPU", PERCENT, call("nvmlDeviceGetUtilizationRates", at="gpu"), "570-"),
        element("memory_util", "Memory", PERCENT, call("nvmlDeviceGetUtilizationRates", at="memory")),
        element("encoder_util", "Encoder", PERCENT, call("nvmlDeviceGetEncoderUtilization", at=0)),
        element("decoder_util", "Decoder", PERCENT, call("nvmlDeviceGetDecoderUtilization", at=0)),
        element("jpeg_util", "JPEG", PERCENT, call("nvmlDeviceGetJpgUtilization", at=0), "535-"),
        element("ofa_util", "OFA", PERCENT, call("nvmlDeviceGetOfaUtilization", at=0), "535-"),
        parts="UTILIZATION",
    ),
    *(
        Listed(
            "", f"{name} Utilization Samples", lists.samples(kind, PERCENT), drivers, parts="UTILIZATION", whole=False
        )
        for name, kind, drivers in (
            ("GPU", 1, ""),
            ("Memory", 2, ""),
            ("ENC", 3, ""),
            ("DEC", 4, ""),
            ("JPG", 8, "550-"),
            ("OFA", 9, "550-"),
        )
    ),
    section(
        "encoder_stats",
        "Encoder Stats",
        element("session_count", "Active Sessions", NUMBER, call("nvmlDeviceGetEncoderStats", at=0)),
        element("average_fps", "Average FPS", NUMBER, call("nvmlDeviceGetEncoderStats", at=1)),
        element("average_latency", "Average Latency", NUMBER, call("nvmlDeviceGetEncoderStats", at=2)),
        parts="ENCODER_STATS",
    ),
    section(
        "fbc_stats",
        "FBC Stats",
        element("session_count", "Active Sessions", NUMBER, call("nvmlDeviceGetFBCStats", at="sessionsCount")),
        element("average_fps", "Average FPS", NUMBER, call("nvmlDeviceGetFBCStats", at="averageFPS")),
        element("average_latency", "Average Latency", NUMBER, call("nvmlDeviceGetFBCStats", at="averageLatency")),
        parts="FBC_STATS",
    ),
    section(
        "dram_encryption_mode",
        "DRAM Encryption Mode",
        element("current_dram_encryption", "Current", ENABLED, call("nvmlDeviceGetDramEncryptionMode", at=0)),
        element("pending_dram_encryption", "Pending", ENABLED, call("nvmlDeviceGetDramEncryptionMode", at=1)),
        drivers="570-",
    ),
    *(
        section(
            "ecc_mode",
            title,
            element("current_ecc", "Current", ENABLED, call("nvmlDeviceGetEccMode", at=0)),
            element("pending_ecc", "Pending", ENABLED, call("nvmlDeviceGetEccMode", at=1)),
            drivers=drivers,
            parts="ECC",
        )
        for title, drivers in (("Ecc Mode", "-530"), ("ECC Mode", "530-"))
    ),
)
