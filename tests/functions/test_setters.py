"""Who may set what, which error comes first, and that other processes see what was set."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mocknvml import Gpu, Node
from tests.functions.asking import Ask, asker

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="setters need root, as in the driver")

AS_NOBODY = "__import__('os').seteuid(65534)"


@pytest.fixture
def gpu() -> Iterator[Gpu]:
    """A GPU of a node whose file everybody may write."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "node"
        with Node.create(path, gpus=1) as node:
            path.chmod(0o666)
            yield node.gpus[0]


@pytest.fixture
def ask(gpu: Gpu, mock_env: dict[str, str]) -> Ask:
    return asker(gpu._node.path, mock_env)


def limit_v2(limit: int, scope: int = 0) -> str:
    return f"set_limit({limit}, {scope})"


def test_another_process_reads_what_was_set(gpu: Gpu, ask: Ask) -> None:
    ask(limit_v2(300_000), "nvmlDeviceSetEccMode(gpu, 0)")

    assert ask("nvmlDeviceGetPowerManagementLimit(gpu)", "nvmlDeviceGetEccMode(gpu)") == [300_000, [1, 0]]
    assert (gpu.power.limit, gpu.ecc.mode) == (300_000, 1)


@pytest.mark.parametrize(("limit", "scope"), [(99_999, 0), (400_001, 0), (300_000, 4), (300_000, 255)])
def test_a_limit_out_of_range_or_of_no_scope_is_refused(limit: int, scope: int, gpu: Gpu, ask: Ask) -> None:
    assert ask(limit_v2(limit, scope)) == ["NVMLError_InvalidArgument"]
    assert gpu.power.limit == 400_000


@pytest.mark.parametrize("scope", [1, 2, 3])
def test_only_the_gpu_itself_has_a_limit(scope: int, gpu: Gpu, ask: Ask) -> None:
    assert ask(limit_v2(300_000, scope)) == ["NVMLError_NotSupported"]
    assert gpu.power.limit == 400_000


@pytest.mark.parametrize("key", ["power.limit", "power.limit_min", "power.limit_max"])
def test_a_limit_answers_the_error_of_its_fields(key: str, gpu: Gpu, ask: Ask) -> None:
    gpu.fail(key, 27)

    assert ask(limit_v2(300_000)) == ["NVMLError_NotReady"]


@pytest.mark.parametrize("limit", [300_000, 1])
def test_permission_is_asked_for_before_the_range(limit: int, gpu: Gpu, ask: Ask) -> None:
    v1 = f"nvmlDeviceSetPowerManagementLimit(gpu, {limit})"

    assert ask(AS_NOBODY, v1, limit_v2(limit))[1:] == ["NVMLError_NoPermission"] * 2
    assert gpu.power.limit == 400_000


def test_what_a_board_lacks_is_not_supported_before_permission_is_asked_for(gpu: Gpu, ask: Ask) -> None:
    gpu.remove("power.limit")

    calls = (limit_v2(300_000), "nvmlDeviceSetFanControlPolicy(gpu, 0, 1)", "nvmlDeviceSetGpcClkVfOffset(gpu, 15)")
    assert ask(AS_NOBODY, *calls)[1:] == ["NVMLError_NotSupported"] * 3


def test_an_offset_may_be_negative(gpu: Gpu, ask: Ask) -> None:
    offsets = {"offset": 0, "offset_min": -500, "offset_max": 500}
    gpu.update({f"clocks.{name}.graphics.0": f"{mhz} MHz" for name, mhz in offsets.items()})
    set_to = "nvmlDeviceSetGpcClkVfOffset(gpu, {})"

    answers = ask(set_to.format(-150), set_to.format(-501), "nvmlDeviceGetGpcClkVfOffset(gpu)")
    assert answers[1:] == ["NVMLError_InvalidArgument", -150]


def test_auto_boost_is_for_everybody_until_root_restricts_it(gpu: Gpu, ask: Ask) -> None:
    gpu.update({"clocks.auto_boost": True, "clocks.auto_boost_default": True})
    off = "nvmlDeviceSetAutoBoostedClocksEnabled(gpu, 0)"
    restrict = "nvmlDeviceSetAPIRestriction(gpu, 1, 1)"

    assert ask(AS_NOBODY, off, "nvmlDeviceGetAutoBoostedClocksEnabled(gpu)")[1:] == [None, [0, 1]]
    assert ask(restrict) == ["NVMLError_NotSupported"]
    gpu.set("modes.restricted.auto_boosted_clocks", False)
    assert ask(AS_NOBODY, restrict, off)[1:] == ["NVMLError_NoPermission", None]
    assert ask(restrict, off, AS_NOBODY, off + " ")[1:] == [None, None, "NVMLError_NoPermission"]


