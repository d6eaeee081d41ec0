# The kernel's message buffer, read from guest memory.
# SPDX-License-Identifier: GPL-2.0-or-later
"""Since 5.10 the log is a ring of descriptors beside a ring of text. A descriptor's state tells
whether its record is whole; its text lies between two logical positions of the text ring, behind
one machine word, and wraps to the ring's start as a whole."""
import struct

from . import guest

FINALIZED, COMMITTED = 2, 1
STATE_SHIFT = 62
ID_MASK = (1 << STATE_SHIFT) - 1
NO_TEXT = 1


class Ring:
    """Places of the two rings, read once."""

    def __init__(self, types, prb):
        at = types.offset
        self.desc_bits = guest.u32(prb + at("printk_ringbuffer", "desc_ring.count_bits"))
        self.descs = guest.u64(prb + at("printk_ringbuffer", "desc_ring.descs"))
        self.infos = guest.u64(prb + at("printk_ringbuffer", "desc_ring.infos"))
        self.head = guest.u64(prb + at("printk_ringbuffer", "desc_ring.head_id"))
        self.tail = guest.u64(prb + at("printk_ringbuffer", "desc_ring.tail_id"))
        self.text_bits = guest.u32(prb + at("printk_ringbuffer", "text_data_ring.size_bits"))
        self.text = guest.u64(prb + at("printk_ringbuffer", "text_data_ring.data"))
        self.desc_size = types.sizeof("prb_desc")
        self.info_size = types.sizeof("printk_info")
        self.state_at = at("prb_desc", "state_var")
        self.begin_at = at("prb_desc", "text_blk_lpos.begin")
        self.next_at = at("prb_desc", "text_blk_lpos.next")
        self.time_at = at("printk_info", "ts_nsec")
        self.length_at = at("printk_info", "text_len")


def _text(ring, begin, following, length):
    if begin & NO_TEXT or following & NO_TEXT:
        return ""
    size = 1 << ring.text_bits
    at = begin % size
    if begin >> ring.text_bits != following >> ring.text_bits and following % size:
        at = 0                         # the block did not fit before the end
    room = (following % size or size) - at - 8
    return guest.read(ring.text + at + 8, max(0, min(length, room))).decode("utf-8", "replace")


def _record(ring, number):
    slot = number & ((1 << ring.desc_bits) - 1)
    desc = guest.read(ring.descs + slot * ring.desc_size, ring.desc_size)
    state, = struct.unpack_from("<Q", desc, ring.state_at)
    if state & ID_MASK != number or state >> STATE_SHIFT not in (FINALIZED, COMMITTED):
        return None
    begin, = struct.unpack_from("<Q", desc, ring.begin_at)
    following, = struct.unpack_from("<Q", desc, ring.next_at)
    info = guest.read(ring.infos + slot * ring.info_size, ring.info_size)
    nanoseconds, = struct.unpack_from("<Q", info, ring.time_at)
    length, = struct.unpack_from("<H", info, ring.length_at)
    return nanoseconds, _text(ring, begin, following, length)


def log_lines(types, live):
    """The lines of the log, oldest first, with their times in seconds."""
    ring = Ring(types, guest.u64(live("prb")))
    number, count = ring.tail & ID_MASK, 0
    last = ring.head & ID_MASK
    while count <= 1 << ring.desc_bits:
        record = _record(ring, number)
        if record:
            seconds, rest = divmod(record[0], 10 ** 9)
            for line in record[1].split("\n"):
                yield f"[{seconds:5}.{rest // 1000:06}] {line}"
        if number == last:
            return
        number = (number + 1) & ID_MASK
        count += 1
