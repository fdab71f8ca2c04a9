"""How busy the engines are, in percent of the last sampling period."""

from mocknvml.table import Block, Domain, getter, u32

# nvmlEncoderType_t, whose 255 stands for an unknown one.
Encoder = Domain(("h264", "hevc", "av1"))


class Utilization(Block):
    gpu = u32("%")
    memory = u32("%")
    encoder = u32("%")
    decoder = u32("%")
    jpeg = u32("%")
    ofa = u32("%")
    encoder_capacity = u32("%", per=Encoder)
    encoder_sessions = u32()
    encoder_fps = u32()
    encoder_latency = u32("us")
    fbc_sessions = u32()
    fbc_fps = u32()
    fbc_latency = u32("us")
    sampling_period = u32("us")  # of the encoder, decoder, JPEG and OFA readings


FUNCTIONS = (
    getter("nvmlDeviceGetUtilizationRates", gpu=Utilization.gpu, memory=Utilization.memory),
    getter(
        "nvmlDeviceGetEncoderUtilization",
        utilization=Utilization.encoder,
        samplingPeriodUs=Utilization.sampling_period,
    ),
    getter("nvmlDeviceGetEncoderCapacity", Utilization.encoder_capacity.by("encoderQueryType")),
    getter(
        "nvmlDeviceGetEncoderStats",
        sessionCount=Utilization.encoder_sessions,
        averageFps=Utilization.encoder_fps,
        averageLatency=Utilization.encoder_latency,
    ),
    getter(
        "nvmlDeviceGetFBCStats",
        sessionsCount=Utilization.fbc_sessions,
        averageFPS=Utilization.fbc_fps,
        averageLatency=Utilization.fbc_latency,
    ),
    getter(
        "nvmlDeviceGetDecoderUtilization",
        utilization=Utilization.decoder,
        samplingPeriodUs=Utilization.sampling_period,
    ),
    getter("nvmlDeviceGetJpgUtilization", utilization=Utilization.jpeg, samplingPeriodUs=Utilization.sampling_period),
    getter("nvmlDeviceGetOfaUtilization", utilization=Utilization.ofa, samplingPeriodUs=Utilization.sampling_period),
)