def lock(kind: str, least: int, greatest: int) -> str:
    return f"nvmlDeviceSet{kind}LockedClocks(gpu, {least}, {greatest})"


@pytest.mark.parametrize(("kind", "moved"), [("Gpu", ("graphics", "sm")), ("Memory", ("memory",))])
def test_locked_clocks_move_the_clocks_into_the_range(kind: str, moved: tuple[str, ...], gpu: Gpu, ask: Ask) -> None:
    for name in ("graphics", "sm", "memory", "video"):
        gpu.update({f"clocks.current.{name}": "500 MHz", f"clocks.max.{name}": "2000 MHz"})

    for least, greatest, clock in ((600, 900, 600), (0, 450, 450), (2500, 3000, 2000), (2000, 2000, 2000)):
        assert ask(lock(kind, least, greatest)) == [None]
        assert gpu.get(f"clocks.locked_min.{moved[0]}") == least
        assert gpu.get(f"clocks.locked_max.{moved[0]}") == greatest
        clocks = {name: gpu.get(f"clocks.current.{name}") for name in ("graphics", "sm", "memory", "video")}
        assert clocks == {name: clock if name in moved else 500 for name in clocks}

    assert ask(f"nvmlDeviceReset{kind}LockedClocks(gpu)") == [None]
    assert (gpu.get(f"clocks.locked_min.{moved[0]}"), gpu.get(f"clocks.locked_max.{moved[0]}")) == (0, 0)


CURRENT = ("nvmlDeviceGetClockInfo(gpu, 0)", "nvmlDeviceGetClockInfo(gpu, 1)")


def test_a_clock_returns_when_its_lock_ends(gpu: Gpu, ask: Ask) -> None:
    gpu.update({"clocks.current.graphics": "1200 MHz", "clocks.current.sm": "1200 MHz"})
    ask(lock("Gpu", 300, 900))

    assert ask(lock("Gpu", 0, 600), *CURRENT) == [None, 600, 600]
    assert ask(lock("Gpu", 0, 1000), *CURRENT) == [None, 1000, 1000]
    assert ask("nvmlDeviceResetGpuLockedClocks(gpu)", *CURRENT) == [None, 1200, 1200]
    ask(lock("Gpu", 300, 900))
    gpu.reset_device()
    assert ask(*CURRENT) == [1200, 1200]


def test_a_clock_that_is_set_from_outside_stays(gpu: Gpu, ask: Ask) -> None:
    gpu.update({"clocks.current.graphics": "1200 MHz", "clocks.current.sm": "1200 MHz"})
    ask(lock("Gpu", 300, 900))
    gpu.set("clocks.current.graphics", "1100 MHz")

    assert ask(*CURRENT) == [1100, 900]
    assert ask("nvmlDeviceResetGpuLockedClocks(gpu)", *CURRENT) == [None, 1100, 1200]


TDP, UNLIMITED = 0xFFFFFF01, 0xFFFFFF02


def test_a_symbolic_lock_needs_two_symbols_and_is_for_graphics(gpu: Gpu, ask: Ask) -> None:
    mixed = [lock("Gpu", TDP, 900), lock("Gpu", 300, UNLIMITED), lock("Gpu", TDP, UNLIMITED + 1)]
    refused = [*mixed, lock("Gpu", 900, 899), lock("Memory", TDP, TDP), lock("Memory", 2, 1)]
    before = gpu.get("clocks.current.graphics")

    assert ask(*refused) == ["NVMLError_InvalidArgument"] * len(refused)
    for bounds, stored in (((UNLIMITED, TDP), (0, TDP)), ((TDP, TDP), (TDP, TDP)), ((UNLIMITED, UNLIMITED), (0, 0))):
        assert ask(lock("Gpu", *bounds)) == [None]
        assert (gpu.get("clocks.locked_min.graphics"), gpu.get("clocks.locked_max.graphics")) == stored
    assert gpu.get("clocks.current.graphics") == before


def test_locking_clocks_needs_root_and_a_board_that_can(gpu: Gpu, ask: Ask) -> None:
    calls = [lock("Gpu", 9, 1), "nvmlDeviceResetGpuLockedClocks(gpu)", lock("Memory", 9, 1)]
    calls.append("nvmlDeviceResetMemoryLockedClocks(gpu)")

    assert ask(AS_NOBODY, *calls)[1:] == ["NVMLError_NoPermission"] * 4
    gpu.fail("clocks.locked_max.graphics", 27)
    gpu.remove("clocks.locked_min.memory")
    assert ask(*calls) == ["NVMLError_NotReady"] * 2 + ["NVMLError_NotSupported"] * 2


