"""`nvidia-smi nvlink`: the NVLinks of GPUs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Problem, Refusal, ask, branch, chosen
from mocknvml.smi.options import NEW, fail, link_of, read, title

HELP = """
    nvlink -- the NVLinks of GPUs

    nvidia-smi nvlink [-i GPUS] [-l LINK] OPTION...

    -s, --status                  whether links are active, and how fast they are
    -c, --capabilities            what links can do
    -p, --pcibusid                the PCI address at the other end
    -R, --remotelinkinfo          the PCI address and the link at the other end
    -e, --errorcounters           errors
    -ec, --crcerrorcounters       errors of each lane
    -re, --reseterrorcounters     set the counts of errors to 0
    -gt, --getthroughput=dr       how much was sent and received: d data, r with what the protocol adds
    -gLowPwrInfo, --getLowPowerInfo
    -sLowPwrThres, --setLowPowerThreshold=N|default    how long a link idles before it sleeps, in 100 us
    -gBwMode, --getBandwidthMode
    -sBwMode, --setBandwidthMode=FULL|OFF|MIN|HALF|3QUARTER
    -cBridge, --checkBridge       say if the bridge between GPUs has too few links

"""
FLAGS = {
    "-s": "--status",
    "-c": "--capabilities",
    "-p": "--pcibusid",
    "-R": "--remotelinkinfo",
    "-e": "--errorcounters",
    "-ec": "--crcerrorcounters",
    "-re": "--reseterrorcounters",
}
NEW_FLAGS = {"-gLowPwrInfo": "--getLowPowerInfo", "-gBwMode": "--getBandwidthMode", "-cBridge": "--checkBridge"}
VALUED = {
    "-l": "--link",
    "-gt": "--getthroughput",
    "-sc": "--setcontrol",
    "-gc": "--getcontrol",
    "-g": "--getcounters",
    "-r": "--resetcounters",
}
NEW_VALUED = {"-sLowPwrThres": "--setLowPowerThreshold", "-sBwMode": "--setBandwidthMode"}
NUMBERS = ("--link", "--getcontrol", "--getcounters", "--resetcounters")
DEPRECATED = {
    "--setcontrol": "Setting counter control is deprecated!",
    "--getcontrol": "Getting counter control is deprecated!",
    "--getcounters": "Getting counters using option -g is deprecated. \nPlease use option -gt instead.",
    "--resetcounters": "Resetting throughput counters is deprecated!",
}
CAPABILITIES = (
    *("P2P is", "Access to system memory", "P2P atomics", "System memory atomics", "SLI is", "Link is"),
)  # by nvmlNvLinkCapability_t
ERRORS = {161: "Replay", 162: "Recovery", 163: "CRC"}
# By nvmlNvLinkErrorCounter_t, up to 470: what its line says, and how nvidia-smi calls it where it is refused.
OLD_ERRORS = (
    ("replay errors", "error counter replay information"),
    ("recovery errors", "error counter replay information"),
    ("flit CRC errors", "flit CRC error counter"),
    ("data CRC errors", "CRC error counter"),
)
OLD_SPEEDS = (*range(84, 90), *range(132, 138))  # fields of links 0 to 11
THROUGHPUT = {"d": ("Data", 138, 139), "r": ("Raw", 140, 141)}
BANDWIDTH_MODES = ("FULL", "OFF", "MIN", "HALF", "3QUARTER")  # NV0000_CTRL_CMD_GPU_NVLINK_BW_MODE_*
RESET_THRESHOLD = 0xFFFFFFFF
AMPERE, HOPPER = 7, 9
LINK_COUNT, REMOTE_LINK, SPEED, STATE, LOW_POWER, THRESHOLD = 91, 146, 164, 165, 167, 168


def run(arguments: Sequence[str], out: TextIO) -> int:
    is_new = branch() >= NEW
    given = read(arguments, FLAGS | NEW_FLAGS if is_new else FLAGS, VALUED | NEW_VALUED if is_new else VALUED, NUMBERS)
    if not given or "--help" in given:
        out.write(HELP)
        return 0
    gpus = chosen(given.get("--id"))
    if "--setBandwidthMode" in given:
        out.write(_set_bandwidth_mode(given["--setBandwidthMode"]))
        return 0
    if "--getBandwidthMode" in given:
        out.write(_bandwidth_mode())
        return 0
    for gpu in gpus:
        count = gpu.field(LINK_COUNT)
        if not isinstance(count, Refusal):
            out.write(title(gpu, "Failed to get NVLink device index\n", "Failed to get NVLink device name\n"))
            for line in _lines(Links(gpu, int(count), link_of(given)), given):
                out.write(line)
    return 0


class Links:
    """The links of a GPU that are asked for."""

    def __init__(self, gpu: Gpu, count: int, only: int | None) -> None:
        self.gpu = gpu
        self.only = only
        self.numbers = [link for link in range(count) if only in (None, link)]

    def states(self, called: str = "link information") -> Iterator[tuple[int, bool]]:
        """The links, and whether each is active; up to 470 as soon as it is asked for."""
        state: Any = 0
        for link in self.numbers:
            if branch() >= NEW:
                now = self.gpu.field(STATE, link)
                state = state if isinstance(now, Refusal) else now  # nvidia-smi takes it for that of the link before
            else:
                state = self.gpu.ask("GetNvLinkState", link)
                if isinstance(state, Refusal):
                    fail(f"NVML: Unable to retrieve NvLink {called} for link {link}: {{}}\n", state)
            yield link, bool(state)

    def active(self) -> Iterator[int]:
        return (link for link, is_active in self.states() if is_active)


def _lines(links: Links, given: Mapping[str, str]) -> Iterator[str]:
    """In nvidia-smi's order, which is not that of the options."""
    if "--status" in given:
        yield from _status(links)
    if "--capabilities" in given:
        yield from _capabilities(links)
    if "--pcibusid" in given:
        yield from _bus_ids(links)
    if "--remotelinkinfo" in given:
        yield from _remote(links)
    for name, text in DEPRECATED.items():
        if name in given:
            raise Problem(f"Warning: {text}\n\n", 3)
    if "--errorcounters" in given:
        yield from _errors(links) if branch() >= NEW else _old_errors(links)
    if "--crcerrorcounters" in given:
        _lane_errors(links)
    if "--reseterrorcounters" in given:
        yield from _reset_errors(links)
    if "--getthroughput" in given:
        yield from _throughput(links, given["--getthroughput"])
    if "--setLowPowerThreshold" in given:
        yield _set_threshold(links.gpu, given["--setLowPowerThreshold"])
    if "--getLowPowerInfo" in given:
        yield from _low_power(links)


