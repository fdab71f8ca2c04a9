"""Rules, as an unmodified client in another process meets them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mocknvml import Node
from mocknvml.errors import MocknvmlError, NodeError, UnknownKey, ValueMismatch
from mocknvml.state.rules import RULES

SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, NO_PERMISSION, INSUFFICIENT_SIZE, GPU_IS_LOST, UNKNOWN = (
    0,
    1,
    2,
    4,
    7,
    15,
    999,
)
DRIVER_NOT_LOADED, LIB_RM_VERSION_MISMATCH = 9, 18

# `gpus` are handles; `code(function, *arguments)` calls pynvml and gives the return code.
PRELUDE = """
import ctypes, json, threading, time
import pynvml as n

def code(function, *arguments):
    try:
        getattr(n, function)(*arguments)
    except n.NVMLError as error:
        return error.value
    return 0

def temperatures(count, gpu=0):
    return [code("nvmlDeviceGetTemperature", gpus[gpu], 0) for _ in range(count)]

def answer(value):
    print(json.dumps(value))
"""
START = "n.nvmlInit()\ngpus = [n.nvmlDeviceGetHandleByIndex(index) for index in range(n.nvmlDeviceGetCount())]\n"

Ask = Callable[..., Any]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node.create(tmp_path / "node", gpus=2) as made:
        yield made


@pytest.fixture
def ask(node: Node, mock_env: dict[str, str]) -> Ask:
    """Runs a program in a process of its own, and gives what it answers."""

    def run(program: str, start: str = START) -> Any:
        command = [sys.executable, "-c", f"{PRELUDE}{start}\n{program}"]
        env = mock_env | {"MOCK_NVML_NODE": str(node.path)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_function_answers_the_code_of_its_rule_until_that_is_removed(node: Node, ask: Ask) -> None:
    rule = node.rules.add("nvmlDeviceGetTemperature", code="GPU_IS_LOST")

    assert ask("answer(temperatures(2) + [code('nvmlDeviceGetPowerUsage', gpus[0])])") == [
        GPU_IS_LOST,
        GPU_IS_LOST,
        SUCCESS,
    ]
    node.rules.remove(rule)
    assert ask("answer(temperatures(2))") == [SUCCESS, SUCCESS]


def test_a_process_that_runs_meets_a_new_rule_at_its_next_call(node: Node, ask: Ask) -> None:
    program = f"""
