# Unwinds stock x86-64 kernels by the kernel's own ORC tables, read from guest memory.
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock kernels have neither frame pointers nor DWARF. For every range of code ORC tells how to find
the caller's stack pointer, frame pointer and return address, through exceptions, interrupts and
stack switches too. One entry is six bytes: two offsets, then register numbers and a kind."""
import struct

import gdb
import gdb.FrameDecorator
import gdb.unwinder

from . import btf as btf_module
from . import guest

MASK = guest.MASK

# Base registers by number, as the tables count them.
UNDEFINED, PREV_SP, DX, DI, BP, SP, R10, R13, BP_INDIRECT, SP_INDIRECT = range(10)
PLAIN_BASE = {DX: "rdx", DI: "rdi", BP: "rbp", SP: "rsp", R10: "r10", R13: "r13",
              BP_INDIRECT: "rbp", SP_INDIRECT: "rsp"}

CALL, REGS, REGS_PARTIAL, STOP = "call", "regs", "partial", "stop"

# The registers that an exception saves, in memory order; the last five are there in any case.
SAVED = ("r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx",
         "rsi", "rdi", None, "rip", "cs", "eflags", "rsp", "ss")
IRET_AT = 16 * 8
IRET_SIZE = 5 * 8


class Layout:
    """How this kernel packs an entry: since 6.4 the kinds count from another start."""

    def __init__(self, types):
        try:
            self.type = types.member("orc_entry", "type")
            self.end = types.member("orc_entry", "end") if types.has("orc_entry", "end") else None
        except (btf_module.BtfError, AttributeError):
            self.type = btf_module.Member(0, 4, 8, 2)
            self.end = btf_module.Member(0, 4, 10, 1)
        if self.type.bits == 2 or self.end:
            self.kinds = {0: CALL, 1: REGS, 2: REGS_PARTIAL}
        else:
            self.kinds = {0: STOP, 1: STOP, 2: CALL, 3: REGS, 4: REGS_PARTIAL}

    @staticmethod
    def _field(word, place):
        shift = place.shift + 8 * (place.offset - 4)
        return word >> shift & ((1 << place.bits) - 1)

    def decode(self, raw):
        sp_offset, bp_offset, word = struct.unpack("<hhH", raw)
        kind = self.kinds.get(self._field(word, self.type), STOP)
        sp_reg, bp_reg = word & 15, word >> 4 & 15
        if sp_reg == UNDEFINED or (self.end and self._field(word, self.end)):
            kind = STOP
        return kind, sp_reg, sp_offset, bp_reg, bp_offset


class Table:
    """One sorted pair of tables: of the kernel or of a module."""

    def __init__(self, ips, entries, count, low, high):
        self.ips, self.entries, self.count = ips, entries, count
        self.low, self.high = low, high

    def find(self, cache, ip):
        """The entry's bytes for a code address, or None."""
        low, high, found = 0, self.count - 1, None
        while low <= high:
            mid = (low + high) // 2
            at = self.ips + 4 * mid
            if (at + struct.unpack("<i", cache.read(at, 4))[0]) & MASK <= ip:
                found, low = mid, mid + 1
            else:
                high = mid - 1
        return None if found is None else cache.read(self.entries + 6 * found, 6)


class Caller:
    """What one step of unwinding has found."""

    def __init__(self, registers, cfa, interrupted):
        self.registers, self.cfa, self.interrupted = registers, cfa, interrupted


