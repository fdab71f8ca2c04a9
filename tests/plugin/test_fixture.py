"""The fixture `gpu_node`: what a test finds, in its process and in its children, and what it leaves to the next."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.conftest import Passes, Run

pytest_plugins = ["pytester"]

HELPERS = """
import multiprocessing, os, subprocess, sys, threading
import pynvml
import pytest

def first():
    pynvml.nvmlInit()
    return pynvml.nvmlDeviceGetHandleByIndex(0)

def temperature():
    return pynvml.nvmlDeviceGetTemperature(first(), pynvml.NVML_TEMPERATURE_GPU)

def name():
    return pynvml.nvmlDeviceGetName(first())

def count():
    pynvml.nvmlInit()
    return pynvml.nvmlDeviceGetCount()

def child(program, *arguments):
    return shown(*arguments, "-c", program)

def shown(*arguments, **env):
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=True).stdout

COUNT = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetCount())"
"""


def test_pynvml_finds_the_node_in_the_same_process(passes: Passes) -> None:
    source = """
def test(gpu_node):
    assert count() == 8
    assert name() == "NVIDIA A100-SXM4-40GB"
    gpu_node.gpus[0].thermal.temperature.gpu = "91 C"
    assert temperature() == 91
"""
    passes(HELPERS + source, tests=1)


def test_what_is_set_by_nvml_is_read_through_the_node(passes: Passes) -> None:
    source = """
def test(gpu_node):
    pynvml.nvmlDeviceSetPowerManagementLimit(first(), 300_000)
    assert gpu_node.gpus[0].power.limit == 300_000
"""
    passes(HELPERS + source, tests=1)


def test_a_child_finds_the_node(passes: Passes) -> None:
    source = """
def test(gpu_node):
    gpu_node.gpus[0].set("identity.name", "Toaster")
    program = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetName(n.nvmlDeviceGetHandleByIndex(0)))"
    assert child(program) == "Toaster\\n"
"""
    passes(HELPERS + source, tests=1)


def test_gpustat_and_nvitop_find_the_node(passes: Passes) -> None:
    source = """
import json

@pytest.mark.gpu_node("t4", gpus=2)
def test(gpu_node):
    gpu_node.gpus[1].set("thermal.temperature.gpu", "91 C")
    gpus = json.loads(shown("-m", "gpustat", "--json"))["gpus"]
    assert [(gpu["name"], gpu["temperature.gpu"] == 91) for gpu in gpus] == [("Tesla T4", False), ("Tesla T4", True)]
    screen = shown("-m", "nvitop", "--once", "--ascii", COLUMNS="200")
    assert screen.count("Tesla T4") == 2
    assert "91C" in screen
"""
    passes(HELPERS + source, tests=1)


def test_a_mocknvml_command_finds_the_node(passes: Passes) -> None:
    source = """
@pytest.mark.gpu_node("t4", gpus=3)
def test(gpu_node):
    assert shown("-m", "mocknvml", "run", "--", sys.executable, "-c", COUNT) == "3\\n"
"""
    passes(HELPERS + source, tests=1)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_finds_the_node_of_each_test(passes: Passes, method: str) -> None:
    source = f"""
def in_child(function):
    with multiprocessing.get_context("{method}").Pool(1) as pool:
        return pool.apply(function)

def test_default(gpu_node):
    assert count() == 8
    assert in_child(count) == 8
    gpu_node.gpus[0].set("thermal.temperature.gpu", "91 C")
    assert in_child(temperature) == 91

@pytest.mark.gpu_node("t4", gpus=3)
def test_other(gpu_node):
    assert in_child(count) == 3

def test_default_again(gpu_node):
    assert in_child(temperature) < 91
"""
    passes(HELPERS + source, tests=3)


def test_threads_find_the_node(passes: Passes) -> None:
    source = """
def test(gpu_node):
    gpu_node.gpus[0].set("thermal.temperature.gpu", "91 C")
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(temperature())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [91] * 8
"""
    passes(HELPERS + source, tests=1)


def test_a_thread_that_outlives_its_test_gets_errors_and_then_the_next_node(passes: Passes) -> None:
    source = """
seen, stop = set(), threading.Event()

def read():
    while not stop.is_set():
        try:
            seen.add(pynvml.nvmlDeviceGetCount())
        except pynvml.NVMLError as error:
            seen.add(error.value)

