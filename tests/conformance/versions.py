"""What the version of nvidia-smi itself changes in `nvidia-smi -q`, by XML path, in the order of versions.

A path that ends with "/" is a section. Versions are those of nvidia-smi, as in `535.129-570`, without the last. A
report that one nvidia-smi printed is compared with what another prints only where one of them stands on either side of
a line here; each line must be needed by a capture.
"""

from typing import NamedTuple


class Only(NamedTuple):
    """Elements that only these versions have, but for GPUs of an architecture that all show them of."""

    versions: str
    paths: str
    but: str = ""


class Cut(NamedTuple):
    """A list that versions before this one have no room for, of GPUs of an architecture."""

    since: str
    paths: str
    of: str


class Moved(NamedTuple):
    """An element that stands at another place from this version on."""

    since: str
    paths: str


class Reworded(NamedTuple):
    """An element of which these versions may say this where others say what it is."""

    versions: str
    paths: str
    says: str  # a regular expression


DEPRECATED = "Requested functionality has been deprecated"

ONLY = (
    Only("470-", "gpu_module_id gsp_firmware_version"),
    Only("470-580", "voltage/"),
    Only("510-", "product_architecture fb_memory_usage/reserved"),
    Only("-535", "power_readings/power_management"),
    Only("535-", "addressing_mode gpu_fru_part_number utilization/jpeg_util utilization/ofa_util"),
    Only("535-", "cc_protected_memory_usage/ module_power_readings/"),
    Only("535-580", "gpu_reset_status/"),
    Only("535.129-", "inforom_bbx_flush/"),
    Only("535.161-", "sparse_operation_mode"),
    # The errors of SRAM by kind and by place; the sum was there before.
    Only("-535.161", "ecc_errors/volatile/sram_uncorrectable ecc_errors/aggregate/sram_uncorrectable", but="Turing"),
    Only("535.161-", "ecc_errors/volatile/sram_uncorrectable_parity ecc_errors/volatile/sram_uncorrectable_secded"),
    Only("535.161-", "ecc_errors/aggregate/sram_uncorrectable_parity ecc_errors/aggregate/sram_uncorrectable_secded"),
    Only("535.161-", "ecc_errors/aggregate/sram_threshold_exceeded ecc_errors/aggregate_uncorrectable_sram_sources/"),
    # One reading of power, or two.
    Only("-550.144 555-570", "gpu_power_readings/power_draw"),
    Only("535-550.144 555-570", "gpu_memory_power_readings/power_draw module_power_readings/power_draw"),
    Only("550.144-555 570-", "gpu_power_readings/average_power_draw gpu_power_readings/instant_power_draw"),
    Only(
        "550.144-555 570-", "gpu_memory_power_readings/average_power_draw gpu_memory_power_readings/instant_power_draw"
    ),
    Only("550.144-555 570-", "module_power_readings/average_power_draw module_power_readings/instant_power_draw"),
    Only("555-", "capabilities/"),
    Only("565-", "platformInfo/ gpu_recovery_action"),
    Only("570-", "dram_encryption_mode/ power_smoothing power_profiles/"),
    Only("570-", "fabric/health/route_recovery_in_progress fabric/health/route_unhealthy"),
    Only("570-", "fabric/health/access_timeout_recovery"),
    Only("580-", "display_attached pdi clocks_event_reasons_counters/ fabric/health/summary"),
    Only(
        "580-", "ecc_errors/channel_repair_pending ecc_errors/tpc_repair_pending fabric/health/incorrect_configuration"
    ),
    Only("580.173-", "ecc_errors/unrepairable_memory"),
    Only("580.173-590 595-", "remapped_rows/remapped_row_corr_inactive remapped_rows/remapped_row_unc_inactive"),
    Only("580.173-590 595-", "fabric/health/partition_assigned"),
    Only("590-", "edpp_multiplier"),
    Only("610-", "kmd_version cuda_umd_version inforom_time_data/ gpu_power_readings/gpu_base_power/"),
)
CUT = (
    Cut("580", "supported_clocks/", of="Blackwell"),  # Unknown Error for more than 256 graphics clocks
)
MOVED = (
    Moved("535", "gpu_power_readings/current_power_limit"),  # before the requested one, not behind the default
    Moved("560", "pci/atomic_caps_inbound"),  # behind those outbound
    Moved("565", "gpu_module_id"),  # into platformInfo
)
REWORDED = (
    Reworded("-560", "pci/atomic_caps_inbound", "N/A"),
    Reworded("-560", "product_architecture", "Unknown"),  # Blackwell
    Reworded("570-580", "gpu_reset_status/", DEPRECATED),
    Reworded("580-", "display_mode", DEPRECATED),
    Reworded("590-", "gpu_power_readings/power_state module_power_readings/power_state", DEPRECATED),
    Reworded("590-", "applications_clocks/ default_applications_clocks/", DEPRECATED),
    Reworded("610-", "driver_version cuda_version", r".* \[Deprecated; .*\]"),
)