class Orc:
    """The unwinding itself, free of gdb's frames: `reader(name)` gives registers."""

    def __init__(self, layout, tables):
        self.layout, self.tables = layout, tables
        self.cache = guest.PageCache()

    def covers(self, ip):
        return any(t.low <= ip < t.high for t in self.tables)

    def entry(self, ip):
        for table in self.tables:
            if table.low <= ip < table.high:
                raw = table.find(self.cache, ip)
                return self.layout.decode(raw) if raw else None
        return None

    def _stack_pointer(self, reader, sp_reg, offset):
        name = PLAIN_BASE.get(sp_reg)
        if name is None:
            return None
        base = reader(name)
        if base is None:
            return None
        if sp_reg == SP_INDIRECT:
            return (guest.u64(base) + offset) & MASK
        if sp_reg == BP_INDIRECT:
            return guest.u64((base + offset) & MASK)
        return (base + offset) & MASK

    @staticmethod
    def _saved_registers(at, names):
        raw = guest.read(at, 8 * len(names))
        values = struct.unpack(f"<{len(names)}Q", raw)
        return {n: v for n, v in zip(names, values) if n}

    def step(self, reader, interrupted):
        """The caller of the frame whose registers `reader` gives; None where it ends. An interrupted
        frame's pc is the next instruction to run, a caller's is the one after its call."""
        ip = reader("rip")
        entry = self.entry(ip if interrupted else ip - 1)
        if entry is None:
            return None
        kind, sp_reg, sp_offset, bp_reg, bp_offset = entry
        if kind == STOP:
            return None
        sp = self._stack_pointer(reader, sp_reg, sp_offset)
        if sp is None:
            return None
        if kind == CALL:
            found = {"rip": guest.u64(sp - 8), "rsp": sp, "rbp": reader("rbp")}
            cfa = sp
        elif kind == REGS:
            found = self._saved_registers(sp, SAVED)
            cfa = sp + IRET_AT + IRET_SIZE
        else:
            found = self._saved_registers(sp, SAVED[IRET_AT // 8:])
            found["rbp"] = reader("rbp")
            cfa = sp + IRET_SIZE
        if bp_reg == PREV_SP:
            found["rbp"] = guest.u64((sp + bp_offset) & MASK)
        elif bp_reg == BP:
            found["rbp"] = guest.u64((reader("rbp") + bp_offset) & MASK)
        return Caller(found, cfa, kind != CALL)


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


class OrcUnwinder(gdb.unwinder.Unwinder):
    """gdb's side: asks `kernel` (see kernel.py) for tables and function starts."""

    def __init__(self, kernel):
        super().__init__("glassbox-orc")
        self.kernel = kernel
        self.notes = {}      # (sp, pc) of a frame -> (was interrupted, lowest frame id allowed)
        gdb.events.cont.connect(lambda event: self.notes.clear())

    def __call__(self, pending):
        orc = self.kernel.orc()
        if orc is None:
            return None
        try:
            pc = int(pending.read_register("rip")) & MASK
            sp = int(pending.read_register("rsp")) & MASK
        except (ValueError, gdb.error):
            return None
        try:
            return self._unwind(orc, pending, sp, pc)
        except (guest.GuestError, gdb.error, ValueError):
            return None

    def was_interrupted(self, sp, pc):
        return self.notes.get((sp, pc), (False, 0))[0]

    def _unwind(self, orc, pending, sp, pc):
        interrupted, floor = self.notes.get((sp, pc), (pending.level() == 0, 0))
        if not orc.covers(pc if interrupted else pc - 1):
            return self._end(pending, sp, pc) if (sp, pc) in self.notes else None
        caller = orc.step(lambda name: self._register(pending, name), interrupted)
        if caller is None:
            return self._end(pending, sp, pc)
        return self._answer(pending, pc if interrupted else pc - 1, caller, floor)

    @staticmethod
    def _register(pending, name):
        value = pending.read_register(name)
        if value.is_optimized_out:
            return None
        return int(value) & MASK

    def _answer(self, pending, pc, caller, floor):
        # gdb takes a frame below its callee for a corrupt stack; an interrupt stack may well lie
        # above the stack it interrupted. So ids only rise: those of a lower stack are lifted.
        cfa = caller.cfa + (max(0, floor - caller.cfa + 16) if caller.cfa <= floor else 0)
        info = pending.create_unwind_info(FrameId(cfa, self.kernel.function_start(pc)))
        for name, value in caller.registers.items():
            if value is not None:
                info.add_saved_register(name, self._value(pending, name, value))
        key = (caller.registers["rsp"], caller.registers["rip"])
        self.notes[key] = (caller.interrupted, cfa)
        return info

    @staticmethod
    def _value(pending, name, value):
        kind = pending.read_register(name).type
        if kind.sizeof == 4:
            value &= 0xFFFFFFFF
            return gdb.Value(value.to_bytes(4, "little"), gdb.lookup_type("int"))
        return gdb.Value(value.to_bytes(8, "little"), gdb.lookup_type("long"))

    def _end(self, pending, sp, pc):
        """The outermost frame: gdb stops where the caller's pc is zero."""
        info = pending.create_unwind_info(FrameId(max(sp, self.notes.get((sp, pc), (0, 0))[1] + 8),
                                                  self.kernel.function_start(pc)))
        for name in ("rip", "rsp", "rbp"):
            info.add_saved_register(name, self._value(pending, name, 0))
        return info


class Decorator(gdb.FrameDecorator.FrameDecorator):
    """A frame as it is shown: an interrupted one may stand at the very start of its function, where
    gdb, taking it for a caller, would name the function before."""

    def __init__(self, base, name):
        super().__init__(base)
        self.name = name

    def function(self):
        """A name, or the pc where gdb shall find one."""
        return super().function() if self.name is None else self.name


class OrcFilter:
    """Corrects what backtraces show: names of interrupted frames, and no frame after the last."""

    def __init__(self, kernel, unwinder):
        self.kernel, self.unwinder = kernel, unwinder
        self.name, self.priority, self.enabled = "glassbox-orc", 100, True
        gdb.frame_filters[self.name] = self

    def _name(self, frame):
        pc = frame.pc() & MASK
        if not pc >> 63:
            return None if frame.name() else "??"       # user space: gdb would print nothing
        if frame.level() == 0 or self.kernel.function_start(pc) != pc:
            return None
        sp = int(frame.read_register("rsp")) & MASK
        return self.kernel.function_name(pc) if self.unwinder.was_interrupted(sp, pc) else None

    def filter(self, frames):
        for item in frames:
            frame = item.inferior_frame()
            if self.kernel.slide is None:
                yield item
                continue
            if frame.level() > 0 and frame.pc() == 0:
                return
            yield Decorator(item, self._name(frame))
