/* x87 instructions run by the host's own x87, on a state image that the caller keeps.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_HOST_X87_H
#define GLASSBOX_UTIL_HOST_X87_H

#include <stdbool.h>
#include <stdint.h>

/* The 32-bit protected-mode image of FNSAVE (SDM vol. 1, 8.1.10). */
typedef struct HostX87 {
    uint16_t control, pad0, status, pad1, tag, pad2;
    uint32_t ip;
    uint16_t cs, opcode;
    uint32_t dp;
    uint16_t ds, pad3;
    uint8_t st[8][10];      /* ST(0) first */
} __attribute__((packed)) HostX87;

/* Has this host an x87? Else the two functions must not be called. */
bool host_x87_present(void);
/* Runs the instruction opcode (0xd8..0xdf), modrm (0xc0..0xff) with these EFLAGS (FCMOV reads, FCOMI writes
 * them); returns EFLAGS after it. The state must have no unmasked exception pending. */
uint64_t host_x87_reg(HostX87 *state, unsigned opcode, unsigned modrm, uint64_t eflags);
/* The memory form opcode /reg on the operand at `mem` (up to 10 bytes, read or written). */
void host_x87_mem(HostX87 *state, unsigned opcode, unsigned reg, void *mem);

#endif