def _unless_inactive(links: Links, what: str, found: list[tuple[int, bool]]) -> str:
    """What stands in place of readings, if no link is active."""
    if any(is_active for _, is_active in found):
        return ""
    which = "as all links are inActive" if links.only is None else f"for link {links.only} - inActive"
    return f"NVML: Unable to retrieve {what} {which}\n"


def _status(links: Links) -> Iterator[str]:
    found: Any = links.states()
    if branch() >= NEW:
        found = list(found)
        none = _unless_inactive(links, "NVLink information", found)
        if none:
            yield none
            return
    for link, is_active in found:
        if not is_active:
            yield f"\t Link {link}: <inactive>\n"
            continue
        if branch() < NEW and link >= len(OLD_SPEEDS):
            wrong = f"NVML: Invalid NvLink ID {link:x}NVML: Unable to translate NvLink link ID for link {link}"
            raise Problem(f"{wrong}: Invalid Argument\n", 2)
        speed = links.gpu.field(SPEED, link) if branch() >= NEW else links.gpu.field(OLD_SPEEDS[link])
        if isinstance(speed, Refusal):
            yield f"NVML: Unable to retrieve NVLink speed for link {link}: Success\n"
        else:
            yield f"\t Link {link}: {speed / 1000:g} GB/s\n"


