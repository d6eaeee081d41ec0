/* Entry by the PVH protocol, which needs no boot loader: 32 bits, flat, no paging. Turns on long mode
 * with the first GiB mapped to itself and calls kernel_main. Then the interrupt stub.
 * SPDX-License-Identifier: GPL-2.0-or-later */

        .section .note.pvh, "a", @note
        .balign 4
        .long   4, 4, 18                /* name and value are 4 bytes; type: PHYS32_ENTRY */
        .asciz  "Xen"
        .long   start32

        .text
        .code32
        .globl  start32
start32:
        mov     $stack_top, %esp
        mov     $page_dir, %edi         /* 512 pages of 2 MiB */
        mov     $0x83, %eax
        mov     $512, %ecx
1:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b
        mov     $page_dir + 3, %eax
        mov     %eax, page_dir_pointers
        mov     $page_dir_pointers + 3, %eax
        mov     %eax, page_root
        mov     %cr4, %eax
        or      $0x20, %eax             /* PAE */
        mov     %eax, %cr4
        mov     $page_root, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx       /* EFER.LME */
        rdmsr
        or      $0x100, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        lgdt    gdt_pointer
        ljmp    $8, $start64

        .code64
        .type   start64, @function
start64:
        .cfi_startproc
        .cfi_undefined %rip             /* nothing called this: backtraces end here */
        mov     $16, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        call    kernel_main
1:      cli
        hlt
        jmp     1b
        .cfi_endproc

        .globl  timer_stub
        .type   timer_stub, @function
timer_stub:
        .cfi_startproc
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 8            /* the CPU has pushed rip, cs, rflags, rsp, ss */
        .cfi_offset %rip, -8
        .cfi_offset %rsp, 16
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        .cfi_adjust_cfa_offset 72
        cld
        call    timer_interrupt
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        .cfi_adjust_cfa_offset -72
        iretq
        .cfi_endproc

        .section .rodata
        .balign 8
gdt:    .quad   0
        .quad   0x00af9a000000ffff      /* 64-bit code */
        .quad   0x00cf92000000ffff      /* data */
gdt_pointer:
        .word   . - gdt - 1
        .long   gdt

        .bss
        .balign 4096
page_root:
        .skip   4096
page_dir_pointers:
        .skip   4096
page_dir:
        .skip   4096
        .skip   16384
stack_top:

        .section .note.GNU-stack, "", @progbits