thread = threading.Thread(target=read)

def test_start(gpu_node):
    assert count() == 8
    thread.start()
    while 8 not in seen:
        pass

def test_between():
    while pynvml.NVML_ERROR_UNINITIALIZED not in seen:
        pass
    seen.clear()

@pytest.mark.gpu_node(gpus=3)
def test_end():
    assert count() == 3
    while 3 not in seen:
        pass
    stop.set()
    thread.join()
    assert 8 not in seen
"""
    passes(HELPERS + source, tests=3)


def test_a_thread_that_waits_for_events_longer_than_its_test_lasts_ends_with_it(passes: Passes) -> None:
    source = """
started, ended = threading.Event(), []

def wait(events):
    started.set()
    try:
        pynvml.nvmlEventSetWait_v2(events, 100_000)
    except pynvml.NVMLError as error:
        ended.append(error.value)

def test_wait(gpu_node):
    global thread
    gpu = first()
    events = pynvml.nvmlEventSetCreate()
    pynvml.nvmlDeviceRegisterEvents(gpu, pynvml.nvmlEventTypeXidCriticalError, events)
    thread = threading.Thread(target=wait, args=[events])
    thread.start()
    started.wait()

def test_end():
    thread.join(50)
    assert ended == [pynvml.NVML_ERROR_UNINITIALIZED]
"""
    passes(HELPERS + source, tests=2)


def test_a_call_that_hangs_ends_with_its_test(passes: Passes) -> None:
    source = """
def ask():
    try:
        pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError_Uninitialized:
        pass  # its test has ended

def test_hang(gpu_node):
    global thread, process
    gpu_node.rules.add("nvmlDeviceGetCount_v2", delay="hang")
    pynvml.nvmlInit()
    thread = threading.Thread(target=ask)
    thread.start()
    process = subprocess.Popen([sys.executable, "-c", COUNT])
    while not gpu_node.calls("nvmlInitWithFlags")[1:]:
        pass

def test_end():
    thread.join(50)
    assert not thread.is_alive()
    assert process.wait(50) == 0
"""
    passes(HELPERS + source, tests=2)


def test_the_marker_says_which_gpus(passes: Passes, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("board.yaml").write_text("inherits: t4\nsource: ours\nidentity: {name: Mine}\n")
    source = """
@pytest.mark.gpu_node("h100-sxm5-80gb", gpus=4)
def test_function(gpu_node):
    assert count() == len(gpu_node.gpus) == 4
    assert name() == "NVIDIA H100 80GB HBM3"

@pytest.mark.gpu_node("t4", gpus=2)
class TestClass:
    def test_method(self, gpu_node):
        assert count() == 2

    @pytest.mark.gpu_node(gpus=0)
    def test_closest_marker_wins(self, gpu_node):
        assert count() == 0

@pytest.mark.gpu_node(driver="535.161.08")
def test_driver(gpu_node):
    assert count() == 8
    assert pynvml.nvmlSystemGetDriverVersion() == "535.161.08"

@pytest.mark.gpu_node("board.yaml", 1)
def test_file(gpu_node):
    assert name() == "Mine"

@pytest.mark.parametrize("board", [pytest.param("Tesla T4", marks=pytest.mark.gpu_node("t4")), "NVIDIA A100-SXM4-40GB"])
def test_parameter(gpu_node, board):
    assert name() == board
"""
    passes(HELPERS + source, tests=7)


def test_a_marked_test_finds_its_gpus_without_asking_for_the_fixture(passes: Passes) -> None:
    source = """
import unittest

@pytest.fixture
def counted():
    return count()

@pytest.mark.gpu_node(gpus=3)
def test_before_other_fixtures(counted):
    assert counted == 3

@pytest.mark.gpu_node(gpus=2)
class TestUnittest(unittest.TestCase):
    def setUp(self):
        self.counted = count()

    def test(self):
        self.assertEqual(self.counted, 2)
