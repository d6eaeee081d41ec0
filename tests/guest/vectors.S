/* Entry of every exception and interrupt: saves the registers as a Frame and calls trap(). */
/* SPDX-License-Identifier: GPL-2.0-or-later */

        .cfi_sections .debug_frame
        .text
        /* Vectors whose exception pushes an error code: 8, 10-14, 17, 21. */
        .set    ERROR_VECTORS, 0x227D00
        .globl  vector_stubs
        .balign 16
vector_stubs:
        .set    v, 0
        .rept   256
        .balign 16
        .if     v < 32 && ((ERROR_VECTORS >> (v & 31)) & 1)
        .else
        push    $0
        .endif
        push    $v
        jmp     save_frame
        .set    v, v + 1
        .endr

        .type   save_frame, @function
save_frame:
        .cfi_startproc
        .cfi_signal_frame
        cld
#ifdef __x86_64__
        .irp    r, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        push    %\r
        .endr
        movq    %rsp, %rdi
        movq    %rsp, %rbp
        /* Debuggers unwind from the call below through the interrupted code by these. */
        .cfi_def_cfa %rbp, 176
        .cfi_offset %rip, 136 - 176
        .cfi_offset %rsp, 160 - 176
        .cfi_offset %rbp, 80 - 176
        .cfi_offset %rbx, 88 - 176
        .cfi_offset %r12, 24 - 176
        .cfi_offset %r13, 16 - 176
        .cfi_offset %r14, 8 - 176
        .cfi_offset %r15, 0 - 176
        andq    $-16, %rsp
        call    trap
        movq    %rbp, %rsp
        .irp    r, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
        pop     %\r
        .endr
        addq    $16, %rsp
        iretq
#else
        .irp    r, eax, ecx, edx, ebx, ebp, esi, edi
        push    %\r
        .endr
        movl    %esp, %ebp
        .cfi_def_cfa %ebp, 48
        .cfi_offset %eip, 36 - 48
        .cfi_offset %ebp, 8 - 48
        .cfi_offset %ebx, 12 - 48
        .cfi_offset %esi, 4 - 48
        .cfi_offset %edi, 0 - 48
        andl    $-16, %esp
        subl    $12, %esp
        pushl   %ebp
        call    trap
        movl    %ebp, %esp
        .irp    r, edi, esi, ebp, ebx, edx, ecx, eax
        pop     %\r
        .endr
        addl    $8, %esp
        iretl
#endif
        .cfi_endproc
        .size   save_frame, . - save_frame

        .section .note.GNU-stack, "", @progbits
