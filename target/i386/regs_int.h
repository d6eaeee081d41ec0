/* Inside the register table: the getters and setters that rows name, and the types.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All run on the thread that owns the CPU. Setters refuse with a reason and then have changed
 * nothing; what they change is made known to the executor by x86_resync. */
#ifndef GLASSBOX_TARGET_I386_REGS_INT_H
#define GLASSBOX_TARGET_I386_REGS_INT_H

#include "cpu/cpu.h"

/* Type definitions of the features, in the description's XML. */
extern const char x86_types_core[], x86_types_sse[], x86_types_system[];

#define X86_REG_FN(name) \
    void x86_reg_get_##name(const Cpu *cpu, const RegDesc *r, uint8_t *le); \
    bool x86_reg_set_##name(Cpu *cpu, const RegDesc *r, const uint8_t *le, GError **errp);
X86_REG_FN(rip)         /* 64 or 32 bits */
X86_REG_FN(flags)
X86_REG_FN(sel)         /* arg: X86_SEGIDX_*: a selector */
X86_REG_FN(seg)         /* arg: X86_SEGIDX_* | X86_SEGFIELD_* << 8 */
X86_REG_FN(st)          /* arg: n of ST(n) */
X86_REG_FN(fpu)         /* arg: X86_FPU_* */
X86_REG_FN(mxcsr)
X86_REG_FN(cr)          /* arg: 0, 2, 3, 4, 8 */
X86_REG_FN(xcr0)
X86_REG_FN(dr)          /* arg: 0-3, 6, 7 */
X86_REG_FN(msr)         /* arg: its number */
X86_REG_FN(pseudo)      /* arg: X86_PSEUDO_*; read-only */
#undef X86_REG_FN

enum { X86_SEGIDX_LDT = 6, X86_SEGIDX_TR, X86_SEGIDX_GDT, X86_SEGIDX_IDT };
enum { X86_SEGFIELD_BASE, X86_SEGFIELD_LIMIT, X86_SEGFIELD_ATTR };
enum { X86_FPU_CONTROL, X86_FPU_STATUS, X86_FPU_TAG, X86_FPU_IP_SEL, X86_FPU_IP, X86_FPU_DP_SEL,
       X86_FPU_DP, X86_FPU_OPCODE };
enum { X86_PSEUDO_CPL, X86_PSEUDO_MODE };

#endif
