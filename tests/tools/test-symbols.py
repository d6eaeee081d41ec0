#!/usr/bin/env python3
# The program's reader of symbol files against nm and the gdb helper's readers, and against nonsense.
# SPDX-License-Identifier: GPL-2.0-or-later
"""usage: test-symbols.py DUMP UNWIND ELF... (built by tests/tools/*-dump.c; files with symbols)"""
import gzip
import importlib.util
import lzma
import os
import random
import struct
import subprocess
import sys
import tempfile

import tap

spec = importlib.util.spec_from_file_location(
    "readers", os.path.join(os.path.dirname(os.path.abspath(__file__)), "test-readers.py"))
readers = importlib.util.module_from_spec(spec)
tap_main, tap.main = tap.main, lambda namespace: None
spec.loader.exec_module(readers)
tap.main = tap_main

DUMP, UNWIND, ELFS = sys.argv[1], sys.argv[2], sys.argv[3:]
BASE = readers.BASE


class Answer:
    def __init__(self, run):
        self.status, self.errors = run.returncode, run.stderr
        self.rows, self.places = {}, []
        for line in run.stdout.splitlines():
            words = line.split(" ", 2)
            if len(words) == 3:
                self.rows[words[2]] = (int(words[0], 16), int(words[1], 16))
            else:
                self.places.append(line)


def dump(*blobs, ask=()):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, blob in enumerate(blobs):
            path = blob
            if isinstance(blob, bytes):
                path = os.path.join(folder, f"file{i}")
                with open(path, "wb") as f:
                    f.write(blob)
            paths.append(path)
        run = subprocess.run([DUMP, *paths], input="".join(f"{a:x}\n" for a in ask), text=True,
                             capture_output=True, timeout=60, errors="surrogateescape", check=False)
    assert run.returncode in (0, 1), f"exit status {run.returncode}: {run.stderr}"
    return Answer(run)


def refused(blob, words):
    a = dump(blob)
    assert a.status == 1 and words in a.errors and a.errors.count("\n") == 1, a.errors


def same(answer, symbols):
    """By name: the first global one, else the first; of names once used, sizes up to the next."""
    want = {}
    for s in symbols:
        rank = 0 if s.type.isupper() else 1 if s.type in "wv" else 2
        if s.name not in want or rank < want[s.name][0]:
            want[s.name] = (rank, s.addr)
    assert {n: a for n, (a, _) in answer.rows.items()} == {n: a for n, (_, a) in want.items()}


def kernel(symbols, seqs=True, last=True):
    return readers.elf(readers.tables(symbols, seqs, last))


def old_tables(symbols, wide_markers, absolute):
    """Tables of kernels before 4.20: 8-byte markers and count; before 4.6: whole addresses."""
    blob = readers.tables(symbols, False, False)
    count = struct.pack("<I", len(symbols))
    at = blob.index(readers.align(count), 4096 * 5)
    # Take the new form apart: offsets and base, count, names, markers, tokens and index.
    packed, markers = b"", []
    for i, s in enumerate(symbols):
        if i % 256 == 0:
            markers.append(len(packed))
        raw = (s.type + s.name).encode()
        packed += (bytes([len(raw)]) if len(raw) < 128
                   else bytes([len(raw) & 127 | 128, len(raw) >> 7])) + raw
    tail = blob[at + 8 + len(readers.align(packed)) + len(readers.align(bytes(4 * len(markers)))):]
    head = b"".join(struct.pack("<Q", s.addr) for s in symbols) if absolute else blob[4096 * 5:at]
    return os.urandom(4096) + head + struct.pack("<Q", len(symbols)) + readers.align(packed) + \
        b"".join(struct.pack("<Q" if wide_markers else "<I", m) for m in markers) + \
        (b"" if wide_markers else bytes(-4 * len(markers) % 8)) + tail


def test_elf_as_nm():
    for path in [*ELFS, DUMP]:
        run = subprocess.run(["nm", "-f", "posix", path], capture_output=True, text=True, check=True)
        want = {}
        for line in run.stdout.splitlines():
            words = line.split()
            if len(words) > 2 and words[1] not in "UN" and not words[0].startswith(".L"):
                want.setdefault(words[0], set()).add(int(words[2], 16))
        a = dump(path)
        assert a.status == 0, a.errors
        assert a.rows.keys() == want.keys(), sorted(a.rows.keys() ^ want.keys())[:10]
        assert all(addr in want[n] for n, (addr, _) in a.rows.items())


