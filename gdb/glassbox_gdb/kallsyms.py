# The symbol tables that every stock kernel carries for itself: found by their shape and decoded.
# SPDX-License-Identifier: GPL-2.0-or-later
"""Needs no gdb: the tests use it too.

The kernel keeps all its names, compressed: 256 tokens (texts), names as strings of token numbers,
a marker (offset into the names) for every 256th name, and 32-bit offsets from a base address. None
of these tables has a name that a stripped image would show, so they are found by their shape: the
token table holds the ten digits in a row, the index behind it must repeat the table's own offsets,
and the markers must agree with the names. Both orders of the tables are known: the offsets before
the names, or after all the others.
"""
import bisect
import struct

DIGITS = b"".join(b"%c\0" % c for c in b"0123456789")


class KallsymsError(Exception):
    """The tables were not found, or contradict themselves."""


class Symbol:
    __slots__ = ("addr", "type", "name")

    def __init__(self, addr, kind, name):
        self.addr, self.type, self.name = addr, kind, name

    @property
    def absolute(self):
        return self.type in "aA"


def _aligned(n, to=8):
    return -(-n // to) * to


def _tokens_around(data, digits_at):
    """(start of token table, end of token index, tokens) if the ten digits there belong to one."""
    end = digits_at
    for _ in range(256 - ord("0")):
        end = data.find(b"\0", end, end + 1024) + 1
        if not end:
            return None
    for index_at in range(end, end + 16):
        index = data[index_at:index_at + 512]
        if len(index) < 512:
            return None
        offsets = struct.unpack("<256H", index)
        start = digits_at - offsets[ord("0")]
        if start < 0 or offsets[0] or offsets[255] >= end - start:
            continue
        tokens = [data[start + a:start + b - 1] for a, b in zip(offsets, (*offsets[1:], end - start))]
        if all(t and b"\0" not in t for t in tokens) and \
                data[start:end] == b"\0".join(tokens) + b"\0":
            return start, index_at + 512, tokens
    return None


def _find_tokens(data):
    """(start of token table, end of token index, the tokens)."""
    at = data.find(DIGITS)
    while at >= 0:
        found = _tokens_around(data, at)
        if found:
            return found
        at = data.find(DIGITS, at + 1)
    raise KallsymsError("no kallsyms token table in this image")


def _marker_chain(data, at, end):
    """The longest run of values at a place that markers could be: 256 names take 512 bytes or more,
    and never more than 256 * 513."""
    values = [0]
    while at + 4 * len(values) + 4 <= end:
        v, = struct.unpack_from("<I", data, at + 4 * len(values))
        if not 512 <= v - values[-1] <= 256 * 513:
            break
        values.append(v)
    return values


def _find_markers(data, tokens_at):
    """Places and values of what may be the markers, nearest to the token table first. They end at
    that table, or the order of the names (three bytes each) lies between."""
    end = tokens_at
    while end > max(0, tokens_at - (64 << 20)):
        at = data.rfind(b"\0\0\0\0", 0, end)
        if at < 0:
            return
        end = at + 3
        if at % 4 == 0:
            values = _marker_chain(data, at, tokens_at)
            if len(values) >= 8:
                yield at, values


def _name_length(data, pos):
    """(length in tokens, bytes of the length): two bytes for long names."""
    n = data[pos]
    if n & 0x80:
        return (n & 0x7F) | data[pos + 1] << 7, 2
    return n, 1


def _names_fit(data, start, count, markers, end):
    """Walk the names; they must meet every marker and end before `end`."""
    pos = start
    for i in range(count):
        if i % 256 == 0 and markers[i // 256] != pos - start:
            return False
        if pos >= end:
            return False
        n, width = _name_length(data, pos)
        if n == 0:
            return False
        pos += width + n
    return _aligned(pos) <= _aligned(end) and end - pos < 16


def _find_names(data, markers_at, markers):
    """(offset of the names, offset of the count before them, the count), or None."""
    # What follows the markers may by chance have looked like one or two more of them.
    for used in range(len(markers), max(0, len(markers) - 3), -1):
        low = (used - 1) * 256
        last = markers_at - markers[used - 1]
        # The names after the last marker are at most 256, of at most 513 bytes each.
        for pos in range(last & ~3, max(8, last - 256 * 513 - 64), -4):
            for gap in (8, 4):
                count, = struct.unpack_from("<I", data, pos - gap)
                if low < count <= low + 256 and _names_fit(data, pos, count, markers, markers_at):
                    return pos, pos - gap, count
    return None


def _locate(data):
    """(names, place of their count, count, end of the token index, tokens)."""
    tokens_at, index_end, tokens = _find_tokens(data)
    for markers_at, markers in _find_markers(data, tokens_at):
        found = _find_names(data, markers_at, markers)
        if found:
            return (*found, index_end, tokens)
    raise KallsymsError("no kallsyms names before the token table")


def _offset_places(count_at, count, index_end):
    """Possible (offsets, base) places for both orders of the tables."""
    for align in (8, 4):
        base = (count_at - 8) & ~(align - 1)
        yield base - _aligned(4 * count, 8), base
        offsets = _aligned(index_end, align)
        yield offsets, _aligned(offsets + 4 * count, 8)


def _find_addresses(data, count_at, count, index_end):
    for offsets_at, base_at in _offset_places(count_at, count, index_end):
        if offsets_at < 0 or base_at + 8 > len(data):
            continue
        base, = struct.unpack_from("<Q", data, base_at)
        if base >> 47 != 0x1FFFF or base & 0xFFF:
            continue
        values = struct.unpack_from(f"<{count}i", data, offsets_at)
        # A negative value counts backwards from the base; the others are absolute (per-CPU).
        negative = sum(1 for v in values[:1000] + values[-1000:] if v < 0)
        if negative:
            addrs = [v if v >= 0 else base - 1 - v for v in values]
        else:
            addrs = [base + (v & 0xFFFFFFFF) for v in values]
        rising = sum(1 for a, b in zip(addrs, addrs[1:]) if b >= a)
        if rising >= count * 99 // 100:
            return addrs
    raise KallsymsError("no kallsyms addresses beside the names")


def parse(data):
    """All symbols of a kernel image, as linked, in the tables' order."""
    pos, count_at, count, index_end, tokens = _locate(data)
    addrs = _find_addresses(data, count_at, count, index_end)
    symbols = []
    for addr in addrs:
        n, width = _name_length(data, pos)
        pos += width
        text = b"".join([tokens[c] for c in data[pos:pos + n]]).decode("ascii", "replace")
        pos += n
        symbols.append(Symbol(addr, text[0], text[1:]))
    return symbols


class SymbolTable:
    """Symbols by name and by address, as linked."""

    def __init__(self, symbols):
        self.symbols = symbols
        self.by_name = {}
        for s in symbols:
            self.by_name.setdefault(s.name, s)
        code = sorted((s for s in symbols if s.type in "tTwW"), key=lambda s: s.addr)
        # Of several names for one address the first global one is shown, as the kernel does.
        self.code, self.starts = [], []
        for s in code:
            if self.starts and self.starts[-1] == s.addr:
                continue
            self.code.append(s)
            self.starts.append(s.addr)

    def address(self, name):
        s = self.by_name.get(name)
        return s.addr if s else None

    def function(self, addr):
        """The code symbol at or before an address, or None."""
        i = bisect.bisect_right(self.starts, addr) - 1
        return self.code[i] if i >= 0 else None
