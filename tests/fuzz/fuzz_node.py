"""`python -m tests.fuzz.fuzz_node LIBRARY SECONDS SEED GOOD NODE`: damaged node files in Python.

What is damaged is refused, or answers some value or error; nothing else is raised. `LIBRARY` is a `_node.so`.
"""

from __future__ import annotations

import contextlib
import mmap
import random
import sys
import time
from pathlib import Path

from mocknvml import Node
from mocknvml.errors import MocknvmlError
from mocknvml.state import native
from mocknvml.state.events import KINDS

HEADER = 4096
WORDS = (0, 1, 2, 3, 4, 0x10003, 0x4000000003, 0xFFFFFFFF00000003, 0xFFFFFFFFFFFF0003, 2**63, 2**64 - 1)
ACTS = 200


def damage(data: bytearray | mmap.mmap, rng: random.Random, times: int) -> None:
    words = memoryview(data).cast("Q")
    for _ in range(times):
        at = rng.randrange(HEADER // 8, len(words))
        word = rng.choice(WORDS) if rng.random() < 0.8 else rng.getrandbits(64)
        for place in range(at, min(len(words), at + rng.choice((1, 1, 1, 300)))):
            words[place] = word
    words.release()


def make(good: bytes, path: Path, rng: random.Random) -> None:
    data = bytearray(good)
    way = rng.randrange(10)
    if way == 0:
        data[rng.randrange(48)] ^= 1 << rng.randrange(8)
    elif way == 1:
        del data[rng.randrange(len(data)) :]
    else:
        damage(data, rng, rng.choice((3, 30, 300)))
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def act(node: Node, keys: dict[int, list[str]], rng: random.Random) -> None:
    number = rng.randrange(-1, len(node.gpus))
    block = node if number < 0 else node.gpus[number]
    key = rng.choice(keys[min(number, 0)])
    match rng.randrange(24):
        case 0 | 1 | 2:
            block.set(key, rng.choice((0, 1, "1", "7 W", "5 MiB", "text", True, [])))
        case 3:
            block.fail(key, rng.randrange(30))
        case 4:
            (node if rng.random() < 0.5 else block).reset()
        case 5:
            node.clock.step(f"{rng.randrange(2**40)} ns")
        case 6:
            with node.edit() as draft:
                for gpu in draft.gpus:
                    gpu.set("power.limit", "200 W")
        case 7:
            block.overrides()
        case 8:
            list(node.rules)
        case 9:
            list(node.faults)
        case 10:
            list(node.calls())
        case 11:
            list(node.gpus[0].processes)
        case 12:
            assert len(list(node.events)) < 2048
        case 13:
            node.gpus[0].events.add(rng.choice(tuple(KINDS)), rng.choice((None, 79)))
        case 14:
            node.clock.rate(rng.choice((1e-6, 1, 60)))
        case 15:
            _ = (node.clock.wall, node.clock.speed, node.clock.waits)
        case 16:
            node.rules.clear()
        case _:
            block.get(key)


def use(path: Path, rng: random.Random) -> int:
    with Node.open(path) as node, path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        keys = {-1: list(node.field_keys()), 0: list(node.gpus[0].field_keys())}
        changing = rng.random() < 0.5
        for _ in range(ACTS):
            if changing:
                damage(memory, rng, 3)
            with contextlib.suppress(MocknvmlError):
                act(node, keys, rng)
    return ACTS


def main() -> None:
    native.PATH = Path(sys.argv[1])
    native.native()
    end, rng = time.monotonic() + float(sys.argv[2]), random.Random(int(sys.argv[3]))
    good, path = Path(sys.argv[4]).read_bytes(), Path(sys.argv[5])
    acts = 0
    while time.monotonic() < end:
        make(good, path, rng)
        with contextlib.suppress(MocknvmlError):
            acts += use(path, rng)
    print(acts)


if __name__ == "__main__":
    main()
