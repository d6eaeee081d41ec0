/* Debug registers as data (SDM vol. 3, 18.2).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/dr7.h"

#include <string.h>

#define DR7_FIXED 0x400u
#define DR7_KEEP 0x2700u        /* LE, GE, the constant one, GD */

static const uint8_t len_of[4] = { 1, 2, 8, 4 };

static unsigned field(uint64_t dr7, unsigned i)
{
    return dr7 >> (16 + 4 * i) & 15;
}

X86DrPoint x86_dr_get(uint64_t dr7, uint64_t addr, unsigned i)
{
    X86DrPoint p = { .on = dr7 >> (2 * i) & 3, .kind = field(dr7, i) & 3,
                     .len = len_of[field(dr7, i) >> 2] };

    if (p.kind == X86_DR_EXEC) {
        p.len = 1;
    }
    p.addr = addr & ~(uint64_t)(p.len - 1);
    return p;
}

uint64_t x86_dr_put(uint64_t dr7, unsigned i, const X86DrPoint *p)
{
    static const uint8_t code[9] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

    dr7 &= ~(UINT64_C(15) << (16 + 4 * i) | UINT64_C(3) << (2 * i));
    dr7 |= (uint64_t)(p->kind | code[p->len] << 2) << (16 + 4 * i);
    return p->on ? dr7 | UINT64_C(2) << (2 * i) : dr7;
}

uint64_t x86_dr7_legal(uint64_t dr7)
{
    return (dr7 & 0xffff23ffu) | DR7_FIXED;
}

bool x86_dr7_any(uint64_t dr7, unsigned kind)
{
    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        if ((dr7 >> (2 * i) & 3) && (field(dr7, i) & 3) == kind) {
            return true;
        }
    }
    return false;
}

static bool overlap(const X86DrPoint *p, uint64_t addr, unsigned size)
{
    return addr - p->addr < p->len || p->addr - addr < size;
}

uint32_t x86_dr_match_exec(const uint64_t *dr, uint64_t dr7, vaddr_t addr)
{
    uint32_t b = 0;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        X86DrPoint p = x86_dr_get(dr7, dr[i], i);

        b |= (uint32_t)(p.on && p.kind == X86_DR_EXEC && p.addr == addr) << i;
    }
    return b;
}

uint32_t x86_dr_match_io(const uint64_t *dr, uint64_t dr7, uint32_t port, unsigned size)
{
    uint32_t b = 0;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        X86DrPoint p = x86_dr_get(dr7, dr[i], i);

        b |= (uint32_t)(p.on && p.kind == X86_DR_IO && overlap(&p, port, size)) << i;
    }
    return b;
}

uint32_t x86_dr_match_data(const uint64_t *dr, uint64_t dr7, vaddr_t addr, unsigned size, bool write)
{
    uint32_t b = 0;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        X86DrPoint p = x86_dr_get(dr7, dr[i], i);
        bool kind = p.kind == X86_DR_RW || (p.kind == X86_DR_WRITE && write);

        b |= (uint32_t)(p.on && kind && overlap(&p, addr, size)) << i;
    }
    return b;
}

/* ---- merging ---- */

/* The register that already does this, else a free one, else -1. */
static int slot_find(const X86DrPoint *slot, const X86DrPoint *p)
{
    int empty = -1;

    for (int i = 0; i < X86_DR_SLOTS; i++) {
        if (slot[i].on && slot[i].kind == p->kind && slot[i].len == p->len &&
            slot[i].addr == p->addr) {
            return i;
        }
        if (!slot[i].on && empty < 0) {
            empty = i;
        }
    }
    return empty;
}

/* The largest aligned piece at the start of a range. */
static unsigned piece_len(uint64_t addr, uint64_t len)
{
    unsigned n = 8;

    while ((addr & (n - 1)) || n > len) {
        n /= 2;
    }
    return n;
}

static unsigned kind_of(PointKind kind)
{
    return kind == POINT_EXEC ? X86_DR_EXEC : kind == POINT_WRITE ? X86_DR_WRITE : X86_DR_RW;
}

/* Gives a wish its registers on a copy; true if all of it fits. */
static bool wish_place(X86DrMerge *m, const X86DrWish *w, unsigned index)
{
    X86DrMerge try = *m;
    uint64_t addr = w->addr, left = w->kind == POINT_EXEC ? 1 : w->len;

    if (!left || left > 8 * X86_DR_SLOTS || w->kind > POINT_ACCESS) {
        return false;
    }
    while (left) {
        unsigned n = w->kind == POINT_EXEC ? 1 : piece_len(addr, left);
        X86DrPoint p = { .on = true, .kind = (uint8_t)kind_of(w->kind), .len = (uint8_t)n,
                         .addr = addr };
        int i = slot_find(try.slot, &p);

        if (i < 0) {
            return false;
        }
        try.slot[i] = p;
        try.wish[i] |= UINT64_C(1) << index;
        addr += n;
        left -= n;
    }
    *m = try;
    return true;
}

void x86_dr_merge(const X86DrWish *wish, unsigned n, const uint64_t *guest_dr, uint64_t guest_dr7,
                  X86DrMerge *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        X86DrPoint p = x86_dr_get(guest_dr7, guest_dr[i], i);

        if (p.on) {
            int at = slot_find(out->slot, &p);

            out->slot[at] = p;
            out->guest[at] |= (uint8_t)(1u << i);
        }
    }
    for (unsigned i = 0; i < n && i < X86_DR_WISHES; i++) {
        if (!wish_place(out, &wish[i], i)) {
            out->spill |= UINT64_C(1) << i;
        }
    }
    out->dr7 = (guest_dr7 & DR7_KEEP) | DR7_FIXED;
    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        if (out->slot[i].on) {
            out->dr7 = x86_dr_put(out->dr7, i, &out->slot[i]);
        }
    }
}

void x86_dr_merge_hits(const X86DrMerge *m, uint64_t real_dr6, uint32_t *guest_b, uint64_t *wishes)
{
    *guest_b = 0;
    *wishes = 0;
    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        if (real_dr6 >> i & 1) {
            *guest_b |= m->guest[i];
            *wishes |= m->wish[i];
        }
    }
}
