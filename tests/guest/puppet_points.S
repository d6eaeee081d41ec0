/* The puppet's code to have breakpoints in. */
/* SPDX-License-Identifier: GPL-2.0-or-later */

        .text
        /* Calls ten functions one after the other; eax: how many have run. */
        .globl  pp_ten
pp_ten:
        xorl    %eax, %eax
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
        call    pp_f\n
        .endr
        ret
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
        .globl  pp_f\n
pp_f\n:
        incl    %eax
        ret
        .endr

        /* Puts a constant into eax; eleven bytes. */
        .globl  pp_one, pp_one_end, pp_two, pp_two_end
        .balign 16
pp_one:
        movl    $0x11111111, %eax
        addl    $1, %eax
        nop
        ret
pp_one_end:
        .balign 16
pp_two:
        movl    $0x22222222, %eax
        subl    $2, %eax
        nop
        ret
pp_two_end:

        /* rdi = to, rsi = from, rdx = bytes: copies, one byte at a time, by REP MOVSB, in eight bytes (and by
         * CMPXCHG the last). Then calls what it has copied. */
        .globl  pp_copy_bytes, pp_copy_rep, pp_copy_wide
pp_copy_bytes:
        movq    %rdi, %r8
1:      movb    (%rsi), %al
        movb    %al, (%rdi)
        incq    %rsi
        incq    %rdi
        decq    %rdx
        jnz     1b
        jmp     *%r8
pp_copy_rep:
        movq    %rdi, %r8
        movq    %rdx, %rcx
        rep movsb
        jmp     *%r8
pp_copy_wide:
        movq    %rdi, %r8
        movq    (%rsi), %rcx
        movq    %rcx, (%rdi)
        movq    (%rdi), %rax
        movq    8(%rsi), %rcx
        movq    8(%rdi), %rax
        lock cmpxchgq %rcx, 8(%rdi)
        jmp     *%r8

        /* rdi = address: calls it. rdi, sil: one byte written. rdi: one byte read, to eax. */
        .globl  pp_call, pp_poke, pp_peek
pp_call:
        xorl    %eax, %eax
        jmp     *%rdi
pp_poke:
        movb    %sil, (%rdi)
        ret
pp_peek:
        movzbl  (%rdi), %eax
        ret

        /* rdi = address: calls it, with a way out if that faults. */
        .globl  pp_try, pp_try_fault
pp_try:
        leaq    pp_try_fault(%rip), %r15
        movq    %rsp, %rbx
        xorl    %eax, %eax
        call    *%rdi
        ret
pp_try_fault:
        movq    %rbx, %rsp
        movl    $0xfa017, %eax
        ret

        .section .note.GNU-stack, "", @progbits
