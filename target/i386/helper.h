/* C functions that translated code calls for system instructions and control transfers.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All take the target's state (X86State) as env and are called with IR_CALL_ALL unless marked
 * otherwise: [reads] IR_CALL_READS|RAISES, [pure read] IR_CALL_READS. They raise exceptions by
 * leaving (tcg_raise), with rip in the state being the instruction's; until they have succeeded
 * nothing is changed. Those that return nothing return 0.
 *
 * `next` is the rip of the following instruction. A helper that takes it, or that transfers
 * control, leaves rip right itself: the front end ends the block with IR_EXIT TCG_EXIT_NEXT (the
 * mode may have changed). After helpers marked [ends] that do not take it, the front end stores
 * the next rip itself and ends the block. `size` is the operand size in bytes: 2, 4 or 8.
 *
 * Ends of instructions. Modes with one of X86_MODE_TF, RF, SHADOW, SS_SHADOW are translated one
 * instruction to a block, which ends so: store the next rip; call x86_helper_insn_end(env,
 * mode at the start); exit NEXT. In X86_MODE_IOBP, IN, OUT, INS and OUTS end the block in the
 * same way. Instructions that transfer control by one of the helpers here do the same after the
 * helper, with two exceptions that know for themselves: SYSCALL and SYSRET; and INT n, INT3,
 * INTO, ICEBP never come back. A REP string instruction calls insn_end after each iteration in
 * these modes (rip being its own while iterations are left).
 * In X86_MODE_EXECBP without RF and SS_SHADOW, each instruction starts with
 * x86_helper_check_exec_bp(env, linear address); a REP string instruction that is left between
 * two iterations in this mode sets X86_RF in eflags and X86_MODE_RF in mode, so that going on
 * with it does not hit again. */
#ifndef GLASSBOX_TARGET_I386_HELPER_H
#define GLASSBOX_TARGET_I386_HELPER_H

#include "target/i386/state.h"

/* ---- exceptions ---- */
uint64_t x86_helper_raise(void *env, uint64_t vector);      /* a fault without error code; no return */
uint64_t x86_helper_raise_error(void *env, uint64_t vector, uint64_t error);    /* with; no return */
/* #GP(0) unless the address is canonical. [reads] */
uint64_t x86_helper_check_canonical(void *env, uint64_t addr);
/* Segment check of an access (outside 64-bit mode, when X86_MODE_FLAT is clear): offset already
 * cut to the address size; raises #GP(0) or #SS(0) as the hidden registers say; returns the linear
 * address. arg = seg | len << 8 | write << 16. [reads] */
uint64_t x86_helper_seg_check(void *env, uint64_t offset, uint64_t arg);

/* ---- software interrupts: no return ---- */
uint64_t x86_helper_int(void *env, uint64_t vector, uint64_t next);     /* INT n, in all modes */
uint64_t x86_helper_int3(void *env, uint64_t next);
uint64_t x86_helper_into(void *env, uint64_t next);     /* the front end has seen OF */
uint64_t x86_helper_icebp(void *env, uint64_t next);

/* ---- far transfers ---- */
uint64_t x86_helper_ljmp(void *env, uint64_t sel, uint64_t off, uint64_t size, uint64_t next);
uint64_t x86_helper_lcall(void *env, uint64_t sel, uint64_t off, uint64_t size, uint64_t next);
uint64_t x86_helper_lret(void *env, uint64_t size, uint64_t pop_bytes);
uint64_t x86_helper_iret(void *env, uint64_t size, uint64_t next);
uint64_t x86_helper_syscall(void *env, uint64_t next);      /* raises #UD where it does not exist */
uint64_t x86_helper_sysret(void *env, uint64_t size);       /* 4 or 8 */
uint64_t x86_helper_sysenter(void *env);
uint64_t x86_helper_sysexit(void *env, uint64_t size);
uint64_t x86_helper_swapgs(void *env);                      /* mode unchanged: the block may go on */

/* ---- segment registers ---- */
/* MOV/POP to a segment register, LDS and friends (not CS). True if the mode changed or SS was
 * loaded: then [ends]; else the block may go on. POP: load from the stack, call, then add to rsp. */
uint64_t x86_helper_load_seg(void *env, uint64_t seg, uint64_t sel);
/* What LDS and friends need first: raises what x86_helper_load_seg would. Not needed: load the
 * segment first, then write the general register. */
