"""The NVLinks of a GPU, as `nvidia-smi nvlink` goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mocknvml.smi.gpus import Gpu, Refusal, branch
from mocknvml.smi.options import NEW, fail

STATE = 165  # the field value


class Links:
    def __init__(self, gpu: Gpu, count: int, only: int | None) -> None:
        self.gpu = gpu
        self.only = only
        self.numbers = [link for link in range(count) if only in (None, link)]

    def states(self, called: str = "link information") -> Iterator[tuple[int, bool]]:
        """The links, and whether each is active; up to 470 this is asked as each link's turn comes."""
        state: Any = 0
        for link in self.numbers:
            if branch() >= NEW:
                now = self.gpu.field(STATE, link)
                state = state if isinstance(now, Refusal) else now  # nvidia-smi takes it for that of the link before
            else:
                state = self.gpu.ask("GetNvLinkState", link)
                if isinstance(state, Refusal):
                    fail(f"NVML: Unable to retrieve NvLink {called} for link {link}: {{}}\n", state)
            yield link, bool(state)

    def active(self) -> Iterator[int]:
        return (link for link, is_active in self.states() if is_active)

    def active_or_word(self, what: str) -> tuple[list[tuple[int, bool]], str]:
        """The links with their states, and what is said if none of them is active."""
        found = list(self.states())
        if any(is_active for _, is_active in found):
            return found, ""
        which = "as all links are inActive" if self.only is None else f"for link {self.only} - inActive"
        return [], f"NVML: Unable to retrieve {what} {which}\n"
