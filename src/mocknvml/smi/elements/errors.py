"""Errors of memory, and what was done about them."""

from __future__ import annotations

from typing import Any, NamedTuple

import pynvml as nvml

from mocknvml.smi import lists
from mocknvml.smi.calls import Ask, call, fill
from mocknvml.smi.elements.shape import ARCHITECTURE_OF, INACTIVE, Element, Item, Listed, Section, element, section
from mocknvml.smi.gpus import NOT_SUPPORTED, Gpu, Refusal
from mocknvml.smi.kinds import BANKS, COUNT, NUMBER, YES


def counts_bits(gpu: Gpu) -> bool:
    """Whether ECC errors are counted as single and double bit errors: before Turing."""
    architecture = ARCHITECTURE_OF(gpu)
    return isinstance(architecture, Refusal) or int(architecture) < nvml.NVML_DEVICE_ARCH_TURING


def counts_banks(gpu: Gpu) -> bool:
    return not counts_bits(gpu)


def tells_sources(gpu: Gpu) -> bool:
    """Whether uncorrectable errors of SRAM are told by their source: from Ampere on."""
    architecture = ARCHITECTURE_OF(gpu)
    return not isinstance(architecture, Refusal) and int(architecture) >= nvml.NVML_DEVICE_ARCH_AMPERE


def tells_sum(gpu: Gpu) -> bool:
    return counts_banks(gpu) and not tells_sources(gpu)


SOURCES = "535.161-"  # drivers that tell the sources of errors


class WhileEcc(NamedTuple):
    """A counter, which nvidia-smi does not ask for while ECC is off."""

    counter: Any

    @property
    def function(self) -> str:
        return str(self.counter.function)

    def __call__(self, gpu: Gpu) -> Any:
        mode = gpu.ask("GetEccMode")
        if isinstance(mode, Refusal):
            return mode
        return self.counter(gpu) if mode[0] else Refusal(NOT_SUPPORTED)


def while_ecc(counter: Any) -> WhileEcc:
    return WhileEcc(counter)


def sram(member: str) -> Ask:
    return while_ecc(fill("nvmlDeviceGetSramEccErrorStatus", "c_nvmlEccSramErrorStatus_v1_t", member))


def errors(kind: int, counter: int, location: int) -> Ask:
    return while_ecc(call("nvmlDeviceGetMemoryErrorCounter", kind, counter, location))


def total_errors(kind: int, counter: int) -> Ask:
    return while_ecc(call("nvmlDeviceGetTotalEccErrors", kind, counter))


COUNTERS = (("volatile", "Volatile", 0), ("aggregate", "Aggregate", 1))


BIT_LOCATIONS = (
    ("device_memory", "Device Memory", 2),
    ("register_file", "Register File", 3),
    ("l1_cache", "L1 Cache", 0),
    ("l2_cache", "L2 Cache", 1),
    ("texture_memory", "Texture Memory", 4),
    ("texture_shm", "Texture Shared", 5),
    ("cbu", "CBU", 6),
)


def bit_errors(name: str, title: str, counter: int) -> Section:
    return section(
        name,
        title,
        *(
            section(
                f"{kind}_bit",
                f"{kind.title()} Bit            ",
                *(
                    element(xml, text, NUMBER, errors(bits_of, counter, location))
                    for xml, text, location in BIT_LOCATIONS
                ),
                element("total", "Total", NUMBER, total_errors(bits_of, counter)),
            )
            for kind, bits_of in (("single", 0), ("double", 1))
        ),
        where=counts_bits,
    )


def bank_errors(name: str, title: str, counter: int) -> Section:
    uncorrectable = errors(1, counter, 7)
    return section(
        name,
        title,
        element("sram_correctable", "SRAM Correctable", NUMBER, errors(0, counter, 7)),
        element("sram_uncorrectable", "SRAM Uncorrectable", NUMBER, uncorrectable, "-535.161"),
        element("sram_uncorrectable", "SRAM Uncorrectable", NUMBER, uncorrectable, SOURCES, where=tells_sum),
        element(
            "sram_uncorrectable_parity",
            "SRAM Uncorrectable Parity",
            NUMBER,
            sram(f"{name}UncParity"),
            SOURCES,
            where=tells_sources,
        ),
        element(
            "sram_uncorrectable_secded",
            "SRAM Uncorrectable SEC-DED",
            NUMBER,
            sram(f"{name}UncSecDed"),
            SOURCES,
            where=tells_sources,
        ),
        element("dram_correctable", "DRAM Correctable", NUMBER, errors(0, counter, 2)),
        element("dram_uncorrectable", "DRAM Uncorrectable", NUMBER, errors(1, counter, 2)),
        *(
            [
                element(
                    "sram_threshold_exceeded",
                    "SRAM Threshold Exceeded",
                    YES,
                    sram("bThresholdExceeded"),
                    SOURCES,
                    where=tells_sources,
                )
            ]
            if counter
            else []
        ),
        where=counts_banks,
    )


