"""Every setter and action of NVML, called by an unmodified pynvml in another process: what it leaves in the node."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mocknvml import Node
from mocknvml.nvml import ROWS
from mocknvml.state.layout import layout
from mocknvml.table.rows import Native, Refuses, Row, Setter
from tests.functions.asking import asker

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")

GONE = "GPU_IS_LOST"
ALLOWED = os.sched_getaffinity(0)
ACTIONS = re.compile(
    r"nvml\w*?(Set|Clear|Reset|Modify|Remove|Discover|Activate|Update|Freeze|Lock|Setup|Force)(?![a-z])"
)


class Case(NamedTuple):
    given: dict[str, object]
    call: str
    left: dict[str, object]
    answer: object = None


def struct(function: str, layout: str, *numbers: object) -> str:
    return f"struct({', '.join([repr(function), repr(layout), *map(str, numbers)])})"


def pointer(function: str, arguments: str) -> str:
    """A function that pynvml has under another name, or whose wrapper drops the return code."""
    return f"(_nvmlCheckReturn(_nvmlGetFunctionPointer('{function}')({arguments})), None)[1]"


def per_word(name: str, first: int) -> dict[str, object]:
    return {f"power_profiles.{name}.{word}": first if word == 0 else 0 for word in range(8)}


CLOCKS = {"memory": "900 MHz", "highest": "210 MHz", "lowest": "180 MHz", "step": "15 MHz"}
APPLICATION = {
    "clocks.supported": [CLOCKS],
    **{
        f"clocks.{name}.{clock}": "180 MHz"
        for name in ("application", "application_default")
        for clock in ("graphics", "sm")
    },
    **{f"clocks.{name}.memory": "900 MHz" for name in ("application", "application_default")},
}
OFFSETS = {
    f"clocks.{name}.{clock}.0": f"{mhz} MHz"
    for clock in ("graphics", "memory")
    for name, mhz in (("offset", 0), ("offset_min", -500), ("offset_max", 500))
}
FAN = {"fans.speed.0": "30 %", "fans.target.0": "30 %", "fans.policy.0": "automatic"}
ACOUSTIC = {"acoustic_min": 65, "acoustic": 80, "acoustic_max": 90}
PROFILES = {**per_word("supported", 7), **per_word("requested", 2), **per_word("enforced", 2)}
MASK = ("nvmlWorkloadPowerProfileRequestedProfiles_v1", 2, *[0] * 7)
PCI = "nvmlDeviceGetPciInfo(gpu)"
DRAINED = {"drain.gpus": [{"gpu": 0, "since": "1 ns", "removed": True}]}

CASES: dict[str, Case] = {
    "nvmlDeviceSetPersistenceMode": Case({}, "nvmlDeviceSetPersistenceMode(gpu, 0)", {"modes.persistence": 0}),
    "nvmlDeviceSetComputeMode": Case({}, "nvmlDeviceSetComputeMode(gpu, 3)", {"modes.compute": 3}),
    "nvmlDeviceSetEccMode": Case({}, "nvmlDeviceSetEccMode(gpu, 0)", {"ecc.mode_pending": 0, "ecc.mode": 1}),
    "nvmlDeviceClearEccErrorCounts": Case(
        {"ecc.total.corrected.volatile": 5, "ecc.total.corrected.aggregate": 6},
        "nvmlDeviceClearEccErrorCounts(gpu, NVML_VOLATILE_ECC)",
        {"ecc.total.corrected.volatile": 0, "ecc.total.corrected.aggregate": 6},
    ),
    "nvmlDeviceSetPowerManagementLimit": Case(
        {}, "nvmlDeviceSetPowerManagementLimit(gpu, 300000)", {"power.limit": 300_000}
    ),
    "nvmlDeviceSetPowerManagementLimit_v2": Case({}, "set_limit(300000)", {"power.limit": 300_000}),
    "nvmlDeviceSetAdaptiveTgpMode_v1": Case(
        {"adaptive_tgp.requested": False}, "nvmlDeviceSetAdaptiveTgpMode_v1(gpu, 1)", {"adaptive_tgp.requested": 1}
    ),
    "nvmlDeviceSetPowerMizerMode_v1": Case(
        {"power.mizer": "adaptive", "power.mizer_supported": 3},
        struct("nvmlDeviceSetPowerMizerMode_v1", "III", 0, 1, 0),
        {"power.mizer": 1},
    ),
    "nvmlDeviceWorkloadPowerProfileSetRequestedProfiles": Case(
        {**PROFILES, **per_word("requested", 1)},
        struct("nvmlDeviceWorkloadPowerProfileSetRequestedProfiles", "9I", *MASK),
        {"power_profiles.requested.0": 3},
    ),
    "nvmlDeviceWorkloadPowerProfileClearRequestedProfiles": Case(
        PROFILES,
        struct("nvmlDeviceWorkloadPowerProfileClearRequestedProfiles", "9I", *MASK),
        {"power_profiles.requested.0": 0},
    ),
    "nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1": Case(
        PROFILES,
        struct("nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1", "9I", 2, 4, *[0] * 7),
        {"power_profiles.requested.0": 4, "power_profiles.enforced.0": 4},
    ),
    "nvmlDevicePowerSmoothingSetState": Case(
        {"power_smoothing.enabled": False},
        struct("nvmlDevicePowerSmoothingSetState", "II", "nvmlPowerSmoothingState_v1", 1),
        {"power_smoothing.enabled": 1},
    ),
    "nvmlDevicePowerSmoothingActivatePresetProfile": Case(
        {"power_smoothing.active_preset": 0},
        struct("nvmlDevicePowerSmoothingActivatePresetProfile", "IIId", "nvmlPowerSmoothingProfile_v1", 3, 0, 0),
        {"power_smoothing.active_preset": 3},
    ),
    "nvmlDevicePowerSmoothingUpdatePresetProfileParam": Case(
        {"power_smoothing.preset.1.ramp_up": 5},
        struct("nvmlDevicePowerSmoothingUpdatePresetProfileParam", "IIId", "nvmlPowerSmoothingProfile_v1", 1, 1, 9),
        {"power_smoothing.preset.1.ramp_up": 9},
    ),
    "nvmlDeviceSetClockOffsets": Case(
        OFFSETS,
        struct("nvmlDeviceSetClockOffsets", "IIIiii", "nvmlClockOffset_v1", 2, 0, -150, 0, 0),
        {"clocks.offset.memory.0": -150},
    ),
    "nvmlDeviceSetGpcClkVfOffset": Case(
        OFFSETS, "nvmlDeviceSetGpcClkVfOffset(gpu, -150)", {"clocks.offset.graphics.0": -150}, 0
    ),
    "nvmlDeviceSetMemClkVfOffset": Case(
        OFFSETS, "nvmlDeviceSetMemClkVfOffset(gpu, 150)", {"clocks.offset.memory.0": 150}, 0
    ),
    "nvmlDeviceSetGpuLockedClocks": Case(
        {"clocks.current.graphics": "1200 MHz"},
        "nvmlDeviceSetGpuLockedClocks(gpu, 300, 900)",
        {"clocks.locked_min.graphics": 300, "clocks.locked_max.graphics": 900, "clocks.current.graphics": 900},
    ),
    "nvmlDeviceResetGpuLockedClocks": Case(
        {"clocks.locked_min.graphics": "300 MHz", "clocks.locked_max.graphics": "900 MHz"},
        "nvmlDeviceResetGpuLockedClocks(gpu)",
        {"clocks.locked_min.graphics": 0, "clocks.locked_max.graphics": 0},
    ),
    "nvmlDeviceSetMemoryLockedClocks": Case(
        {}, "nvmlDeviceSetMemoryLockedClocks(gpu, 300, 900)", {"clocks.locked_max.memory": 900}
    ),
    "nvmlDeviceResetMemoryLockedClocks": Case(
        {"clocks.locked_max.memory": "900 MHz"},
        "nvmlDeviceResetMemoryLockedClocks(gpu)",
        {"clocks.locked_max.memory": 0},
    ),
    "nvmlDeviceSetApplicationsClocks": Case(
        APPLICATION,
        "nvmlDeviceSetApplicationsClocks(gpu, 900, 195)",
        {"clocks.application.graphics": 195, "clocks.application.memory": 900},
    ),
    "nvmlDeviceResetApplicationsClocks": Case(
        {**APPLICATION, "clocks.application.graphics": "195 MHz"},
        "nvmlDeviceResetApplicationsClocks(gpu)",
        {"clocks.application.graphics": 180},
    ),
    "nvmlDeviceSetAutoBoostedClocksEnabled": Case(
        {"clocks.auto_boost": True}, "nvmlDeviceSetAutoBoostedClocksEnabled(gpu, 0)", {"clocks.auto_boost": 0}
    ),
    "nvmlDeviceSetDefaultAutoBoostedClocksEnabled": Case(
        {"clocks.auto_boost_default": True},
        "nvmlDeviceSetDefaultAutoBoostedClocksEnabled(gpu, 0, 0)",
        {"clocks.auto_boost_default": 0},
    ),
    "nvmlDeviceSetAPIRestriction": Case(
        {"modes.restricted.application_clocks": True},
        "nvmlDeviceSetAPIRestriction(gpu, 0, 0)",
        {"modes.restricted.application_clocks": 0},
    ),
    "nvmlDeviceSetGpuOperationMode": Case(
        {"modes.operation": "all_on", "modes.operation_pending": "all_on"},
        "nvmlDeviceSetGpuOperationMode(gpu, NVML_GOM_COMPUTE)",
        {"modes.operation": 0, "modes.operation_pending": 1},
    ),
    "nvmlDeviceSetDramEncryptionMode": Case(
        {"modes.dram_encryption": False, "modes.dram_encryption_pending": False},
        "nvmlDeviceSetDramEncryptionMode(gpu, 1)",
        {"modes.dram_encryption": 0, "modes.dram_encryption_pending": 1},
    ),
    "nvmlDeviceSetRusdSettings_v1": Case(
        {"modes.shared_data_polling": 0},
        struct("nvmlDeviceSetRusdSettings_v1", "IQ", 0x1000010, 5),
        {"modes.shared_data_polling": 5},
    ),
    "nvmlDeviceSetAccountingMode": Case({}, "nvmlDeviceSetAccountingMode(gpu, 1)", {"modes.accounting": 1}),
    "nvmlDeviceClearAccountingPids": Case(
        {"modes.accounting": True, "accounting.ended": [{"pid": 7}]},
        "nvmlDeviceClearAccountingPids(gpu)",
        {"accounting.ended": []},
    ),
    "nvmlDeviceSetMemoryLimits_v1": Case(
        {"memory.limits": []},
        struct("nvmlDeviceSetMemoryLimits_v1", "PQQ", "cast(c_char_p(b'/'), c_void_p).value", 5, 9),
        {"memory.limits": [{"cgroup": "/", "soft": 5, "hard": 9, "used": 0}]},
    ),
    "nvmlDeviceSetTemperatureThreshold": Case(
        {f"thermal.threshold.{name}": f"{degrees} C" for name, degrees in ACOUSTIC.items()},
        "nvmlDeviceSetTemperatureThreshold(gpu, 5, 70)",
        {"thermal.threshold.acoustic": 70},
    ),
    "nvmlDeviceSetFanControlPolicy": Case(FAN, "nvmlDeviceSetFanControlPolicy(gpu, 0, 1)", {"fans.policy.0": 1}, 0),
    "nvmlDeviceSetFanSpeed_v2": Case(
        FAN, "nvmlDeviceSetFanSpeed_v2(gpu, 0, 80)", {"fans.speed.0": 80, "fans.policy.0": 1}, 0
    ),
    "nvmlDeviceSetDefaultFanSpeed_v2": Case(
        {**FAN, "fans.policy.0": "manual"}, "nvmlDeviceSetDefaultFanSpeed_v2(gpu, 0)", {"fans.policy.0": 0}, 0
    ),
    "nvmlDeviceResetNvLinkErrorCounters": Case(
        {"nvlink.count": 12, "nvlink.errors.3.replay": 5},
        "nvmlDeviceResetNvLinkErrorCounters(gpu, 3)",
        {"nvlink.errors.3.replay": 0},
    ),
    "nvmlDeviceSetNvLinkDeviceLowPowerThreshold": Case(
        {f"nvlink.power_threshold{end}": value for end, value in (("", 5), ("_min", 1), ("_max", 9), ("_default", 3))},
        "nvmlDeviceSetNvLinkDeviceLowPowerThreshold(gpu, 7)",
        {"nvlink.power_threshold": 7},
        0,
    ),
    "nvmlSystemSetNvlinkBwMode": Case(
        {"nvlink.node_bandwidth_mode": 0}, "nvmlSystemSetNvlinkBwMode(3)", {"nvlink.node_bandwidth_mode": 3}, 0
    ),
    "nvmlDeviceSetNvlinkBwMode": Case(
        {"nvlink.bandwidth_mode": 0, "nvlink.bandwidth_best": True, "nvlink.bandwidth_modes": [{"mode": 2}]},
        struct("nvmlDeviceSetNvlinkBwMode", "IIBxxx", "nvmlNvlinkSetBwMode_v1", 0, 2),
        {"nvlink.bandwidth_mode": 2, "nvlink.bandwidth_best": 0},
    ),
    "nvmlDeviceSetHostname_v1": Case(
        {"identity.hostname": ""}, "nvmlDeviceSetHostname_v1(gpu, 'rack-7')", {"identity.hostname": "rack-7"}
    ),
    "nvmlDeviceSetCpuAffinity": Case(
        {"topology.cpus.node": str(min(ALLOWED))},
        "(nvmlDeviceSetCpuAffinity(gpu), list(__import__('os').sched_getaffinity(0)))[1]",
        {},
        [min(ALLOWED)],
    ),
    "nvmlDeviceClearCpuAffinity": Case(
        {"topology.cpus.node": str(min(ALLOWED))},
        "(nvmlDeviceSetCpuAffinity(gpu), nvmlDeviceClearCpuAffinity(gpu), "
        f"__import__('os').sched_getaffinity(0) >= {ALLOWED})[2]",
        {},
        True,
    ),
    "nvmlSystemSetConfComputeGpusReadyState": Case(
        {"conf_compute_system.accepting_work": False},
        "nvmlSystemSetConfComputeGpusReadyState(1)",
        {"conf_compute_system.accepting_work": 1},
        0,
    ),
    "nvmlSystemSetConfComputeKeyRotationThresholdInfo": Case(
        {"conf_compute_system.attacker_advantage": 60},
        pointer("nvmlSystemSetConfComputeKeyRotationThresholdInfo", "(c_ulonglong * 2)(1 << 24 | 16, 65)"),
        {"conf_compute_system.attacker_advantage": 65},
    ),
    "nvmlDeviceSetConfComputeUnprotectedMemSize": Case(
        {"conf_compute.unprotected_size": "0 KiB"},
        "nvmlDeviceSetConfComputeUnprotectedMemSize(gpu, c_ulonglong(64))",
        {"conf_compute.unprotected_size": 64},
        0,
    ),
    "nvmlDeviceModifyDrainState": Case(
        {"modes.persistence": False},
        f"(nvmlDeviceModifyDrainState({PCI}, 1), nvmlDeviceQueryDrainState({PCI}))[1]",
        {},
        1,
    ),
    "nvmlDeviceRemoveGpu": Case({"modes.persistence": False}, f"nvmlDeviceRemoveGpu({PCI})", {"health.present": GONE}),
    "nvmlDeviceRemoveGpu_v2": Case(
        {"modes.persistence": False},
        pointer("nvmlDeviceRemoveGpu_v2", f"byref({PCI}), 0, 0"),
        {"health.present": GONE},
    ),
    "nvmlDeviceDiscoverGpus": Case(DRAINED, "nvmlDeviceDiscoverGpus(nvmlPciInfo_t())", {"drain.gpus": []}),
    "nvmlGpmSetStreamingEnabled": Case(
        {"gpm.streaming": False}, "nvmlGpmSetStreamingEnabled(gpu, 1)", {"gpm.streaming": 1}, 0
    ),
    "nvmlDeviceClearFieldValues": Case(
        {}, "[value.nvmlReturn for value in nvmlDeviceClearFieldValues(gpu, [NVML_FI_DEV_ECC_CURRENT])]", {}, [3]
    ),
    "nvmlUnitSetLedState": Case({}, "nvmlUnitSetLedState(None, 0)", {}, "NVMLError_InvalidArgument"),
    "nvmlDeviceSetDriverModel": Case({}, "nvmlDeviceSetDriverModel(gpu, 0)", {}, "NVMLError_NotSupported"),
    "nvmlDeviceSetVirtualizationMode": Case({}, "nvmlDeviceSetVirtualizationMode(gpu, 0)", {}, 3),
    "nvmlDeviceSetVgpuCapabilities": Case({}, "nvmlDeviceSetVgpuCapabilities(gpu, 0, 0)", {}, "NVMLError_NotSupported"),
}


def is_action(row: Row) -> bool:
    name = row.function.replace("EventSet", "").replace("GpuSet", "")
    return isinstance(row, Setter) or (isinstance(row, Native) and ACTIONS.match(name) is not None)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", gpus=2) as made:
        yield made


@pytest.mark.parametrize("function", CASES)
def test_a_setter_called_through_pynvml_leaves_what_it_says(
    function: str, node: Node, mock_env: dict[str, str]
) -> None:
    case, gpu = CASES[function], node.gpus[0]

    def block(key: str) -> object:
        return node if key.partition(".")[0] in {each.key() for each in layout().node.blocks} else gpu

    for key, value in case.given.items():
        block(key).set(key, value)  # type: ignore[attr-defined]

    assert asker(node.path, mock_env)(case.call) == [case.answer]
    for key, wanted in case.left.items():
        if wanted == GONE:
            assert gpu.status(key) == 15
        else:
            assert block(key).get(key) == wanted  # type: ignore[attr-defined]


def test_every_setter_has_a_case() -> None:
    assert [row.function for row in ROWS if is_action(row) and row.function not in CASES] == []


def test_every_case_is_of_a_setter_and_calls_it() -> None:
    rows = {row.function: row for row in ROWS}

    assert [name for name in CASES if not (is_action(rows[name]) or isinstance(rows[name], Refuses))] == []
    by_another_name = {"nvmlDeviceSetPowerManagementLimit_v2": "set_limit("}
    assert [name for name, case in CASES.items() if by_another_name.get(name, name) not in case.call] == []
