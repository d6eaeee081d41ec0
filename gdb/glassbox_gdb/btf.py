# The kernel's own type information (BTF), as far as places of structure members need it.
# SPDX-License-Identifier: GPL-2.0-or-later
"""Needs no gdb: the tests use it too."""
import struct

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST, RESTRICT, FUNC, PROTO, VAR, \
    DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(1, 20)
_SAME = (TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG)


class BtfError(Exception):
    """A type or member that the kernel doesn't have, or no type information at all."""


class Member:
    """Where a member lies: `offset` in bytes; bit fields have `bits` and `shift` too."""

    def __init__(self, type_id, offset, shift=0, bits=0):
        self.type_id, self.offset, self.shift, self.bits = type_id, offset, shift, bits


class Btf:
    """Type records by number; structures by name."""

    def __init__(self, data):
        if not data or len(data) < 24 or data[:2] != b"\x9f\xeb":
            raise BtfError("the kernel carries no type information (BTF)")
        hlen, toff, tlen, soff, slen = struct.unpack_from("<5I", data, 4)
        self.strings = data[hlen + soff:hlen + soff + slen]
        self.types = data[hlen + toff:hlen + toff + tlen]
        self.at = [0]
        self.named = {}
        self._index()

    def _index(self):
        extra = {INT: 4, ARRAY: 12, VAR: 4, DECL_TAG: 4}
        each = {STRUCT: 12, UNION: 12, ENUM: 8, PROTO: 8, DATASEC: 12, ENUM64: 12}
        pos, types = 0, self.types
        while pos < len(types):
            name, info = struct.unpack_from("<II", types, pos)
            kind, count = info >> 24 & 31, info & 0xFFFF
            if kind in (STRUCT, UNION) and name:
                self.named.setdefault(name, len(self.at))
            elif kind == TYPEDEF:
                self.named.setdefault(("typedef", name), len(self.at))
            self.at.append(pos)
            pos += 12 + extra.get(kind, 0) + count * each.get(kind, 0)
        self.named = {(k if isinstance(k, int) else k[1], isinstance(k, int)): v
                      for k, v in self.named.items()}

    def _text(self, offset):
        return self.strings[offset:self.strings.index(b"\0", offset)].decode()

    def _record(self, type_id):
        pos = self.at[type_id]
        name, info, size = struct.unpack_from("<III", self.types, pos)
        return name, info >> 24 & 31, info & 0xFFFF, info >> 31, size, pos + 12

    def find(self, name):
        """Number of a structure or union by its name."""
        offset = self.strings.find(b"\0" + name.encode() + b"\0") + 1
        while offset > 0:
            if (offset, True) in self.named:
                return self.named[(offset, True)]
            offset = self.strings.find(b"\0" + name.encode() + b"\0", offset) + 1
        raise BtfError(f"this kernel has no structure '{name}'")

    def resolve(self, type_id):
        """Without typedefs and qualifiers."""
        while True:
            _, kind, _, _, target, _ = self._record(type_id)
            if kind not in _SAME:
                return type_id
            type_id = target

    def sizeof(self, type_id):
        type_id = self.resolve(type_id) if isinstance(type_id, int) else self.find(type_id)
        _, kind, _, _, size, body = self._record(type_id)
        if kind == PTR:
            return 8
        if kind == ARRAY:
            element, _, count = struct.unpack_from("<III", self.types, body)
            return self.sizeof(element) * count
        return size

    def _member(self, type_id, wanted):
        type_id = self.resolve(type_id)
        _, kind, count, bitfields, _, body = self._record(type_id)
        if kind not in (STRUCT, UNION):
            return None
        for i in range(count):
            name, target, place = struct.unpack_from("<III", self.types, body + 12 * i)
            bits = place >> 24 if bitfields else 0
            place = place & 0xFFFFFF if bitfields else place
            if name and self._text(name) == wanted:
                if bits:
                    return Member(target, place // 32 * 4, place % 32, bits)
                return Member(target, place // 8, place % 8, 0)
            if not name:
                inner = self._member(target, wanted)
                if inner:
                    inner.offset += place // 8
                    return inner
        return None

    def member(self, struct_name, path):
        """A member by a path such as 'core_layout.base', through unnamed members too."""
        type_id = self.find(struct_name) if isinstance(struct_name, str) else struct_name
        offset = 0
        for name in path.split("."):
            m = self._member(type_id, name)
            if m is None:
                raise BtfError(f"this kernel's '{struct_name}' has no member '{path}'")
            offset += m.offset
            type_id = m.type_id
        return Member(m.type_id, offset, m.shift, m.bits)

    def offset(self, struct_name, path):
        return self.member(struct_name, path).offset

    def has(self, struct_name, path):
        try:
            self.member(struct_name, path)
            return True
        except BtfError:
            return False
