/* What a debugger finds hard to step over. Of each: NAME, NAME_at the instruction, NAME_to where it leads if not to
 * a trap. What it leaves in pup_data, pup_log and registers must be the same whether stepped or not. */
/* SPDX-License-Identifier: GPL-2.0-or-later */

        .set    TF, 0x100
        .set    IF, 0x200
        .set    ICR, 0xFEE00300

        .macro  SNIPPET name
        .globl  \name, \name\()_at, \name\()_to
\name:
        .endm
        /* Into pup_data, one after the other; r14 counts. */
        .macro  SAVE reg
        movq    \reg, pup_data(, %r14, 8)
        incq    %r14
        .endm

        .text
SNIPPET ps_pushf
        xorl    %r14d, %r14d
ps_pushf_at:
        pushfq
ps_pushf_to:
        popq    %rax
        SAVE    %rax
        ret

SNIPPET ps_pushfw
        xorl    %r14d, %r14d
ps_pushfw_at:
        pushfw
ps_pushfw_to:
        popw    %ax
        SAVE    %rax
        ret

        /* Flags without TF, with all of the arithmetic ones. */
SNIPPET ps_popf
        pushq   $0x8d7
ps_popf_at:
        popfq
ps_popf_to:
        pushfq
        popq    pup_data
        ret

SNIPPET ps_popfw
        pushw   $0x8d7
ps_popfw_at:
        popfw
ps_popfw_to:
        pushfq
        popq    pup_data
        ret

        /* The guest steps itself: its #DB comes after each of nop, nop, pushq, popfq. */
SNIPPET ps_tf
        pushq   $TF | 2
ps_tf_at:
        popfq
ps_tf_to:
        nop
        .globl  ps_tf_2, ps_tf_3, ps_tf_end
ps_tf_2:
        nop
ps_tf_3:
        pushq   $2
        popfq
ps_tf_end:
        ret

        /* ... with what hides or saves TF within it. */
SNIPPET ps_tf_more
        xorl    %r14d, %r14d
        movl    %ss, %edx
        pushq   $TF | 2
ps_tf_more_at:
        popfq
ps_tf_more_to:
        pushfq
        popq    %rax
        movl    %edx, %ss               /* no trap behind this one */
        nop
        cpuid
        movl    %r14d, %ecx
        int     $0x50
        nop
        pushq   $2
        popfq
        SAVE    %rax
        ret

        /* Into the same ring: a frame without TF, with TF, made by hand. */
SNIPPET ps_iret
        movq    %rsp, %rax
        pushq   $0x10
        pushq   %rax
        pushq   $0x46
        pushq   $0x08
        leaq    ps_iret_to(%rip), %rax
        pushq   %rax
ps_iret_at:
        iretq
ps_iret_to:
        pushfq
        popq    pup_data
        ret

SNIPPET ps_iret_tf
        movq    %rsp, %rax
        pushq   $0x10
        pushq   %rax
        pushq   $TF | 2
        pushq   $0x08
        leaq    ps_iret_tf_to(%rip), %rax
        pushq   %rax
ps_iret_tf_at:
        iretq
ps_iret_tf_to:
        nop
        pushq   $2
        popfq
        ret

SNIPPET ps_int
ps_int_at:
        int     $0x50
ps_int_to:
        ret

SNIPPET ps_int3
ps_int3_at:
        int3
ps_int3_to:
        ret

SNIPPET ps_int3_long
ps_int3_long_at:
        .byte   0xcd, 0x03
ps_int3_long_to:
        ret

SNIPPET ps_icebp
ps_icebp_at:
        .byte   0xf1
ps_icebp_to:
        ret

        /* rdi: what SYSCALL clears of the flags. To ring 3 and back by an interrupt. */
SNIPPET ps_syscall
        xorl    %r14d, %r14d
        movq    %rsp, pup_user_sp
        leaq    ps_syscall_end(%rip), %r15
        movl    $0xC0000080, %ecx
        rdmsr
        orl     $1, %eax
        wrmsr
        movl    $0xC0000081, %ecx
        xorl    %eax, %eax
        movl    $0x180008, %edx
        wrmsr
        movl    $0xC0000082, %ecx
        leaq    ps_syscall_to(%rip), %rax
        xorl    %edx, %edx
        wrmsr
        movl    $0xC0000084, %ecx
        movl    %edi, %eax
        wrmsr
        cmpl    %eax, %eax
ps_syscall_at:
        syscall
        ud2