before = temperatures(1)
from mocknvml import Node
Node.open({str(node.path)!r}).rules.add("nvmlDeviceGetTemperature", "UNKNOWN")
answer(before + temperatures(1))
"""

    assert ask(program) == [SUCCESS, UNKNOWN]


@pytest.mark.parametrize("code", ["GPU_IS_LOST", "NVML_ERROR_GPU_IS_LOST", GPU_IS_LOST])
def test_a_code_is_named_as_in_nvml_or_by_its_number(node: Node, ask: Ask, code: str | int) -> None:
    node.rules.add("nvmlDeviceGetTemperature", code)

    assert ask("answer(temperatures(1))") == [GPU_IS_LOST]
    assert [str(rule.code) for rule in node.rules] == ["NVML_ERROR_GPU_IS_LOST"]


def test_a_rule_for_one_gpu_leaves_the_other_alone(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", gpu=1)

    assert ask("answer([temperatures(1, gpu=0), temperatures(1, gpu=1)])") == [[SUCCESS], [UNKNOWN]]
    both = "answer([code('nvmlDeviceOnSameBoard', gpus[a], gpus[b]) for a, b in ((0, 0), (0, 1), (1, 0))])"
    node.rules.add("nvmlDeviceOnSameBoard", "UNKNOWN", gpu=1)
    assert ask(both) == [SUCCESS, UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"after": 3}, "...xxxxxxx"),
        ({"times": 2}, "xx........"),
        ({"every": 3}, "..x..x..x."),
        ({"after": 2, "every": 2, "times": 3}, "...x.x.x.."),
    ],
)
def test_limits_choose_the_calls(node: Node, ask: Ask, limits: dict[str, int], expected: str) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", **limits)

    assert "".join("x" if code else "." for code in ask("answer(temperatures(10))")) == expected
    (rule,) = node.rules
    assert (rule.calls, rule.acted) == (10, expected.count("x"))


def test_calls_of_all_processes_count_together(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", after=5)

    assert [ask("answer(temperatures(3))") for _ in range(3)] == [[0, 0, 0], [0, 0, UNKNOWN], [UNKNOWN] * 3]


def test_a_probability_replays_with_its_seed(node: Node, ask: Ask) -> None:
    def draw(seed: int) -> str:
        node.rules.clear()
        node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", probability=0.25, seed=seed)
        return "".join("x" if code else "." for code in ask("answer(temperatures(400))"))

    first = draw(7)

    assert draw(7) == first
    assert draw(8) != first
    assert 60 < first.count("x") < 140


def test_a_pattern_names_many_functions(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGet*Clock*", "UNKNOWN", gpu=0)

    names = ["nvmlDeviceGetClockInfo", "nvmlDeviceGetMaxClockInfo", "nvmlDeviceGetTemperature"]
    assert ask(f"answer([code(name, gpus[0], 0) for name in {names}])") == [UNKNOWN, UNKNOWN, SUCCESS]


def test_a_function_and_its_second_version_are_different_ones(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetCount", "UNKNOWN")
    program = "count = ctypes.c_uint()\nanswer([n._nvmlGetFunctionPointer(name)(ctypes.byref(count)) for name in {}])"

    assert ask(program.format(("nvmlDeviceGetCount", "nvmlDeviceGetCount_v2"))) == [UNKNOWN, SUCCESS]


def test_errors_in_the_arguments_come_before_a_rule(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDevice*", "UNKNOWN")
    start = "n.nvmlInit()\ngpus = [None]"
    call = "n._nvmlGetFunctionPointer('nvmlDeviceGetTemperature')(None, 0, ctypes.byref(ctypes.c_uint()))"

    assert ask(f"answer({call})", start) == INVALID_ARGUMENT
    assert ask(f"n.nvmlShutdown()\nanswer({call})", start) == UNINITIALIZED


def test_a_rule_comes_before_the_state_of_the_device(node: Node, ask: Ask) -> None:
    node.gpus[0].fail("health.present", GPU_IS_LOST)
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN")

    assert ask("answer([temperatures(1), code('nvmlDeviceGetPowerUsage', gpus[0])])") == [[UNKNOWN], GPU_IS_LOST]


def test_a_function_with_a_rule_writes_nothing(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN")
    program = """
value = ctypes.c_uint(4242)
result = n._nvmlGetFunctionPointer("nvmlDeviceGetTemperature")(gpus[0], 0, ctypes.byref(value))
answer([result, value.value])
"""

    assert ask(program) == [UNKNOWN, 4242]


def test_the_first_rule_that_was_added_answers(node: Node, ask: Ask) -> None:
    ids = [node.rules.add("nvmlDeviceGetTemperature", code) for code in ("UNKNOWN", "TIMEOUT", "GPU_IS_LOST")]
    node.rules.remove(ids[0])
    node.rules.add("nvmlDeviceGetTemperature", "NO_DATA")

    assert ask("answer(temperatures(1))") == [10]
    assert [rule.id for rule in node.rules] == sorted(rule.id for rule in node.rules)


@pytest.mark.parametrize("code", [DRIVER_NOT_LOADED, LIB_RM_VERSION_MISMATCH, NO_PERMISSION])
def test_an_init_fails_by_a_rule_and_succeeds_later(node: Node, ask: Ask, code: int) -> None:
    node.rules.add("nvmlInit*", code, times=1)
    program = "answer([code('nvmlInit'), code('nvmlDeviceGetCount'), code('nvmlInit'), code('nvmlDeviceGetCount')])"

    assert ask(program, start="") == [code, UNINITIALIZED, SUCCESS, SUCCESS]


@pytest.mark.parametrize("name", ["nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags"])
def test_each_init_has_rules_of_its_own(node: Node, ask: Ask, name: str) -> None:
    node.rules.add(name, "DRIVER_NOT_LOADED")
    program = """
import os
library = ctypes.CDLL(os.environ["LD_LIBRARY_PATH"] + "/libnvidia-ml.so.1")
results = {}
for name, arguments in (("nvmlInit", ()), ("nvmlInit_v2", ()), ("nvmlInitWithFlags", (0,))):
    results[name] = [library[name](*arguments), library[name](*arguments)]
    while library.nvmlShutdown() == 0 and library.nvmlDeviceGetCount_v2(None) != 1:
        pass