def test_kallsyms_layouts():
    names = readers.names()
    for seqs in (False, True):
        for last in (False, True):
            same(dump(kernel(names, seqs, last)), names)


def test_kallsyms_of_old_kernels():
    names = readers.names()
    names[500].name = "short"
    for wide, absolute in ((True, False), (True, True), (False, True)):
        same(dump(readers.elf(old_tables(names, wide, absolute))), names)


def test_kallsyms_places():
    names = readers.names()
    a = dump(kernel(names), ask=[BASE, BASE + 15, BASE + 16 * 10 + 3, BASE - 1, 0x20, BASE + 2959 * 16])
    assert a.places[:2] == ["symbol_0_v2", "symbol_0_v2+0xf"], a.places
    assert a.places[2] == "symbol_10_v2+0x3" and a.places[3:5] == ["??", "??"], a.places
    assert a.rows["symbol_10_v2"] == (BASE + 160, 16)


def test_payloads():
    names = readers.names()
    plain = kernel(names)
    size = struct.pack("<I", len(plain))
    # lz4's own program writes its old frame too.
    made = [gzip.compress(plain), lzma.compress(plain), lzma.compress(plain, lzma.FORMAT_ALONE)]
    for command in (["zstd", "-q", "-c"], ["lz4", "-q", "-l", "-c"]):
        try:
            made.append(subprocess.run(command, input=plain, capture_output=True, check=True).stdout)
        except FileNotFoundError:
            assert command[0] == "lz4"
    for payload in made:
        image = bytearray(readers.bzimage(payload + size))
        struct.pack_into("<H", image, 0x206, 0x20F)
        same(dump(bytes(image)), names)
    for packed, words in ((b"BZh9" + bytes(99), "bzip2"), (b"\x89LZO\0\r\n" + bytes(99), "LZO"),
                          (b"?" * 99, "unknown way"), (gzip.compress(b"no") + size, "no ELF file"),
                          (gzip.compress(plain)[:-400], "damaged"), (b"\x02\x21L\x18" + b"\xff" * 99, "damaged")):
        image = bytearray(readers.bzimage(packed))
        struct.pack_into("<H", image, 0x206, 0x20F)
        refused(bytes(image), words)
    refused(bytes(image[:-50]), "truncated")


def test_maps():
    text = "".join(f"{s.addr:016x} {s.type} {s.name}\n" for s in readers.names())
    same(dump(text.encode()), readers.names())
    more = text + f"{BASE + 0x2000000:x} t load\t[loop]\n{BASE + 0x1fff000:x} T first\t[loop]\n" \
        f"{BASE + 0x3000000:x} t prog [bpf]\n"
    a = dump(more.encode(), ask=[BASE + 0x2000004, BASE + 0x2000fff, BASE + 0x2001000,
                                 BASE + 0x1fff234, BASE + 0x1000000, BASE + 0x2ffffff])
    assert a.places == ["load+0x4", "load+0xfff", "??", "first+0x234", "??", "??"], a.places
    assert dump(b"1000 T a\r\n1010 t b\r\n", ask=[0x100F]).places == ["a+0xf"]


def test_refusals():
    stand_in = b"ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n"
    for blob, words in (
            (b"", "is empty"), (stand_in, "only says 'The real System.map"), (b"hello", "neither"),
            (b"12 T a\n34 five\n", "line 2 is not"), (b"0 T a\n0 t b\n", "root only"),
            (b"123456789012345678 T a\n", "line 1"), (b"\x7fELF" + bytes(60), "damaged"),
            (kernel(readers.names())[:9000], "symbol file"),
            (readers.elf(os.urandom(5000)), "no token table"), (b"\n\n\n", "neither")):
        refused(blob, words)
    refused("/nonexistent", "cannot be opened")
    refused("/", "not a regular file")