RESET_APPLICATION = "nvmlDeviceResetApplicationsClocks(gpu)"


def application(memory: int, graphics: int) -> str:
    return f"nvmlDeviceSetApplicationsClocks(gpu, {memory}, {graphics})"


@pytest.fixture
def application_clocks(gpu: Gpu) -> Callable[[], tuple[object, object]]:
    """The application clocks of memory and graphics, on a GPU that has them."""
    names = ("memory", "highest", "lowest", "step")
    ranges = [(900, 210, 180, 15), (900, 100, 100, 0), (400, 95, 60, 30), (300, 62.5, 47, 7.5)]
    gpu.set("clocks.supported", [{name: f"{mhz} MHz" for name, mhz in zip(names, row, strict=True)} for row in ranges])
    for field in ("application", "application_default"):
        gpu.update({f"clocks.{field}.memory": "900 MHz", f"clocks.{field}.graphics": "180 MHz"})
    return lambda: (gpu.get("clocks.application.memory"), gpu.get("clocks.application.graphics"))


@pytest.mark.parametrize(
    "pair", [(900, 210), (900, 195), (900, 180), (900, 100), (400, 65), (300, 62), (300, 55), (300, 47)]
)
def test_application_clocks_are_set_to_a_supported_pair(
    pair: tuple[int, int], ask: Ask, application_clocks: Callable[[], object]
) -> None:
    assert ask(application(*pair)) == [None]
    assert application_clocks() == pair
    assert ask(RESET_APPLICATION) == [None]
    assert application_clocks() == (900, 180)


@pytest.mark.parametrize("pair", [(901, 210), (900, 211), (900, 200), (900, 165), (900, 99), (400, 35), (400, 210)])
def test_application_clocks_that_are_no_supported_pair_are_refused(
    pair: tuple[int, int], ask: Ask, application_clocks: Callable[[], object]
) -> None:
    assert ask(application(*pair)) == ["NVMLError_InvalidArgument"]
    assert application_clocks() == (900, 180)


REASONS = "nvmlDeviceGetCurrentClocksEventReasons(gpu)"
IDLE, APPLICATION, POWER_CAP, THERMAL = 1, 2, 4, 0x20


def test_application_clocks_hold_down_the_clocks_and_say_so(
    gpu: Gpu, ask: Ask, application_clocks: Callable[[], object]
) -> None:
    gpu.update({"clocks.current.graphics": "1200 MHz", "clocks.current.sm": "1200 MHz", "clocks.event_reasons": IDLE})

    assert ask(application(900, 195), *CURRENT, REASONS) == [None, 195, 195, APPLICATION]
    assert ask(lock("Gpu", 300, 900), *CURRENT, REASONS) == [None, 900, 900, IDLE]
    assert ask("nvmlDeviceResetGpuLockedClocks(gpu)", *CURRENT, REASONS) == [None, 195, 195, APPLICATION]
    assert ask(RESET_APPLICATION, *CURRENT, REASONS) == [None, 1200, 1200, IDLE]


def test_a_draw_above_the_limit_is_a_power_cap(gpu: Gpu, ask: Ask) -> None:
    gpu.update({"power.usage": "350 W", "clocks.event_reasons": IDLE})

    assert ask(REASONS) == [IDLE]
    assert ask("nvmlDeviceSetPowerManagementLimit(gpu, 349_999)", REASONS) == [None, POWER_CAP]
    gpu.set("clocks.event_reasons", THERMAL)
    assert ask(REASONS, "nvmlDeviceGetCurrentClocksThrottleReasons(gpu)") == [POWER_CAP | THERMAL] * 2
    gpu.set("clocks.event_reasons_supported", THERMAL)
    assert ask(REASONS) == [THERMAL]
    gpu.set("power.limit", "350 W")
    gpu.set("clocks.event_reasons_supported", 0x1FF)
    assert ask(REASONS) == [THERMAL]


def test_application_clocks_are_roots_until_the_restriction_is_lifted(
    gpu: Gpu, ask: Ask, application_clocks: Callable[[], object]
) -> None:
    calls = (application(900, 210), RESET_APPLICATION)
    assert ask(AS_NOBODY, *calls)[1:] == ["NVMLError_NoPermission"] * 2
    gpu.set("modes.restricted.application_clocks", True)
    assert ask(AS_NOBODY, *calls)[1:] == ["NVMLError_NoPermission"] * 2
    gpu.set("modes.restricted.application_clocks", False)
    assert ask(AS_NOBODY, *calls)[1:] == [None] * 2


