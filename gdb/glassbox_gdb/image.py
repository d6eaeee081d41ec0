# A kernel image on disk: takes a bzImage or an ELF vmlinux and gives the ELF's bytes by link address.
# SPDX-License-Identifier: GPL-2.0-or-later
"""Needs no gdb: the tests use it too."""
import bz2
import lzma
import shutil
import struct
import subprocess
import zlib

SHT_NOBITS = 8
SHF_ALLOC = 2
SHF_EXECINSTR = 4
PT_LOAD = 1


class ImageError(Exception):
    """The file is no kernel that we can read; the text says why."""


class Section:
    def __init__(self, name, kind, flags, addr, offset, size):
        self.name, self.kind, self.flags = name, kind, flags
        self.addr, self.offset, self.size = addr, offset, size

    def contains(self, addr):
        return self.addr <= addr < self.addr + self.size


def _unzstd(data):
    if not shutil.which("zstd"):
        raise ImageError("the kernel is compressed with zstd and there is no zstd program")
    run = subprocess.run(["zstd", "-dc", "-q"], input=data, capture_output=True, check=False)
    if run.returncode:
        raise ImageError("zstd can't decompress the kernel")
    return run.stdout


# First bytes of a compressed payload -> how to unpack it. The payload ends with four more bytes
# (its unpacked size), so only unpackers that tolerate a tail serve here.
PACKERS = [
    (b"\xfd7zXZ\0", lambda d: lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(d)),
    (b"\x1f\x8b", lambda d: zlib.decompressobj(31).decompress(d)),
    (b"BZh", lambda d: bz2.BZ2Decompressor().decompress(d)),
    (b"\x5d\0\0", lambda d: lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(d)),
    (b"\x28\xb5\x2f\xfd", lambda d: _unzstd(d[:-4])),
]


def unpack(data):
    """The ELF inside a bzImage; an ELF is returned as it is."""
    if data[:4] == b"\x7fELF":
        return data
    if len(data) < 0x260 or data[0x202:0x206] != b"HdrS":
        raise ImageError("neither an ELF file nor a bzImage")
    start = ((data[0x1F1] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", data, 0x248)
    payload = data[start + offset:start + offset + length]
    if not length or len(payload) < length:
        raise ImageError("the bzImage is truncated")
    for magic, packer in PACKERS:
        if payload.startswith(magic):
            try:
                elf = packer(payload)
            except (lzma.LZMAError, zlib.error, OSError, EOFError) as e:
                raise ImageError(f"can't decompress the kernel: {e}") from e
            break
    else:
        raise ImageError("the kernel's compression is not known: " + payload[:6].hex())
    if elf[:4] != b"\x7fELF":
        raise ImageError("the bzImage holds no ELF file")
    return elf


class KernelImage:
    """The ELF of a 64-bit kernel: sections by name, bytes by link address."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, "rb") as f:
                self.data = unpack(f.read())
        except OSError as e:
            raise ImageError(f"can't read {path}: {e.strerror}") from e
        if len(self.data) < 64 or self.data[4] != 2 or self.data[5] != 1:
            raise ImageError("not a 64-bit little-endian kernel")
        self.machine, = struct.unpack_from("<H", self.data, 18)
        self.segments = self._read_segments()
        self.sections = self._read_sections()

    def _read_segments(self):
        phoff, = struct.unpack_from("<Q", self.data, 32)
        size, count = struct.unpack_from("<HH", self.data, 54)
        found = []
        for i in range(count):
            kind, _, offset, addr, _, filesz, memsz = struct.unpack_from(
                "<IIQQQQQ", self.data, phoff + i * size)
            if kind == PT_LOAD:
                found.append((addr, offset, filesz, memsz))
        return found

    def _read_sections(self):
        shoff, = struct.unpack_from("<Q", self.data, 40)
        size, count, names = struct.unpack_from("<HHH", self.data, 58)
        if not shoff or shoff + size * count > len(self.data):
            return []
        rows = [struct.unpack_from("<IIQQQQ", self.data, shoff + i * size) for i in range(count)]
        text = rows[names][4] if names < count else 0
        found = []
        for name, kind, flags, addr, offset, length in rows:
            at = text + name
            end = self.data.index(b"\0", at)
            label = self.data[at:end].decode("ascii", "replace")
            if flags & SHF_ALLOC:
                found.append(Section(label, kind, flags, addr, offset, length))
        return found

    def section(self, name):
        return next((s for s in self.sections if s.name == name), None)

    def section_bytes(self, name):
        s = self.section(name)
        if s is None or s.kind == SHT_NOBITS:
            return None
        return self.data[s.offset:s.offset + s.size]

    def read(self, addr, size):
        """Bytes as linked at an address, or None if the file holds none there."""
        for start, offset, filesz, _ in self.segments:
            if start <= addr and addr + size <= start + filesz:
                at = offset + addr - start
                return self.data[at:at + size]
        return None

    def address_of(self, offset):
        """Link address of a place in the file, or None."""
        for start, at, filesz, _ in self.segments:
            if at <= offset < at + filesz:
                return start + offset - at
        return None
