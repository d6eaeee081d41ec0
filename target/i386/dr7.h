/* Debug registers as data: DR7's encoding, what matches, and the merging of a debugger's points
 * with the guest's own registers. Pure: for TCG, KVM and hvf alike.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_DR7_H
#define GLASSBOX_TARGET_I386_DR7_H

#include "accel/point.h"
#include "util/types.h"

/* R/W field of DR7. */
enum { X86_DR_EXEC, X86_DR_WRITE, X86_DR_IO, X86_DR_RW };

#define X86_DR7_ENABLE_ALL 0xffu
#define X86_DR_SLOTS 4

/* One breakpoint register with its fields of DR7. addr has the bits below len clear. */
typedef struct X86DrPoint {
    bool on;
    uint8_t kind;       /* X86_DR_* */
    uint8_t len;        /* bytes: 1, 2, 4, 8 */
    uint64_t addr;
} X86DrPoint;

/* Register i as DR7 and its address say; on: L or G set. An execute breakpoint has length 1
 * whatever LEN says. */
X86DrPoint x86_dr_get(uint64_t dr7, uint64_t addr, unsigned i);
/* DR7 with register i's fields set, enabled by G if on. len is 1, 2, 4 or 8. */
uint64_t x86_dr_put(uint64_t dr7, unsigned i, const X86DrPoint *p);
/* DR7 as it can be: reserved bits forced. */
uint64_t x86_dr7_legal(uint64_t dr7);
/* Is any enabled register of this kind? */
bool x86_dr7_any(uint64_t dr7, unsigned kind);
/* DR6's B0-3 for what an access meets among the registers dr[0..3] enabled in dr7. */
uint32_t x86_dr_match_exec(const uint64_t *dr, uint64_t dr7, vaddr_t addr);
uint32_t x86_dr_match_io(const uint64_t *dr, uint64_t dr7, uint32_t port, unsigned size);
uint32_t x86_dr_match_data(const uint64_t *dr, uint64_t dr7, vaddr_t addr, unsigned size, bool write);

/* Something a debugger wants watched. */
typedef struct X86DrWish {
    PointKind kind;     /* exec, write, read, access */
    vaddr_t addr;
    uint64_t len;       /* exec: 1 */
} X86DrWish;

/* Up to this many wishes are considered; further ones are spilled. */
#define X86_DR_WISHES 64

/* The real registers, and who owns each. */
typedef struct X86DrMerge {
    X86DrPoint slot[X86_DR_SLOTS];
    uint8_t guest[X86_DR_SLOTS];        /* bit per register of the guest that it serves */
    uint64_t wish[X86_DR_SLOTS];        /* bit per wish */
    uint64_t dr7;                       /* the real one; GD as the guest has it */
    uint64_t spill;                     /* wishes that got no register: other means are needed */
} X86DrMerge;

/* Distributes the four registers: the guest's own enabled ones first, then the wishes in order,
 * each whole (one that needs several registers gets all or none); equal ones share a register. */
void x86_dr_merge(const X86DrWish *wish, unsigned n, const uint64_t *guest_dr, uint64_t guest_dr7,
                  X86DrMerge *out);
/* Whose is a hit: the real DR6 in terms of the guest's registers (B0-3) and of the wishes. */
void x86_dr_merge_hits(const X86DrMerge *m, uint64_t real_dr6, uint32_t *guest_b, uint64_t *wishes);

#endif
