# The live guest as gdb shows it: memory in cached pages, and where KASLR has put the kernel.
# SPDX-License-Identifier: GPL-2.0-or-later
import struct

import gdb

MASK = (1 << 64) - 1
PAGE = 4096
KERNEL_SPACE = 0xFFFFFFFF80000000
KERNEL_END = 0xFFFFFFFFC0000000
SLIDE_STEP = 0x200000


class GuestError(Exception):
    """The guest's memory can't be read there, or no kernel is found in it."""


def read(addr, size):
    """Bytes of the guest at a virtual address, through the selected vCPU's page tables."""
    try:
        return bytes(gdb.selected_inferior().read_memory(addr & MASK, size))
    except (gdb.MemoryError, gdb.error) as e:
        raise GuestError(f"can't read {size} bytes at {addr & MASK:#x}") from e


def u64(addr):
    return struct.unpack("<Q", read(addr, 8))[0]


def u32(addr):
    return struct.unpack("<I", read(addr, 4))[0]


def text(addr, limit=256):
    raw = b""
    while len(raw) < limit:
        n = min(32 - addr % 32, limit - len(raw))
        part = read(addr, n)
        if b"\0" in part:
            raw += part[:part.index(b"\0")]
            break
        raw += part
        addr += n
    return raw.decode("utf-8", "replace")


class PageCache:
    """Pages of memory that never changes (the kernel's unwind tables), read once."""

    def __init__(self):
        self.pages = {}

    def read(self, addr, size):
        out = b""
        while size:
            base, skip = addr & ~(PAGE - 1), addr & (PAGE - 1)
            if base not in self.pages:
                self.pages[base] = read(base, PAGE)
            n = min(size, PAGE - skip)
            out += self.pages[base][skip:skip + n]
            addr += n
            size -= n
        return out


class PhysicalView:
    """While entered, memory reads by gdb are physical; refused where the stub can't do that."""

    def _send(self, on):
        answer = gdb.execute(f"maintenance packet Qqemu.PhyMemMode:{on}", to_string=True)
        if 'received: "OK"' not in answer:
            raise GuestError("the stub has no view of physical memory")

    def __enter__(self):
        self._send(1)

    def __exit__(self, *exc):
        self._send(0)


def candidates(image):
    """All slides that KASLR may choose, zero first."""
    last = max(addr + memsz for addr, _, _, memsz in image.segments if addr >> 63)
    return range(0, KERNEL_END - last + 1, SLIDE_STEP)


def _anchor(image, symbols):
    """(link address, bytes) of something constant and unique in the kernel: its banner."""
    addr = symbols.address("linux_banner")
    raw = image.read(addr, 64) if addr else None
    if not raw or not raw.startswith(b"Linux version"):
        raise GuestError("the kernel image has no banner to look for")
    return addr, raw


def _is_at(anchor, slide):
    addr, raw = anchor
    try:
        return read(addr + slide, 16) == raw[:16] and read(addr + slide, len(raw)) == raw
    except GuestError:
        return False


def _by_system_call_register(image, symbols):
    """From the register that holds the address of the system call entry, where the stub shows it."""
    entry = symbols.address("entry_SYSCALL_64")
    for name in ("lstar", "msr_lstar"):
        try:
            value = int(gdb.selected_frame().read_register(name)) & MASK
        except (ValueError, gdb.error):
            continue
        if entry and value >= entry and (value - entry) % SLIDE_STEP == 0 and \
                value - entry in candidates(image):
            return value - entry
    return None


def _by_virtual_memory(image, symbols, hints):
    anchor = _anchor(image, symbols)
    for slide in list(hints) + list(candidates(image)):
        if _is_at(anchor, slide):
            return slide
    return None


def _by_physical_memory(image, symbols):
    """Find the image in physical memory, and there a table of kernel addresses: these are moved."""
    addr, raw = _anchor(image, symbols)
    table = symbols.address("sys_call_table")
    linked = image.read(table, 8) if table else None
    if not linked:
        return None
    base = image.segments[0][0]
    with PhysicalView():
        where, misses = SLIDE_STEP, 0
        while misses < 4096:        # a hole of 8 GiB ends the search
            try:
                if read(where + addr - base, 16) == raw[:16]:
                    moved = u64(where + table - base) - struct.unpack("<Q", linked)[0]
                    if moved & MASK in candidates(image):
                        return moved & MASK
                misses = 0
            except GuestError:
                misses += 1
            where += SLIDE_STEP
    return None


def find_slide(image, symbols, hints=()):
    """How far KASLR has moved the running kernel, or None if it isn't there (yet)."""
    slide = _by_virtual_memory(image, symbols, hints)
    if slide is None:
        slide = _by_system_call_register(image, symbols)
    if slide is None:
        try:
            slide = _by_physical_memory(image, symbols)
        except GuestError:
            pass
    return slide
