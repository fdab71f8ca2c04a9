"""When NVLinks sleep, and how wide they are: the options of `nvidia-smi nvlink` that came after 470."""

from __future__ import annotations

from collections.abc import Iterator

from pynvml import NVML_NVLINK_LOW_POWER_THRESHOLD_UNIT_50US

from mocknvml.smi.gpus import Gpu, Problem, Refusal, ask, branch
from mocknvml.smi.links import Links
from mocknvml.smi.options import architecture, fail, shown

BANDWIDTH_MODES = ("FULL", "OFF", "MIN", "HALF", "3QUARTER")  # NV0000_CTRL_CMD_GPU_NVLINK_BW_MODE_*
RESET = 0xFFFFFFFF  # NVML_NVLINK_LOW_POWER_THRESHOLD_RESET
HOPPER = 9
LOW_POWER, THRESHOLD, UNIT = 167, 168, 224
REFUSED_THRESHOLD = {
    2: "\t Invalid Low Power Threshold value. Please enter 'default' or a value in the range of 1 to 8191\n",
    4: "\t Low Power Threshold: Insufficient permissions \n",
}


def _need_hopper(gpu: Gpu) -> None:
    if architecture(gpu, "Unable to get device type\n") < HOPPER:
        raise Problem("Not supported\n", 3)


def set_threshold(links: Links, value: str) -> Iterator[str]:
    _need_hopper(links.gpu)
    if value != "default" and not value.removeprefix("-").isdecimal():
        raise Problem("Invalid argument\n", 2)
    threshold = RESET if value == "default" else int(value)
    refusal = links.gpu.ask("SetNvLinkDeviceLowPowerThreshold", threshold)
    if isinstance(refusal, Refusal):
        fail(REFUSED_THRESHOLD.get(refusal.code, "NVML: Unable to set Low Power Threshold: {}\n"), refusal)
    yield f"\t Low Power Threshold {'reset successfully' if value == 'default' else f'set to {threshold * 100} us'}\n"


def low_power(links: Links) -> Iterator[str]:
    _need_hopper(links.gpu)
    found, none = links.active_or_word("NvLink low power info")
    yield none
    # Units came to nvidia-smi with 570 (its change log); before it takes all for the older one.
    unit = 50 if branch() >= 570 and links.gpu.field(UNIT) == NVML_NVLINK_LOW_POWER_THRESHOLD_UNIT_50US else 100
    for link, is_active in found:
        if is_active:
            state, threshold = links.gpu.field(LOW_POWER, link), links.gpu.field(THRESHOLD, link)
            if not isinstance(state, Refusal):
                state = "Low Power State" if state else "High Speed State"
            if not isinstance(threshold, Refusal):
                threshold *= unit
            yield f"\t Link {link}: Low Power Mode: {shown(state)}\n"
            yield f"\t Link {link}: Low Power Threshold: {shown(threshold, ' us')}\n\n"


def set_bandwidth_mode(mode: str) -> str:
    failed = f"Unable to set nvlink bandwidth mode {mode}\n"
    if mode not in BANDWIDTH_MODES:
        raise Problem(f"Option {mode} not found\n{failed}", 2)
    refusal = ask("nvmlSystemSetNvlinkBwMode", BANDWIDTH_MODES.index(mode))
    if isinstance(refusal, Refusal):
        fail(failed, refusal)
    return f"Successfully set nvlink bandwidth mode to {mode}\n"


def bandwidth_mode() -> str:
    mode = ask("nvmlSystemGetNvlinkBwMode")
    if isinstance(mode, Refusal):
        fail("Unable to read nvlink bandwidth mode\n", mode)
    return f"GPU NVLINK bandwidth mode: {dict(enumerate(BANDWIDTH_MODES)).get(mode, mode)}\n"
