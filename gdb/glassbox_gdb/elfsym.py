# Writes an ELF file that holds symbols only, for gdb to read.
# SPDX-License-Identifier: GPL-2.0-or-later
"""Needs no gdb: the tests use it too."""
import bisect
import struct

from .image import SHF_EXECINSTR

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOBITS = 1, 2, 3, 8
SHN_ABS = 0xFFF1
STT_NOTYPE, STT_OBJECT, STT_FUNC = 0, 1, 2
EHDR, SHDR, SYM = 64, 64, 24


class Strings:
    def __init__(self):
        self.parts, self.size = [b"\0"], 1

    def add(self, text):
        at = self.size
        raw = text.encode("ascii", "replace") + b"\0"
        self.parts.append(raw)
        self.size += len(raw)
        return at

    def bytes(self):
        return b"".join(self.parts)


def _placed(sections, addr):
    """Number (from 1) of the section that holds an address; a label may stand at its very end."""
    starts = [s.addr for s in sections]
    i = bisect.bisect_right(starts, addr) - 1
    while i >= 0:
        if addr < sections[i].addr + sections[i].size:
            return i + 1
        if addr == sections[i].addr + sections[i].size:
            return i + 1
        i -= 1
        break
    return SHN_ABS


def _sizes(symbols):
    """Size by symbol: up to the next higher address, for the first of several at one address. gdb
    shows the one that has a size, and the kernel itself shows the first."""
    first = {}
    for s in symbols:
        first.setdefault(s.addr, s)
    order = sorted(first)
    following = dict(zip(order, order[1:]))
    return {first[a]: following.get(a, a) - a for a in order}


def write(path, symbols, sections, slide=0, machine=62):
    """Write symbols, moved by `slide`; `sections` are the image's allocated ones.

    A section at address 0 (per-CPU data) and what lies in it is not moved."""
    sections = sorted((s for s in sections if s.size), key=lambda s: s.addr)
    sizes = _sizes(symbols)
    text = Strings()
    rows = [bytes(SYM)]
    globals_ = []
    for s in symbols:
        shndx = _placed(sections, s.addr)
        moved = s.addr + (slide if s.addr >> 63 else 0)
        if shndx != SHN_ABS and not sections[shndx - 1].contains(s.addr):
            size = 0
        else:
            size = min(sizes.get(s, 0), 1 << 32)
        kind = STT_FUNC if s.type in "tT" or (s.type in "wW" and _is_code(sections, shndx)) \
            else STT_NOTYPE if shndx == SHN_ABS else STT_OBJECT
        bind = 1 if s.type.isupper() else 0
        row = struct.pack("<IBBHQQ", text.add(s.name), bind << 4 | kind, 0, shndx, moved, size)
        (globals_ if bind else rows).append(row)
    first_global = len(rows)
    _write_file(path, sections, slide, b"".join(rows + globals_), text.bytes(), first_global, machine)


def _is_code(sections, shndx):
    return shndx != SHN_ABS and bool(sections[shndx - 1].flags & SHF_EXECINSTR)


def _write_file(path, sections, slide, symtab, strtab, first_global, machine):
    names = Strings()
    table = [bytes(SHDR)]
    for s in sections:
        addr = s.addr + (slide if s.addr >> 63 else 0)
        # No contents: gdb reads code and data from the guest.
        table.append(struct.pack("<IIQQQQIIQQ", names.add(s.name), SHT_NOBITS, s.flags, addr,
                                 EHDR, s.size, 0, 0, 1, 0))
    n = len(table)
    sym_at = EHDR
    str_at = sym_at + len(symtab)
    table.append(struct.pack("<IIQQQQIIQQ", names.add(".symtab"), SHT_SYMTAB, 0, 0, sym_at,
                             len(symtab), n + 1, first_global, 8, SYM))
    table.append(struct.pack("<IIQQQQIIQQ", names.add(".strtab"), SHT_STRTAB, 0, 0, str_at,
                             len(strtab), 0, 0, 1, 0))
    name_at = str_at + len(strtab)
    own = names.add(".shstrtab")
    raw = names.bytes()
    table.append(struct.pack("<IIQQQQIIQQ", own, SHT_STRTAB, 0, 0, name_at, len(raw), 0, 0, 1, 0))
    table_at = (name_at + len(raw) + 7) & ~7
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, 0, 0, table_at, 0, EHDR, 0, 0, SHDR, len(table),
        len(table) - 1)
    with open(path, "wb") as f:
        f.write(head)
        f.write(symtab)
        f.write(strtab)
        f.write(raw)
        f.write(bytes(table_at - name_at - len(raw)))
        f.write(b"".join(table))
