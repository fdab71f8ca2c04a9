"""The one table of what nvidia-smi -q prints: field, the element in XML, the line in text, and the kind of value.

Names differ between drivers: alternatives stand in a tuple. Elements that say what a machine or its user has set, and
readings that move, are marked.
"""

from typing import NamedTuple


class Element(NamedTuple):
    field: str
    xml: tuple[str, ...]
    text: tuple[str, ...]
    kind: str  # text | number | hex | enabled | yes | choice, or a unit


def element(field: str, xml: str, text: str, kind: str = "text") -> Element:
    return Element(field, tuple(xml.split("|")), tuple(text.split("|")), kind)


STATIC = (
    element("identity.name", "product_name", "Product Name"),
    element("identity.brand", "product_brand", "Product Brand", "choice"),
    element("identity.architecture", "product_architecture", "Product Architecture", "choice"),
    element("identity.multi_gpu_board", "multigpu_board", "MultiGPU Board", "yes"),
    element("identity.inforom_version.oem", "inforom_version/oem_object", "Inforom Version/OEM Object"),
    element("identity.inforom_version.ecc", "inforom_version/ecc_object", "Inforom Version/ECC Object"),
    element("identity.inforom_version.power", "inforom_version/pwr_object", "Inforom Version/Power Management Object"),
    element("identity.c2c", "c2c_mode", "GPU C2C Mode", "enabled"),
    element("modes.accounting_buffer", "accounting_mode_buffer_size", "Accounting Mode Buffer Size", "number"),
    element("pci.base_class", "pci/pci_base_class", "PCI/Base Classcode", "hex"),
    element("pci.sub_class", "pci/pci_sub_class", "PCI/Sub Classcode", "hex"),
    element("pci.device_id", "pci/pci_device_id", "PCI/Device Id", "hex"),
    element("pci.subsystem_id", "pci/pci_sub_system_id", "PCI/Sub System Id", "hex"),
    element(
        "pcie.gpu_generation_max",
        "pci/pci_gpu_link_info/pcie_gen/max_device_link_gen",
        "PCI/GPU Link Info/PCIe Generation/Device Max",
        "number",
    ),
    element(
        "pcie.width_max",
        "pci/pci_gpu_link_info/link_widths/max_link_width",
        "PCI/GPU Link Info/Link Width/Max",
        "x",
    ),
    element("memory.total", "fb_memory_usage/total", "FB Memory Usage/Total", "MiB"),
    element(
        "remap.banks.max",
        "remapped_rows/row_remapper_histogram/row_remapper_histogram_max",
        "Remapped Rows/Bank Remap Availability Histogram/Max",
        "banks",
    ),
    element("thermal.threshold.shutdown", "temperature/gpu_temp_max_threshold", "Temperature/GPU Shutdown Temp", "C"),
    element("thermal.threshold.slowdown", "temperature/gpu_temp_slow_threshold", "Temperature/GPU Slowdown Temp", "C"),
    element(
        "thermal.threshold.gpu_max",
        "temperature/gpu_temp_max_gpu_threshold",
        "Temperature/GPU Max Operating Temp",
        "C",
    ),
    element(
        "thermal.threshold.memory_max",
        "temperature/gpu_temp_max_mem_threshold",
        "Temperature/Memory Max Operating Temp",
        "C",
    ),
    element(
        "thermal.shutdown_tlimit",
        "temperature/gpu_temp_max_tlimit_threshold",
        "Temperature/GPU Shutdown T.Limit Temp",
        "C",
    ),
    element(
        "thermal.slowdown_tlimit",
        "temperature/gpu_temp_slow_tlimit_threshold",
        "Temperature/GPU Slowdown T.Limit Temp",
        "C",
    ),
    element(
        "thermal.gpu_max_tlimit",
        "temperature/gpu_temp_max_gpu_tlimit_threshold",
        "Temperature/GPU Max Operating T.Limit Temp",
        "C",
    ),
    element(
        "thermal.memory_max_tlimit",
        "temperature/gpu_temp_max_mem_tlimit_threshold",
        "Temperature/Memory Max Operating T.Limit Temp",
        "C",
    ),
    element(
        "thermal.threshold.acoustic_min",
        "supported_gpu_target_temp/gpu_target_temp_min",
        "Supported GPU Target Temp/GPU Target Temp Min",
        "C",
    ),
    element(
        "thermal.threshold.acoustic_max",
        "supported_gpu_target_temp/gpu_target_temp_max",
        "Supported GPU Target Temp/GPU Target Temp Max",
        "C",
    ),
    element(
        "power.limit_default",
        "gpu_power_readings/default_power_limit|power_readings/default_power_limit",
        "GPU Power Readings/Default Power Limit|Power Readings/Default Power Limit",
        "W",
    ),
    element(
        "power.limit_min",
        "gpu_power_readings/min_power_limit|power_readings/min_power_limit",
        "GPU Power Readings/Min Power Limit|Power Readings/Min Power Limit",
        "W",
    ),
    element(
        "power.limit_max",
        "gpu_power_readings/max_power_limit|power_readings/max_power_limit",
        "GPU Power Readings/Max Power Limit|Power Readings/Max Power Limit",
        "W",
    ),
    element("clocks.max.graphics", "max_clocks/graphics_clock", "Max Clocks/Graphics", "MHz"),
    element("clocks.max.sm", "max_clocks/sm_clock", "Max Clocks/SM", "MHz"),
    element("clocks.max.memory", "max_clocks/mem_clock", "Max Clocks/Memory", "MHz"),
    element("clocks.max.video", "max_clocks/video_clock", "Max Clocks/Video", "MHz"),
    element(
        "clocks.application_default.graphics",
        "default_applications_clocks/graphics_clock",
        "Default Applications Clocks/Graphics",
        "MHz",
    ),
    element(
        "clocks.application_default.memory",
        "default_applications_clocks/mem_clock",
        "Default Applications Clocks/Memory",
        "MHz",
    ),
    element(
        "clocks.customer_boost_max.graphics",
        "max_customer_boost_clocks/graphics_clock",
        "Max Customer Boost Clocks/Graphics",
        "MHz",
    ),
    element(
        "conf_compute.protected_total",
        "cc_protected_memory_usage/total",
        "Conf Compute Protected Memory Usage/Total",
        "MiB",
    ),
)