"""
    passes(HELPERS + source, tests=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'t5'", "gpu_node: t5: no such profile"),
        ("gpus=-1", "gpu_node: gpus=-1: give a number from 0 to 16384"),
        ("driver='1.2'", "gpu_node: driver=1.2: give a driver version from 450 on"),
        ("gpus='4'", "@pytest.mark.gpu_node got gpus='4'; it takes "),
        ("8", "@pytest.mark.gpu_node got profile=8; it takes "),
        ("count=8", "@pytest.mark.gpu_node got an unexpected keyword argument 'count'; it takes "),
        ("'t4', 1, '550', 2", "@pytest.mark.gpu_node too many positional arguments; it takes "),
    ],
)
def test_a_wrong_marker_is_told_in_one_line(run: Run, arguments: str, message: str) -> None:
    result = run(f"import pytest\n@pytest.mark.gpu_node({arguments})\ndef test(gpu_node): pass\n")

    result.assert_outcomes(errors=1)
    between = result.stdout.lines.index(next(line for line in result.outlines if "ERROR at setup" in line))
    told = result.outlines[between + 1 : result.outlines.index(next(x for x in result.outlines if "short test" in x))]
    assert len(told) == 1
    assert told[0].startswith(message)


def test_nothing_passes_from_one_test_to_the_next(passes: Passes) -> None:
    source = """
import time

@pytest.fixture
def start():
    return time.monotonic_ns()

@pytest.mark.parametrize("turn", range(3))
def test(start, gpu_node, turn):
    gpu = gpu_node.gpus[0]
    assert gpu.get("thermal.temperature.gpu") < 91
    assert gpu.status("memory.total") == 0
    assert gpu.get("processes.running") == []
    assert gpu_node.clock.now < 3600 * 10**9
    assert start < gpu_node.get("time.host") < time.monotonic_ns()
    assert gpu_node.get("driver.version") == "550.54.15"
    gpu.set("thermal.temperature.gpu", "91 C")
    gpu.fail("memory.total", 15)
    assert list(gpu_node.events) == list(gpu_node.faults) == list(gpu_node.rules) == gpu_node.calls() == []
    for function in ("nvmlInitWithFlags", "nvmlShutdown", "nvmlDeviceGetMemoryInfo"):
        gpu_node.rules.add(function, code="UNKNOWN", after=1)
    pynvml.nvmlInit()
    assert pynvml.nvmlDeviceGetTemperature(pynvml.nvmlDeviceGetHandleByIndex(1), 0) < 91
    gpu_node.faults.inject("fallen-off-bus", gpu=1)
    gpu.set("processes.running", [{"pid": 4242, "contexts": 1, "memory": "8 GiB", "name": "python"}])
    gpu_node.clock.step("3600 s")
    gpu_node.set("driver.version", "1.2.3")
    gpu.events.add("xid", 79)
    gpu = pynvml.nvmlDeviceGetHandleByIndex(0)
    pynvml.nvmlDeviceSetPersistenceMode(gpu, 1 - pynvml.nvmlDeviceGetPersistenceMode(gpu))
"""
    passes(HELPERS + source, tests=3)


def test_calls_of_all_processes_are_there(passes: Passes) -> None:
    source = """
READ = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetTemperature(n.nvmlDeviceGetHandleByIndex(3), 0))"

def test_calls(gpu_node):
    assert gpu_node.calls() == []
    degrees = temperature()
    (call,) = gpu_node.calls("nvmlDeviceGetTemperature")
    assert (call.gpu, call.result, call.pid, call.arguments["temp"]) == (0, 0, os.getpid(), degrees)
    child(READ)
    assert [call.gpu for call in gpu_node.calls("nvmlDeviceGetTemperature")] == [0, 3]
    assert len(gpu_node.calls("nvmlInitWithFlags")) == 2

def test_rule(gpu_node):
    gpu_node.rules.add("nvmlDeviceGetTemperature", code="UNKNOWN", times=1)
    with pytest.raises(pynvml.NVMLError_Unknown):
        temperature()
    assert temperature() > 0
    results = [call.result for call in gpu_node.calls("nvmlDeviceGetTemperature")]
    assert results == [pynvml.NVML_ERROR_UNKNOWN, pynvml.NVML_SUCCESS]

def test_a_test_may_do_without(gpu_node):
    gpu_node.log_calls(False)
    temperature()
    assert gpu_node.calls() == []
"""
    passes(HELPERS + source, tests=3)


def test_setters_take_everybody(passes: Passes) -> None:
    source = """
from mocknvml.testing import gpu_node

@pytest.fixture
def nobody():
    root = os.geteuid() == 0
    with gpu_node():
        count()  # loads what nobody may perhaps not read
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)

