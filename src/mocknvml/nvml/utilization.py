"""How busy the engines are, in percent of the last sampling period."""

from mocknvml.table import Block, Domain, Record, getter, list_getter, member, native, records, u32

# nvmlEncoderType_t, whose 255 stands for an unknown one.
Encoder = Domain(("h264", "hevc", "av1"))


class EncoderSession(Record):
    id = member("u32")
    pid = member("u32")
    codec = member("u32")  # nvmlEncoderType_t
    width = member("u32")
    height = member("u32")
    fps = member("u32")
    latency = member("u32", "us")


class CaptureSession(Record):
    id = member("u32")
    pid = member("u32")
    display = member("u32")
    type = member("u32")  # nvmlFBCSessionType_t
    flags = member("u32")  # NVML_NVFBC_SESSION_FLAG_*
    width_max = member("u32")
    height_max = member("u32")
    width = member("u32")
    height = member("u32")
    fps = member("u32")
    latency = member("u32", "us")


class Utilization(Block):
    gpu = u32("%")
    memory = u32("%")
    video = u32("%")  # this and the bus: of nvmlDeviceGetDynamicPstatesInfo
    bus = u32("%")
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
    encoder_session = records(EncoderSession, capacity=32)
    fbc_session = records(CaptureSession, capacity=32)
    sampling_period = u32("us")  # of the encoder, decoder, JPEG and OFA readings


FUNCTIONS = (
    getter("nvmlDeviceGetUtilizationRates", gpu=Utilization.gpu, memory=Utilization.memory),
    native("nvmlDeviceGetDynamicPstatesInfo", "pstates.c"),
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
    list_getter(
        "nvmlDeviceGetEncoderSessions",
        Utilization.encoder_session,
        sessionId="id",
        pid="pid",
        codecType="codec",
        hResolution="width",
        vResolution="height",
        averageFps="fps",
        averageLatency="latency",
    ),
    list_getter(
        "nvmlDeviceGetFBCSessions",
        Utilization.fbc_session,
        sessionId="id",
        pid="pid",
        displayOrdinal="display",
        sessionType="type",
        sessionFlags="flags",
        hMaxResolution="width_max",
        vMaxResolution="height_max",
        hResolution="width",
        vResolution="height",
        averageFPS="fps",
        averageLatency="latency",
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
    native("nvmlDeviceGetSamples", "samples.c"),
)