ps_syscall_to:
        pushfq
        popq    %rax
        SAVE    %rax
        SAVE    %rcx
        SAVE    %r11
        leaq    ps_sysret_to(%rip), %rcx
        movl    $0x46, %r11d
        .globl  ps_sysret_at, ps_sysret_to, ps_user_at, ps_syscall_end
ps_sysret_at:
        sysretq
ps_sysret_to:
        pushfq
        popq    %rax
        SAVE    %rax
        SAVE    %r11
ps_user_at:
        ud2
ps_syscall_end:
        ret

        /* Into ring 3, and back by an interrupt. */
SNIPPET ps_user_int
        .globl  ps_user_int_back
        movq    %rsp, pup_user_sp
        leaq    ps_user_int_back(%rip), %r15
        movq    %rsp, %rax
        pushq   $0x23
        pushq   %rax
        pushq   $0x46
        pushq   $0x2b
        leaq    ps_user_int_at(%rip), %rax
        pushq   %rax
        iretq
ps_user_int_at:
        int     $0x51
ps_user_int_to:
        ud2
ps_user_int_back:
        ret

SNIPPET ps_cli
        sti
ps_cli_at:
        cli
ps_cli_to:
        pushfq
        popq    pup_data
        ret

SNIPPET ps_sti
ps_sti_at:
        sti
ps_sti_to:
        pushfq
        cli
        popq    pup_data
        ret

SNIPPET ps_mov_ss
        movl    %ss, %eax
ps_mov_ss_at:
        movl    %eax, %ss
ps_mov_ss_to:
        nop
        ret

SNIPPET ps_pop_ss
        pushw   $0x10
ps_pop_ss_at:
        .byte   0x8e, 0x14, 0x24        /* mov (%rsp), %ss: long mode has no pop */
ps_pop_ss_to:
        pushfq
        popq    pup_data
        popw    %ax
        ret

SNIPPET ps_out
        movb    $0x5a, %al
ps_out_at:
        outb    %al, $0x80
ps_out_to:
        ret

SNIPPET ps_in
        movb    $0xff, %al
        outb    %al, $0x21
        xorl    %eax, %eax
ps_in_at:
        inb     $0x21, %al
ps_in_to:
        ret

        /* edi = a character for the serial line. */
SNIPPET pe_say
        movl    %edi, %eax
        movl    $0x3f8, %edx
pe_say_at:
        outb    %al, %dx
pe_say_to:
        ret

SNIPPET ps_outs
        leaq    pup_data(%rip), %rsi
        movl    $3, %ecx
        movl    $0x80, %edx
ps_outs_at:
        rep outsb
ps_outs_to:
        ret

SNIPPET ps_ins
        movb    $0xff, %al
        outb    %al, $0x21
        leaq    pup_data(%rip), %rdi
        movl    $3, %ecx
        movl    $0x21, %edx
ps_ins_at:
        rep insb
ps_ins_to:
        ret

        /* The local APIC's task priority: written and read. */
SNIPPET ps_mmio_write
        movl    $0xFEE00080, %edi
        movl    $0x10, %eax
ps_mmio_write_at:
        movl    %eax, (%rdi)
ps_mmio_write_to:
        xorl    %eax, %eax
        .globl  ps_mmio_read_at, ps_mmio_read_to
ps_mmio_read_at:
        movl    (%rdi), %eax
ps_mmio_read_to:
        movl    $0, (%rdi)
        ret

SNIPPET ps_mmio_rmw
        movl    $0xFEE00080, %edi
        movl    $0, (%rdi)
ps_mmio_rmw_at:
        orl     $0x20, (%rdi)
ps_mmio_rmw_to:
        movl    (%rdi), %eax
        movl    $0, (%rdi)
        ret

SNIPPET ps_cpuid
        xorl    %eax, %eax
        xorl    %ecx, %ecx
ps_cpuid_at:
        cpuid
ps_cpuid_to:
        ret

SNIPPET ps_msr
        movl    $0xC0000102, %ecx
        movl    $0x1234, %eax
        xorl    %edx, %edx
ps_msr_at:
        wrmsr
ps_msr_to:
        xorl    %eax, %eax
        .globl  ps_rdmsr_at, ps_rdmsr_to
ps_rdmsr_at:
        rdmsr
ps_rdmsr_to:
        ret

SNIPPET ps_cr3
        movq    %cr3, %rax
ps_cr3_at:
        movq    %rax, %cr3
