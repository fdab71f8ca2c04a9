"""nvml.h as a typed model: functions, structs with offsets and versions, enums, constants.

The header comes from the PyPI package `nvidia-nvml-dev`, the preprocessor from the compiler that builds the library.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pycparser import c_ast, c_generator, c_parser

from mocknvml.codegen.shapes import EXTRA_PROTOTYPES

SCALARS = {  # x86_64 and aarch64 agree on all that nvml.h uses; the generated C asserts it
    "char": 1,
    "unsigned char": 1,
    "short": 2,
    "unsigned short": 2,
    "int": 4,
    "unsigned int": 4,
    "unsigned": 4,
    "long": 8,
    "unsigned long": 8,
    "long long": 8,
    "unsigned long long": 8,
    "double": 8,
    "float": 4,
    "void": 1,
}


@dataclass(frozen=True)
class CType:
    """A type as written, and what it resolves to."""

    text: str  # ex) nvmlMemory_v2_t
    kind: str  # scalar | enum | struct | handle | function
    size: int
    align: int
    base: str = ""  # the scalar, struct tag or enum name it resolves to; ex) unsigned int
    pointers: int = 0
    array: tuple[int, ...] = ()
    const: bool = False

    @property
    def is_handle(self) -> bool:
        return self.kind == "handle" and not self.pointers

    @property
    def is_text(self) -> bool:
        return self.base == "char" and self.pointers == 1


@dataclass(frozen=True)
class Param:
    name: str  # ex) clocksMHz
    type: CType


@dataclass(frozen=True)
class Function:
    name: str
    params: tuple[Param, ...]
    returns: str  # ex) nvmlReturn_t
    prototype: str  # one line
    doc: str  # the comment above it

    def param(self, name: str) -> Param | None:
        return next((param for param in self.params if param.name == name), None)

    def may_answer(self, code: str) -> bool:
        return code in self.doc


@dataclass(frozen=True)
class Member:
    name: str
    type: CType
    offset: int


@dataclass(frozen=True)
class Struct:
    name: str
    size: int
    align: int
    members: tuple[Member, ...]

    def member(self, name: str) -> Member | None:
        return next((member for member in self.members if member.name == name), None)


@dataclass(frozen=True)
class Version:
    """One version of a versioned struct: its macro, as in `version = nvmlMemory_v2`."""

    macro: str  # ex) nvmlMemory_v2
    number: int
    struct: Struct

    @property
    def word(self) -> int:
        return self.struct.size | self.number << 24


@dataclass
class Header:
    functions: dict[str, Function] = field(default_factory=dict)
    structs: dict[str, Struct] = field(default_factory=dict)
    enums: dict[str, dict[str, int]] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)
    version_macros: dict[str, tuple[str, int]] = field(default_factory=dict)  # macro -> (family, number)

    def member(self, struct: Struct, path: str) -> Member | None:
        """A member by its path, such as `sensor[0].currentTemp`: its type, and its offset from the start."""
        offset, found = 0, None
        for step in path.split("."):
            name, *indices = step.replace("]", "").split("[")
            inner = self.structs.get(found.type.base) if found else struct
            found = inner.member(name) if inner else None
            if found is None or len(indices) > len(found.type.array):
                return None
            kind = found.type
            offset += found.offset
            for index in indices:
                size = kind.size // kind.array[0]
                offset += int(index) * size
                kind = replace(kind, size=size, array=kind.array[1:])
            found = Member(path, kind, offset)
        return found

    def versions(self, struct: str) -> tuple[Version, ...]:
        """All versions that the header defines for the family of a struct; empty when it is not versioned."""
        match = re.fullmatch(r"nvml(\w+)_v\d+_t", struct)
        if not match or self.structs[struct].member("version") is None:
            return ()
        found = []
        for macro, (family, number) in self.version_macros.items():
            name = f"nvml{family}_v{number}_t"
            if family == match[1] and name in self.structs:
                found.append(Version(macro, number, self.structs[name]))
        return tuple(sorted(found, key=lambda version: version.number))


def include_folder() -> Path:
    """The folder of nvml.h in the installed package `nvidia-nvml-dev`."""
    try:
        files = importlib.metadata.files("nvidia-nvml-dev") or []
    except importlib.metadata.PackageNotFoundError:
        raise FileNotFoundError("nvml.h: install the PyPI package nvidia-nvml-dev, a build requirement") from None
    for file in files:
        if file.name == "nvml.h":
            return Path(str(file.locate())).parent
    raise FileNotFoundError("nvidia-nvml-dev is installed but holds no nvml.h")


def load(compiler: list[str], environment: Mapping[str, str] | None = None) -> Header:
    """Read the installed header with the preprocessor of `compiler`."""
    folder = include_folder()
    source = f"#define NVML_NO_UNVERSIONED_FUNC_DEFS\n#include <nvml.h>\n{EXTRA_PROTOTYPES}"
    command = [*compiler, "-E", "-dD", "-D__attribute__(x)=", "-I", str(folder), "-x", "c", "-"]
    done = subprocess.run(
        command, input=source, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    return parse(done.stdout, (folder / "nvml.h").read_text(encoding="utf-8"))


def parse(preprocessed: str, original: str = "") -> Header:
    """The model of a preprocessed header; `original` gives the comments of its functions."""
    code = "\n".join(line for line in preprocessed.splitlines() if not line.startswith("#"))
    reader = _Reader(c_parser.CParser().parse(code))
    header = reader.header
    for match in re.finditer(r"^#define (\w+) (.+)$", preprocessed, re.M):
        name, value = match[1], match[2].strip()
        header.macros[name] = value
        versioned = re.fullmatch(r"NVML_STRUCT_VERSION\((\w+), (\d+)\)", value)
        if versioned:
            header.version_macros[name] = (versioned[1], int(versioned[2]))
        elif re.fullmatch(r"\(?-?(0x[0-9a-fA-F]+|\d+)[uUlL]*\)?", value):
            header.constants[name] = int(value.strip("()").rstrip("uUlL"), 0)
    docs = _docs(original)
    for name, function in header.functions.items():
        header.functions[name] = Function(
            function.name, function.params, function.returns, function.prototype, docs.get(name, "")
        )
    return header


def _docs(original: str) -> dict[str, str]:
    """The comment that stands right above each prototype."""
    pattern = re.compile(
        r"/\*\*((?:(?!\*/).)*)\*/\s*(?:DEPRECATED\([^)]*\)\s*)?(?:const\s+)?(?:DECLDIR\s+)?\w+\s*\*?\s*"
        r"(?:DECLDIR\s+)?(nvml\w+)\s*\(",
        re.S,
    )
    return {match[2]: match[1] for match in pattern.finditer(original)}


class _Reader(c_ast.NodeVisitor):
    def __init__(self, tree: c_ast.FileAST) -> None:
        self.header = Header()
        self.types: dict[str, c_ast.Node] = {}
        self.generator = c_generator.CGenerator()
        for node in tree.ext:
            if isinstance(node, c_ast.Typedef):
                self.types[node.name] = node.type
                self._declare(node.type, node.name)
            elif isinstance(node, c_ast.Decl):
                if isinstance(node.type, c_ast.FuncDecl):
                    self._function(node)
                else:
                    self._declare(node.type, "")

    def _declare(self, node: c_ast.Node, name: str) -> None:
        inner = node.type if isinstance(node, c_ast.TypeDecl) else node
        if isinstance(inner, c_ast.Struct | c_ast.Union) and inner.decls:
            self._struct(inner, name or str(inner.name))
        elif isinstance(inner, c_ast.Enum) and inner.values:
            self._enum(inner, name or str(inner.name))
        elif name and isinstance(inner, c_ast.IdentifierType) and inner.names[0] in self.header.structs:
            self.header.structs[name] = self.header.structs[inner.names[0]]
        elif name and isinstance(inner, c_ast.Struct) and inner.name in self.header.structs:
            self.header.structs[name] = self.header.structs[str(inner.name)]

    def _struct(self, node: c_ast.Struct | c_ast.Union, name: str) -> Struct:
        members: list[Member] = []
        offset, align = 0, 1
        union = isinstance(node, c_ast.Union)
        size = 0
        for decl in node.decls:
            bits = getattr(decl, "bitsize", None)
            kind = self._type(decl.type)
            if bits is not None:
                # Bit-fields fill one word of their type each; nvml.h uses them only so.
                kind = CType(kind.text, kind.kind, kind.size, kind.align, kind.base)
                if members and getattr(members[-1], "name", "").startswith("bits:"):
                    continue
            offset = 0 if union else -(-offset // kind.align) * kind.align
            label = (decl.name or "") if bits is None else f"bits:{decl.name}"
            members.append(Member(label, kind, offset))
            offset += kind.size
            size = max(size, offset)
            align = max(align, kind.align)
        struct = Struct(name, -(-size // align) * align, align, tuple(members))
        self.header.structs[name] = struct
        if node.name:
            self.header.structs[str(node.name)] = struct
        return struct

    def _enum(self, node: c_ast.Enum, name: str) -> None:
        values: dict[str, int] = {}
        following = 0
        for item in node.values.enumerators:
            if item.value is not None:
                following = self._constant(item.value, values)
            values[item.name] = following
            following += 1
        self.header.enums[name] = values
        self.header.constants.update(values)

    def _constant(self, node: c_ast.Node, local: dict[str, int] | None = None) -> int:
        match node:
            case c_ast.Constant():
                return int(str(node.value).rstrip("uUlL"), 0)
            case c_ast.ID():
                return (local or {}).get(node.name, self.header.constants.get(node.name, 0))
            case c_ast.UnaryOp():
                value = self._constant(node.expr, local)
                return {"-": -value, "~": ~value, "+": value}[node.op]
            case c_ast.Cast():
                return self._constant(node.expr, local)
            case c_ast.BinaryOp():
                left, right = self._constant(node.left, local), self._constant(node.right, local)
                operations = {"+": left + right, "-": left - right, "*": left * right, "|": left | right}
                return operations[node.op] if node.op in operations else left << right
        raise ValueError(f"not a constant: {self.generator.visit(node)}")

    def _type(self, node: c_ast.Node) -> CType:
        """The type of a declaration, typedefs resolved."""
        match node:
            case c_ast.PtrDecl():
                inner = self._type(node.type)
                return CType(
                    inner.text, inner.kind, 8, 8, inner.base, inner.pointers + 1, inner.array, self._const(node.type)
                )
            case c_ast.ArrayDecl():
                inner = self._type(node.type)
                length = self._constant(node.dim) if node.dim is not None else 0
                return CType(
                    inner.text,
                    inner.kind,
                    inner.size * length,
                    inner.align,
                    inner.base,
                    inner.pointers,
                    (length, *inner.array),
                )
            case c_ast.TypeDecl():
                return self._type(node.type)
            case c_ast.FuncDecl():
                return CType("function", "function", 1, 1)
            case c_ast.IdentifierType():
                name = " ".join(node.names)
                scalar = name.replace("signed ", "") if name.startswith("signed ") else name
                if scalar in SCALARS:
                    return CType(name, "scalar", SCALARS[scalar], SCALARS[scalar], scalar)
                if name in self.header.structs:
                    struct = self.header.structs[name]
                    return CType(name, "struct", struct.size, struct.align, struct.name)
                inner = self._type(self.types[name])
                if inner.kind == "enum":
                    return CType(name, "enum", 4, 4, name)
                if inner.kind == "struct" and inner.pointers == 1:
                    return CType(name, "handle", 8, 8, name)
                return CType(name, inner.kind, inner.size, inner.align, inner.base, inner.pointers, inner.array)
            case c_ast.Enum():
                return CType(f"enum {node.name}", "enum", 4, 4, str(node.name))
            case c_ast.Struct() | c_ast.Union():
                if node.decls:
                    name = str(node.name) if node.name else f"anonymous {node.coord}"
                    struct = self.header.structs.get(name) or self._struct(node, name)
                    return CType(f"struct {node.name}", "struct", struct.size, struct.align, struct.name)
                named = self.header.structs.get(str(node.name))
                size, align = (named.size, named.align) if named else (0, 1)
                return CType(f"struct {node.name}", "struct", size, align, named.name if named else str(node.name))
        raise ValueError(f"unknown type {node}")

    @staticmethod
    def _const(node: c_ast.Node) -> bool:
        return isinstance(node, c_ast.TypeDecl) and "const" in (node.quals or [])

    def _function(self, node: c_ast.Decl) -> None:
        declared = node.type.args.params if node.type.args else []
        params = []
        for param in declared:
            if isinstance(param, c_ast.Typename):  # (void)
                continue
            params.append(Param(param.name, self._type(param.type)))
        returns = self._type(node.type.type).text
        prototype = " ".join(self.generator.visit(node).split())
        self.header.functions[node.name] = Function(node.name, tuple(params), returns, prototype, "")