# What the maker of a card decides, not NVIDIA: compared where the subsystem id is the same.
PARTNER = ("pci.subsystem_id", "power.limit", "clocks.max", "thermal.threshold.acoustic")

# What an owner, a user, the driver or the place of a board decides: taken from one capture, not compared with another.
SETTINGS = (
    element("identity.board_part_number", "board_part_number", "Board Part Number"),
    element("memory.reserved", "fb_memory_usage/reserved", "FB Memory Usage/Reserved", "MiB"),
    element("bar1.total", "bar1_memory_usage/total", "BAR1 Memory Usage/Total", "MiB"),
    element(
        "pcie.generation_max",
        "pci/pci_gpu_link_info/pcie_gen/max_link_gen",
        "PCI/GPU Link Info/PCIe Generation/Max",
        "number",
    ),
    element("identity.vbios_version", "vbios_version", "VBIOS Version"),
    element("identity.inforom_image_version", "inforom_version/img_version", "Inforom Version/Image Version"),
    element("identity.addressing", "addressing_mode", "Addressing Mode", "choice"),
    element("modes.display", "display_mode", "Display Mode", "enabled"),
    element("modes.display_active", "display_active", "Display Active", "enabled"),
    element("modes.persistence", "persistence_mode", "Persistence Mode", "enabled"),
    element("modes.accounting", "accounting_mode", "Accounting Mode", "enabled"),
    element("modes.compute", "compute_mode", "Compute Mode", "choice"),
    element("modes.mig", "mig_mode/current_mig", "MIG Mode/Current", "mode"),
    element("modes.mig_pending", "mig_mode/pending_mig", "MIG Mode/Pending", "mode"),
    element("ecc.mode", "ecc_mode/current_ecc", "ECC Mode/Current|Ecc Mode/Current", "enabled"),
    element("ecc.mode_pending", "ecc_mode/pending_ecc", "ECC Mode/Pending|Ecc Mode/Pending", "enabled"),
    element(
        "power.limit",
        "gpu_power_readings/current_power_limit|gpu_power_readings/power_limit|power_readings/power_limit",
        "GPU Power Readings/Current Power Limit|Power Readings/Power Limit",
        "W",
    ),
    element(
        "thermal.threshold.acoustic",
        "temperature/gpu_target_temperature",
        "Temperature/GPU Target Temperature",
        "C",
    ),
    element("clocks.application.graphics", "applications_clocks/graphics_clock", "Applications Clocks/Graphics", "MHz"),
    element("clocks.application.memory", "applications_clocks/mem_clock", "Applications Clocks/Memory", "MHz"),
)