def _capabilities(links: Links) -> Iterator[str]:
    for link in links.active():
        for number, text in enumerate(CAPABILITIES):
            can = links.gpu.ask("GetNvLinkCapability", link, number)
            if isinstance(can, Refusal):
                fail(f"NVML: Unable to get the NvLink link capability for link {link}: {{}}\n", can)
            yield f"\t Link {link}, {text} supported: {'true' if can else 'false'}\n"


def _bus_ids(links: Links) -> Iterator[str]:
    bus_id = ""
    for link in links.active():
        pci = links.gpu.ask("GetNvLinkRemotePciInfo", link)
        if isinstance(pci, Refusal):
            text = f"NVML: Unable to retrieve NvLink remote PCI information for link {link}: {{}}\n"
            if pci.code == NOT_SUPPORTED:
                fail(text, pci)
            yield text.format(pci.reason)
        else:
            bus_id = pci.busId
        yield f"\t Link {link}: {bus_id}\n"


def _remote(links: Links) -> Iterator[str]:
    ends = []
    for link in links.numbers:
        pci = links.gpu.ask("GetNvLinkRemotePciInfo", link)
        if not isinstance(pci, Refusal):
            ends.append(pci.busId)
        elif pci.code != NOT_SUPPORTED:
            device = f"device {links.gpu.ask('GetIndex')} link {link}"
            fail(f"NVML: Unable to retrieve NvLink remote PCI information for {device}: {{}}\n", pci)
    for link, bus_id in zip(links.numbers, ends, strict=False):  # nvidia-smi counts only those with an end
        remote = links.gpu.field(REMOTE_LINK, link)
        known = remote.reason if isinstance(remote, Refusal) else f"Remote Device {bus_id}: Link {remote}"
        yield f"\t Link {link}: {known}\n"


def _architecture(gpu: Gpu, unknown: str) -> int:
    architecture = gpu.ask("GetArchitecture")
    if isinstance(architecture, Refusal):
        fail(unknown, architecture)
    return int(architecture)


def _errors(links: Links) -> Iterator[str]:
    _architecture(links.gpu, "NVML: Unable to get architecture: {}\n")
    found = list(links.states())
    yield _unless_inactive(links, "NVLink errors", found)
    for link, is_active in found:
        if is_active:
            for field, text in ERRORS.items():
                count = links.gpu.field(field, link)
                yield f"\t Link {link}: {text} Errors: {'N/A' if isinstance(count, Refusal) else count}\n"
            yield "\n"


def _old_errors(links: Links) -> Iterator[str]:
    architecture = _architecture(links.gpu, "NVML: Unable to get architecture: {}\n")
    for link in links.active():
        lines = ""
        for counter, (text, called) in enumerate(OLD_ERRORS):
            if architecture >= AMPERE and counter == 3:
                _no_lane_errors(link, architecture)
            count = links.gpu.ask("GetNvLinkErrorCounter", link, counter)
            if isinstance(count, Refusal):
                fail(f"NVML: Unable to retrieve NvLink {called} for link {link}: {{}}\n", count)
            lines += f"\t Link {link}: {count} {text}\n"
        yield f"{lines}\n"


def _lane_errors(links: Links) -> None:
    architecture = _architecture(links.gpu, "")
    for link in links.active():
        _no_lane_errors(link, architecture)


def _no_lane_errors(link: int, architecture: int) -> None:
    """NVML has no function for lanes; nvidia-smi asks its private table."""
    kind = "ECC" if architecture >= AMPERE else "CRC"
    fail(f"NVML: Unable to retrieve NvLink {kind} error counter for link {link}: {{}}\n", Refusal(NOT_SUPPORTED))


