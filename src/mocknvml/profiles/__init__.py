"""Profiles: what a board, or a system of boards, answers when nobody has changed anything.

One YAML file per board, which inherits from its chip and its class of boards (`chips/`). Keys are the fields of
`mocknvml.nvml`, units are written, absent fields are NOT_SUPPORTED, and `source` says where the values come from.

A system (`systems/`) lists the GPUs of one machine: each names its board and PCI address, and may override any field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

import yaml

from mocknvml import defaults
from mocknvml.errors import MocknvmlError, ProfileError
from mocknvml.state.layout import Place, layout
from mocknvml.state.values import Value, did_you_mean, parse, words

FOLDER = Path(__file__).parent
SYSTEMS = FOLDER / "systems"
META = ("inherits", "source", "addresses")

Element = tuple[str, tuple[str, ...]]  # field key, names of the indices


@dataclass
class Profile:
    """A board: `values` by field key and index names, and the PCI addresses of its GPUs in one machine."""

    name: str
    values: dict[Element, Value] = field(default_factory=dict)
    addresses: list[int] = field(default_factory=list)  # domain << 16 | bus << 8 | device

    def image(self) -> dict[int, int]:
        """The words of a GPU's block that are not zero, by place."""
        scope, image = layout().gpu, {}
        for (key, element), value in self.values.items():
            image.update(words(scope, scope.places[key], element, value))
        return {at: word for at, word in sorted(image.items()) if word}


@dataclass(frozen=True)
class System:
    """A machine: its GPUs, each a board at its address, and how many a node has if nobody says so."""

    name: str
    gpus: tuple[tuple[Profile, int], ...]
    count: int


