/* The architectural state of an x86-64 CPU, and the lazily kept parts that generated code works on.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_STATE_H
#define GLASSBOX_TARGET_I386_STATE_H

#include "util/types.h"

/* General registers in the order of their encoding. */
enum {
    R_RAX, R_RCX, R_RDX, R_RBX, R_RSP, R_RBP, R_RSI, R_RDI,
    R_R8, R_R9, R_R10, R_R11, R_R12, R_R13, R_R14, R_R15,
};

/* Segment registers in the order of their encoding; LDTR and TR share the descriptor cache type. */
enum { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS, X86_NUM_SEGS };

/* EFLAGS (SDM vol. 1, 3.4.3). */
#define X86_CF (1u << 0)
#define X86_PF (1u << 2)
#define X86_AF (1u << 4)
#define X86_ZF (1u << 6)
#define X86_SF (1u << 7)
#define X86_TF (1u << 8)
#define X86_IF (1u << 9)
#define X86_DF (1u << 10)
#define X86_OF (1u << 11)
#define X86_IOPL (3u << 12)
#define X86_NT (1u << 14)
#define X86_RF (1u << 16)
#define X86_VM (1u << 17)
#define X86_AC (1u << 18)
#define X86_VIF (1u << 19)
#define X86_VIP (1u << 20)
#define X86_ID (1u << 21)
#define X86_ARITH (X86_CF | X86_PF | X86_AF | X86_ZF | X86_SF | X86_OF)

/* Control registers (SDM vol. 3, 2.5). */
#define X86_CR0_PE (1u << 0)
#define X86_CR0_MP (1u << 1)
#define X86_CR0_EM (1u << 2)
#define X86_CR0_TS (1u << 3)
#define X86_CR0_ET (1u << 4)
#define X86_CR0_NE (1u << 5)
#define X86_CR0_WP (1u << 16)
#define X86_CR0_AM (1u << 18)
#define X86_CR0_NW (1u << 29)
#define X86_CR0_CD (1u << 30)
#define X86_CR0_PG (1u << 31)
#define X86_CR4_VME (1u << 0)
#define X86_CR4_PVI (1u << 1)
#define X86_CR4_TSD (1u << 2)
#define X86_CR4_DE (1u << 3)
#define X86_CR4_PSE (1u << 4)
#define X86_CR4_PAE (1u << 5)
#define X86_CR4_MCE (1u << 6)
#define X86_CR4_PGE (1u << 7)
#define X86_CR4_PCE (1u << 8)
#define X86_CR4_OSFXSR (1u << 9)
#define X86_CR4_OSXMMEXCPT (1u << 10)
#define X86_CR4_UMIP (1u << 11)
#define X86_CR4_FSGSBASE (1u << 16)
#define X86_CR4_PCIDE (1u << 17)
#define X86_CR4_OSXSAVE (1u << 18)
#define X86_CR4_SMEP (1u << 20)
#define X86_CR4_SMAP (1u << 21)
#define X86_EFER_SCE (1u << 0)
#define X86_EFER_LME (1u << 8)
#define X86_EFER_LMA (1u << 10)
#define X86_EFER_NXE (1u << 11)

/* Exception vectors (SDM vol. 3, table 6-1). */
enum {
    X86_EXC_DE, X86_EXC_DB, X86_EXC_NMI, X86_EXC_BP, X86_EXC_OF, X86_EXC_BR, X86_EXC_UD, X86_EXC_NM,
    X86_EXC_DF, X86_EXC_COPROC, X86_EXC_TS, X86_EXC_NP, X86_EXC_SS, X86_EXC_GP, X86_EXC_PF,
    X86_EXC_MF = 16, X86_EXC_AC, X86_EXC_MC, X86_EXC_XM,
};

#define X86_EXC_TRIPLE 256      /* in exc_vector: a fault while delivering a double fault */