# Readings that move, and counters.
VOLATILE = (
    element(
        "pcie.generation",
        "pci/pci_gpu_link_info/pcie_gen/current_link_gen",
        "PCI/GPU Link Info/PCIe Generation/Current",
        "number",
    ),
    element(
        "pcie.width",
        "pci/pci_gpu_link_info/link_widths/current_link_width",
        "PCI/GPU Link Info/Link Width/Current",
        "x",
    ),
    element("pcie.replays", "pci/replay_counter", "PCI/Replays Since Reset", "number"),
    element("pcie.replay_rollovers", "pci/replay_rollover_counter", "PCI/Replay Number Rollovers", "number"),
    element("pcie.throughput.tx", "pci/tx_util", "PCI/Tx Throughput", "KB/s"),
    element("pcie.throughput.rx", "pci/rx_util", "PCI/Rx Throughput", "KB/s"),
    element("fans.speed.0", "fan_speed", "Fan Speed", "%"),
    element("modes.performance_state", "performance_state", "Performance State", "P"),
    element("memory.allocated", "fb_memory_usage/used", "FB Memory Usage/Used", "MiB"),
    element("bar1.used", "bar1_memory_usage/used", "BAR1 Memory Usage/Used", "MiB"),
    element(
        "conf_compute.protected_used",
        "cc_protected_memory_usage/used",
        "Conf Compute Protected Memory Usage/Used",
        "MiB",
    ),
    element("utilization.gpu", "utilization/gpu_util", "Utilization/Gpu|Utilization/GPU", "%"),
    element("utilization.memory", "utilization/memory_util", "Utilization/Memory", "%"),
    element("utilization.encoder", "utilization/encoder_util", "Utilization/Encoder", "%"),
    element("utilization.decoder", "utilization/decoder_util", "Utilization/Decoder", "%"),
    element("utilization.jpeg", "utilization/jpeg_util", "Utilization/JPEG", "%"),
    element("utilization.ofa", "utilization/ofa_util", "Utilization/OFA", "%"),
    element("utilization.encoder_sessions", "encoder_stats/session_count", "Encoder Stats/Active Sessions", "number"),
    element("utilization.encoder_fps", "encoder_stats/average_fps", "Encoder Stats/Average FPS", "number"),
    element("utilization.encoder_latency", "encoder_stats/average_latency", "Encoder Stats/Average Latency", "us"),
    element("utilization.fbc_sessions", "fbc_stats/session_count", "FBC Stats/Active Sessions", "number"),
    element("utilization.fbc_fps", "fbc_stats/average_fps", "FBC Stats/Average FPS", "number"),
    element("utilization.fbc_latency", "fbc_stats/average_latency", "FBC Stats/Average Latency", "us"),
    element(
        "sram.corrected.volatile",
        "ecc_errors/volatile/sram_correctable",
        "ECC Errors/Volatile/SRAM Correctable",
        "number",
    ),
    element(
        "sram.corrected.aggregate",
        "ecc_errors/aggregate/sram_correctable",
        "ECC Errors/Aggregate/SRAM Correctable",
        "number",
    ),
    element(
        "sram.parity.volatile",
        "ecc_errors/volatile/sram_uncorrectable_parity",
        "ECC Errors/Volatile/SRAM Uncorrectable Parity",
        "number",
    ),
    element(
        "sram.parity.aggregate",
        "ecc_errors/aggregate/sram_uncorrectable_parity",
        "ECC Errors/Aggregate/SRAM Uncorrectable Parity",
        "number",
    ),
    element(
        "sram.sec_ded.volatile",
        "ecc_errors/volatile/sram_uncorrectable_secded",
        "ECC Errors/Volatile/SRAM Uncorrectable SEC-DED",
        "number",
    ),
    element(
        "sram.sec_ded.aggregate",
        "ecc_errors/aggregate/sram_uncorrectable_secded",
        "ECC Errors/Aggregate/SRAM Uncorrectable SEC-DED",
        "number",
    ),
    element(
        "sram.threshold_exceeded",
        "ecc_errors/aggregate/sram_threshold_exceeded",
        "ECC Errors/Aggregate/SRAM Threshold Exceeded",
        "yes",
    ),
    *(
        element(
            f"sram.source.{ours}",
            f"ecc_errors/aggregate_uncorrectable_sram_sources/sram_{theirs}",
            f"ECC Errors/Aggregate Uncorrectable SRAM Sources/SRAM {label}",
            "number",
        )
        for ours, theirs, label in (
            ("l2", "l2", "L2"),
            ("sm", "sm", "SM"),
            ("microcontroller", "microcontroller", "Microcontroller"),
            ("pcie", "pcie", "PCIE"),
            ("other", "other", "Other"),
        )
    ),
    *(
        element(
            f"ecc.location.{ours}.{when}.dram",
            f"ecc_errors/{when}/dram_{theirs}",
            f"ECC Errors/{when.title()}/DRAM {theirs.title()}",
            "number",
        )
        for when in ("volatile", "aggregate")
        for ours, theirs in (("corrected", "correctable"), ("uncorrected", "uncorrectable"))
    ),
    element(
        "ecc.retirement_pending",
        "retired_pages/pending_retirement|retired_pages/pending_blacklist",
        "Retired Pages/Pending Page Blacklist",
        "yes",
    ),
    element("remap.corrected", "remapped_rows/remapped_row_corr", "Remapped Rows/Correctable Error", "number"),
    element("remap.uncorrected", "remapped_rows/remapped_row_unc", "Remapped Rows/Uncorrectable Error", "number"),
    element("remap.pending", "remapped_rows/remapped_row_pending", "Remapped Rows/Pending", "yes"),
    element("remap.failure", "remapped_rows/remapped_row_failure", "Remapped Rows/Remapping Failure Occurred", "yes"),
    *(
        element(
            f"remap.banks.{name}",
            f"remapped_rows/row_remapper_histogram/row_remapper_histogram_{name}",
            f"Remapped Rows/Bank Remap Availability Histogram/{name.title()}",
            "banks",
        )
        for name in ("high", "partial", "low", "none")
    ),
    element("thermal.temperature.gpu", "temperature/gpu_temp", "Temperature/GPU Current Temp", "C"),
    element("thermal.memory", "temperature/memory_temp", "Temperature/Memory Current Temp", "C"),
    element(
        "power.usage",
        "gpu_power_readings/instant_power_draw|gpu_power_readings/power_draw|power_readings/power_draw",
        "GPU Power Readings/Instantaneous Power Draw|GPU Power Readings/Power Draw|Power Readings/Power Draw",
        "W",
    ),
    element(
        "power.instant", "gpu_power_readings/instant_power_draw", "GPU Power Readings/Instantaneous Power Draw", "W"
    ),
    element("power.average", "gpu_power_readings/average_power_draw", "GPU Power Readings/Average Power Draw", "W"),
    element("clocks.current.graphics", "clocks/graphics_clock", "Clocks/Graphics", "MHz"),
    element("clocks.current.sm", "clocks/sm_clock", "Clocks/SM", "MHz"),
    element("clocks.current.memory", "clocks/mem_clock", "Clocks/Memory", "MHz"),
    element("clocks.current.video", "clocks/video_clock", "Clocks/Video", "MHz"),
)
