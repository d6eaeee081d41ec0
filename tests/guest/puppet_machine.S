/* The puppet's routines about several CPUs, time, whole states, and the end. */
/* SPDX-License-Identifier: GPL-2.0-or-later */

        .bss
        .balign 8
        .globl  pm_hits, pm_finished, pm_stop, pm_spins
pm_hits:     .skip 8
pm_finished: .skip 8
pm_stop:     .skip 8
pm_spins:    .skip 4 * 64
        .balign 64
        .globl  pg_registers, pg_fx, pg_system
pg_registers: .skip 18 * 8      /* rax rbx rcx rdx rsi rdi rbp rsp r8-r15 flags */
        .balign 64
pg_fx:       .skip 512
pg_system:   .skip 9 * 8        /* fs gs kernel_gs bases, dr0-3, dr6, dr7 */

        .text
        /* edi = rounds, esi = CPUs that do this: each counts in pm_hit. The first CPU returns when all have
         * finished, the others rest. */
        .globl  pm_rounds, pm_rounds_other, pm_hit, pm_hit_after
pm_rounds:
        call    pm_hit
        decl    %edi
        jnz     pm_rounds
        lock incl pm_finished
1:      outb    %al, $0x80      /* as in pup_idle */
        pause
        cmpl    %esi, pm_finished
        jne     1b
        ret
pm_rounds_other:
        call    pm_hit
        decl    %edi
        jnz     pm_rounds_other
        lock incl pm_finished
        jmp     pup_idle
pm_hit:
        lock incl pm_hits
pm_hit_after:
        ret

        /* As a return address: puppet_report about what the first two words of pup_data say. */
        .globl  pm_report
pm_report:
        movq    pup_data, %rdi
        movq    pup_data + 8, %rsi
        jmp     puppet_report

        /* rdi = counter of its own: counts until pm_stop is set, then rests. */
        .globl  pm_spin, pm_spin_end
pm_spin:
        incq    (%rdi)
        outb    %al, $0x80
        pause
        cmpl    $0, pm_stop
        je      pm_spin
pm_spin_end:
        jmp     pup_idle

        /* For steps while others run: rdi counts. */
        .globl  pm_steps
pm_steps:
        incq    %rdi
        incq    %rdi
        incq    %rdi
        jmp     pm_steps

        /* rdi = where: the clocks that the guest can read, as 64-bit words: time stamp counter, what is left of
         * the APIC's timer, what is left of the 8254's counter 0, the ACPI timer. */
        .globl  pt_start, pt_sample, pt_wait
pt_sample:
        rdtsc
        shlq    $32, %rdx
        orq     %rdx, %rax
        movq    %rax, (%rdi)
        movl    $0xFEE00390, %eax
        movl    (%rax), %eax
        movq    %rax, 8(%rdi)
        xorl    %eax, %eax
        outb    %al, $0x43
        inb     $0x40, %al
        movl    %eax, %ecx
        inb     $0x40, %al
        shll    $8, %eax
        orl     %ecx, %eax
        movq    %rax, 16(%rdi)
        movw    $0x608, %dx
        inl     %dx, %eax
        movq    %rax, 24(%rdi)
        ret
        /* The APIC's timer counts down once from 2^32 - 1, masked, by 16; the 8254 from 65536 in mode 2. */
pt_start:
        movl    $0xFEE00000, %edx
        movl    $3, 0x3E0(%rdx)
        movl    $0x10040, 0x320(%rdx)
        movl    $0xffffffff, %eax
        movl    %eax, 0x380(%rdx)
        movb    $0x34, %al
        outb    %al, $0x43
        xorl    %eax, %eax
        outb    %al, $0x40
        outb    %al, $0x40
        ret
        /* rdi = where KVM's clock shall be, and bit 0. */
        .globl  pt_kvmclock
pt_kvmclock:
        movl    %edi, %eax
        movq    %rdi, %rdx
        shrq    $32, %rdx
        movl    $0x4b564d01, %ecx       /* MSR_KVM_SYSTEM_TIME_NEW */
        wrmsr
        ret
        /* edi = ticks of the ACPI timer: until they have passed. */
pt_wait:
        movw    $0x608, %dx
        inl     %dx, %eax
        movl    %eax, %ecx
1:      inl     %dx, %eax
        subl    %ecx, %eax
        andl    $0xffffff, %eax
        cmpl    %edi, %eax
        jb      1b
        ret

        /* Stores the whole state, all of which a debugger has set; ends at pg_end. */
        .globl  pg_store, pg_end
pg_store:
        .set    at, 0
        .irp    r, rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15
        movq    %\r, pg_registers + at
        .set    at, at + 8
        .endr
        leaq    pup_stacks + 8192(%rip), %rsp
        pushfq
        popq    pg_registers + 128
        fxsave64 pg_fx
        .set    at, 0
        .irp    msr, 0xC0000100, 0xC0000101, 0xC0000102
        movl    $\msr, %ecx
        rdmsr
        movl    %eax, pg_system + at
        movl    %edx, pg_system + at + 4
        .set    at, at + 8
        .endr
        .irp    n, 0, 1, 2, 3, 6, 7
        movq    %dr\n, %rax
        movq    %rax, pg_system + at
        .set    at, at + 8
        .endr
pg_end:
        jmp     pup_idle

        /* Nothing is left to deliver a fault with. */
        .globl  ph_triple, ph_triple_at, ph_no_stack, ph_no_stack_at, ph_jump, ph_out
ph_triple:
        pushq   $0
        pushq   $0
        lidt    (%rsp)
ph_triple_at:
        ud2
        /* A fault that finds no stack. */
ph_no_stack:
        movl    $0xA0100000, %esp
ph_no_stack_at:
        pushq   %rax
        /* rdi = address to go to; a fault there leads back. */
ph_jump:
        leaq    ph_out(%rip), %r15
        movq    %rsp, %rbx
        jmp     *%rdi
ph_out:
        movq    %rbx, %rsp
        ret

        .section .note.GNU-stack, "", @progbits
