# The kernel's loaded modules: their symbols and unwind tables, found through its type information.
# SPDX-License-Identifier: GPL-2.0-or-later
import struct

from . import guest
from .image import SHF_ALLOC, SHF_EXECINSTR, Section
from .kallsyms import Symbol
from .orc import Table

ELF_SYMBOL = 24


class Module:
    def __init__(self, name, base, size):
        self.name, self.base, self.size = name, base, size
        self.symbols, self.table = [], None

    def section(self):
        return Section(".text", 8, SHF_ALLOC | SHF_EXECINSTR, self.base, 0, self.size)


def _text_place(types):
    """Members that tell base and size of a module's code; they moved in 6.4."""
    if types.has("module", "core_layout"):
        return types.offset("module", "core_layout.base"), types.offset("module", "core_layout.size")
    first = types.offset("module", "mem")       # the first of the areas is the code
    return (first + types.offset("module_memory", "base"),
            first + types.offset("module_memory", "size"))


def _symbols(types, at):
    """The names that a module keeps for itself."""
    info = guest.u64(at + types.offset("module", "kallsyms"))
    if not info:
        return []
    symtab = guest.u64(info + types.offset("mod_kallsyms", "symtab"))
    count = guest.u32(info + types.offset("mod_kallsyms", "num_symtab"))
    strtab = guest.u64(info + types.offset("mod_kallsyms", "strtab"))
    if not symtab or not 0 < count < 1 << 20:
        return []
    found = []
    raw = guest.read(symtab, count * ELF_SYMBOL)
    for i in range(count):
        name, kind, _, shndx, value, _ = struct.unpack_from("<IBBHQQ", raw, i * ELF_SYMBOL)
        if not name or not value or not shndx:
            continue
        label = guest.text(strtab + name)
        if label:
            found.append(Symbol(value, "T" if kind >> 4 else "t", label))
    return found


def _module(types, at, text_at, size_at):
    m = Module(guest.text(at + types.offset("module", "name"), 64),
               guest.u64(at + text_at), guest.u32(at + size_at))
    m.symbols = _symbols(types, at)
    if types.has("module", "arch.orc_unwind"):
        count = guest.u32(at + types.offset("module", "arch.num_orcs"))
        if count:
            m.table = Table(guest.u64(at + types.offset("module", "arch.orc_unwind_ip")),
                            guest.u64(at + types.offset("module", "arch.orc_unwind")),
                            count, m.base, m.base + m.size)
    return m


def loaded(types, list_head):
    """All loaded modules; `list_head` is the live address of the kernel's list."""
    text_at, size_at = _text_place(types)
    link = types.offset("module", "list")
    found, at = [], guest.u64(list_head)
    while at != list_head and len(found) < 4096:
        found.append(_module(types, at - link, text_at, size_at))
        at = guest.u64(at)
    return found
