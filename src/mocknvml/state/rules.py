"""Rules: functions that answer a code of one's choice, or late, for all processes of a node."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref, c_uint64
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from mocknvml.errors import RETURN_CODES, NodeError, UnknownKey, ValueMismatch, return_code
from mocknvml.state.api import constant, function_names, model
from mocknvml.state.native import native
from mocknvml.state.values import bytes_to_words, did_you_mean, parse_number, shown

if TYPE_CHECKING:
    from mocknvml.state.node import Node

# As in native/rules.h.
RULES: Final = 64
FUNCTION_WORDS: Final = 8
PATTERN_WORDS: Final = 8
WORDS: Final = 9 + FUNCTION_WORDS + PATTERN_WORDS + 1
ANY_GPU: Final = 0xFFFFFFFF
NO_CODE: Final = 0xFFFFFFFF
HANGS: Final = 2**64 - 1
NOT_FOUND: Final = 6
INSUFFICIENT_RESOURCES: Final = 23


@dataclass(frozen=True)
class Rule:
    """A rule that stands: `calls` is how many calls it has seen, `acted` on how many of them it acted."""

    id: int
    function: str  # a name, or a pattern such as nvmlDeviceGet*
    gpu: int | None  # None: all
    code: int | None  # None: the function answers as always
    after: int
    times: int | None
    every: int
    probability: float
    seed: int
    delay: int | str | None  # nanoseconds, or "hang"
    calls: int
    acted: int


class Rules:
    """The rules of a node, in the order in which they were added.

    >>> rule = node.rules.add("nvmlDeviceGetTemperature", code="GPU_IS_LOST", gpu=0, after=3, times=1)
    >>> node.rules.remove(rule)
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def add(
        self,
        function: str,
        code: str | int | None = None,
        *,
        gpu: int | None = None,
        after: int = 0,
        times: int | None = None,
        every: int = 1,
        probability: float = 1.0,
        seed: int = 0,
        delay: str | None = None,
    ) -> int:
        """Let a function answer `code`, such as "GPU_IS_LOST" or 15, or come late, and return the id of this rule.

        `function` may be a pattern, such as "nvmlDeviceGet*"; nvmlX and nvmlX_v2 are different functions. The rule lets
        the first `after` calls pass, then acts on each `every`-th one, with a `probability` that is drawn anew for each
        call, alike for the same `seed`, and `times` times at most. It counts the calls of all processes together.
        `delay` is a time of the host, such as "2 s", or "hang" for until the rule is removed.
        """
        if code is None and delay is None:
            raise ValueMismatch(f"{function}: give a code, a delay, or both")
        if gpu is not None and not (isinstance(gpu, int) and 0 <= gpu < len(self._node.gpus)):
            raise ValueMismatch(f"gpu={shown(gpu)}: give the index of one of {len(self._node.gpus)} GPUs")
        if not 0 < probability <= 1:
            raise ValueMismatch(f"probability={shown(probability)}: give more than 0, up to 1")
        numbers = {"after": (after, 0), "every": (every, 1), "seed": (seed, 0)}
        if times is not None:
            numbers["times"] = (times, 1)
        for name, (number, least) in numbers.items():
            if not isinstance(number, int) or not least <= number < 2**63:
                raise ValueMismatch(f"{name}={shown(number)}: give a whole number from {least}")
        late = 0 if delay is None else HANGS if delay == "hang" else parse_number("u64", "ns", delay)
        words = [
            0,
            ANY_GPU if gpu is None else gpu,
            NO_CODE if code is None else _code(code),
            after,
            HANGS if times is None else times,
            every,
            round(probability * 2**32),
            seed,
            late,
            *_function_bits(function, of_gpu=gpu is not None),
            *bytes_to_words(function.encode()[: PATTERN_WORDS * 8], PATTERN_WORDS),
            0,
        ]
        identifier = c_uint64()
        status = native().mock_api_rule_add(self._node.handle, (c_uint64 * WORDS)(*words), byref(identifier))
        if status == INSUFFICIENT_RESOURCES:
            raise NodeError(f"{self._node.path}: a node takes {RULES} rules; remove some")
        self._node.check(status)
        return identifier.value

    def remove(self, rule: int) -> None:
        """Take a rule away by its id; calls that it lets hang go on."""
        status = native().mock_api_rule_remove(self._node.handle, rule) if rule > 0 else NOT_FOUND
        if status == NOT_FOUND:
            raise UnknownKey(f"{rule}: no rule has this id")
        self._node.check(status)

    def clear(self) -> None:
        """Take all rules away."""
        self._node.check(native().mock_api_rule_remove(self._node.handle, 0))

    def __iter__(self) -> Iterator[Rule]:
        calls = native().mock_api_calls_open(self._node.handle)
        buffer = (c_uint64 * (WORDS + 2))()
        try:
            found = [
                _rule(list(buffer))
                for place in range(RULES)
                if native().mock_api_rule(self._node.handle, calls, place, buffer)
            ]
        finally:
            if calls:
                native().mock_api_calls_close(calls)
        return iter(sorted(found, key=lambda rule: rule.id))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _rule(words: list[int]) -> Rule:
    identifier, gpu, code, after, times, every, probability, seed, delay = words[:9]
    pattern = b"".join(word.to_bytes(8, "little") for word in words[9 + FUNCTION_WORDS : WORDS - 1])
    return Rule(
        identifier,
        pattern.rstrip(b"\0").decode(errors="replace"),
        None if gpu == ANY_GPU else gpu,
        None if code == NO_CODE else constant("nvmlReturn_t", code),
        after,
        None if times == HANGS else times,
        every,
        probability / 2**32,
        seed,
        "hang" if delay == HANGS else delay or None,
        words[WORDS],
        min(words[WORDS + 1], times),
    )


def _code(code: str | int) -> int:
    """A return code by its name in nvml.h, with or without NVML_ERROR_, or its number."""
    if isinstance(code, int) and not isinstance(code, bool):
        if not 0 <= code < 0xFFFF:
            raise ValueMismatch(f"code={code}: give the number of a return code")
        return int(code)
    number = return_code(str(code))
    if number is None:
        raise UnknownKey(f"{shown(code)}: no such return code{did_you_mean(str(code), RETURN_CODES)}")
    return number


def _function_bits(pattern: str, *, of_gpu: bool) -> list[int]:
    """The functions that a pattern means, as bits."""
    if len(pattern.encode()) > PATTERN_WORDS * 8:
        raise UnknownKey(f"{shown(pattern)}: no such function in nvml.h")
    matching = [
        (number, function)
        for number, function in enumerate(model()["functions"])
        if function["watched"] and fnmatchcase(function["name"], pattern)
    ]
    if not matching and pattern in function_names():
        raise ValueMismatch(f"{pattern}: answers no return code")
    if not matching:
        raise UnknownKey(f"{pattern}: no such function in nvml.h{did_you_mean(pattern, function_names())}")
    if of_gpu:
        matching = [
            (number, function)
            for number, function in matching
            if any(parameter["recorded"] == "DEVICE" for parameter in function["parameters"])
        ]
        if not matching:
            raise ValueMismatch(f"{pattern} takes no device: leave out gpu")
    bits = 0
    for number, _ in matching:
        bits |= 1 << number
    return bytes_to_words(bits.to_bytes(FUNCTION_WORDS * 8, "little"), FUNCTION_WORDS)