answer(results)
"""
    names = ("nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags")

    assert ask(program, start="") == {each: [DRIVER_NOT_LOADED if each == name else 0] * 2 for each in names}


def test_an_init_in_an_attached_process_meets_its_rule_once(node: Node, ask: Ask) -> None:
    rule = "nvmlInitWithFlags"
    node.rules.add(rule, "UNKNOWN", after=1, times=1)

    assert ask("answer([code('nvmlInit') for _ in range(3)])", start="") == [SUCCESS, UNKNOWN, SUCCESS]
    assert [found.calls for found in node.rules] == [3]


def test_a_shutdown_and_an_action_fail_by_rules(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlShutdown", "UNKNOWN", times=1)
    node.rules.add("nvmlDeviceSetPowerManagementLimit", "NO_PERMISSION")
    before = node.gpus[0].get("power.limit")

    program = (
        "answer([code('nvmlDeviceSetPowerManagementLimit', gpus[0], 200000), code('nvmlShutdown'), *temperatures(1)])"
    )
    assert ask(program) == [NO_PERMISSION, UNKNOWN, SUCCESS]
    assert node.gpus[0].get("power.limit") == before


def test_a_slow_function_takes_its_time_and_then_answers(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetTemperature", delay="30 ms", times=1)
    program = "start = time.monotonic()\ncodes = temperatures(1)\nanswer([codes, time.monotonic() - start >= 0.03])"

    assert ask(program) == [[SUCCESS], True]


def test_a_call_hangs_until_its_rule_is_removed(node: Node, ask: Ask) -> None:
    rule = node.rules.add("nvmlDeviceGetTemperature", delay="hang", gpu=0)
    program = f"""
from mocknvml import Node
answers = []
hanging = threading.Thread(target=lambda: answers.append(temperatures(1)))
hanging.start()
other = temperatures(1, gpu=1)
node = Node.open({str(node.path)!r})
while next(iter(node.rules)).calls == 0:
    pass
before = list(answers)
node.rules.remove({rule})
hanging.join(30)
answer([before, other, answers])
"""

    assert ask(program) == [[], [SUCCESS], [[SUCCESS]]]


def test_a_hanging_call_can_be_killed(node: Node, mock_env: dict[str, str]) -> None:
    node.rules.add("nvmlInit*", delay="hang")
    env = mock_env | {"MOCK_NVML_NODE": str(node.path)}
    child = subprocess.Popen([sys.executable, "-c", "import pynvml; pynvml.nvmlInit()"], env=env)

    while next(iter(node.rules)).calls == 0:
        assert child.poll() is None
    child.kill()
    assert child.wait(30) == -9


def test_threads_and_forked_children_count_each_call_once(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", times=100)
    program = """
import os
codes = []
def many():
    codes.extend(temperatures(250))
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    many()
    os.write(writing, bytes([sum(1 for code in codes if code)]))
    os._exit(0)