ps_cr3_to:
        movq    %rax, pup_data
        ret

SNIPPET ps_rep
        leaq    pup_data(%rip), %rdi
        leaq    ps_rep(%rip), %rsi
        movl    $5, %ecx
ps_rep_at:
        rep movsb
ps_rep_to:
        ret

        /* Faults; the handler goes on at r15. */
SNIPPET ps_ud
        leaq    ps_ud_to(%rip), %r15
ps_ud_at:
        ud2
ps_ud_to:
        ret

SNIPPET ps_de
        leaq    ps_de_to(%rip), %r15
        xorl    %ecx, %ecx
        movl    $1, %eax
ps_de_at:
        divl    %ecx
ps_de_to:
        ret

SNIPPET ps_pf
        leaq    ps_pf_to(%rip), %r15
        movl    $0xA0100000, %edi
ps_pf_at:
        movb    $1, (%rdi)
ps_pf_to:
        ret

SNIPPET ps_gp
        leaq    ps_gp_to(%rip), %r15
        movl    $0xdead, %ecx
ps_gp_at:
        rdmsr
ps_gp_to:
        ret

        /* An interrupt that waits for IF, sent to itself; the only one that the handler of 60h ends. */
        .macro  RAISE
        movl    $ICR, %edi
        movl    $0x44060, (%rdi)
        .endm

        /* Held by STI's shadow for one instruction: lands at pi_sti_2. */
        .globl  pi_sti, pi_sti_at, pi_sti_1, pi_sti_2, pi_sti_3
pi_sti:
        RAISE
pi_sti_at:
        sti
pi_sti_1:
        nop
pi_sti_2:
        nop
pi_sti_3:
        nop
        cli
        ret

        /* POPF has none: lands at pi_popf_1. */
        .globl  pi_popf, pi_popf_at, pi_popf_1, pi_popf_2
pi_popf:
        RAISE
        pushq   $IF | 2
pi_popf_at:
        popfq
pi_popf_1:
        nop
pi_popf_2:
        nop
        cli
        ret

        /* For a debugger that holds the interrupt back: MOV SS's shadow. */
        .globl  pi_ss, pi_ss_at, pi_ss_1, pi_ss_2, pi_ss_3, pi_ss_4
pi_ss:
        movl    %ss, %eax
        RAISE
pi_ss_at:
        sti
pi_ss_1:
        nop
pi_ss_2:
        movl    %eax, %ss
pi_ss_3:
        nop
pi_ss_4:
        nop
        cli
        ret

        /* HLT with the interrupt waiting: lands behind it. */
        .globl  pi_hlt, pi_hlt_at, pi_hlt_1, pi_hlt_2
pi_hlt:
        RAISE
        sti
pi_hlt_at:
        hlt
pi_hlt_1:
        nop
pi_hlt_2:
        cli
        ret

        /* rdi = rounds: a mixture, for a run of steps; what it computes goes to pup_data. */
        .globl  ps_mix
ps_mix:
        movq    %rdi, %r12
        movl    $0x12345, %ebx
        xorl    %r13d, %r13d
1:      movl    %ebx, %eax
        imull   $1103515245, %eax, %eax
        addl    $12345, %eax
        movl    %eax, %ebx
        pushfq
        popq    %rdx
        andl    $0xfff, %edx            /* flags and whatever else was pushed */
        addq    %rdx, %r13
        shrl    $3, %eax
        cmovcq  %rbx, %r13
        pushq   %rbx
        andl    $0xcd5, (%rsp)          /* neither TF nor IF; IOPL is zero anyway */
        popfq
        adcq    $0x1234, %r13
        movd    %eax, %xmm0
        paddd   %xmm0, %xmm1
        movl    %r12d, %ecx
        andl    $3, %ecx
        leaq    pup_data + 64(%rip), %rdi
        leaq    ps_mix(%rip), %rsi
        cld
        rep movsb
        call    ps_mix_part
        movq    %r13, pup_data
        decq    %r12
        jnz     1b
        movups  %xmm1, pup_data + 16
        ret
ps_mix_part:
        movl    %ebx, %eax
        xorl    %edx, %edx
        movl    $77, %ecx
        divl    %ecx
        addq    %rdx, %r13
        testl   $0x40, %ebx
        jz      2f
        xchgq   %r13, pup_data + 8
        addq    pup_data + 8, %r13
2:      bswapq  %r13
        ret

        .section .note.GNU-stack, "", @progbits