uint64_t x86_helper_lldt(void *env, uint64_t sel);          /* #UD in real and VM86 mode, too */
uint64_t x86_helper_ltr(void *env, uint64_t sel);
uint64_t x86_helper_sldt(void *env);                        /* UMIP, #UD; returns the selector [reads] */
uint64_t x86_helper_str(void *env);                         /* [reads] */
/* LAR and LSL: value | 1 << 63 if the selector is good (ZF), else 0. */
uint64_t x86_helper_lar(void *env, uint64_t sel);
uint64_t x86_helper_lsl(void *env, uint64_t sel);
uint64_t x86_helper_verr(void *env, uint64_t sel);          /* the new ZF */
uint64_t x86_helper_verw(void *env, uint64_t sel);
/* size: of the instruction's operand; the linear address has been computed (and checked with
 * seg_check over 6 or 10 bytes). */
uint64_t x86_helper_sgdt(void *env, uint64_t addr, uint64_t size);
uint64_t x86_helper_sidt(void *env, uint64_t addr, uint64_t size);
uint64_t x86_helper_lgdt(void *env, uint64_t addr, uint64_t size);
uint64_t x86_helper_lidt(void *env, uint64_t addr, uint64_t size);

/* ---- control and debug registers ---- */
uint64_t x86_helper_read_cr(void *env, uint64_t n);         /* CPL; #UD for a number that is not */
uint64_t x86_helper_write_cr(void *env, uint64_t n, uint64_t value);    /* [ends] */
uint64_t x86_helper_read_dr(void *env, uint64_t n);         /* CPL, GD, CR4.DE */
uint64_t x86_helper_write_dr(void *env, uint64_t n, uint64_t value);    /* [ends] */
uint64_t x86_helper_clts(void *env);                        /* [ends] */
uint64_t x86_helper_lmsw(void *env, uint64_t value);        /* [ends] */
uint64_t x86_helper_smsw(void *env);                        /* UMIP; all of CR0 [reads] */
uint64_t x86_helper_invlpg(void *env, uint64_t addr);       /* linear address; CPL. [ends] */
uint64_t x86_helper_invpcid(void *env, uint64_t type, uint64_t addr);   /* addr of the descriptor. [ends] */
uint64_t x86_helper_wbinvd(void *env);                      /* and INVD: the privilege check */
uint64_t x86_helper_clac(void *env);                        /* #UD unless CPL 0. [ends]: the mode changes */
uint64_t x86_helper_stac(void *env);

/* ---- MSRs, time, identity ---- */
uint64_t x86_helper_rdmsr(void *env);                       /* ecx -> edx:eax */
uint64_t x86_helper_wrmsr(void *env);                       /* [ends] */
uint64_t x86_helper_rdtsc(void *env);                       /* -> edx:eax; #GP by CR4.TSD */
uint64_t x86_helper_rdtscp(void *env);
uint64_t x86_helper_rdpid(void *env);                       /* returns TSC_AUX [pure read] */
uint64_t x86_helper_rdpmc(void *env);                       /* no counters: #GP */
uint64_t x86_helper_cpuid(void *env);
uint64_t x86_helper_xgetbv(void *env);                      /* #UD without CR4.OSXSAVE */
uint64_t x86_helper_xsetbv(void *env);                      /* [ends] */

/* ---- flags and interrupts ---- */
/* CLI and STI where X86_MODE_IOPL_OK is clear: VM86 and PVI rules, #GP. Where it is set, CLI is
 * eflags &= ~IF in the state and STI is x86_helper_sti too: it sets the shadow. [ends] for both */
uint64_t x86_helper_cli(void *env);
uint64_t x86_helper_sti(void *env);
/* The image that PUSHF pushes (RF and VM clear; VME). #GP in VM86 with IOPL < 3. [reads] */
uint64_t x86_helper_pushf(void *env, uint64_t size);
/* POPF: call with the popped value, then add to rsp. [ends] */
uint64_t x86_helper_popf(void *env, uint64_t value, uint64_t size);
/* HLT: #GP by CPL; sets rip and the power state: then IR_EXIT TCG_EXIT_HALT. */
uint64_t x86_helper_hlt(void *env, uint64_t next);
/* PAUSE: true when it is time to let other threads run: rip = next and TCG_EXIT_YIELD; else the
 * block goes on. */
uint64_t x86_helper_pause(void *env);

/* ---- ports: size in bytes; IOPL and the TSS's bitmap, I/O breakpoints ---- */
uint64_t x86_helper_in(void *env, uint64_t port, uint64_t size);
uint64_t x86_helper_out(void *env, uint64_t port, uint64_t size, uint64_t value);
/* One INS: checks, then that addr (linear) can be written, then reads the port and stores. */
uint64_t x86_helper_ins(void *env, uint64_t port, uint64_t size, uint64_t addr);
/* The check alone: OUTS does it before it loads. */
uint64_t x86_helper_io_check(void *env, uint64_t port, uint64_t size);

/* ---- the guest's own debugging (see the top) ---- */
uint64_t x86_helper_insn_end(void *env, uint64_t mode);
uint64_t x86_helper_check_exec_bp(void *env, uint64_t linear);

#endif