threads = [threading.Thread(target=many) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
os.waitpid(child, 0)
answer(sum(1 for code in codes if code) + os.read(reading, 1)[0])
"""

    assert ask(program) == 100
    assert [(rule.calls, rule.acted) for rule in node.rules] == [(1000, 100)]


def test_a_process_counts_alone_where_the_calls_file_is_missing(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", after=2)
    node.path.with_name("node.calls").unlink()

    assert [ask("answer(temperatures(4))") for _ in range(2)] == [[0, 0, UNKNOWN, UNKNOWN]] * 2


@pytest.mark.parametrize("damage", [b"", b"x" * 100, bytes(5 << 20)])
def test_a_damaged_calls_file_is_not_used(node: Node, ask: Ask, damage: bytes) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", after=2)
    node.path.with_name("node.calls").write_bytes(damage)

    assert ask("answer(temperatures(4))") == [0, 0, UNKNOWN, UNKNOWN]
    node.rules.add("nvmlDeviceGetPowerUsage", "UNKNOWN")  # makes the file anew
    assert node.path.with_name("node.calls").stat().st_mode & 0o777 == 0o666


def test_rules_of_a_replaced_node_are_gone(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", after=1)
    assert ask("answer(temperatures(2))") == [SUCCESS, UNKNOWN]

    with Node.create(node.path, gpus=2) as again:
        assert list(again.rules) == []
        again.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", after=1)
        assert ask("answer(temperatures(2))") == [SUCCESS, UNKNOWN]


def test_a_reset_takes_all_rules_away(node: Node, ask: Ask) -> None:
    node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN")
    node.reset()

    assert list(node.rules) == []
    assert ask("answer(temperatures(1))") == [SUCCESS]


def test_a_node_takes_so_many_rules_and_no_more(node: Node) -> None:
    for _ in range(RULES):
        node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN")
    with pytest.raises(NodeError, match=f"takes {RULES} rules"):
        node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN")
    assert len(node.rules) == RULES

    node.rules.clear()
    assert list(node.rules) == []


def test_a_rule_tells_what_it_was_made_with(node: Node) -> None:
    node.rules.add("nvmlDeviceGet*", "NO_DATA", gpu=1, after=1, times=2, every=3, probability=0.5, seed=9, delay="2 s")
    node.rules.add("nvmlInit_v2", delay="hang")

    full, bare = node.rules
    assert (full.function, full.gpu, str(full.code), full.after, full.times) == (
        "nvmlDeviceGet*",
        1,
        "NVML_ERROR_NO_DATA",
        1,
        2,
    )
    assert (full.every, full.probability, full.seed, full.delay) == (3, 0.5, 9, 2_000_000_000)
    assert (bare.gpu, bare.code, bare.times, bare.delay) == (None, None, None, "hang")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("nvmlDeviceGetTemprature", "UNKNOWN"), {}, UnknownKey, "did you mean nvmlDeviceGetTemperature?"),
        (("cudaMalloc*", "UNKNOWN"), {}, UnknownKey, "no such function"),
        (("nvmlErrorString", "UNKNOWN"), {}, ValueMismatch, "answers no return code"),
        (("nvmlInit", "GPU_IS_LOSS"), {}, UnknownKey, "did you mean GPU_IS_LOST?"),
        (("nvmlInit", -1), {}, ValueMismatch, "return code"),
        (("nvmlInit",), {}, ValueMismatch, "give a code, a delay, or both"),
        (("nvmlInit", "UNKNOWN"), {"gpu": 0}, ValueMismatch, "takes no device"),
        (("nvmlDeviceGetName", "UNKNOWN"), {"gpu": 2}, ValueMismatch, "one of 2 GPUs"),
        (("nvmlInit", "UNKNOWN"), {"after": -1}, ValueMismatch, "after=-1"),
        (("nvmlInit", "UNKNOWN"), {"every": 0}, ValueMismatch, "every=0"),
        (("nvmlInit", "UNKNOWN"), {"times": 0}, ValueMismatch, "times=0"),
        (("nvmlInit", "UNKNOWN"), {"probability": 1.5}, ValueMismatch, "probability=1.5"),
        (("nvmlInit", "UNKNOWN"), {"delay": "2"}, ValueMismatch, "unit"),
    ],
)
def test_a_wrong_rule_is_refused_in_one_line(
    node: Node, arguments: tuple[Any, ...], options: dict[str, Any], error: type[MocknvmlError], message: str
) -> None:
    with pytest.raises(error) as raised:
        node.rules.add(*arguments, **options)

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert list(node.rules) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_who_may_not_write_the_node_may_not_arm_it(node: Node) -> None:
    program = """
import os, sys
from mocknvml import Node, NodeError
from mocknvml.state.api import model
model()  # all that is read may be out of reach for the other user
os.setuid(65534)
node = Node.open(sys.argv[1])
for arm in (lambda: node.rules.add("nvmlInit", "UNKNOWN"), node.rules.clear, node.log_calls):
    try:
        arm()
    except NodeError as error:
        print(error)
"""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        command = [sys.executable, "-c", program, shutil.copy(node.path, folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.stdout.count("no permission to write") == 3, done.stderr


def test_an_unknown_rule_cannot_be_removed(node: Node) -> None:
    with pytest.raises(UnknownKey, match="7: no rule has this id"):
        node.rules.remove(7)


def test_a_damaged_rule_is_none(node: Node, ask: Ask) -> None:
    rule = node.rules.add("nvmlDeviceGetTemperature", "UNKNOWN", delay="1 ns")
    marker = (1).to_bytes(8, "little") + bytes(8)  # of its delay, and behind it the first functions' bits
    data = node.path.read_bytes()
    pattern = data.index(b"nvmlDeviceGetTemperature\0")
    assert data[pattern - 9 * 8 :].startswith(marker)

    with node.path.open("r+b") as file:
        file.seek(pattern - 9 * 8)
        file.write(b"\xff" * 8)

    assert ask("answer(temperatures(1))") == [SUCCESS]
    assert list(node.rules) == []
    node.rules.remove(rule)
