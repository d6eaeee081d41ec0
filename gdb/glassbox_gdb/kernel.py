# The kernel that is debugged: its image, where it runs, its symbols in gdb and its unwind tables.
# SPDX-License-Identifier: GPL-2.0-or-later
import atexit
import bisect
import os
import shutil
import tempfile

import gdb

from . import btf, elfsym, guest, image, kallsyms, modules, orc

MASK = guest.MASK


class Kernel:
    """Everything the helper knows of one kernel; empty until load()."""

    def __init__(self):
        self.image = self.symbols = self.types = None
        self.slide = None
        self.modules = []
        self._orc = None
        self._folder = None
        self._module_starts = []

    # -- the image

    def open(self, path):
        """Read the image on disk, if it isn't read yet."""
        path = os.path.abspath(os.path.expanduser(path))
        if self.image is not None and self.image.path == path:
            return
        self.image = image.KernelImage(path)
        self.symbols = kallsyms.SymbolTable(kallsyms.parse(self.image.data))
        try:
            self.types = btf.Btf(self.image.section_bytes(".BTF"))
        except btf.BtfError:
            self.types = None
        self.slide = self._orc = None
        self.modules = []

    def need(self):
        if self.image is None:
            raise guest.GuestError("no kernel image yet: glassbox symbols IMAGE")
        if self.slide is None:
            raise guest.GuestError("the kernel's place is not known yet: glassbox symbols")

    def need_types(self):
        self.need()
        if self.types is None:
            raise btf.BtfError("this kernel carries no type information (BTF)")
        return self.types

    # -- its place

    def locate(self):
        """Look for the running kernel; returns the slide, or None if it isn't there."""
        hints = [self.slide] if self.slide else []
        return guest.find_slide(self.image, self.symbols, hints)

    def live(self, name):
        """Address of a kernel symbol in the running guest."""
        addr = self.symbols.address(name)
        if addr is None:
            raise guest.GuestError(f"this kernel has no symbol '{name}'")
        return addr + self.slide if addr >> 63 else addr

    # -- symbols in gdb

    def folder(self):
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="glassbox-gdb-")
            atexit.register(shutil.rmtree, self._folder, True)
        return self._folder

    def show_symbols(self, slide, debug_file=None):
        """Give gdb the symbols for a slide: those of the image, or a file with debug information."""
        self.slide, self._orc, self.modules = slide, None, []
        self._module_starts = []
        # gdb would take 'name.part.0' for an Ada name and show only half of it.
        gdb.execute("set print demangle off", to_string=True)
        if debug_file:
            self._load_debug_file(debug_file)
            return
        path = os.path.join(self.folder(), f"vmlinux-{slide:x}.sym")
        elfsym.write(path, self.symbols.symbols, self.image.sections, slide, self.image.machine)
        self._quietly(f'symbol-file {_quoted(path)}')

    def _load_debug_file(self, path):
        moved = []
        for s in image.KernelImage(path).sections:
            moved.append(f"-s {s.name} {s.addr + (self.slide if s.addr >> 63 else 0):#x}")
        self._quietly("symbol-file")
        self._quietly(f"add-symbol-file {_quoted(path)} {' '.join(moved)}")

    def show_modules(self):
        """Give gdb the symbols of the loaded modules; returns their list."""
        types = self.need_types()
        found = modules.loaded(types, self.live("modules"))
        for m in self.modules:
            self._quietly(f"remove-symbol-file {_quoted(self._module_file(m))}", True)
        for m in found:
            elfsym.write(self._module_file(m), m.symbols, [m.section()], 0, self.image.machine)
            self._quietly(f"add-symbol-file {_quoted(self._module_file(m))} {m.base:#x}")
        self.modules, self._orc = found, None
        self._module_starts = sorted(s.addr for m in found for s in m.symbols)
        return found

    def _module_file(self, m):
        return os.path.join(self.folder(), m.name + ".sym")

    @staticmethod
    def _quietly(command, may_fail=False):
        confirm = gdb.parameter("confirm")
        gdb.execute("set confirm off", to_string=True)
        try:
            gdb.execute(command, to_string=True)
        except gdb.error:
            if not may_fail:
                raise
        finally:
            gdb.execute("set confirm " + ("on" if confirm else "off"), to_string=True)

    # -- unwinding

    def orc(self):
        """The unwinder's tables, or None while there is no kernel."""
        if self._orc is None and self.slide is not None and \
                self.symbols.address("__start_orc_unwind"):
            tables = [self._kernel_table()]
            tables += [m.table for m in self.modules if m.table]
            self._orc = orc.Orc(orc.Layout(self.types), tables)
        return self._orc

    def _kernel_table(self):
        ips = self.live("__start_orc_unwind_ip")
        entries, end = self.live("__start_orc_unwind"), self.live("__stop_orc_unwind")
        low = min(s.addr for s in self.image.sections if s.addr >> 63) + self.slide
        high = max(s.addr + s.size for s in self.image.sections) + self.slide
        return orc.Table(ips, entries, (end - entries) // 6, low, high)

    def function_start(self, pc):
        """Start of the function that holds a live code address (the address itself if none does)."""
        found = self.symbols.function(pc - self.slide) if self.slide is not None else None
        starts = self._module_starts
        i = bisect.bisect_right(starts, pc) - 1
        if i >= 0 and pc < guest.MASK and any(m.base <= pc < m.base + m.size for m in self.modules):
            return starts[i]
        return (found.addr + self.slide) & MASK if found else pc

    def function_name(self, pc):
        """Name of the kernel's own function at a live code address, or None."""
        found = self.symbols.function(pc - self.slide)
        return found.name if found else None


def _quoted(path):
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