/* What kind of event an exception is: what rip it saves, and how it treats privilege and EXT. */
enum {
    X86_EVENT_FAULT,        /* saves the rip of the instruction, with RF */
    X86_EVENT_TRAP,         /* #DB after an instruction: rip is already the next one's */
    X86_EVENT_ICEBP,        /* INT1: saves exc_next_rip; no privilege check */
    X86_EVENT_SOFT,         /* INT n, INT3, INTO: saves exc_next_rip; the gate's DPL counts */
    X86_EVENT_EXTERNAL,     /* interrupt, NMI */
};

/* Work pending for a vCPU: bits of Cpu.irq_pending. */
#define X86_IRQ_HARD (1u << 0)   /* the local APIC or the 8259 has an interrupt to deliver */
#define X86_IRQ_NMI (1u << 1)
#define X86_IRQ_INIT (1u << 2)
#define X86_IRQ_SIPI (1u << 3)
#define X86_IRQ_EXTINT (1u << 4) /* the 8259's INTR line is up and LINT0 lets it through */
#define X86_IRQ_RESYNC (1u << 5) /* registers were changed from outside the guest: what is derived from them
                                    (TLB, watches of the guest's debug registers) must be made anew */

/* A segment register with its hidden part. flags are bits 8..23 of the descriptor's high word
 * (type, S, DPL, P, AVL, L, D/B, G) at the place they have there. */
typedef struct X86Seg {
    uint32_t selector;
    uint32_t flags;
    uint64_t base;
    uint32_t limit;     /* in bytes, granularity applied */
} X86Seg;

#define X86_SEG_TYPE_SHIFT 8
#define X86_SEG_A (1u << 8)
#define X86_SEG_W (1u << 9)      /* data: writable; code: readable */
#define X86_SEG_R (1u << 9)
#define X86_SEG_E (1u << 10)     /* data: expand down; code: conforming */
#define X86_SEG_C (1u << 10)
#define X86_SEG_CODE (1u << 11)
#define X86_SEG_S (1u << 12)
#define X86_SEG_DPL_SHIFT 13
#define X86_SEG_DPL (3u << 13)
#define X86_SEG_P (1u << 15)
#define X86_SEG_AVL (1u << 20)
#define X86_SEG_L (1u << 21)
#define X86_SEG_B (1u << 22)
#define X86_SEG_G (1u << 23)

/* How the arithmetic flags are kept (target/i386/flags.c). Generated code stores the operands of the last
 * instruction that set flags, and they are computed when something asks. Each kind but EFLAGS comes in four
 * sizes, in this order: byte, word, long, quad. Operands are kept truncated or not: readers truncate.
 *   EFLAGS  cc_dst holds the six flag bits
 *   ADD SUB cc_dst = left operand, cc_src = right operand
 *   ADC SBB the same and cc_src2 = carry in (0 or 1)
 *   LOGIC   cc_dst = result (CF = OF = AF = 0)
 *   INC DEC cc_dst = result, cc_src = CF before (0 or 1)
 *   SHL     cc_dst = result, cc_src = operand shifted by count - 1 (its top bit is CF)
 *   SHR SAR cc_dst = result, cc_src = operand shifted by count - 1 (its bit 0 is CF); OF from result and src
 *   MUL     cc_dst = low half of the result, cc_src = 0 or not: CF and OF
 *   IMUL    cc_dst, cc_src = the factors, of which the product is not made unless asked for
 * Above the kind (from bit X86_CC_OVER_SHIFT) cc_op may name flags that override those of the kind, taken
 * from cc_over:
 *   CF       CF = bit 0 of cc_over
 *   BT       the same and OF = 0 (undefined after bit tests; so it is the same however code is cut into blocks)
 *   ROL ROR  in four sizes: CF and OF as a rotation with the result cc_over sets them
 * and (from bit X86_CC_STEP_SHIFT) an INC or DEC in four sizes, whose result cc_step gives all but CF. Where both
 * are there, the step is the later one unless X86_CC_OVER_LAST says otherwise.
 */
enum {
    X86_CC_EFLAGS,
    X86_CC_ADDB, X86_CC_ADDW, X86_CC_ADDL, X86_CC_ADDQ,
    X86_CC_SUBB, X86_CC_SUBW, X86_CC_SUBL, X86_CC_SUBQ,
    X86_CC_ADCB, X86_CC_ADCW, X86_CC_ADCL, X86_CC_ADCQ,
    X86_CC_SBBB, X86_CC_SBBW, X86_CC_SBBL, X86_CC_SBBQ,
    X86_CC_LOGICB, X86_CC_LOGICW, X86_CC_LOGICL, X86_CC_LOGICQ,
    X86_CC_INCB, X86_CC_INCW, X86_CC_INCL, X86_CC_INCQ,
    X86_CC_DECB, X86_CC_DECW, X86_CC_DECL, X86_CC_DECQ,
    X86_CC_SHLB, X86_CC_SHLW, X86_CC_SHLL, X86_CC_SHLQ,
    X86_CC_SHRB, X86_CC_SHRW, X86_CC_SHRL, X86_CC_SHRQ,
    X86_CC_SARB, X86_CC_SARW, X86_CC_SARL, X86_CC_SARQ,
    X86_CC_MULB, X86_CC_MULW, X86_CC_MULL, X86_CC_MULQ,
    X86_CC_IMULB, X86_CC_IMULW, X86_CC_IMULL, X86_CC_IMULQ,
    X86_CC_NUM,
};
#define X86_CC_OVER_SHIFT 8
enum {
    X86_CC_OVER_NONE,
    X86_CC_OVER_CF,
    X86_CC_OVER_BT,
    X86_CC_OVER_ROLB, X86_CC_OVER_ROLW, X86_CC_OVER_ROLL, X86_CC_OVER_ROLQ,
    X86_CC_OVER_RORB, X86_CC_OVER_RORW, X86_CC_OVER_RORL, X86_CC_OVER_RORQ,
};
#define X86_CC_STEP_SHIFT 16
enum {
    X86_CC_STEP_NONE,
    X86_CC_STEP_INCB, X86_CC_STEP_INCW, X86_CC_STEP_INCL, X86_CC_STEP_INCQ,
    X86_CC_STEP_DECB, X86_CC_STEP_DECW, X86_CC_STEP_DECL, X86_CC_STEP_DECQ,
};
#define X86_CC_OVER_LAST (1u << 24)

/* Bits of X86State.mode: everything that changes what an instruction's translation is. Kept current by
 * x86_mode_update() after any change of what it is made of. It is the block key's mode. */
#define X86_MODE_CPL 3u                  /* current privilege level */
#define X86_MODE_PE (1u << 2)
#define X86_MODE_VM86 (1u << 3)
#define X86_MODE_CS64 (1u << 4)          /* 64-bit mode */
#define X86_MODE_CS32 (1u << 5)          /* CS.D (set in 64-bit mode too) */
#define X86_MODE_SS32 (1u << 6)          /* SS.B (set in 64-bit mode too) */
#define X86_MODE_LMA (1u << 7)           /* EFER.LMA */
#define X86_MODE_FLAT (1u << 8)          /* DS, ES, SS (outside 64-bit mode): base 0, limit 4 GiB, up, writable;
                                            CS: base 0 and limit 4 GiB */
#define X86_MODE_TF (1u << 9)            /* the guest's own single step */
#define X86_MODE_RF (1u << 10)           /* next instruction ignores the guest's execute breakpoints */
#define X86_MODE_SHADOW (1u << 11)       /* interrupts held for one instruction after STI; the block is one long */
#define X86_MODE_SS_SHADOW (1u << 12)    /* ... after MOV SS or POP SS: holds #DB too */
#define X86_MODE_TS (1u << 13)           /* CR0.TS */
#define X86_MODE_EM (1u << 14)           /* CR0.EM */
#define X86_MODE_MP (1u << 15)           /* CR0.MP */
#define X86_MODE_OSFXSR (1u << 16)
#define X86_MODE_SMAP (1u << 17)         /* CR4.SMAP and AC clear, CPL < 3: user pages are out of bounds */
#define X86_MODE_IOPL_OK (1u << 18)      /* CPL <= IOPL (or real mode) */
#define X86_MODE_FPEXC (1u << 19)        /* some SSE exception is unmasked in MXCSR: careful SSE arithmetic */
#define X86_MODE_OSXSAVE (1u << 20)
#define X86_MODE_FSGSBASE (1u << 21)
#define X86_MODE_TSD (1u << 22)          /* CR4.TSD */
#define X86_MODE_UMIP (1u << 23)
#define X86_MODE_AC (1u << 24)           /* alignment checks on: CR0.AM, EFLAGS.AC, CPL 3 */
#define X86_MODE_IOBP (1u << 25)         /* an I/O breakpoint is armed in DR7 (with CR4.DE) */
#define X86_MODE_EXECBP (1u << 26)       /* an execute breakpoint is armed in DR7 */

/* MMU contexts: one software TLB for each. */
enum { X86_MMU_KERNEL, X86_MMU_USER, X86_MMU_SMAP, X86_NUM_MMU };

typedef struct X86Fpu {
    uint8_t st[8][16];      /* physical registers R0..R7, 10 bytes used of each */
    uint16_t control, status;   /* status without TOP, which is in top */
    uint8_t top;
    uint8_t tags;           /* abridged: bit n set when physical register n is in use */
    uint16_t opcode;
    uint16_t ip_sel, dp_sel;
    uint64_t ip, dp;
} X86Fpu;

/* Everything the CPU is. Hot fields first: the first 256 bytes are in reach of short displacements. */
typedef struct X86State {
    uint64_t gpr[16];
    uint64_t rip;
    uint64_t cc_dst, cc_src, cc_src2, cc_over, cc_step;
    uint32_t cc_op;
    uint32_t eflags;        /* all but the arithmetic flags, which are in cc_*; bit 1 set */
    uint32_t mode;          /* X86_MODE_* */
    uint32_t mxcsr;

    V128 xmm[16];
    V128 ymm_high[16];      /* upper halves, for AVX */
    X86Fpu fpu;

    X86Seg seg[X86_NUM_SEGS];
    X86Seg ldt, tr, gdt, idt;   /* gdt and idt: base and limit only */

    uint64_t cr0, cr2, cr3, cr4;
    uint64_t dr[8];         /* 4 and 5 unused */
    uint64_t efer, xcr0;
    uint64_t star, lstar, cstar, sfmask, kernel_gs_base, tsc_aux;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, apic_base, misc_enable, tsc_adjust, tsc_deadline, spec_ctrl, smbase;
    uint64_t kvm_system_time;   /* MSR_KVM_SYSTEM_TIME_NEW: where the guest has KVM's clock */
    uint64_t mtrr_deftype, mtrr_fixed[11], mtrr_var[16];
    uint64_t mcg_status, mcg_ctl;
    uint64_t pdpte[4];      /* PAE page-directory pointers, loaded with CR3 */

    /* An exception on its way: set by x86_raise() (excp.h), delivered by the execution loop. */
    int32_t exc_vector;     /* -1: none; X86_EXC_TRIPLE: shutdown */
    uint32_t exc_error;
    bool exc_has_error;
    uint8_t exc_kind;       /* X86_EVENT_* */
    uint8_t exc_nest;       /* what is being delivered, for double faults: X86_NEST_* */
    uint64_t exc_next_rip;
    uint64_t exc_dr6;       /* #DB: DR6 bits to merge on delivery */
    uint64_t pending_dr6;   /* debug conditions met by the instruction being run */

    bool nmi_blocked;       /* from NMI delivery to IRET */
    uint8_t sipi_vector;
    uint32_t pause_count;   /* PAUSE instructions since the last yield */

    const struct X86Model *model;   /* CPUID: what this CPU offers (target/i386/cpuid.h) */
    struct X86Lapic *lapic;
} X86State;

#endif
