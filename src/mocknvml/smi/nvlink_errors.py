"""The errors of NVLinks: `nvidia-smi nvlink -e`, `-ec` and `-re`."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pynvml as nvml

from mocknvml.smi.gpus import NOT_SUPPORTED, Refusal, ask_slot, branch
from mocknvml.smi.links import Links
from mocknvml.smi.options import NEW, architecture, fail, shown

AMPERE, BLACKWELL = 7, 10
NO_ARCHITECTURE = "NVML: Unable to get architecture: {}\n"
ERRORS = {161: "Replay Errors", 162: "Recovery Errors", 163: "CRC Errors"}  # by field
# The counters of NVLink 5 came with driver 570. A B300 with 595.91.07 (quoted in a guide for its operators) has these,
# and more of its lanes; the order is that of the fields in nvml.h.
NVLINK_5 = 570
NVLINK_5_ERRORS = {
    nvml.NVML_FI_DEV_NVLINK_COUNT_XMIT_PACKETS: "Tx packets",
    nvml.NVML_FI_DEV_NVLINK_COUNT_XMIT_BYTES: "Tx bytes",
    nvml.NVML_FI_DEV_NVLINK_COUNT_RCV_PACKETS: "Rx packets",
    nvml.NVML_FI_DEV_NVLINK_COUNT_RCV_BYTES: "Rx bytes",
    nvml.NVML_FI_DEV_NVLINK_COUNT_MALFORMED_PACKET_ERRORS: "Malformed packet Errors",
    nvml.NVML_FI_DEV_NVLINK_COUNT_BUFFER_OVERRUN_ERRORS: "Buffer overrun Errors",
    nvml.NVML_FI_DEV_NVLINK_COUNT_RCV_ERRORS: "Rx Errors",
    nvml.NVML_FI_DEV_NVLINK_COUNT_RCV_REMOTE_ERRORS: "Rx remote Errors",
    nvml.NVML_FI_DEV_NVLINK_COUNT_RCV_GENERAL_ERRORS: "Rx General Errors",
    nvml.NVML_FI_DEV_NVLINK_COUNT_LOCAL_LINK_INTEGRITY_ERRORS: "Local link integrity Errors",
    nvml.NVML_FI_DEV_NVLINK_COUNT_XMIT_DISCARDS: "Tx discards",
    nvml.NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_SUCCESSFUL_EVENTS: "Link recovery successful events",
    nvml.NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS: "Link recovery failed events",
    nvml.NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS: "Total link recovery events",
    nvml.NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_ERRORS: "Effective Errors",
    nvml.NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_BER: "Effective BER",
    nvml.NVML_FI_DEV_NVLINK_COUNT_SYMBOL_ERRORS: "Symbol Errors",
    nvml.NVML_FI_DEV_NVLINK_COUNT_SYMBOL_BER: "Symbol BER",
    **{nvml.NVML_FI_DEV_NVLINK_COUNT_FEC_HISTORY_0 + bin: f"FEC Errors - {bin}" for bin in range(16)},
}
# Of drivers up to 470, by nvmlNvLinkErrorCounter_t: what a line says, and the name where the counter is refused.
OLD_ERRORS = (
    ("replay errors", "error counter replay information"),
    ("recovery errors", "error counter replay information"),
    ("flit CRC errors", "flit CRC error counter"),
    ("data CRC errors", "CRC error counter"),
)
CRC_DATA = 3
LANE_CORRECTIONS, ECC_DATA, LANES, MOST = 208, 4, 4, 2**31 - 1  # the slot and what it is asked for


def counters(links: Links) -> Iterator[str]:
    if branch() < NEW:
        yield from _old_counters(links)
        return
    kind = architecture(links.gpu, NO_ARCHITECTURE)
    fields = NVLINK_5_ERRORS if branch() >= NVLINK_5 and kind >= BLACKWELL else ERRORS
    found, none = links.active_or_word("NVLink errors")
    yield none
    for link, is_active in found:
        if is_active:
            for field, text in fields.items():
                count = links.gpu.field(field, link)
                yield f"\t Link {link}: {text}: {_rate(count) if text.endswith('BER') else shown(count)}\n"
            yield "\n"


def _rate(rate: int | Refusal) -> str:
    """NVML_NVLINK_ERROR_COUNTER_BER_GET: eight bits of exponent below four of mantissa."""
    return shown(rate) if isinstance(rate, Refusal) else f"{rate >> 8 & 0xF}e-{rate & 0xFF}"


def _old_counters(links: Links) -> Iterator[str]:
    kind = architecture(links.gpu, NO_ARCHITECTURE)
    for link in links.active():
        lines = ""
        for counter, (text, called) in enumerate(OLD_ERRORS):
            if counter == CRC_DATA and kind >= AMPERE:
                lines += _lanes(links, link, kind)
                break
            count = links.gpu.ask("GetNvLinkErrorCounter", link, counter)
            if isinstance(count, Refusal):
                fail(f"NVML: Unable to retrieve NvLink {called} for link {link}: {{}}\n", count)
            lines += f"\t Link {link}: {count} {text}\n"
        yield f"{lines}\n"


def lanes(links: Links) -> Iterator[str]:
    kind = architecture(links.gpu, "")
    for link in links.active():
        yield f"{_lanes(links, link, kind)}\n"


def _lanes(links: Links, link: int, kind: int) -> str:
    """NVML has no function for lanes: nvidia-smi asks its private table, of which the slot for ECC is known."""
    counts = (ctypes.c_ulonglong * LANES)()
    asked = (links.gpu.handle, link, ECC_DATA, LANES, counts)
    refusal = ask_slot(LANE_CORRECTIONS, *asked) if kind >= AMPERE else Refusal(NOT_SUPPORTED)
    if refusal is not None:
        what = "ECC" if kind >= AMPERE else "CRC"
        fail(f"NVML: Unable to retrieve NvLink {what} error counter for link {link}: {{}}\n", refusal)
    rows = (
        f"\t\t Lane {lane} ECC Correction Count: {count & MOST} (Overflow={count >> 31})\n"
        for lane, count in enumerate(counts)
    )
    return f"\t Link {link}:\n{''.join(rows)}"


def reset(links: Links) -> Iterator[str]:
    for link, is_active in links.states():
        if not is_active:
            yield f"\t Link {link}: skipping error counter reset on inactive link\n"
            continue
        refusal = links.gpu.ask("ResetNvLinkErrorCounters", link)
        if isinstance(refusal, Refusal):
            fail(f"NVML: Unable to reset NvLink link error counters for link {link}: {{}}\n", refusal)
        yield f"\t Link {link}: error counters reset\n"