ECC = section(
    "ecc_errors",
    "ECC Errors",
    *(bit_errors(*counter) for counter in COUNTERS),
    *(bank_errors(*counter) for counter in COUNTERS),
    section(
        "aggregate_uncorrectable_sram_sources",
        "Aggregate Uncorrectable SRAM Sources",
        *(
            element(f"sram_{xml}", f"SRAM {text}", NUMBER, sram(f"aggregateUncBucket{member}"))
            for xml, text, member in (
                ("l2", "L2", "L2"),
                ("sm", "SM", "Sm"),
                ("microcontroller", "Microcontroller", "Mcu"),
                ("pcie", "PCIE", "Pcie"),
                ("other", "Other", "Other"),
            )
        ),
        drivers=SOURCES,
        where=tells_sources,
    ),
    *(
        element(xml, text, YES, ask, drivers, where=tells_sources)
        for xml, text, ask, drivers in (
            ("channel_repair_pending", "Channel Repair Pending", call("nvmlDeviceGetRepairStatus", at=0), "580-"),
            ("tpc_repair_pending", "TPC Repair Pending", call("nvmlDeviceGetRepairStatus", at=1), "580-"),
            (
                "unrepairable_memory",
                "Unrepairable Memory",
                call("nvmlDeviceGetUnrepairableMemoryFlag_v1"),
                "580.173-",
            ),
        )
    ),
    parts="ECC",
)


def inactive(name: str, title: str, member: str) -> Element:
    ask = fill("nvmlDeviceGetRemappedRows_v2", "c_nvmlRemappedRowsInfo_v2_t", f"{member}InactiveRemaps")
    return element(f"remapped_row_{name}_inactive", f"Inactive {title} Error", NUMBER, ask, INACTIVE)


REMAPPED = call("nvmlDeviceGetRemappedRows")


HISTOGRAM = call("nvmlDeviceGetRowRemapperHistogram")


PENDING = call("nvmlDeviceGetRetiredPagesPendingStatus")


PAGES: tuple[Item, ...] = (
    section(
        "retired_pages",
        "Retired Pages",
        *(
            section(
                f"{xml}_retirement",
                "",
                element("retired_count", f"{text} Bit ECC", COUNT, call("nvmlDeviceGetRetiredPages", cause)),
                Listed("retired_pagelist", "", lists.retired_pages(cause)),
            )
            for xml, text, cause in (("multiple_single_bit", "Single", 0), ("double_bit", "Double", 1))
        ),
        element("pending_blacklist", "Pending Page Blacklist", YES, PENDING),
        element("pending_retirement", "", YES, PENDING),
        parts="PAGE_RETIREMENT",
    ),
    section(
        "remapped_rows",
        "Remapped Rows",
        element("remapped_row_corr", "Correctable Error", NUMBER, REMAPPED._replace(path=(0,))),
        inactive("corr", "Correctable", "corr"),
        element("remapped_row_unc", "Uncorrectable Error", NUMBER, REMAPPED._replace(path=(1,))),
        inactive("unc", "Uncorrectable", "unc"),
        element("remapped_row_pending", "Pending", YES, REMAPPED._replace(path=(2,))),
        element("remapped_row_failure", "Remapping Failure Occurred", YES, REMAPPED._replace(path=(3,))),
        section(
            "row_remapper_histogram",
            "Bank Remap Availability Histogram",
            *(
                element(f"row_remapper_histogram_{name}", name.title(), BANKS, HISTOGRAM._replace(path=(name,)))
                for name in ("max", "high", "partial", "low", "none")
            ),
            folded=HISTOGRAM,
        ),
        parts="ROW_REMAPPER",
        folded=REMAPPED,
    ),
)
