"""Profiles: what a board, or a system of boards, answers when nobody has changed anything.

One YAML file per board, which inherits from its chip and its class of boards (`chips/`). Keys are the fields of
`mocknvml.nvml`, units are written, absent fields are NOT_SUPPORTED, and `source` says where the values come from.

A system (`systems/`) lists the GPUs of one machine: each names its board and PCI address, and may override any field.
What they have from the machine, `numa` and `nvlink`, becomes fields of each GPU here.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from dataclasses import field as member
from functools import cache
from itertools import product
from pathlib import Path

import yaml

from mocknvml import defaults
from mocknvml.errors import MocknvmlError, ProfileError
from mocknvml.state.layout import Place, layout
from mocknvml.state.values import Value, did_you_mean, parse, words
from mocknvml.table.blocks import Field, Records

FOLDER = Path(__file__).parent
SYSTEMS = FOLDER / "systems"
META = ("inherits", "source", "addresses")
# What a node gives each of its GPUs, whatever the profile says.
OF_ADDRESS = ("pci.domain", "pci.bus", "pci.device")
OF_PLACE = "identity.index"
SYSTEM_KEYS = ("source", "numa", "nvlink", "gpus")
GPU_LINK, SWITCH_LINK = 0, 2  # nvmlIntNvLinkDeviceType_t
# What NVML answers for an NVSwitch that is no PCI device of the host: FFFFFFFF:FF:FF.0.
HIDDEN = (0xFFFFFFFF, 0xFF, 0xFF)

Element = tuple[str, tuple[str, ...]]  # field key, names of the indices


@dataclass
class Profile:
    """A board: `values` by field key and index names, and the PCI addresses of its GPUs in one machine."""

    name: str
    values: dict[Element, Value] = member(default_factory=dict)
    addresses: list[int] = member(default_factory=list)  # domain << 16 | bus << 8 | device
    sources: dict[Path, str] = member(default_factory=dict)  # of each file that it was read from

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
    source: str = ""


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


def is_file(name: str) -> bool:
    """Whether a profile is named by a path, and not one that is built in."""
    return "/" in name or name.endswith((".yaml", ".yml"))


def load_system(name: str) -> System:
    """A system by name or path. A board is a system of boards of its kind, at the addresses that it gives.

    >>> [hex(address) for _, address in load_system("dgx-a100").gpus[:2]]
    ['0x700', '0xf00']
    """
    return _read_system(Path(name)) if is_file(name) else _builtin_system(name)


def load_profile(name: str) -> Profile:
    """A built-in board by name, or a profile file by path.

    >>> load_profile("t4").values["identity.name", ()]
    'Tesla T4'
    """
    return _read_profile(Path(name)) if is_file(name) else _builtin_profile(name)


def load_board(name: str) -> Profile:
    """A board of a system, whose GPUs have addresses of their own: a file may lack them."""
    if not is_file(name):
        return load_profile(name)
    board = Profile(name)
    _Reader(Path(name), board).read()
    return board


@cache
def _builtin_system(name: str) -> System:
    return _read_system(path(name))


@cache
def _builtin_profile(name: str) -> Profile:
    return _read_profile(path(name))


def _read_system(file: Path) -> System:
    system = _Reader(file, Profile(file.stem)).system()
    if system is not None:
        return system
    board = _read_profile(file)
    if len(board.addresses) > 1 and board.values.get(("identity.uuid", ())):
        raise ProfileError(f"{file}:1: identity.uuid: each GPU needs its own; give them in the `gpus` of a system")
    return System(board.name, tuple((board, address) for address in board.addresses), defaults.GPUS)


def _read_profile(file: Path) -> Profile:
    profile = Profile(file.stem)
    _Reader(file, profile).read()
    if not profile.addresses:
        raise ProfileError(f"{file}:1: addresses: give the PCI address of at least one GPU, such as '00000000:07:00.0'")
    return profile


class _Key(str):
    """A key of a mapping, which knows its line: the value may stand on another."""

    start_mark: yaml.Mark


def _parts(address: int) -> tuple[int, int, int]:
    return address >> 16, address >> 8 & 0xFF, address & 0xFF


class _Reader:
    """Reads one file into a profile. Works on the nodes of the YAML, which know their lines."""

    def __init__(self, file: Path, profile: Profile, heirs: tuple[Path, ...] = ()) -> None:
        self.file = file
        self.profile = profile
        self.files = (*heirs, file)  # this file, and those that inherit from it

    def fail(self, node: yaml.Node | str, text: str) -> ProfileError:
        assert isinstance(node, (yaml.Node, _Key))
        return ProfileError(f"{self.file}:{node.start_mark.line + 1}: {text}")

    def system(self) -> System | None:
        """The system that the file describes; None if it describes a board."""
        entries = self._root()
        if "gpus" not in entries:
            return None
        if "source" not in entries:
            raise self.fail(entries["gpus"], "source: say where the values come from")
        for name in entries:
            if name not in SYSTEM_KEYS:
                known = f"a system has {', '.join(SYSTEM_KEYS)}"
                raise self.fail(name, f"{name}: no such key, {known}{did_you_mean(name, SYSTEM_KEYS)}")
        if not isinstance(entries["gpus"], yaml.SequenceNode) or not entries["gpus"].value:
            raise self.fail(entries["gpus"], "gpus: give a list, each with `board` and `address`")
        gpus = tuple(self._gpu(node) for node in entries["gpus"].value)
        if "numa" in entries:
            self._numa(entries["numa"], gpus)
        if "nvlink" in entries:
            self._nvlink(entries["nvlink"], gpus)
        self._distinct(entries["gpus"], gpus)
        return System(self.profile.name, gpus, len(gpus), self._source(entries["source"]))

    def _distinct(self, node: yaml.Node, gpus: tuple[tuple[Profile, int], ...]) -> None:
        """No two GPUs of a machine have one address, or one UUID."""
        if len(gpus) > defaults.MAX_GPUS:
            raise self.fail(node, f"gpus: {len(gpus)} are too many, at most {defaults.MAX_GPUS}")
        for name, given in (
            ("address", [f"{address:x}" for _, address in gpus]),
            ("identity.uuid", [str(board.values.get(("identity.uuid", ()), "")) for board, _ in gpus]),
        ):
            owners: dict[str, int] = {}
            for number, value in enumerate(given):
                if value and (owner := owners.setdefault(value, number)) != number:
                    raise self.fail(node.value[number], f"{name}: that of GPU {owner} too, each needs its own")

    def _gpu(self, node: yaml.Node) -> tuple[Profile, int]:
        """A board at its address, with what this GPU overrides."""
        entries = self._mapping(node)
        for needed in ("board", "address"):
            if needed not in entries:
                raise self.fail(node, f"{needed}: say which {needed} this GPU has")
        board = self._board(entries["board"])
        reader = _Reader(self.file, Profile(board.name, dict(board.values)))
        for block, values in entries.items():
            if block not in ("board", "address"):
                reader._block(block, values)
        return reader.profile, self._address(entries["address"])

    def _board(self, node: yaml.Node) -> Profile:
        """A built-in board, or that of a file beside this one."""
        name = str(self._plain(node))
        if is_file(name):
            file = self.file.parent / name
            if not file.is_file():
                raise self.fail(node, f"board: no file {file}")
            return load_board(str(file.resolve()))
        if name not in builtin():
            raise self.fail(node, f"board: no profile {name}{did_you_mean(name, builtin())}")
        return load_profile(name)

    def _numa(self, node: yaml.Node, gpus: tuple[tuple[Profile, int], ...]) -> None:
        """The CPUs of NUMA nodes, and their sockets, for the GPUs that stand there."""
        cpus: dict[int, str] = {}
        sockets: dict[int, list[int]] = {}
        for key, value in self._entries(node, "numa: give a mapping of NUMA nodes, each with `cpus`").items():
            entries = self._entries(value, f"numa.{key}: give `cpus`, and `socket` where it has several nodes")
            if not key.isdigit() or "cpus" not in entries or not entries.keys() <= {"cpus", "socket"}:
                raise self.fail(value, f"numa.{key}: give the number of a node, with `cpus` and perhaps `socket`")
            cpus[int(key)] = str(self._plain(entries["cpus"]))
            if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", cpus[int(key)]):
                raise self.fail(entries["cpus"], f"numa.{key}.cpus: give a list such as '0-15,64-79' (in quotes)")
            if "socket" in entries:
                sockets.setdefault(self._whole(entries["socket"], f"numa.{key}.socket"), []).append(int(key))
        for number, (board, _) in enumerate(gpus):
            home = board.values.get(("topology.numa_node", ()))
            if home is None:
                continue
            if not isinstance(home, int) or home not in cpus:
                raise self.fail(node, f"numa: GPU {number} is on node {home}, which is not listed")
            socket = next((nodes for nodes in sockets.values() if home in nodes), [home])
            for scope, nodes in (("node", [home]), ("socket", socket)):
                board.values.setdefault(("topology.cpus", (scope,)), ",".join(cpus[each] for each in nodes))
                board.values.setdefault(("topology.memory_nodes", (scope,)), ",".join(map(str, nodes)))

    def _nvlink(self, node: yaml.Node, gpus: tuple[tuple[Profile, int], ...]) -> None:
        """What NVLinks lead to: `switches` for those of each GPU, `pairs` for those between two; numbered as listed, or
        as `ports` say.
        """
        entries = self._entries(node, "nvlink: give `switches` or `pairs`")
        if entries.keys() - {"device_id", "ports"} not in ({"switches"}, {"pairs"}):
            raise self.fail(node, "nvlink: give `switches`, with their `device_id`, or `pairs`")
        links = [0] * len(gpus)
        if "switches" in entries:
            ids = self._whole(entries["device_id"], "nvlink.device_id") if "device_id" in entries else 0
            for key, value in self._entries(entries["switches"], "nvlink.switches: give links by address").items():
                name = f"nvlink.switches.{key}"
                address = HIDDEN if key == "hidden" else _parts(self._parsed_address(key, name, value))
                for number in range(len(gpus)):
                    first = links[number]
                    self._connect(value, name, gpus, links, number, (SWITCH_LINK, *address, ids))
                    if address is HIDDEN:
                        self._set_remote(gpus[number][0], "link", dict.fromkeys(range(first, links[number]), 0))
            if "ports" in entries:
                self._ports(entries["ports"], gpus, links)
            return
        for key, value in self._entries(entries["pairs"], "nvlink.pairs: give links by pair, such as 0-1: 4").items():
            name = f"nvlink.pairs.{key}"
            match = re.fullmatch(r"(\d+)-(\d+)", key)
            if match is None or match[1] == match[2] or max(int(match[1]), int(match[2])) >= len(gpus):
                raise self.fail(value, f"{name}: give two GPUs from 0 to {len(gpus) - 1}, such as 0-1")
            for one, other in ((int(match[1]), int(match[2])), (int(match[2]), int(match[1]))):
                board, place = gpus[other]
                product = board.values.get(("pci.device_id", ()), 0)
                self._connect(value, name, gpus, links, one, (GPU_LINK, *_parts(place), product))

    def _ports(self, node: yaml.Node, gpus: tuple[tuple[Profile, int], ...], links: list[int]) -> None:
        """The switch, by its bus, and the port that each link leads to: a text for each GPU, such as 09/46 0A/2."""
        lines = node.value if isinstance(node, yaml.SequenceNode) else []
        if len(lines) != len(gpus):
            raise self.fail(node, f"nvlink.ports: give a text for each of the {len(gpus)} GPUs")
        for (board, _), line, count in zip(gpus, lines, links, strict=True):
            ports = re.findall(r"\b([0-9A-F]{2})/(\d+)\b", str(self._plain(line)))
            buses = {link: int(bus, 16) for link, (bus, _) in enumerate(ports)}
            listed = [board.values["nvlink.remote_bus", (str(link),)] for link in range(count)]
            if Counter(buses.values()) != Counter(listed):
                raise self.fail(line, "nvlink.ports: give each switch as often as `switches` has it")
            self._set_remote(board, "bus", buses)
            self._set_remote(board, "link", {link: int(port) for link, (_, port) in enumerate(ports)})

    @staticmethod
    def _set_remote(board: Profile, name: str, values: dict[int, int]) -> None:
        board.values.update({(f"nvlink.remote_{name}", (str(link),)): value for link, value in values.items()})

    def _connect(
        self,
        node: yaml.Node,
        key: str,
        gpus: tuple[tuple[Profile, int], ...],
        links: list[int],
        number: int,
        remote: tuple[Value, ...],
    ) -> None:
        """Let the next links of a GPU, as many as the node says, lead to something."""
        count, values = self._whole(node, key), gpus[number][0].values
        has = values.get(("nvlink.count", ()), 0)
        if not isinstance(has, int) or links[number] + count > has:
            raise self.fail(node, f"{key}: more links than the {has} that GPU {number} has")
        names = ("type", "domain", "bus", "device", "device_id", "subsystem_id")
        for link in range(links[number], links[number] + count):
            # nvml.h: the subsystem id is "not filled".
            for name, value in zip(names, (*remote, 0), strict=True):
                values[f"nvlink.remote_{name}", (str(link),)] = value
        links[number] += count

    def _entries(self, node: yaml.Node, wanted: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, wanted)
        return self._mapping(node)

    def _whole(self, node: yaml.Node, name: str) -> int:
        value = self._plain(node)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.fail(node, f"{name}: {value!r}: give a whole number")
        return value

    def _root(self) -> dict[str, yaml.Node]:
        try:
            text = self.file.read_bytes().decode()
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except OSError as error:
            raise ProfileError(f"{self.file}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ProfileError(f"{self.file}:{line}: not YAML in UTF-8: {error.reason}") from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise ProfileError(f"{self.file}:{line}: not YAML in UTF-8: {error.reason}") from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            problem = f"{error.context} {error.problem}" if str(error.problem).startswith("but ") else error.problem
            raise ProfileError(f"{self.file}:{line}: not YAML: {problem}") from None
        except RecursionError:
            raise ProfileError(f"{self.file}:1: not a profile: nested too deeply") from None
        if not isinstance(root, yaml.MappingNode):
            wanted = "a profile is a mapping of blocks; start with `inherits:` and `source:`"
            raise ProfileError(f"{self.file}:{root.start_mark.line + 1 if root else 1}: {wanted}")
        return self._mapping(root)

    def _source(self, node: yaml.Node) -> str:
        source = self._plain(node)
        if not isinstance(source, str) or not source.strip():
            raise self.fail(node, "source: say in words where the values come from")
        return source.strip()

    def read(self) -> None:
        entries = self._root()
        if "gpus" in entries:
            raise self.fail(next(iter(entries)), "gpus: this is a system, give a board")
        if "source" not in entries:
            raise ProfileError(f"{self.file}:1: source: say where the values come from")
        self.profile.sources[self.file] = self._source(entries["source"])
        if "inherits" in entries:
            self._inherit(entries["inherits"])
        if "addresses" in entries:
            self.profile.addresses = self._addresses(entries["addresses"])
        for name, node in entries.items():
            if name not in META:
                self._block(name, node)

    def _mapping(self, node: yaml.Node, prefix: str = "") -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, f"{prefix.rstrip('.') or 'a GPU'}: give a mapping, such as `key: value`")
        entries: dict[str, yaml.Node] = {}
        for word, value in node.value:
            if not isinstance(word, yaml.ScalarNode):
                raise self.fail(word, "a key must be a plain word")
            key = _Key(word.value)
            key.start_mark = word.start_mark
            if word.tag == "tag:yaml.org,2002:merge":
                raise self.fail(key, f"{prefix}<<: not read, use `inherits` or an alias of the whole value")
            if key in entries:
                raise self.fail(key, f"{prefix}{key}: given twice, remove one")
            entries[key] = value
        return entries

    def _plain(self, node: yaml.Node) -> object:
        try:
            return yaml.SafeLoader("").construct_object(node, deep=True)
        except yaml.constructor.ConstructorError as error:
            raise self.fail(node, f"{error.problem}; write a plain value") from None
        except (ValueError, RecursionError) as error:
            # ex) a date that does not exist, a number of thousands of digits
            raise self.fail(node, f"{str(error).partition(';')[0]}; write a plain value") from None

    def _inherit(self, node: yaml.Node) -> None:
        """What the parents say, the later ones above the earlier; then this file above all of them."""
        for parent in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            name = str(self._plain(parent))
            files = {file.stem: file for file in (*(FOLDER / "chips").glob("*.yaml"), *FOLDER.glob("*.yaml"))}
            if is_file(name):
                files = {name: self.file.parent / name}
            if name not in files:
                raise self.fail(parent, f"inherits: no profile {name}{did_you_mean(name, files)}")
            if not files[name].is_file():
                raise self.fail(parent, f"inherits: no file {files[name]}")
            if files[name].resolve() in (path.resolve() for path in self.files):
                raise self.fail(parent, f"inherits: {name} inherits from this file, a cycle")
            _Reader(files[name], self.profile, self.files).read()

    def _addresses(self, node: yaml.Node) -> list[int]:
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(node, "addresses: give a list, such as ['00000000:07:00.0', '00000000:0F:00.0']")
        addresses: dict[int, yaml.Node] = {}  # in their order
        for item in node.value:
            if addresses.setdefault(self._address(item), item) is not item:
                raise self.fail(item, "addresses: given twice, each GPU needs its own")
        if len(addresses) > defaults.MAX_GPUS:
            raise self.fail(node, f"addresses: {len(addresses)} are too many, at most {defaults.MAX_GPUS}")
        return list(addresses)

    def _address(self, node: yaml.Node) -> int:
        return self._parsed_address(str(self._plain(node)), "addresses", node)

    def _parsed_address(self, text: str, name: str, node: yaml.Node) -> int:
        match = re.fullmatch(r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([01][0-9a-fA-F])\.0", text)
        if match is None or int(match[1], 16) > 0xFFFF:
            raise self.fail(node, f"{name}: {text}: give a PCI address such as '00000000:07:00.0'")
        return int(match[1], 16) << 16 | int(match[2], 16) << 8 | int(match[3], 16)

    def _block(self, name: str, node: yaml.Node) -> None:
        blocks = {block.key(): block for block in layout().gpu.blocks}
        if name not in blocks:
            raise self.fail(name, f"{name}: no such block{did_you_mean(name, [*blocks, *META])}")
        fields = {field.name: field for field in blocks[name].fields()}
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(name, f"{name}: give a mapping of fields: {', '.join(fields)}")
        for key, value in self._mapping(node, f"{name}.").items():
            if key not in fields:
                raise self.fail(key, f"{name}.{key}: no such field{did_you_mean(key, fields)}")
            if fields[key].key in OF_ADDRESS:
                raise self.fail(value, f"{name}.{key}: follows from the address of the GPU, give that")
            if fields[key].key == OF_PLACE:
                raise self.fail(value, f"{name}.{key}: follows from the order of the GPUs, leave it out")
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
        if isinstance(place.field, Records) and isinstance(node, yaml.SequenceNode):
            for item in node.value:  # each by itself first: an error has its line
                self._mapping(item, f"{name}.")
                self._parsed(place.field, name, item, [self._plain(item)])
        parsed = self._parsed(place.field, name, node, self._plain(node))
        for rest in product(*(domain.keys for domain in left)):
            self.profile.values[place.field.key, (*given, *rest)] = parsed

    def _parsed(self, field: Field, name: str, node: yaml.Node, plain: object) -> Value:
        try:
            return parse(field, plain)
        except MocknvmlError as error:
            raise self.fail(node, f"{name}: {error}") from None

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