def test_application_clocks_answer_the_error_of_their_fields(
    gpu: Gpu, ask: Ask, application_clocks: Callable[[], object]
) -> None:
    gpu.fail("clocks.supported", 27)
    gpu.remove("clocks.application_default.memory")
    assert ask(application(900, 210), RESET_APPLICATION) == ["NVMLError_NotReady", "NVMLError_NotSupported"]
    gpu.remove("clocks.application.memory")
    assert ask(application(900, 210), RESET_APPLICATION) == ["NVMLError_NotSupported"] * 2


def counters(name: str) -> list[str]:
    """The fields that a counter type has, as far as the test looks."""
    types = ("corrected", "uncorrected")
    totals = [f"ecc.total.{kind}.{name}" for kind in types]
    locations = [f"ecc.location.{kind}.{name}.{place}" for kind in types for place in ("l1_cache", "dram", "sram")]
    return totals + locations + [f"sram.{kind}.{name}" for kind in ("corrected", "parity", "sec_ded")]


@pytest.mark.parametrize(("cleared", "kept"), [("volatile", "aggregate"), ("aggregate", "volatile")])
def test_clearing_ecc_errors_zeroes_those_of_one_counter(cleared: str, kept: str, gpu: Gpu, ask: Ask) -> None:
    sources = ["sram.source.l2", "sram.source.other"]
    gpu.update({"ecc.mode": True, **dict.fromkeys([*counters("volatile"), *counters("aggregate"), *sources], 7)})
    gpu.set("sram.threshold_exceeded", True)
    gpu.remove(f"ecc.total.corrected.{cleared}")

    assert ask(f"nvmlDeviceClearEccErrorCounts(gpu, NVML_{cleared.upper()}_ECC)") == [None]
    assert {gpu.get(key) for key in counters(cleared)[1:]} == {0}
    assert {gpu.get(key) for key in counters(kept)} == {7}
    assert {gpu.get(key) for key in sources} == {0 if cleared == "aggregate" else 7}
    assert gpu.get("sram.threshold_exceeded") == 1
    get = f"nvmlDeviceGetTotalEccErrors(gpu, 0, NVML_{cleared.upper()}_ECC)"
    assert ask(get) == ["NVMLError_NotSupported"]


def test_ecc_errors_are_cleared_by_root_while_ecc_is_on(gpu: Gpu, ask: Ask) -> None:
    gpu.update({"ecc.mode": True, "ecc.total.corrected.volatile": 7})
    clear = "nvmlDeviceClearEccErrorCounts(gpu, {})"

    assert ask(AS_NOBODY, clear.format(0))[1:] == ["NVMLError_NoPermission"]
    assert ask(clear.format(2)) == ["NVMLError_InvalidArgument"]
    gpu.set("ecc.mode", False)
    assert ask(AS_NOBODY, clear.format(0))[1:] == ["NVMLError_NotSupported"]
    gpu.fail("ecc.mode", 27)
    assert ask(clear.format(0)) == ["NVMLError_NotReady"]
    assert gpu.get("ecc.total.corrected.volatile") == 7


def fan_speed(fan: int, speed: int) -> str:
    return f"nvmlDeviceSetFanSpeed_v2(gpu, {fan}, {speed})"


def test_a_fan_whose_speed_is_set_is_manual_until_the_default_returns(gpu: Gpu, ask: Ask) -> None:
    for fan in range(2):
        gpu.update({f"fans.speed.{fan}": "30 %", f"fans.target.{fan}": "30 %", f"fans.policy.{fan}": "automatic"})
    fan = ("nvmlDeviceGetFanSpeed_v2(gpu, {0})", "nvmlDeviceGetTargetFanSpeed(gpu, {0})")
    first, second = ([call.format(number) for call in fan] for number in (0, 1))

    assert ask(fan_speed(1, 80), *first, *second) == [0, 30, 30, 80, 80]
    assert (gpu.get("fans.policy.0"), gpu.get("fans.policy.1")) == (0, 1)
    assert ask("nvmlDeviceSetDefaultFanSpeed_v2(gpu, 1)") == [0]
    assert gpu.get("fans.policy.1") == 0


