"""How busy the engines are, in percent of the last sampling period."""

from mocknvml.table import Block, getter, u32


class Utilization(Block):
    gpu = u32("%")
    memory = u32("%")
    encoder = u32("%")
    decoder = u32("%")
    jpeg = u32("%")
    ofa = u32("%")
    sampling_period = u32("us")  # of the encoder, decoder, JPEG and OFA readings


FUNCTIONS = (
    getter("nvmlDeviceGetUtilizationRates", gpu=Utilization.gpu, memory=Utilization.memory),
    getter(
        "nvmlDeviceGetEncoderUtilization",
        utilization=Utilization.encoder,
        samplingPeriodUs=Utilization.sampling_period,
    ),
    getter(
        "nvmlDeviceGetDecoderUtilization",
        utilization=Utilization.decoder,
        samplingPeriodUs=Utilization.sampling_period,
    ),
    getter("nvmlDeviceGetJpgUtilization", utilization=Utilization.jpeg, samplingPeriodUs=Utilization.sampling_period),
    getter("nvmlDeviceGetOfaUtilization", utilization=Utilization.ofa, samplingPeriodUs=Utilization.sampling_period),
)