def _reset_errors(links: Links) -> Iterator[str]:
    for link, is_active in links.states():
        if not is_active:
            yield f"\t Link {link}: skipping error counter reset on inactive link\n"
            continue
        refusal = links.gpu.ask("ResetNvLinkErrorCounters", link)
        if isinstance(refusal, Refusal):
            fail(f"NVML: Unable to reset NvLink link error counters for link {link}: {{}}\n", refusal)
        yield f"\t Link {link}: error counters reset\n"


def _throughput(links: Links, kinds: str) -> Iterator[str]:
    failed = "Failed to get throughput counters\n"
    if not kinds:
        raise Problem(f"NVML: Unable to retrieve NVLink throughput counters: Invalid Argument\n{failed}", 2)
    if set(kinds) - THROUGHPUT.keys() or not links.numbers:
        raise Problem(failed, 2)
    try:
        found = [link for link, is_active in links.states("link state") if is_active]
    except Problem as problem:
        raise Problem(f"{problem}{failed}", problem.status) from None
    for link in found:
        for letter, (text, *fields) in THROUGHPUT.items():
            for way, field in zip(("Tx", "Rx"), fields if letter in kinds else (), strict=False):
                amount = links.gpu.field(field, link)
                yield f"\t Link {link}: {text} {way}: {'N/A' if isinstance(amount, Refusal) else f'{amount} KiB'}\n"


def _need_low_power(gpu: Gpu) -> None:
    if _architecture(gpu, "Unable to get device type\n") < HOPPER:
        raise Problem("Not supported\n", 3)


def _set_threshold(gpu: Gpu, value: str) -> str:
    _need_low_power(gpu)
    if value != "default" and not value.removeprefix("-").isdecimal():
        raise Problem("Invalid argument\n", 2)
    threshold = RESET_THRESHOLD if value == "default" else int(value)
    refusal = gpu.ask("SetNvLinkDeviceLowPowerThreshold", threshold)
    if not isinstance(refusal, Refusal):
        return f"\t Low Power Threshold {'reset successfully' if value == 'default' else f'set to {threshold}00 us'}\n"
    texts = {
        2: "\t Invalid Low Power Threshold value. "
        "Please enter 'default' or a value in the range of 1 to 8191\n",  # whatever the GPU's range is
        4: "\t Low Power Threshold: Insufficient permissions \n",
    }
    fail(texts.get(refusal.code, "NVML: Unable to set Low Power Threshold: {}\n"), refusal)


def _low_power(links: Links) -> Iterator[str]:
    _need_low_power(links.gpu)
    found = list(links.states())
    yield _unless_inactive(links, "NvLink low power info", found)
    for link, is_active in found:
        if is_active:
            state, threshold = links.gpu.field(LOW_POWER, link), links.gpu.field(THRESHOLD, link)
            mode = "N/A" if isinstance(state, Refusal) else "Low Power State" if state else "High Speed State"
            yield f"\t Link {link}: Low Power Mode: {mode}\n"
            after = "N/A" if isinstance(threshold, Refusal) else f"{threshold * 100} us"
            yield f"\t Link {link}: Low Power Threshold: {after}\n\n"


def _set_bandwidth_mode(mode: str) -> str:
    failed = f"Unable to set nvlink bandwidth mode {mode}\n"
    if mode not in BANDWIDTH_MODES:
        raise Problem(f"Option {mode} not found\n{failed}", 2)
    refusal = ask("nvmlSystemSetNvlinkBwMode", BANDWIDTH_MODES.index(mode))
    if isinstance(refusal, Refusal):
        fail(failed, refusal)
    return f"Successfully set nvlink bandwidth mode to {mode}\n"


def _bandwidth_mode() -> str:
    mode = ask("nvmlSystemGetNvlinkBwMode")
    if isinstance(mode, Refusal):
        fail("Unable to read nvlink bandwidth mode\n", mode)
    return f"GPU NVLINK bandwidth mode: {BANDWIDTH_MODES[mode]}\n"
