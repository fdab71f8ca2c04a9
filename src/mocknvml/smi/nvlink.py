"""`nvidia-smi nvlink`: the NVLinks of GPUs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TextIO

import pynvml as nvml

from mocknvml.smi import nvlink_errors, nvlink_power
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Problem, Refusal, branch, chosen
from mocknvml.smi.links import Links
from mocknvml.smi.options import FLAG, NEW, NUMBER, TEXT, fail, link_of, read, shown, title

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
    -info, --info                 encryption and firmware

"""
OPTIONS = {
    "-i --id": TEXT,
    "-l --link": NUMBER,
    "-s --status": FLAG,
    "-c --capabilities": FLAG,
    "-p --pcibusid": FLAG,
    "-R --remotelinkinfo": FLAG,
    "-e --errorcounters": FLAG,
    "-ec --crcerrorcounters": FLAG,
    "-re --reseterrorcounters": FLAG,
    "-gt --getthroughput": TEXT,
    "-sc --setcontrol": TEXT,
    "-gc --getcontrol": NUMBER,
    "-g --getcounters": NUMBER,
    "-r --resetcounters": NUMBER,
}
NEW_OPTIONS = {
    "-gLowPwrInfo --getLowPowerInfo": FLAG,
    "-sLowPwrThres --setLowPowerThreshold": TEXT,
    "-gBwMode --getBandwidthMode": FLAG,
    "-sBwMode --setBandwidthMode": TEXT,
    "-cBridge --checkBridge": FLAG,
}
INFO_OPTIONS = {"-info --info": FLAG}
CAPABILITIES = ("P2P is", "Access to system memory", "P2P atomics", "System memory atomics", "SLI is", "Link is")
OLD_SPEEDS = (*range(84, 90), *range(132, 138))  # fields of links 0 to 11
THROUGHPUT = {"d": ("Data", 138, 139), "r": ("Raw", 140, 141)}
LINK_COUNT, REMOTE_LINK, SPEED = 91, 146, 164
# An H100 with MIG and an L40S, with 590 and 595 (captures of nvidia_gpu_exporter). 580 skips a B200 without links
# (NVIDIA/k8s-test-infra, validate-nvlink.sh).
TELLS_WHY_NOT = 590
INFO = 580  # GB200: NVIDIA/k8s-test-infra, issue 371
FIRMWARE = {1: "MSE", 2: "NETIR", 3: "NETIR UPHY", 4: "NETIR CLN", 5: "NETIR DLN"}  # NVML_NVLINK_FIRMWARE_UCODE_TYPE_*


def run(arguments: Sequence[str], out: TextIO) -> int:
    kinds = OPTIONS | (NEW_OPTIONS if branch() >= NEW else {}) | (INFO_OPTIONS if branch() >= INFO else {})
    given = read(arguments, kinds)
    if not given or "--help" in given:
        out.write(HELP)
        return 0
    gpus = chosen(given.get("--id"))
    if "--setBandwidthMode" in given:
        out.write(nvlink_power.set_bandwidth_mode(given["--setBandwidthMode"]))
        return 0
    if "--getBandwidthMode" in given:
        out.write(nvlink_power.bandwidth_mode())
        return 0
    for gpu in gpus:
        count = gpu.field(LINK_COUNT)
        if isinstance(count, Refusal) and branch() < TELLS_WHY_NOT:
            continue
        out.write(title(gpu, "Failed to get NVLink device index\n", "Failed to get NVLink device name\n"))
        for line in _why_not(gpu, count) or _lines(Links(gpu, int(count), link_of(given)), given):
            out.write(line)
    return 0


def _why_not(gpu: Gpu, count: Any) -> str:
    if branch() < TELLS_WHY_NOT:
        return ""
    mig = gpu.ask("GetMigMode")
    if not isinstance(mig, Refusal) and mig[0]:
        return "Nvlink queries are not supported for Devices in MIG mode\n"
    return "Device does not have or support Nvlink\n" if isinstance(count, Refusal) else ""


def _lines(links: Links, given: Mapping[str, str]) -> Iterator[str]:
    """In nvidia-smi's order, which is not that of the options."""
    for name, lines in LINES.items():
        if name in given:
            yield from lines(links, given[name])


