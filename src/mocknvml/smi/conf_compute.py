"""`nvidia-smi conf-compute`: confidential computing."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TextIO

import pynvml as nvml

from mocknvml.smi.gpus import Gpu, Problem, Refusal, ask, branch, chosen, status_of
from mocknvml.smi.options import FLAG, NUMBER, TEXT, capable, only, title

HELP = """
    conf-compute -- what confidential computing the system can do and does

    nvidia-smi conf-compute OPTION [-i GPU,...]

    -gc, --get-cpu-caps           what the CPU can do
    -gg, --get-gpus-caps          what the GPUs can do
    -d, --get-devtools-mode       whether tools for developers may look in
    -e, --get-environment         the environment
    -f, --get-cc-feature          whether it is on
    -gm, --get-mem-size-info      how much memory of each GPU is protected
    -sm, --set-unprotected-mem-size=KIB
    -grs, --get-gpus-ready-state  whether the GPUs take work
    -srs, --set-gpus-ready-state=0|1

    From driver 550 on:
    -gkr, --get-key-rotation-threshold-info
    -skr, --set-key-rotation-max-attacker-advantage=NUMBER
    -mgm, --get-multigpu-mode     how GPUs work together

"""
AMPERE = 7  # the oldest that nvidia-smi takes for capable
NEWER = 550
CPUS = ("None", "AMD SEV", "INTEL TDX")
OPTIONS = {
    "-i --id": TEXT,
    "-gc --get-cpu-caps": FLAG,
    "-gg --get-gpus-caps": FLAG,
    "-d --get-devtools-mode": FLAG,
    "-e --get-environment": FLAG,
    "-f --get-cc-feature": FLAG,
    "-gm --get-mem-size-info": FLAG,
    "-sm --set-unprotected-mem-size": NUMBER,
    "-grs --get-gpus-ready-state": FLAG,
    "-srs --set-gpus-ready-state": NUMBER,
}
NEWER_OPTIONS = {
    "-gkr --get-key-rotation-threshold-info": FLAG,
    "-skr --set-key-rotation-max-attacker-advantage": NUMBER,
    "-mgm --get-multigpu-mode": FLAG,
}


class Getter(NamedTuple):
    """What is asked, what stands before it, what it is called where it is refused, and the words for its values."""

    ask: Callable[[], Any]
    member: str
    title: str
    refused: str
    words: Sequence[str] = ()  # another value has the first
    end: str = "\n"


def state() -> Any:
    """Before 550 nvidia-smi takes a refusal for confidential computing that is off."""
    answer = ask("nvmlSystemGetConfComputeState")
    off = isinstance(answer, Refusal) and branch() < NEWER
    return nvml.c_nvmlConfComputeSystemState_t() if off else answer


def settings() -> Any:
    struct = nvml.c_nvmlSystemConfComputeSettings_v1_t()
    refusal = ask("nvmlSystemGetConfComputeSettings", ctypes.byref(struct))
    return refusal if isinstance(refusal, Refusal) else struct


def asked(function: str) -> Callable[[], Any]:
    return lambda: ask(function)


READ = {
    "--get-cpu-caps": Getter(
        asked("nvmlSystemGetConfComputeCapabilities"),
        "cpuCaps",
        "CPU CC capabilities",
        "CPU capabilities",
        (*CPUS, "AMD SEV-SNP"),
    ),
    "--get-gpus-caps": Getter(
        asked("nvmlSystemGetConfComputeCapabilities"),
        "gpusCaps",
        "GPU CC capabilities",
        "GPUs capabilities",
        ("None", "CC Capable"),
    ),
    "--get-devtools-mode": Getter(state, "devToolsMode", "DevTools Mode", "DevTools Mode", ("OFF", "ON")),
    "--get-environment": Getter(
        state, "environment", "CC Environment", "Environment", ("UNAVAILABLE", "INTERNAL", "PRODUCTION")
    ),
    "--get-cc-feature": Getter(state, "ccFeature", "CC status", "CC feature status", ("OFF", "ON")),
    "--get-gpus-ready-state": Getter(
        asked("nvmlSystemGetConfComputeGpusReadyState"),
        "",
        "\nConfidential Compute GPUs Ready state",
        "GPUs Ready State",
        ("not-ready", "ready"),
        "\n\n",
    ),
    "--get-key-rotation-threshold-info": Getter(
        asked("nvmlSystemGetConfComputeKeyRotationThresholdInfo"),
        "attackerAdvantage",
        "\nConfidential Compute Key Rotation Threshold Attacker Advantage",
        "key rotation threshold info",
        end="\n\n",
    ),
    "--get-multigpu-mode": Getter(
        settings, "multiGpuMode", "Multi-GPU Mode", "Multi-GPU Mode", ("None", "Protected PCIe")
    ),
}


def run(arguments: Sequence[str], out: TextIO) -> int:
    option, given = only("conf-compute", arguments, OPTIONS | (NEWER_OPTIONS if branch() >= NEWER else {}))
    if option == "--help":
        out.write(HELP)
        return 0
    gpus = chosen(given.get("--id"))
    capable(gpus, AMPERE, "CC")
    if option in READ:
        out.write(_read(READ[option]))
    elif option == "--get-mem-size-info":
        for gpu in gpus:
            out.write(title(gpu, ""))
            out.write(_memory(gpu))
    elif option == "--set-unprotected-mem-size":
        size = ctypes.c_ulonglong(given[option])  # which nvidia-ml-py hands on as it is
        for gpu in gpus:
            answer = ask("nvmlDeviceSetConfComputeUnprotectedMemSize", gpu.handle, size)
            _made(answer, "set", "Unprotected Memory Size")
    elif option == "--set-gpus-ready-state":
        _made(ask("nvmlSystemSetConfComputeGpusReadyState", given[option]), "set", "GPUs Ready State")
    else:
        advantage = min(given[option], 2**64 - 1) % 2**64
        answer = ask("nvmlSystemSetConfComputeKeyRotationThresholdInfo", advantage)
        _made(answer, "set", "key max attacker advantage")
    return 0


def _read(getter: Getter) -> str:
    answer = _made(getter.ask(), "display", getter.refused)
    value = getattr(answer, getter.member) if getter.member else answer
    words = CPUS if getter.member == "cpuCaps" and branch() < NEWER else getter.words
    if words:
        value = words[value] if value < len(words) else words[0]
    return f"{getter.title}: {value}{getter.end}"


def _memory(gpu: Gpu) -> str:
    sizes = _made(gpu.ask("GetConfComputeMemSizeInfo"), "display", "GPU Memory Size Info")
    return (
        f"Protected memory size:   {sizes.protectedMemSizeKib} KiB\n"
        f"Unprotected memory size: {sizes.unprotectedMemSizeKib} KiB\n"
    )


def _made(answer: Any, verb: str, what: str) -> Any:
    if isinstance(answer, Refusal):
        raise Problem(f"Failed to {verb} Conf. Compute {what}: {answer.reason}\n", status_of(answer.code))
    return answer
