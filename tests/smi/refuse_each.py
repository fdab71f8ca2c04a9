"""Runs a command of the stand-in once for each function that it calls, which answers an error: prints how many runs
there were, and what went wrong. A program of its own, because it forks for each run."""

import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import mocknvml.smi
from mocknvml import Node
from mocknvml.smi.main import main
from mocknvml.state.calls import EXPORT_SLOT

CODES = ("NOT_SUPPORTED", "NO_PERMISSION", "GPU_IS_LOST", "UNKNOWN")
SECONDS = 10
RAISED = 99


def run(arguments: list[str]) -> tuple[int, str]:
    """The exit status, negative for a signal, and what was said."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        signal.alarm(SECONDS)
        status = RAISED
        try:
            status = main(arguments)
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        os._exit(status)
    os.close(writer)
    with os.fdopen(reader, errors="replace") as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


if __name__ == "__main__":
    for module in walk_packages(mocknvml.smi.__path__, "mocknvml.smi."):  # once, not in each run
        import_module(module.name)
    with Node.open(Path(sys.argv[1])) as node:
        arguments = sys.argv[2:]
        node.log_calls()
        run(arguments)
        functions = sorted({call.function for call in node.calls()} - {EXPORT_SLOT})
        node.log_calls(False)
        runs = 0
        for function in functions:
            for code in CODES:
                rule = node.rules.add(function, code=code)
                status, said = run(arguments)
                node.rules.remove(rule)
                runs += 1
                if status < 0 or status == RAISED:
                    print(f"{function} {code}: {status}\n{said[-1000:]}")
        print(f"{runs} runs")
