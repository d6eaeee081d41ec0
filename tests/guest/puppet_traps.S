/* Where the puppet waits, and its traps: each is noted in pup_log, as few instructions as that takes. */
/* SPDX-License-Identifier: GPL-2.0-or-later */

        .text
        .globl  pup_idle, pup_done
        .type   pup_idle, @function
pup_idle:
        outb    %al, $0x80      /* emulated SVM comes out of a loop with IF off by no timer of its host's */
        pause
        jmp     pup_idle
        /* What a debugger has called returns to here, where it has a breakpoint. */
pup_done:
        nop
        jmp     pup_idle

        /* Where a fault leads that the routine did not expect. */
        .globl  pup_lost
pup_lost:
        movl    $0xfa017ed, %eax
        jmp     pup_done

        .macro  STUB name, vector, has_error=0
        .globl  pup_trap_\name
pup_trap_\name:
        .if     \has_error == 0
        pushq   $0
        .endif
        pushq   $\vector
        jmp     pup_trap_note
        .endm

        STUB    0, 0
        STUB    1, 1
        STUB    2, 2
        STUB    3, 3
        STUB    6, 6
        STUB    13, 13, 1
        STUB    14, 14, 1
        STUB    soft, 0x50
        STUB    back, 0x51
        STUB    ipi, 0x60

        /* On the stack: rcx, rax, vector, error, then the frame. */
pup_trap_note:
        pushq   %rax
        pushq   %rcx
        movl    $1, %eax
        lock xaddl %eax, pup_log_count
        andl    $31, %eax
        shll    $6, %eax
        leaq    pup_log(%rax), %rcx
        .irp    n, 0, 1, 2, 3, 4, 5, 6
        movq    16 + 8 * \n(%rsp), %rax
        movq    %rax, 8 * \n(%rcx)
        .endr
        movq    $0, 56(%rcx)
        movl    16(%rsp), %eax
        cmpl    $1, %eax
        je      pup_trap_debug
        testb   $3, 40(%rsp)
        jnz     pup_trap_from_user
        cmpl    $0x60, %eax
        je      pup_trap_eoi
        movl    $0x6041, %ecx           /* faults: 0, 6, 13, 14 go on where r15 says */
        btl     %eax, %ecx
        jnc     pup_trap_return
        cmpl    $32, %eax
        jae     pup_trap_return
        movq    %r15, 32(%rsp)
        btrl    $16, 48(%rsp)           /* without RF: it would hide a debug register at r15 */
        jmp     pup_trap_return

        /* DR6 is noted and cleared, as a debugger in the guest would. */
pup_trap_debug:
        movq    %dr6, %rax
        movq    %rax, 56(%rcx)
        testq   %rax, pup_rf_mask
        jz      1f
        orq     $0x10000, 48(%rsp)
1:      movl    $0xffff0ff0, %eax
        movq    %rax, %dr6
        jmp     pup_trap_return

pup_trap_eoi:
        movl    $0xFEE000B0, %eax
        movl    $0, (%rax)
        jmp     pup_trap_return

        /* Back from ring 3 to where r15 says, on the stack of before. */
pup_trap_from_user:
        movq    %r15, 32(%rsp)
        btrl    $16, 48(%rsp)
        movq    $0x08, 40(%rsp)
        movq    $0x10, 64(%rsp)
        movq    pup_user_sp, %rax
        movq    %rax, 56(%rsp)

pup_trap_return:
        popq    %rcx
        popq    %rax
        addq    $16, %rsp
        .globl  pup_trap_iret
pup_trap_iret:
        iretq

        .section .note.GNU-stack, "", @progbits
