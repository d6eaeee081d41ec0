/* The puppet's accesses to memory. NAME_after is the instruction behind the access. */
/* SPDX-License-Identifier: GPL-2.0-or-later */

        .macro  ROUTINE name:vararg
        .globl  \name
        .endm

        .text
        /* rdi = address, rsi = value */
        .irp    size, 1, 2, 4, 8
        .globl  pw_store\size, pw_store\size\()_after, pw_load\size, pw_load\size\()_after
        .endr
pw_store1:
        movb    %sil, (%rdi)
pw_store1_after:
        ret
pw_store2:
        movw    %si, (%rdi)
pw_store2_after:
        ret
pw_store4:
        movl    %esi, (%rdi)
pw_store4_after:
        ret
pw_store8:
        movq    %rsi, (%rdi)
pw_store8_after:
        ret
pw_load1:
        movb    (%rdi), %al
pw_load1_after:
        ret
pw_load2:
        movw    (%rdi), %ax
pw_load2_after:
        ret
pw_load4:
        movl    (%rdi), %eax
pw_load4_after:
        ret
pw_load8:
        movq    (%rdi), %rax
pw_load8_after:
        ret

        /* rdi = address, rsi = bytes: one after the other is written, or read, or (every 24th) eight at once. */
        ROUTINE pw_sweep, pw_sweep_after, pw_sweep_read, pw_sweep_read_after, pw_stride, pw_stride_after
        ROUTINE pw_again, pw_again_after
pw_sweep:
        movb    $0x5a, (%rdi)
pw_sweep_after:
        incq    %rdi
        decq    %rsi
        jnz     pw_sweep
        ret
pw_sweep_read:
        movb    (%rdi), %al
pw_sweep_read_after:
        incq    %rdi
        decq    %rsi
        jnz     pw_sweep_read
        ret
pw_stride:
        movq    %rsi, (%rdi)
pw_stride_after:
        movq    %rsi, 8(%rdi)
        movq    %rsi, 16(%rdi)
        addq    $24, %rdi
        decq    %rsi
        jnz     pw_stride
        ret
        /* The same place, rsi times. */
pw_again:
        movq    %rsi, (%rdi)
pw_again_after:
        decq    %rsi
        jnz     pw_again
        ret

        /* rdi = address */
        ROUTINE pw_xchg, pw_xchg_after, pw_lock_add, pw_lock_add_after, pw_cmpxchg, pw_cmpxchg_after
        ROUTINE pw_movups, pw_movups_after, pw_cmpxchg16b, pw_cmpxchg16b_after, pw_bts, pw_bts_after
pw_xchg:
        movl    $0x77, %eax
        xchgl   %eax, (%rdi)
pw_xchg_after:
        ret
pw_lock_add:
        lock addl $3, (%rdi)
pw_lock_add_after:
        ret
pw_cmpxchg:
        movl    (%rdi), %eax
        movl    $0x99, %ecx
        lock cmpxchgl %ecx, (%rdi)
pw_cmpxchg_after:
        ret
pw_movups:
        movups  %xmm0, (%rdi)
pw_movups_after:
        ret
pw_cmpxchg16b:
        pushq   %rbx
        movq    (%rdi), %rax
        movq    8(%rdi), %rdx
        movq    %rax, %rbx
        movq    %rdx, %rcx
        incq    %rcx
        lock cmpxchg16b (%rdi)
pw_cmpxchg16b_after:
        popq    %rbx
        ret
pw_bts:
        lock btsl $5, (%rdi)
pw_bts_after:
        ret

        /* rdi = where the stack pointer points before: what is written lies 8 below. */
        ROUTINE pw_push, pw_push_after, pw_call, pw_call_after, pw_int3, pw_int3_after, pw_ud2
pw_push:
        movq    %rsp, %rbx
        movq    %rdi, %rsp
        pushq   %rax
pw_push_after:
        movq    %rbx, %rsp
        ret
pw_call:
        movq    %rsp, %rbx
        movq    %rdi, %rsp
        call    pw_call_after
pw_call_after:
        movq    %rbx, %rsp
        ret
pw_int3:
        movq    %rsp, %rbx
        movq    %rdi, %rsp
        int3
pw_int3_after:
        movq    %rbx, %rsp
        ret
pw_ud2:
        movq    %rsp, %rbx
        leaq    1f(%rip), %r15
        movq    %rdi, %rsp
        ud2
1:      movq    %rbx, %rsp
        ret

        /* rdi = to, rsi = from, rdx = how many */
        ROUTINE pw_movsb, pw_movsb_at, pw_movsb_after, pw_stosb, pw_stosb_at, pw_stosb_after, pw_stosq
        ROUTINE pw_stosq_at, pw_stosq_after
pw_movsb:
        movq    %rdx, %rcx
pw_movsb_at:
        rep movsb
pw_movsb_after:
        ret
pw_stosb:
        movq    %rdx, %rcx
        movl    $0x33, %eax
pw_stosb_at:
        rep stosb
pw_stosb_after:
        ret
pw_stosq:
        movq    %rdx, %rcx
        movl    $0x44, %eax
pw_stosq_at:
        rep stosq
pw_stosq_after:
        ret

        .section .note.GNU-stack, "", @progbits
