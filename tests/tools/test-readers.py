#!/usr/bin/env python3
# The gdb helper's readers, without gdb and without a kernel: tables built here are read back.
# SPDX-License-Identifier: GPL-2.0-or-later
import bz2
import gzip
import lzma
import os
import struct
import subprocess
import sys
import tempfile

import tap

sys.path.insert(0, os.path.join(tap.TOP, "gdb"))
from glassbox_gdb import btf, elfsym, image, kallsyms  # noqa: E402

BASE = 0xFFFFFFFF81000000


def names():
    """3000 symbols: code, data, per-CPU; two at one address; a very long name."""
    found = [kallsyms.Symbol(0x20 * i, "D", f"per_cpu_{i}") for i in range(40)]
    for i in range(2960):
        kind = "tTdDbBrRwW"[i % 10]
        found.append(kallsyms.Symbol(BASE + 16 * (i - i % 7 // 6), kind, f"symbol_{i}_v2"))
    found[500].name = "x" * 300
    return found


def align(blob, to=8):
    return blob + bytes(-len(blob) % to)


def tables(symbols, seqs, offsets_last, long_names=True):
    """The kernel's tables, as its build writes them; every character is its own token."""
    tokens = [bytes([c]) if 0x20 < c < 0x7F else b"%c%c" % (65 + c // 16, 97 + c % 16)
              for c in range(256)]
    table, index = b"", b""
    for t in tokens:
        index += struct.pack("<H", len(table))
        table += t + b"\0"
    offsets = b"".join(struct.pack("<i", s.addr if s.addr < BASE else BASE - 1 - s.addr)
                       for s in symbols)
    packed, markers = b"", b""
    for i, s in enumerate(symbols):
        if i % 256 == 0:
            markers += struct.pack("<I", len(packed))
        raw = (s.type + s.name).encode()
        packed += bytes([len(raw)]) if len(raw) < 128 else bytes([len(raw) & 127 | 128, len(raw) >> 7])
        packed += raw
    head = align(offsets) + struct.pack("<Q", BASE)
    middle = align(struct.pack("<I", len(symbols))) + align(packed) + align(markers)
    order = align(b"".join(bytes([i >> 16, i >> 8 & 255, i & 255]) for i in range(len(symbols)))) \
        if seqs else b""
    tail = align(table) + align(index)
    noise = os.urandom(4096 * 5)
    if offsets_last:
        return noise + middle + tail + head + order + noise
    return noise + head + middle + order + tail + noise


def same(a, b):
    assert [(s.addr, s.type, s.name) for s in a] == [(s.addr, s.type, s.name) for s in b]


def test_kallsyms_offsets_first():
    same(kallsyms.parse(tables(names(), False, False)), names())


def test_kallsyms_with_sequence():
    same(kallsyms.parse(tables(names(), True, False)), names())


def test_kallsyms_offsets_last():
    same(kallsyms.parse(tables(names(), True, True)), names())


def test_kallsyms_absent_or_broken():
    good = tables(names(), False, False)
    at = good.find(b"symbol_100_"[:3])
    for bad in (b"", os.urandom(100000), good[:len(good) // 3], good.replace(b"4\0005\0", b"4\0004\0"),
                good[:at - 40] + b"\xff" * 64 + good[at + 24:]):
        try:
            kallsyms.parse(bad)
            assert False, "accepted"
        except kallsyms.KallsymsError:
            pass


def elf(payload=b"hello", addr=BASE):
    """A small 64-bit ELF with one loaded segment and one section."""
    text = align(payload)
    strings = b"\0.text\0.shstrtab\0"
    at = 64 + 56
    shoff = at + len(text) + len(align(strings))
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, addr, 64, shoff, 0, 64, 56, 1, 64, 3, 2)
    program = struct.pack("<IIQQQQQQ", 1, 5, at, addr, addr, len(text), len(text), 4096)
    sections = bytes(64) + struct.pack("<IIQQQQIIQQ", 1, 1, 6, addr, at, len(text), 0, 0, 16, 0) + \
        struct.pack("<IIQQQQIIQQ", 7, 3, 0, 0, at + len(text), len(strings), 0, 0, 1, 0)
    return head + program + text + align(strings) + sections


def bzimage(payload):
    head = bytearray(0x400)
    head[0x1F1] = 1
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", head, 0x248, 16, len(payload))
    return bytes(head) + bytes(16) + payload


def opened(blob):
    with tempfile.NamedTemporaryFile() as f:
        f.write(blob)
        f.flush()
        return image.KernelImage(f.name)


def test_image_packings():
    plain = elf()
    size = struct.pack("<I", len(plain))
    packed = [gzip.compress(plain), bz2.compress(plain), lzma.compress(plain, lzma.FORMAT_XZ),
              lzma.compress(plain, lzma.FORMAT_ALONE)]
    run = subprocess.run(["zstd", "-q", "-c"], input=plain, capture_output=True, check=True)
    for payload in [*packed, run.stdout]:
        found = opened(bzimage(payload + size))
        assert found.data == plain
        assert found.read(BASE, 5) == b"hello" and found.section(".text").addr == BASE
    assert opened(plain).read(BASE + 100, 5) is None


def test_image_refusals():
    whole = bzimage(gzip.compress(elf()) + bytes(4))
    broken = whole[:0x418] + b"\xff" * 30 + whole[0x448:]
    for bad in (b"", b"MZ" + bytes(600), whole[:-20], broken, bzimage(b"\x02\x21L\x18" + bytes(80)),
                bzimage(gzip.compress(b"no elf") + bytes(4)), elf()[:40]):
        try:
            opened(bad)
            assert False, "accepted"
        except image.ImageError as e:
            assert "\n" not in str(e) and str(e)


def test_elf_symbols():
    sections = [image.Section(".text", 1, 6, BASE, 0, 0x1000), image.Section(".data", 1, 3, BASE + 0x1000, 0, 0x1000),
                image.Section(".data..percpu", 1, 3, 0, 0, 0x1000)]
    symbols = [kallsyms.Symbol(BASE, "T", "first"), kallsyms.Symbol(BASE, "T", "alias"),
               kallsyms.Symbol(BASE + 64, "t", "second"), kallsyms.Symbol(BASE + 0x1008, "D", "datum"),
               kallsyms.Symbol(0x40, "D", "own"), kallsyms.Symbol(0x1234567, "A", "absolute")]
    with tempfile.NamedTemporaryFile() as f:
        elfsym.write(f.name, symbols, sections, 0x200000)
        run = subprocess.run(["readelf", "-sW", f.name], capture_output=True, text=True, check=True)
    rows = {line.split()[7]: line.split()[1:7] for line in run.stdout.splitlines()
            if len(line.split()) == 8 and line.split()[0][:-1].isdigit()}
    moved = f"{BASE + 0x200000:016x}"
    assert rows["first"][:3] == [moved, "64", "FUNC"], rows
    assert rows["alias"][:3] == [moved, "0", "FUNC"], rows
    assert rows["second"][2:4] == ["FUNC", "LOCAL"], rows
    assert rows["datum"][0] == f"{BASE + 0x201008:016x}" and rows["datum"][2] == "OBJECT", rows
    assert rows["own"][0] == f"{0x40:016x}", rows
    assert rows["absolute"][0] == f"{0x1234567:016x}" and rows["absolute"][5] == "ABS", rows


def test_btf_members():
    strings = b"\0entry\0offset\0reg\0kind\0outer\0inside\0"
    at = strings.index

    def row(name, info, size, *words):
        return struct.pack("<III", at(b"\0" + name + b"\0") + 1 if name else 0, info, size) + \
            b"".join(struct.pack("<I", w) for w in words)
    name = {n: at(b"\0" + n + b"\0") + 1 for n in (b"entry", b"offset", b"reg", b"kind", b"outer", b"inside")}
    types = row(b"", 1 << 24, 4, 32)
    types += row(b"entry", 1 << 31 | 4 << 24 | 3, 8, name[b"offset"], 1, 0,
                 name[b"reg"], 1, 4 << 24 | 32, name[b"kind"], 1, 2 << 24 | 40)
    types += row(b"", 4 << 24 | 1, 8, name[b"inside"], 2, 0)
    types += row(b"outer", 4 << 24 | 2, 24, 0, 3, 64, name[b"kind"], 1, 128)
    blob = b"\x9f\xeb\x01\0" + struct.pack("<IIIII", 24, 0, len(types), len(types), len(strings)) + \
        types + strings
    found = btf.Btf(blob)
    m = found.member("entry", "kind")
    assert (m.offset, m.shift, m.bits) == (4, 8, 2)
    assert found.offset("outer", "inside.reg") == 12 and found.sizeof("outer") == 24
    assert found.offset("outer", "kind") == 16 and not found.has("outer", "offset")
    for bad in (None, b"", b"\x9f\xeb"):
        try:
            btf.Btf(bad)
            assert False, "accepted"
        except btf.BtfError:
            pass


tap.main(globals())