def builtin() -> list[str]:
    """Names of the built-in boards."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def builtin_systems() -> list[str]:
    """Names of the built-in systems."""
    return sorted(path.stem for path in SYSTEMS.glob("*.yaml"))


def path(name: str) -> Path:
    """The file of a built-in board or system."""
    if name in builtin_systems():
        return SYSTEMS / f"{name}.yaml"
    if name not in builtin():
        known = [*builtin_systems(), *builtin()]
        raise ProfileError(f"{name}: no such profile{did_you_mean(name, known)}; built in are: {', '.join(known)}")
    return FOLDER / f"{name}.yaml"


def _file(name: str) -> Path:
    return Path(name) if name.endswith((".yaml", ".yml")) else path(name)


@cache
def load_system(name: str) -> System:
    """A system by name or path. A board is a system of boards of its kind, at the addresses that it gives.

    >>> [hex(address) for _, address in load_system("dgx-a100").gpus[:2]]
    ['0x700', '0xf00']
    """
    file = _file(name)
    system = _Reader(file, Profile(file.stem)).system()
    if system is not None:
        return system
    board = load_profile(name)
    return System(board.name, tuple((board, address) for address in board.addresses), defaults.GPUS)


@cache
def load_profile(name: str) -> Profile:
    """A built-in profile by name, or a profile file by path (a name that ends with .yaml).

    >>> load_profile("t4").values["identity.name", ()]
    'Tesla T4'
    """
    file = _file(name)
    profile = Profile(file.stem)
    _Reader(file, profile).read()
    if not profile.addresses:
        raise ProfileError(f"{file}: addresses: give the PCI address of at least one GPU, such as '00000000:07:00.0'")
    return profile


class _Reader:
    """Reads one file into a profile. Works on the nodes of the YAML, which know their lines."""

    def __init__(self, file: Path, profile: Profile, heirs: tuple[Path, ...] = ()) -> None:
        self.file = file
        self.profile = profile
        self.files = (*heirs, file)  # this file, and those that inherit from it

    def fail(self, node: yaml.Node, text: str) -> ProfileError:
        return ProfileError(f"{self.file}:{node.start_mark.line + 1}: {text}")

    def system(self) -> System | None:
        """The system that the file describes; None if it describes a board."""
        entries = self._root()
        if "gpus" not in entries:
            return None
        if "source" not in entries:
            raise self.fail(entries["gpus"], "source: say where the values come from")
        for name in entries:
            if name not in ("gpus", "source"):
                known = "a system has `source` and `gpus`"
                raise self.fail(entries[name], f"{name}: no such key, {known}")
        if not isinstance(entries["gpus"], yaml.SequenceNode) or not entries["gpus"].value:
            raise self.fail(entries["gpus"], "gpus: give a list, each with `board` and `address`")
        gpus = tuple(self._gpu(node) for node in entries["gpus"].value)
        return System(self.profile.name, gpus, len(gpus))

    def _gpu(self, node: yaml.Node) -> tuple[Profile, int]:
        """A board at its address, with what this GPU overrides."""
        entries = self._mapping(node)
        for needed in ("board", "address"):
            if needed not in entries:
                raise self.fail(node, f"{needed}: say which {needed} this GPU has")
        name = str(self._plain(entries["board"]))
        if name not in builtin():
            raise self.fail(entries["board"], f"board: no profile {name}{did_you_mean(name, builtin())}")
        board = load_profile(name)
        reader = _Reader(self.file, Profile(board.name, dict(board.values)))
        for block, values in entries.items():
            if block not in ("board", "address"):
                reader._block(block, values)
        return reader.profile, self._address(entries["address"])

    def _root(self) -> dict[str, yaml.Node]:
        try:
            root = yaml.compose(self.file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except OSError as error:
            raise ProfileError(f"{self.file}: {error.strerror}") from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise ProfileError(f"{self.file}:{line}: not YAML: {error.problem}") from None
        except (yaml.reader.ReaderError, UnicodeDecodeError) as error:
            raise ProfileError(f"{self.file}: not YAML in UTF-8: {error.reason}") from None
        if not isinstance(root, yaml.MappingNode):
            raise ProfileError(f"{self.file}: a profile is a mapping of blocks; start with `inherits:` and `source:`")
        return self._mapping(root)

    def read(self) -> None:
        entries = self._root()
        if "source" not in entries:
            raise ProfileError(f"{self.file}:1: source: say where the values come from")
        if "inherits" in entries:
            self._inherit(entries["inherits"])
        if "addresses" in entries:
            self.profile.addresses = self._addresses(entries["addresses"])
        for name, node in entries.items():
            if name not in META:
                self._block(name, node)

    def _mapping(self, node: yaml.Node, prefix: str = "") -> dict[str, yaml.Node]:
        entries: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.fail(key, "a key must be a plain word")
            if key.value in entries:
                raise self.fail(key, f"{prefix}{key.value}: given twice, remove one")
            entries[key.value] = value
        return entries

    def _plain(self, node: yaml.Node) -> object:
        try:
            return yaml.SafeLoader("").construct_object(node, deep=True)
        except yaml.constructor.ConstructorError as error:
            raise self.fail(node, f"{error.problem}; write a plain value") from None

    def _inherit(self, node: yaml.Node) -> None:
        """What the parents say, the later ones above the earlier; then this file above all of them."""
        for parent in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            name = str(self._plain(parent))
            files = {file.stem: file for file in (*(FOLDER / "chips").glob("*.yaml"), *FOLDER.glob("*.yaml"))}
            if name not in files:
                raise self.fail(parent, f"inherits: no profile {name}{did_you_mean(name, files)}")
            if files[name].resolve() in (path.resolve() for path in self.files):
                raise self.fail(parent, f"inherits: {name} inherits from this file, a cycle")
            _Reader(files[name], self.profile, self.files).read()

    def _addresses(self, node: yaml.Node) -> list[int]:
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, "addresses: give a list, such as ['00000000:07:00.0', '00000000:0F:00.0']")
        return [self._address(item) for item in node.value]

    def _address(self, node: yaml.Node) -> int:
        text = str(self._plain(node))
        match = re.fullmatch(r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([01][0-9a-fA-F])\.0", text)
        if match is None or int(match[1], 16) > 0xFFFF:
            raise self.fail(node, f"addresses: {text}: give a PCI address such as '00000000:07:00.0'")
        return int(match[1], 16) << 16 | int(match[2], 16) << 8 | int(match[3], 16)

    def _block(self, name: str, node: yaml.Node) -> None:
        blocks = {block.key(): block for block in layout().gpu.blocks}
        if name not in blocks:
            raise self.fail(node, f"{name}: no such block{did_you_mean(name, [*blocks, *META])}")
        fields = {field.name: field for field in blocks[name].fields()}
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, f"{name}: give a mapping of fields: {', '.join(fields)}")
        for key, value in self._mapping(node, f"{name}.").items():
            if key not in fields:
                raise self.fail(value, f"{name}.{key}: no such field{did_you_mean(key, fields)}")
            if expression := fields[key].expression:
                sources = ", ".join(dict.fromkeys(source.key for source in expression.fields()))
                raise self.fail(value, f"{name}.{key}: follows from {sources}, give those")
            self._elements(layout().gpu.places[f"{name}.{key}"], value, ())

    def _elements(self, place: Place, node: yaml.Node, given: tuple[str, ...]) -> None:
        """Values by index names; a plain value instead of a mapping stands for all that are left."""
        left, name = place.field.per[len(given) :], ".".join((place.field.key, *given))
        if left and isinstance(node, yaml.MappingNode):
            for key, value in self._mapping(node, f"{name}.").items():
                for index in self._indices(left[0].keys, key, f"{name}.{key}", value):
                    self._elements(place, value, (*given, index))
            return
        plain = self._plain(node)
        try:
            parsed = parse(place.field, plain)
        except MocknvmlError as error:
            raise self.fail(node, f"{name}: {error}") from None
        for rest in product(*(domain.keys for domain in left)):
            self.profile.values[place.field.key, (*given, *rest)] = parsed

    def _indices(self, keys: tuple[str, ...], key: str, name: str, node: yaml.Node) -> tuple[str, ...]:
        """One index, or a range such as 0-11."""
        first, _, last = key.partition("-")
        if key in keys:
            return (key,)
        if first in keys and last in keys and keys.index(first) <= keys.index(last):
            return keys[keys.index(first) : keys.index(last) + 1]
        if keys[0] == "0":
            raise self.fail(node, f"{name}: give a number from 0 to {keys[-1]}, or a range such as 0-{keys[-1]}")
        raise self.fail(node, f"{name}: give one of {', '.join(keys)}{did_you_mean(key, keys)}")