def test(nobody):
    with gpu_node() as node:
        pynvml.nvmlDeviceSetPowerManagementLimit(first(), 300_000)
        assert node.gpus[0].get("power.limit") == 300_000
        assert os.geteuid() != 0
"""
    passes(HELPERS + source, tests=1)


def test_a_node_that_a_test_has_spoilt_is_made_again(passes: Passes) -> None:
    source = """
import mocknvml

def test_close(gpu_node):
    gpu_node.close()

@pytest.mark.gpu_node(gpus=3)
def test_other():
    assert count() == 3

def test_remove(gpu_node):
    assert count() == 8
    gpu_node.path.unlink()

def test_replace(gpu_node):
    assert count() == 8
    mocknvml.Node.create(gpu_node.path, "t4", 1).close()

def test_replace_by_the_name_in_the_environment(gpu_node):
    assert count() == 8
    mocknvml.Node.create(os.environ["MOCK_NVML_NODE"], "t4", 1).close()

def test_whole(gpu_node):
    assert count() == 8
    assert int(child(COUNT)) == 8

@pytest.mark.gpu_node(gpus=4)
def test_another():
    assert count() == 4

def test_still_whole(gpu_node):
    assert count() == 8
"""
    passes(HELPERS + source, tests=8)


def test_a_leaked_init_does_no_harm(passes: Passes) -> None:
    source = """
def test_leak(gpu_node):
    for _ in range(3):
        assert count() == 8

def test_next(gpu_node):
    assert pynvml.nvmlLib is None
    assert pynvml._nvmlLib_refcount == 0
    with pytest.raises(pynvml.NVMLError_Uninitialized):
        pynvml.nvmlDeviceGetCount()
    assert count() == 8
    pynvml.nvmlShutdown()
    with pytest.raises(pynvml.NVMLError_Uninitialized):
        pynvml.nvmlDeviceGetCount()

def test_leak_again(gpu_node):
    count()

@pytest.mark.gpu_node(gpus=2)
def test_other_node(gpu_node):
    assert count() == 2
"""
    passes(HELPERS + source, tests=4)


def test_nvitop_in_the_same_process_begins_anew_in_each_test(passes: Passes) -> None:
    source = """
import nvitop

@pytest.mark.parametrize("gpus", [1, 2, 3])
def test_marked(request, gpus, gpu_node):
    gpu_node.gpus[0].set("thermal.temperature.gpu", f"{90 + gpus} C")
    assert nvitop.Device(0).temperature() == 90 + gpus

@pytest.mark.gpu_node("t4", gpus=2)
def test_other():
    assert [device.name() for device in nvitop.Device.all()] == ["Tesla T4"] * 2
"""
    passes(HELPERS + source, tests=4)


def test_without_the_fixture_there_is_no_library_whatever_ran_before(passes: Passes) -> None:
    absent = """
def test_absent_{}():
    with pytest.raises(pynvml.NVMLError_LibraryNotFound):
        pynvml.nvmlInit()
    assert not [name for name in os.environ if name.startswith("MOCK_NVML_")]
    assert "LD_LIBRARY_PATH" not in os.environ
    with pytest.raises(subprocess.CalledProcessError):
        child(COUNT)
"""
    present = """
def test_present(gpu_node):
    assert count() == 8
"""
    passes(HELPERS + absent.format("before") + present + absent.format("after"), tests=3)


def test_without_the_fixture_a_wrapped_pytest_finds_the_node_of_its_wrapper(
    pytester: pytest.Pytester, run: Run
) -> None:
    source = """
@pytest.mark.parametrize("turn", range(2))
def test_wrapper(turn):
    assert count() == 2
    assert int(child(COUNT)) == 2
    pynvml.nvmlShutdown()

def test_own(gpu_node):
    assert count() == 8

def test_wrapper_again():
    assert count() == 2
"""
    pytester.makepyfile(test_it=HELPERS + source)
    wrapper = [sys.executable, "-m", "mocknvml", "run", "--profile", "t4", "--gpus", "2", "--"]
    result = pytester.run(*wrapper, sys.executable, "-m", "pytest", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=4)


def test_what_a_test_does_to_the_variables_is_undone(passes: Passes) -> None:
    source = """
def test_before(monkeypatch, gpu_node):
    monkeypatch.setenv("MOCK_NVML_NODE", "/nowhere")
    monkeypatch.delenv("LD_LIBRARY_PATH")

