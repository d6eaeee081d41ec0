/* The puppet's own use of the debug registers. */
/* SPDX-License-Identifier: GPL-2.0-or-later */

        .text
        /* rdi = value, for the register in the name. Then ret. */
        .irp    n, 0, 1, 2, 3, 6, 7
        .globl  po_dr\n
po_dr\n:
        movq    %rdi, %dr\n
        ret
        .endr

        /* All of them into pup_data. */
        .globl  po_read
po_read:
        .irp    n, 0, 1, 2, 3
        movq    %dr\n, %rax
        movq    %rax, pup_data + 8 * \n
        .endr
        movq    %dr6, %rax
        movq    %rax, pup_data + 32
        movq    %dr7, %rax
        movq    %rax, pup_data + 40
        ret

        /* By their old names, which exist while CR4.DE is off; here they are #UD. */
        .globl  po_dr4, po_dr4_to
po_dr4:
        leaq    po_dr4_to(%rip), %r15
        movq    %dr4, %rax
po_dr4_to:
        ret

        /* General detect: the next access is a #DB before it, which ends GD; then it is made. */
        .globl  po_gd, po_gd_at, po_gd_to
po_gd:
        movq    %dr7, %rax
        orl     $0x2000, %eax
        movq    %rax, %dr7
        xorl    %eax, %eax
po_gd_at:
        movq    %dr0, %rax
po_gd_to:
        movq    %rax, pup_data
        movq    %dr7, %rax
        movq    %rax, pup_data + 8
        ret

        /* One access to each of the guest's own four words (pup_data + 1000h), and to the debugger's (+ 2000h), in
         * turn; and a call of a function, and an access to a port. Each changes its word: where a debug exit does not
         * say which register was met, that tells. */
        .globl  po_work, po_function, po_port, po_port_after
po_work:
        .irp    n, 0, 1, 2, 3
        .globl  po_own\n, po_theirs\n
        incl    pup_data + 0x1000 + 64 * \n
po_own\n:
        nop
        incl    pup_data + 0x2000 + 64 * \n
po_theirs\n:
        nop
        .endr
        call    po_function
po_port:
        outb    %al, $0x80
po_port_after:
        nop
        ret
po_function:
        nop
        ret

        /* rdi = rounds of all that, then the report of puppet_report about rsi, rdx: for a debugger that leaves. */
        .globl  po_rounds
po_rounds:
        call    po_work
        decq    %rdi
        jnz     po_rounds
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        jmp     puppet_report

        /* The guest's breakpoint instruction, between two places for the debugger's. */
        .globl  po_int3, po_int3_at, po_int3_next
po_int3:
        nop
po_int3_at:
        int3
po_int3_next:
        nop
        ret

        .section .note.GNU-stack, "", @progbits