def test_a_fan_turns_within_its_range_and_exists(gpu: Gpu, ask: Ask) -> None:
    gpu.update({"fans.speed.0": "50 %", "fans.speed.1": "50 %"})
    refused = "NVMLError_InvalidArgument"

    assert ask(fan_speed(0, 101), fan_speed(4, 50), fan_speed(0, 0), fan_speed(0, 100)) == [refused] * 2 + [0] * 2
    gpu.update({"fans.speed_min": "30 %", "fans.speed_max": "90 %"})
    calls = [fan_speed(0, 29), fan_speed(0, 91), fan_speed(0, 30), fan_speed(0, 90), fan_speed(1, 90)]
    assert ask(*calls) == [refused] * 2 + [0] * 3
    gpu.set("fans.count", 1)
    assert ask(fan_speed(1, 50), "nvmlDeviceSetDefaultFanSpeed_v2(gpu, 1)") == [refused] * 2
    assert (gpu.get("fans.speed.0"), gpu.get("fans.speed.1")) == (90, 90)


def test_a_fan_is_set_by_root_where_there_is_one(gpu: Gpu, ask: Ask) -> None:
    calls = (fan_speed(0, 101), "nvmlDeviceSetDefaultFanSpeed_v2(gpu, 0)")

    assert ask(AS_NOBODY, *calls)[1:] == ["NVMLError_NotSupported"] * 2
    gpu.set("fans.speed.0", "50 %")
    assert ask(AS_NOBODY, *calls)[1:] == ["NVMLError_NoPermission"] * 2
    gpu.fail("fans.speed.0", 27)
    assert ask(*calls) == ["NVMLError_NotReady"] * 2


@pytest.fixture
def threshold(gpu: Gpu, ask: Ask) -> Callable[..., list[object]]:
    """Sets temperature thresholds of a GPU that has an acoustic one, each by its type and degrees."""
    degrees = {"acoustic_min": 65, "acoustic": 80, "acoustic_max": 90, "slowdown": 95}
    gpu.update({f"thermal.threshold.{name}": f"{number} C" for name, number in degrees.items()})

    def answers(*calls: tuple[int, int], user: tuple[str, ...] = ()) -> list[object]:
        asked = [f"nvmlDeviceSetTemperatureThreshold(gpu, {kind}, {degree})" for kind, degree in calls]
        return ask(*user, *asked)[len(user) :]

    return answers


def test_the_acoustic_threshold_moves_between_its_limits(gpu: Gpu, threshold: Callable[..., list[object]]) -> None:
    for degree in (65, 90, 70):
        assert threshold((5, degree)) == [None]
        assert gpu.get("thermal.threshold.acoustic") == degree
    calls = [(5, 64), (5, 91), (5, -1), *((kind, 80) for kind in (0, 1, 2, 3, 4, 6, 7, 8))]
    assert threshold(*calls) == ["NVMLError_InvalidArgument"] * len(calls)
    assert gpu.get("thermal.threshold.acoustic") == 70
    assert gpu.get("thermal.threshold.slowdown") == 95


def test_the_acoustic_threshold_is_roots_on_boards_that_have_one(
    gpu: Gpu, threshold: Callable[..., list[object]]
) -> None:
    assert threshold((5, 1), user=(AS_NOBODY,)) == ["NVMLError_NoPermission"]
    gpu.fail("thermal.threshold.acoustic_max", 27)
    assert threshold((5, 1)) == ["NVMLError_NotReady"]
    gpu.remove("thermal.threshold.acoustic")
    assert threshold((5, 1), user=(AS_NOBODY,)) == ["NVMLError_NotSupported"]


def polling(mask: int) -> str:
    return f"struct('nvmlDeviceSetRusdSettings_v1', 'IQ', 0x1000010, {mask})"


def test_the_metrics_that_the_driver_polls_are_a_mask(gpu: Gpu, ask: Ask) -> None:
    assert ask(AS_NOBODY, polling(1))[1:] == ["NVMLError_NotSupported"]
    gpu.set("modes.shared_data_polling", 0)
    assert ask(AS_NOBODY, polling(1))[1:] == ["NVMLError_NoPermission"]
    for mask in (0xFFFFFFFFFFFFFFFF, 0x21, 0):
        assert ask(polling(mask)) == [None]
        assert gpu.get("modes.shared_data_polling") == mask
    gpu.fail("modes.shared_data_polling", 27)
    assert ask(polling(1)) == ["NVMLError_NotReady"]


def smoothing(function: str, profile: int, parameter: int = 0, value: float = 0) -> str:
    name = f"nvmlDevicePowerSmoothing{function}"
    return f"struct('{name}', 'IIId', nvmlPowerSmoothingProfile_v1, {profile}, {parameter}, {value})"


