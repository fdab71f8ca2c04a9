"""Changes of several blocks: all of them or none, wherever the writer dies."""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocknvml import Node, NodeError
from mocknvml.state.layout import BLOCK_HEADER_WORDS, layout
from mocknvml.state.native import NODE_BLOCK
from tests.contracts.abi import SUCCESS, Library

HEADER = 4096  # bytes before the first block
SHARED = HEADER + layout().node.stride * 8
MARK, MARKS, PUBLISHED = 2, 1, 2
BEFORE, AFTER = 400_000, 300_000  # milliwatts
GPUS = 3


def limits(node: Node) -> list[int]:
    return [int(gpu.get("power.limit")) for gpu in node.gpus]


def blocks_of(size: int) -> list[tuple[int, int]]:
    """Offset and words of each block in a file."""
    stride = layout().gpu.stride * 8
    gpus = [(offset, layout().gpu.words) for offset in range(size - GPUS * stride, size, stride)]
    return [(HEADER, layout().node.words), *gpus]


def stages(before: bytes, after: bytes) -> Iterator[tuple[bytes, bool]]:
    """What a file holds after each store of a step from one state to the other, and whether the step counts."""
    file = bytearray(before)
    blocks = blocks_of(len(before))
    gpus = blocks[1][0]

    def word(offset: int) -> int:
        return int(struct.unpack_from("<Q", after, offset)[0])

    for offset, words in blocks:
        copy = offset + (BLOCK_HEADER_WORDS + (word(offset) & 1) * words) * 8
        file[copy : copy + words * 8] = after[copy : copy + words * 8]
    file[SHARED + 8 : SHARED + 16] = after[SHARED + 8 : SHARED + 16]
    stores = [(SHARED, MARKS), *((offset, word(offset) | MARK) for offset, _ in blocks), (SHARED, PUBLISHED)]
    for offset, _ in blocks:
        stores += [(offset, word(offset)), (offset + 8, word(offset))]
    counts = False
    yield bytes(file), counts
    for offset, value in [*stores, (SHARED, 0)]:
        struct.pack_into("<Q", file, offset, value)
        counts = counts or (offset, value) == (SHARED, PUBLISHED)
        yield bytes(file), counts
    file[SHARED:gpus] = after[SHARED:gpus]  # waiters are woken at the end
    yield bytes(file), counts


@pytest.fixture
def killed(tmp_path: Path) -> list[tuple[Path, int]]:
    """Nodes whose writer was killed, each at another store of a step over all blocks, and the limit that holds."""
    path = tmp_path / "node"
    with Node.create(path, gpus=GPUS) as node:
        before = path.read_bytes()
        at = layout().gpu.places["power.limit"].offset + 1
        epoch = layout().node.places["time.epoch"].offset + 1
        state = layout().gpu.places["modes.performance_state"].offset + 1
        node._write_all({NODE_BLOCK: {epoch: 1}, **{index: {at: AFTER, state: 5} for index in range(GPUS)}})
    files = []
    for number, (data, counts) in enumerate(stages(before, path.read_bytes())):
        files.append((tmp_path / f"node-{number}", AFTER if counts else BEFORE))
        files[-1][0].write_bytes(data)
    assert files[-1][0].read_bytes() == path.read_bytes()
    return files


def test_a_reader_in_python_sees_a_whole_step_or_none(killed: list[tuple[Path, int]]) -> None:
    for path, limit in killed:
        with Node.open(path) as node:
            assert limits(node) == [limit] * GPUS
            assert (node.get("time.epoch") == 1) == (limit == AFTER)


def test_a_reader_in_c_sees_a_whole_step_or_none(
    killed: list[tuple[Path, int]], library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = Library(library)
    for path, limit in killed:
        monkeypatch.setenv("MOCK_NVML_NODE", str(path))
        assert loaded.loaded.nvmlInit_v2() == SUCCESS
        try:
            assert [loaded.power_limit(index) for index in range(GPUS)] == [limit] * GPUS
        finally:
            loaded.loaded.nvmlShutdown()


def test_the_next_writer_ends_a_step_and_goes_on(killed: list[tuple[Path, int]]) -> None:
    for path, limit in killed:
        with Node.open(path) as node:
            node.gpus[1].set("power.limit_min", "7 W")
            assert limits(node) == [limit] * GPUS
            assert node.gpus[1].get("power.limit_min") == 7000
        assert path.read_bytes()[SHARED : SHARED + 8] == bytes(8)


def test_the_next_writer_raises_the_events_of_a_step_that_it_ends(killed: list[tuple[Path, int]]) -> None:
    for path, limit in killed[:-2]:  # in the last two the writer has ended it
        with Node.open(path) as node:
            node.gpus[1].set("power.limit_min", "7 W")
            assert [event.gpu for event in node.events] == (list(range(GPUS)) if limit == AFTER else [])


def test_the_next_step_over_several_blocks_takes_nothing_of_an_undone_one(killed: list[tuple[Path, int]]) -> None:
    at = layout().gpu.places["power.limit_min"].offset + 1
    for path, limit in killed:
        with Node.open(path) as node:
            node._write_all({1: {at: 8000}, 2: {at: 9000}})
            assert limits(node) == [limit] * GPUS
            assert [gpu.get("power.limit_min") for gpu in node.gpus] == [100_000, 8000, 9000]


def test_a_step_over_several_blocks_refuses_one_that_is_not_there(node_path: Path) -> None:
    at = layout().gpu.places["power.limit"].offset + 1
    with Node.open(node_path) as node:
        with pytest.raises(NodeError):
            node._write_all({0: {at: 1}, 2: {at: 1}})
        assert limits(node) == [BEFORE] * 2


def test_a_reset_takes_back_all_blocks(node_path: Path) -> None:
    with Node.open(node_path) as node:
        epoch = node.get("time.epoch")
        node.set("time.epoch", "1 us")
        for gpu in node.gpus:
            gpu.set("power.limit", "200 W")
        node.reset()
        assert (node.get("time.epoch"), limits(node)) == (epoch, [BEFORE] * 2)


def test_a_mark_that_no_step_left_is_not_in_the_way(node_path: Path) -> None:
    with node_path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        offset = len(memory) - layout().gpu.stride * 8
        struct.pack_into("<Q", memory, offset, struct.unpack_from("<Q", memory, offset)[0] | MARK)
        with Node.open(node_path) as node:
            assert limits(node) == [BEFORE] * 2
            node.gpus[1].set("power.limit", "300 W")
            assert limits(node) == [BEFORE, AFTER]