def _status(links: Links, _: str) -> Iterator[str]:
    found: Any = links.states()
    if branch() >= NEW:
        found, none = links.active_or_word(f"{'Nvlink' if branch() >= TELLS_WHY_NOT else 'NVLink'} information")
        yield none
    for link, is_active in found:
        if not is_active:
            yield f"\t Link {link}: <inactive>\n"
            continue
        if branch() < NEW and link >= len(OLD_SPEEDS):
            wrong = f"NVML: Invalid NvLink ID {link:x}NVML: Unable to translate NvLink link ID for link {link}"
            raise Problem(f"{wrong}: Invalid Argument\n", 2)
        speed = links.gpu.field(SPEED, link) if branch() >= NEW else links.gpu.field(OLD_SPEEDS[link])
        if isinstance(speed, Refusal):  # 470 says it without end
            yield f"NVML: Unable to retrieve NVLink speed for link {link}: Success\n"
        else:
            yield f"\t Link {link}: {speed / 1000:g} GB/s\n"


def _capabilities(links: Links, _: str) -> Iterator[str]:
    for link in links.active():
        for number, text in enumerate(CAPABILITIES):  # by nvmlNvLinkCapability_t
            can = links.gpu.ask("GetNvLinkCapability", link, number)
            if isinstance(can, Refusal):
                fail(f"NVML: Unable to get the NvLink link capability for link {link}: {{}}\n", can)
            yield f"\t Link {link}, {text} supported: {'true' if can else 'false'}\n"


def _bus_ids(links: Links, _: str) -> Iterator[str]:
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


def _remote(links: Links, _: str) -> Iterator[str]:
    ends = []
    for link in links.numbers:
        pci = links.gpu.ask("GetNvLinkRemotePciInfo", link)
        if not isinstance(pci, Refusal):
            ends.append((link, pci.busId))
        elif pci.code != NOT_SUPPORTED:
            device = f"device {links.gpu.ask('GetIndex')} link {link}"
            fail(f"NVML: Unable to retrieve NvLink remote PCI information for {device}: {{}}\n", pci)
    for number, (link, bus_id) in zip(links.numbers, ends, strict=False):  # nvidia-smi counts only those with an end
        remote = links.gpu.field(REMOTE_LINK, link)
        known = remote.reason if isinstance(remote, Refusal) else f"Remote Device {bus_id}: Link {remote}"
        yield f"\t Link {number}: {known}\n"


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
                yield f"\t Link {link}: {text} {way}: {shown(amount, ' KiB')}\n"


def _info(links: Links, _: str) -> Iterator[str]:
    info = links.gpu.filled("GetNvLinkInfo", nvml.c_nvmlNvLinkInfo_v2_t())
    if isinstance(info, Refusal):
        fail("Not supported\n", info)
    yield f"\t NVLE: {'enabled' if info.isNvleEnabled else 'disabled'}\n\t Firmware Version:\n"
    for version in info.firmwareInfo.firmwareVersion[: info.firmwareInfo.numValidEntries]:
        kind = FIRMWARE.get(version.ucodeType, str(version.ucodeType))
        yield f"\t     {kind}: {version.major}:{version.minor}:{version.subMinor}\n"


def _deprecated(text: str) -> Callable[[Links, str], Iterator[str]]:
    def lines(_: Links, __: str) -> Iterator[str]:
        raise Problem(f"Warning: {text}\n\n", 3)

    return lines


LINES: dict[str, Callable[[Links, str], Iterator[str]]] = {
    "--status": _status,
    "--capabilities": _capabilities,
    "--pcibusid": _bus_ids,
    "--remotelinkinfo": _remote,
    "--setcontrol": _deprecated("Setting counter control is deprecated!"),
    "--getcontrol": _deprecated("Getting counter control is deprecated!"),
    "--getcounters": _deprecated("Getting counters using option -g is deprecated. \nPlease use option -gt instead."),
    "--resetcounters": _deprecated("Resetting throughput counters is deprecated!"),
    "--errorcounters": lambda links, _: nvlink_errors.counters(links),
    "--crcerrorcounters": lambda links, _: nvlink_errors.lanes(links),
    "--reseterrorcounters": lambda links, _: nvlink_errors.reset(links),
    "--getthroughput": _throughput,
    "--setLowPowerThreshold": nvlink_power.set_threshold,
    "--getLowPowerInfo": lambda links, _: nvlink_power.low_power(links),
    "--info": _info,
}