def test_a_preset_profile_of_power_smoothing_is_activated(gpu: Gpu, ask: Ask) -> None:
    activate, key = "ActivatePresetProfile", "power_smoothing.active_preset"
    assert ask(AS_NOBODY, smoothing(activate, 1))[1:] == ["NVMLError_NotSupported"]
    gpu.set(key, 0)
    assert ask(AS_NOBODY, smoothing(activate, 9))[1:] == ["NVMLError_NoPermission"]
    assert ask(smoothing(activate, 5), smoothing(activate, 4)) == ["NVMLError_InvalidArgument", None]
    gpu.set("power_smoothing.presets", 3)
    assert ask(smoothing(activate, 3), smoothing(activate, 2)) == ["NVMLError_InvalidArgument", None]
    assert gpu.get(key) == 2
    gpu.fail(key, 27)
    assert ask(smoothing(activate, 1)) == ["NVMLError_NotReady"]


PARAMETERS = {
    "floor_percent": 100,
    "ramp_up": 0xFFFFFFFF,
    "ramp_down": 0xFFFFFFFF,
    "ramp_down_hysteresis": 0xFFFFFFFF,
    "secondary_floor": 0xFFFFFFFF,
    "activation_window": 255,
    "target_window": 255,
    "activation_offset": 0xFFFFFFFF,
}


@pytest.mark.parametrize(("number", "name"), list(enumerate(PARAMETERS)))
def test_a_parameter_of_a_preset_profile_is_set_within_its_range(number: int, name: str, gpu: Gpu, ask: Ask) -> None:
    update, greatest = "UpdatePresetProfileParam", PARAMETERS[name]
    keys = [f"power_smoothing.preset.{profile}.{other}" for profile in (0, 3) for other in PARAMETERS]
    gpu.update(dict.fromkeys(keys, 1))

    assert ask(smoothing(update, 3, number, greatest), smoothing(update, 3, number, 42.75)) == [None, None]
    assert {key: gpu.get(key) for key in keys if gpu.get(key) != 1} == {f"power_smoothing.preset.3.{name}": 42}
    assert ask(smoothing(update, 3, number, greatest)) == [None]
    refused = [greatest + 1, -1, "float('nan')"]
    calls = [smoothing(update, 3, number, value) for value in refused]  # type: ignore[arg-type]
    assert ask(*calls) == ["NVMLError_InvalidArgument"] * 3
    assert gpu.get(f"power_smoothing.preset.3.{name}") == greatest


def test_a_parameter_is_set_by_root_where_the_board_has_it(gpu: Gpu, ask: Ask) -> None:
    update = "UpdatePresetProfileParam"
    gpu.set("power_smoothing.preset.1.floor_percent", 10)

    assert ask(smoothing(update, 5, 0, 1), smoothing(update, 1, 8, 1)) == ["NVMLError_InvalidArgument"] * 2
    assert ask(smoothing(update, 2, 0, 1)) == ["NVMLError_NotSupported"]
    assert ask(AS_NOBODY, smoothing(update, 1, 0, 999))[1:] == ["NVMLError_NoPermission"]
    gpu.update({"power_smoothing.floor_percent_min": "20 %", "power_smoothing.floor_percent_max": "80 %"})
    calls = [smoothing(update, 1, 0, value) for value in (19.5, 80.5, 20)]
    assert ask(*calls) == ["NVMLError_InvalidArgument"] * 2 + [None]
    gpu.set("power_smoothing.presets", 1)
    assert ask(smoothing(update, 1, 0, 30)) == ["NVMLError_InvalidArgument"]
    assert gpu.get("power_smoothing.preset.1.floor_percent") == 20


def mizer(mode: int) -> str:
    return f"struct('nvmlDeviceSetPowerMizerMode_v1', 'III', 0, {mode}, 0)"


def test_everybody_sets_a_power_mizer_mode_that_the_board_has(gpu: Gpu, ask: Ask) -> None:
    gpu.set("power.mizer", "adaptive")
    assert ask(mizer(1)) == ["NVMLError_NotSupported"]
    gpu.set("power.mizer_supported", 0b1011)

    assert ask(AS_NOBODY, mizer(1), mizer(2), mizer(4), mizer(32))[1:] == [None] + ["NVMLError_InvalidArgument"] * 3
    assert gpu.get("power.mizer") == 1
    gpu.fail("power.mizer", 27)
    assert ask(mizer(1)) == ["NVMLError_NotReady"]


