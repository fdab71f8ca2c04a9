"""profiles.h: the built-in boards and systems as words of a GPU's block."""

from __future__ import annotations

from mocknvml.profiles import Profile, builtin, builtin_systems, load_system
from mocknvml.state.layout import SUCCESS_HEAD


class _Images:
    """The images of all GPUs, each written once: if that is shorter, as what differs from another one."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._numbers: dict[tuple[tuple[int, int], ...], int] = {}
        self._whole: list[dict[int, int]] = []

    def entry(self, board: Profile, address: int) -> str:
        image = board.image()
        base = min(self._whole, key=lambda whole: len(_changes(whole, image)), default={})
        changes = _changes(base, image)
        if changes and 2 * len(changes) < len(image):
            return _entry(self._number(changes), address, f"&image_{self._number(base)}")
        if image not in self._whole:
            self._whole.append(image)
        return _entry(self._number(image), address, "NULL")

    def _number(self, image: dict[int, int]) -> int:
        key = tuple(sorted(image.items()))
        if key not in self._numbers:
            number = self._numbers[key] = len(self._numbers)
            words = _pairs(image)
            offsets, values = ", ".join(words), ", ".join(f"{value:#x}u" for value in words.values())
            self.lines += [
                f"static const uint16_t offsets_{number}[] = {{{offsets}}};",
                f"static const uint64_t values_{number}[] = {{{values}}};",
                f"static const struct mock_image image_{number} = {_entry(number, 0, 'NULL')};",
            ]
        return self._numbers[key]


def _changes(base: dict[int, int], image: dict[int, int]) -> dict[int, int]:
    return {at: image.get(at, 0) for at in {**base, **image} if image.get(at, 0) != base.get(at, 0)}


def _entry(number: int, address: int, base: str) -> str:
    count = f"sizeof offsets_{number} / sizeof *offsets_{number}"
    return f"{{offsets_{number}, values_{number}, {count}, {address:#x}, {base}}}"


def _pairs(image: dict[int, int]) -> dict[str, int]:
    """The words of an image by their offsets, a head of SUCCESS together with its value."""
    words, following = {}, -1
    for at, value in sorted(image.items()):
        if at == following:
            continue
        if value == SUCCESS_HEAD and at + 1 in image:
            following = at + 1
            words[f"{at} | MOCK_IMAGE_HEAD"] = image[following]
        else:
            words[str(at)] = value
    return words


def profiles_header() -> str:
    names = [*builtin_systems(), *builtin()]
    images, systems, entries = _Images(), [], []
    for number, name in enumerate(names):
        system = load_system(name)
        gpus = ", ".join(images.entry(board, address) for board, address in system.gpus)
        systems.append(f"static const struct mock_image gpus_{number}[] = {{{gpus}}};")
        entries.append(f'    {{"{name}", gpus_{number}, {len(system.gpus)}, {system.count}}},')
    return "\n".join(
        [
            "/* Generated from src/mocknvml/profiles, do not edit. */",
            '#include "node.h"',
            *images.lines,
            *systems,
            f"#define MOCK_PROFILES {len(entries)}",
            f'#define MOCK_PROFILE_NAMES "{", ".join(names)}"',
            "static const struct mock_profile mock_profiles[MOCK_PROFILES] = {",
            *entries,
            "};",
            "",
        ]
    )