def test_names_are_harmless():
    a = dump(b"1000 T a\x1b[2J\n1010 T \xc3\xa9\n1020 T \xff\n")
    assert set(a.rows) == {"a?[2J", "\u00e9", "?"}, a.rows


def test_mutations():
    """Anything but an answer or a refusal in one line (a crash, an endless loop) fails."""
    seed = int.from_bytes(os.urandom(4), "little")
    print(f"# seed {seed}")
    rng = random.Random(seed)
    names = readers.names()
    image = bytearray(readers.bzimage(gzip.compress(kernel(names))))
    struct.pack_into("<H", image, 0x206, 0x20F)
    with open(ELFS[0], "rb") as f:
        elf = f.read()
    pool = [kernel(names), kernel(names, False, False), readers.elf(old_tables(names, True, True)),
            bytes(image), elf, elf]
    for _ in range(250):
        blob = bytearray(rng.choice(pool))
        for _ in range(rng.randrange(1, 30)):
            at = rng.randrange(len(blob)) if rng.random() < 0.6 else \
                rng.choice((rng.randrange(64), len(blob) - rng.randrange(1, min(2000, len(blob)))))
            size = rng.choice((1, 1, 2, 4, 8))
            blob[at:at + size] = rng.choice((rng.randbytes(size), b"\xff" * size, bytes(size)))
        if rng.random() < 0.3:
            del blob[rng.randrange(len(blob)):]
        a = dump(bytes(blob), ask=[BASE + 100, 0x100100])
        assert a.errors.count("\n") == 1, a.errors


def section(elf, name):
    """(offset, size) of a section in an ELF64 file."""
    shoff, = struct.unpack_from("<Q", elf, 40)
    size, count, names = struct.unpack_from("<HHH", elf, 58)
    rows = [struct.unpack_from("<IIQQQQ", elf, shoff + i * size) for i in range(count)]
    for row in rows:
        at = rows[names][4] + row[0]
        if elf[at:elf.index(b"\0", at)] == name:
            return row[4], row[5], row[3]
    return None


def unwind(elf, rng, places):
    """Backtraces from many places, on a stack of noise; the process must end well."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(elf)
        f.flush()
        run = subprocess.Popen([UNWIND, f.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
        try:
            for pc in places:
                values = [rng.randrange(1 << 20) * 8 for _ in range(16)] + [pc]
                run.stdin.write("backtrace " + " ".join(f"{v:x}" for v in values) + "\n")
                answer_reads(run, rng, places)
        except BrokenPipeError:
            pass
        run.stdin.close()
        run.stdout.close()
        return run.wait(20)


def answer_reads(run, rng, places):
    for _ in range(5000):
        run.stdin.flush()
        line = run.stdout.readline()
        if not line or line.startswith("end"):
            return
        if line.startswith("read "):
            size = int(line.split()[2], 16)
            value = rng.choice((rng.choice(places) + 1, rng.randrange(1 << 20) * 8, 0))
            run.stdin.write((value & (1 << 8 * size) - 1).to_bytes(size, "little").hex() + "\n")
    raise AssertionError("a backtrace without end")


def test_unwind_mutations():
    """Broken call frame information ends a backtrace; it does not end the program."""
    seed = int.from_bytes(os.urandom(4), "little")
    print(f"# seed {seed}")
    rng = random.Random(seed)
    files = []
    for path, name in ((ELFS[0], b".debug_frame"), (UNWIND, b".eh_frame"), (UNWIND, b".eh_frame_hdr")):
        with open(path, "rb") as f:
            blob = f.read()
        text = section(blob, b".text")
        files.append((blob, section(blob, name), text))
    for _ in range(60):
        blob, (at, size, _addr), (_at, length, addr) = rng.choice(files)
        bad = bytearray(blob)
        for _ in range(rng.randrange(0, 60)):
            where = at + rng.randrange(size)
            n = rng.choice((1, 1, 1, 4, 8))
            bad[where:where + n] = rng.choice((rng.randbytes(n), b"\xff" * n, bytes(n)))
        places = [addr + rng.randrange(length) for _ in range(40)]
        status = unwind(bytes(bad), rng, places)
        assert status in (0, 1), f"exit status {status}"


tap.main(globals())