CLEAR, ADD, OVERWRITE = range(3)
Profiles = Callable[[], tuple[object, object]]


def profiles(operation: int, *bits: int) -> str:
    mask = [sum(1 << bit % 32 for bit in bits if bit // 32 == word) for word in range(8)]
    numbers = ", ".join(map(str, (operation, *mask)))
    return f"struct('nvmlDeviceWorkloadPowerProfileUpdateProfiles_v1', '9I', {numbers})"


def old_profiles(function: str, mask: int) -> str:
    name = f"nvmlDeviceWorkloadPowerProfile{function}RequestedProfiles"
    return f"struct('{name}', '9I', nvmlWorkloadPowerProfileRequestedProfiles_v1, {mask}" + ", 0" * 7 + ")"


@pytest.fixture
def power_profiles(gpu: Gpu) -> Profiles:
    """The first words of the requested and the enforced profiles, on a GPU that has profiles 0 to 3 and 40."""
    for word in range(8):
        gpu.update({f"power_profiles.{name}.{word}": 0 for name in ("supported", "requested", "enforced")})
    gpu.update({"power_profiles.supported.0": 0b1111, "power_profiles.supported.1": 1 << 8})
    for name, priority, conflicts in (("max_p", 9, 0b0010), ("max_q", 2, 0b0101), ("compute", 5, 0b1010)):
        gpu.update({f"power_profiles.priority.{name}": priority, f"power_profiles.conflicts.{name}": conflicts})
    return lambda: (gpu.get("power_profiles.requested.0"), gpu.get("power_profiles.enforced.0"))


def test_profiles_are_added_removed_and_overwritten(gpu: Gpu, ask: Ask, power_profiles: Profiles) -> None:
    for call, requested in (
        (profiles(ADD, 0), 0b0001),
        (profiles(ADD, 3), 0b1001),
        (profiles(CLEAR, 0, 2), 0b1000),
        (profiles(OVERWRITE, 2), 0b0100),
        (old_profiles("Set", 0b0001), 0b0101),
        (old_profiles("Clear", 0b0100), 0b0001),
        (profiles(OVERWRITE), 0),
    ):
        assert ask(call) == [None]
        assert power_profiles() == (requested, requested)
    assert ask(profiles(ADD, 40)) == [None]
    assert (gpu.get("power_profiles.requested.1"), gpu.get("power_profiles.enforced.1")) == (1 << 8, 1 << 8)


def test_of_profiles_in_conflict_the_one_that_comes_first_is_enforced(ask: Ask, power_profiles: Profiles) -> None:
    for bits, enforced in (((0, 1), 0b0010), ((0, 1, 2), 0b0010), ((0, 2), 0b0101), ((0, 2, 3), 0b1001)):
        assert ask(profiles(OVERWRITE, *bits)) == [None]
        assert power_profiles() == (sum(1 << bit for bit in bits), enforced)


def test_profiles_that_the_board_lacks_are_refused(gpu: Gpu, ask: Ask, power_profiles: Profiles) -> None:
    assert ask(profiles(ADD, 1)) == [None]
    calls = [*(profiles(operation, 1, 4) for operation in (CLEAR, ADD, OVERWRITE)), profiles(ADD, 41), profiles(3, 1)]
    calls += [old_profiles("Set", 0x10), old_profiles("Clear", 0x10)]

    assert ask(*calls) == ["NVMLError_InvalidArgument"] * len(calls)
    assert ask(AS_NOBODY, *calls)[1:] == ["NVMLError_NoPermission"] * len(calls)
    assert power_profiles() == (2, 2)
    gpu.fail("power_profiles.enforced.7", 27)
    assert ask(*calls) == ["NVMLError_NotReady"] * len(calls)
    gpu.remove("power_profiles.supported.0")
    assert ask(AS_NOBODY, *calls)[1:] == ["NVMLError_NotSupported"] * len(calls)


NO_LIMIT = 0xFFFFFFFFFFFFFFFF


def memory_limits(path: str, soft: int, hard: int) -> str:
    return f"struct('nvmlDeviceSetMemoryLimits_v1', 'PQQ', cast(c_char_p(b'{path}'), c_void_p).value, {soft}, {hard})"


def limits_of(gpu: Gpu) -> list[tuple[object, ...]]:
    listed = gpu.get("memory.limits")
    assert isinstance(listed, list)
    return [(limit["cgroup"], limit["soft"], limit["hard"], limit["used"]) for limit in listed]


@pytest.fixture
def limited(gpu: Gpu) -> Gpu:
    """A GPU of 1000 bytes that can limit control groups."""
    gpu.update({"memory.total": "1000 B", "memory.limits": []})
    return gpu


def test_memory_limits_are_set_changed_and_cleared_by_group(limited: Gpu, ask: Ask, tmp_path: Path) -> None:
    first, second, third = paths = [str(tmp_path / name) for name in ("a", "b", "a-longer-name")]
    for path in paths:
        Path(path).mkdir()

    calls = [memory_limits(path, 10 * at, 1000) for at, path in enumerate(paths)]
    assert ask(*calls) == [None] * 3
    assert limits_of(limited) == [(first, 0, 1000, 0), (second, 10, 1000, 0), (third, 20, 1000, 0)]
    members = ("cgroup", "soft", "hard", "used")
    used = [
        dict(zip(members, (path, f"{soft} B", f"{hard} B", "7 B"), strict=True))
        for path, soft, hard, _ in limits_of(limited)
    ]
    limited.set("memory.limits", used)
    assert ask(memory_limits(f"{second}/", 30, NO_LIMIT)) == [None]
    assert limits_of(limited)[1] == (second, 30, NO_LIMIT, 7)
    assert ask(memory_limits(first, 0, NO_LIMIT), memory_limits(f"{first}//", 0, NO_LIMIT)) == [None] * 2
    assert limits_of(limited) == [(second, 30, NO_LIMIT, 7), (third, 20, 1000, 7)]
    assert ask(*(memory_limits(path, 0, NO_LIMIT) for path in paths)) == [None] * 3
    assert limits_of(limited) == []


def test_memory_limits_fit_the_memory_and_name_a_group_that_exists(limited: Gpu, ask: Ask, tmp_path: Path) -> None:
    refused = [memory_limits(str(tmp_path), *limits) for limits in ((11, 10), (0, 1001), (1001, NO_LIMIT))]
    refused.append(memory_limits("/" * 2 + "a" * 256, 0, 10))

    assert ask(*refused) == ["NVMLError_InvalidArgument"] * len(refused)
    assert ask(memory_limits(f"{tmp_path}/none", 0, 10)) == ["NVMLError_OperatingSystem"]
    assert ask(AS_NOBODY, *refused)[1:] == ["NVMLError_NoPermission"] * len(refused)
    assert ask("struct('nvmlDeviceSetMemoryLimits_v1', 'PQQ', 0, 0, 10)") == ["NVMLError_InvalidArgument"]
    assert limits_of(limited) == []
    limited.fail("memory.limits", 27)
    assert ask(refused[0]) == ["NVMLError_NotReady"]
    limited.remove("memory.limits")
    assert ask(AS_NOBODY, refused[0])[1:] == ["NVMLError_NotSupported"]


def test_no_more_groups_than_there_is_room_for_have_limits(limited: Gpu, ask: Ask, tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(17)]
    for path in paths:
        path.mkdir()

    answers = ask(*(memory_limits(str(path), 1, 10) for path in paths))
    assert answers == [None] * 16 + ["NVMLError_InsufficientResources"]
    assert len(limits_of(limited)) == 16
    assert ask(memory_limits(str(paths[15]), 0, NO_LIMIT), memory_limits(str(paths[16]), 1, 10)) == [None] * 2
    assert limits_of(limited)[-1][0] == str(paths[16])


@pytest.mark.parametrize("privileges", ["root", "any"])
def test_with_any_privileges_everybody_who_may_write_sets(privileges: str, gpu: Gpu, ask: Ask) -> None:
    gpu._node.set("access.privileges", privileges)

    answered = ask(AS_NOBODY, "nvmlDeviceSetPersistenceMode(gpu, 1)", limit_v2(300_000))

    assert answered[1:] == ([None, None] if privileges == "any" else ["NVMLError_NoPermission"] * 2)
    assert gpu.power.limit == (300_000 if privileges == "any" else 400_000)


def test_any_privileges_do_not_replace_the_permissions_of_the_file(gpu: Gpu, ask: Ask) -> None:
    gpu._node.set("access.privileges", "any")
    gpu._node.path.chmod(0o644)

    assert ask(AS_NOBODY, limit_v2(300_000))[1:] == ["NVMLError_NoPermission"]
    assert gpu.power.limit == 400_000


def test_privileges_outlive_a_reset(tmp_path: Path) -> None:
    with Node.create(tmp_path / "node", gpus=1, privileges="any") as node:
        node.set("access.privileges", "root")
        node.reset()

        assert node.get("access.privileges") == 1
