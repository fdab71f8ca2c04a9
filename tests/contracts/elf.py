"""Reads what the tests ask of an ELF file, since no tool for it needs to be installed."""

import struct
from dataclasses import dataclass, field
from pathlib import Path

SHT_DYNAMIC = 6
SHT_DYNSYM = 11
DT_NEEDED = 1
DT_SONAME = 14


@dataclass
class Elf:
    exported: list[str] = field(default_factory=list)
    undefined: list[str] = field(default_factory=list)
    needed: list[str] = field(default_factory=list)
    soname: str = ""

    @property
    def is_instrumented(self) -> bool:
        """Whether a sanitizer was compiled in."""
        return any(name.startswith(("__asan_", "__tsan_", "__ubsan_")) for name in self.undefined)


def read(path: Path) -> Elf:
    """The dynamic section of a 64-bit little-endian library."""
    data, elf = path.read_bytes(), Elf()
    assert data[:6] == b"\x7fELF\x02\x01", f"{path} is no 64-bit little-endian ELF file"
    sections_at, entry_size, count = struct.unpack_from("<Q", data, 40) + struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, sections_at + i * entry_size) for i in range(count)]

    def text(section: int, at: int) -> str:
        start = sections[section][4] + at
        return data[start : data.index(b"\0", start)].decode()

    for _, kind, _, _, offset, size, link, *_ in sections:
        if kind == SHT_DYNSYM:
            for at in range(offset + 24, offset + size, 24):  # the first symbol is a null one
                name, _, _, index = struct.unpack_from("<IBBH", data, at)
                (elf.exported if index else elf.undefined).append(text(link, name))
        elif kind == SHT_DYNAMIC:
            for tag, value in struct.iter_unpack("<QQ", data[offset : offset + size]):
                if tag == DT_NEEDED:
                    elf.needed.append(text(link, value))
                elif tag == DT_SONAME:
                    elf.soname = text(link, value)
    return elf