def test_after(gpu_node, monkeypatch):
    monkeypatch.setenv("MOCK_NVML_NODE", "/nowhere")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")

def test_now(gpu_node):
    assert int(child(COUNT)) == 8

def test_clean():
    assert "MOCK_NVML_NODE" not in os.environ
    assert os.environ["LD_LIBRARY_PATH"] == "/mine"
"""
    conftest = "import os\nos.environ['LD_LIBRARY_PATH'] = '/mine'\n"
    passes(conftest + HELPERS + source, tests=4)


def test_workers_of_xdist_have_nodes_of_their_own(passes: Passes) -> None:
    source = """
@pytest.mark.parametrize("turn", range(30))
def test(gpu_node, turn):
    gpu = gpu_node.gpus[0]
    assert temperature() < 91
    for value in range(91, 100):
        gpu.set("thermal.temperature.gpu", f"{value} C")
        assert temperature() == value

def test_worker():
    assert os.environ["PYTEST_XDIST_WORKER_COUNT"] == "2"
"""
    passes(HELPERS + source, "--numprocesses", "2", tests=31)


def test_a_run_leaves_no_files(pytester: pytest.Pytester, passes: Passes, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pytester.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    source = """
def test(gpu_node):
    assert str(gpu_node.path).startswith(os.environ["TMPDIR"])
"""
    passes(HELPERS + source, "--basetemp", str(pytester.path / "base"), tests=1)

    assert list(folder.iterdir()) == []


def test_a_library_that_is_loaded_already_is_named(pytester: pytest.Pytester, run: Run, library: Path) -> None:
    real = pytester.mkdir("driver") / "libnvidia-ml.so.1"
    real.write_bytes(library.read_bytes())
    source = f"""
import ctypes
ctypes.CDLL({str(real)!r})

def test_one(gpu_node): pass
def test_two(gpu_node): pass
def test_three(): pass
"""
    result = run(source)

    result.assert_outcomes(errors=2, passed=1)
    assert result.stdout.str().count(f"\ngpu_node: this process has loaded {real}: ") == 2


def test_a_pytest_within_a_test_has_a_node_of_its_own(passes: Passes) -> None:
    source = """
pytest_plugins = ["pytester"]

def test_outer(gpu_node, pytester):
    assert count() == 8
    pytester.makepyfile('''
import pynvml, pytest

@pytest.mark.gpu_node(gpus=3)
def test_inner():
    pynvml.nvmlInit()
    assert pynvml.nvmlDeviceGetCount() == 3
''')
    pytester.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    assert count() == 8
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)

def test_absent():
    with pytest.raises(pynvml.NVMLError_LibraryNotFound):
        pynvml.nvmlInit()
"""
    passes(HELPERS + source, tests=2)


def test_the_plugin_imports_next_to_nothing() -> None:
    program = """
import pytest, sys
before = set(sys.modules)
import mocknvml.pytest_plugin
print(*sys.modules.keys() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) == {"mocknvml", "mocknvml.defaults", "mocknvml.pytest_plugin"}


def test_a_run_without_the_fixture_imports_no_more(passes: Passes) -> None:
    source = """
import sys

def test():
    assert {name for name in sys.modules if name.startswith("mocknvml")} == {
        "mocknvml", "mocknvml.defaults", "mocknvml.pytest_plugin"
    }
    assert "yaml" not in sys.modules
"""
    passes(source, tests=1)


def test_tests_of_users_type_check(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
import pytest
from mocknvml import Gpu, Node
from mocknvml.testing import gpu_node as node_for

@pytest.mark.gpu_node("t4", gpus=1)
def test(gpu_node: Node) -> None:
    gpu: Gpu = gpu_node.gpus[0]
    gpu.thermal.temperature.gpu = "91 C"
    gpu_node.faults.inject("lost", gpu=0)
    assert [call.result for call in gpu_node.calls("nvmlInit_v2")] == []

@node_for("t4")
def test_decorated() -> None:
    with node_for(gpus=2) as node:
        reveal_type(node)
"""
    )
    result = pytester.run(sys.executable, "-m", "mypy", "--strict", "test_it.py")

    result.stdout.fnmatch_lines(['*Revealed type is "mocknvml.state.node.Node"*', "Success: no issues found*"])
