/* First instructions of the embedded guest: every way in, page tables, and the way to C. */
/* SPDX-License-Identifier: GPL-2.0-or-later */

/* guest_main(kind, info): how the loader's block at `info` is to be read. */
#define KIND_NONE       0
#define KIND_MULTIBOOT  1
#define KIND_PVH        2
#define KIND_LINUX      3

        .cfi_sections .debug_frame
        .section .text.start, "ax"
        .code32

        /* Multiboot 1: EAX = magic, EBX = information; else a plain 32-bit ELF entry with the
         * Linux block in ESI. Flat segments, paging off. */
        .globl  start32
start32:
        cli
        cld
        cmpl    $0x2BADB002, %eax
        jne     1f
        movl    $KIND_MULTIBOOT, %edi
        movl    %ebx, %esi
        jmp     common32
1:      movl    $KIND_LINUX, %edi
        jmp     common32

        /* PVH: EBX = start information. */
        .globl  start_pvh
start_pvh:
        cli
        cld
        movl    $KIND_PVH, %edi
        movl    %ebx, %esi

common32:
        movl    $boot_stack_top, %esp
        call    build_tables
        lgdt    gdt_pointer
        call    enable_paging
#ifdef __x86_64__
        ljmp    $0x08, $enter64
#else
        ljmp    $0x18, $enter_flat
        .type   enter_flat, @function
enter_flat:
        .cfi_startproc
        .cfi_undefined %eip             /* nothing called this: backtraces end here */
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        xorl    %ebp, %ebp
        pushl   %esi
        pushl   %edi
        call    guest_main
        ud2
        .cfi_endproc
#endif

/* Identity map of the first 4 GiB in 2 MiB pages: PML4 (64-bit only), PDPT, four directories. */
build_tables:
        pushl   %edi
        movl    $page_dirs, %edi
        movl    $0x83, %eax             /* present, writable, large */
        xorl    %edx, %edx
        movl    $2048, %ecx
1:      movl    %eax, (%edi)
        movl    %edx, 4(%edi)
        addl    $8, %edi
        addl    $0x200000, %eax
        loop    1b
        movl    $page_pdpt, %edi
        movl    $page_dirs, %eax
#ifdef __x86_64__
        orl     $3, %eax
#else
        orl     $1, %eax
#endif
        movl    $4, %ecx
2:      movl    %eax, (%edi)
        movl    %edx, 4(%edi)
        addl    $8, %edi
        addl    $4096, %eax
        loop    2b
        movl    $page_pdpt, %eax
        orl     $3, %eax
        movl    %eax, page_top
        movl    $0, page_top + 4
        popl    %edi
        ret

/* Paging on, SSE on; long mode in the 64-bit guest. Also the way of the other CPUs. */
enable_paging:
        movl    %cr4, %eax
        orl     $0x628, %eax            /* DE, PAE, OSFXSR, OSXMMEXCPT */
        movl    %eax, %cr4
#ifdef __x86_64__
        movl    $page_top, %eax
#else
        movl    $page_pdpt, %eax
#endif
        movl    %eax, %cr3
#ifdef __x86_64__
        movl    $0xC0000080, %ecx
        rdmsr
        orl     $0x100, %eax
        wrmsr
#endif
        movl    %cr0, %eax
        andl    $0x9FFFFFFB, %eax       /* caches on, no x87 emulation */
        orl     $0x80010022, %eax       /* PG, WP, NE, MP */
        movl    %eax, %cr0
        fninit                          /* after a reset all x87 exceptions are unmasked */
        ret

#ifdef __x86_64__
        .code64
        .type   enter64, @function
enter64:
        .cfi_startproc
        .cfi_undefined %rip             /* nothing called this: backtraces end here */
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    %edi, %edi
        movl    %esi, %esi
        movq    $boot_stack_top, %rsp
        xorl    %ebp, %ebp
        call    guest_main
        ud2
        .cfi_endproc

        /* Plain 64-bit ELF: long mode, identity map, RSI = Linux block. Own tables at once. */
        .globl  start64
start64:
        cli
        cld
        movq    $boot_stack_top, %rsp
        movq    %rsi, %rbx
        lgdt    gdt_pointer
        pushq   $0x18
        leaq    2f(%rip), %rax
        pushq   %rax
        lretq
2:      .code32
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    %cr0, %eax
        andl    $0x7FFFFFFF, %eax       /* back to protected mode: one way for all from here */
        movl    %eax, %cr0
        movl    $0xC0000080, %ecx
        rdmsr
        andl    $0xFFFFFEFF, %eax
        wrmsr
        movl    $KIND_LINUX, %edi
        movl    %ebx, %esi
        jmp     common32
#endif

/* The other CPUs start here in real mode; copied to the page that the start-up IPI names. */
        .code16
        .globl  trampoline, trampoline_end
trampoline:
        cli
        cld
        movw    %cs, %ax
        movw    %ax, %ds
        lgdtl   trampoline_gdt - trampoline
        movl    %cr0, %eax
        orl     $1, %eax
        movl    %eax, %cr0
        ljmpl   $0x18, $ap_start32
        .balign 4
trampoline_gdt:
        .word   gdt_end - gdt - 1
        .long   gdt
trampoline_end:

        .code32
ap_start32:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movl    $ap_boot_return, %esp   /* no stack yet: a return address in read-only memory */
        jmp     enable_paging
ap_paged:
        lgdt    gdt_pointer
#ifdef __x86_64__
        ljmp    $0x08, $ap_enter64
        .code64
        .type   ap_enter64, @function
ap_enter64:
        .cfi_startproc
        .cfi_undefined %rip
        movl    $0xFEE00020, %eax       /* local APIC number: this CPU's stack */
        movl    (%rax), %edi
        shrl    $24, %edi
        movl    %edi, %eax
        incl    %eax
        shll    $14, %eax
        leaq    stacks(%rax), %rsp
        xorl    %ebp, %ebp
        call    ap_main
        ud2
        .cfi_endproc
#else
        .type   ap_enter32, @function
ap_enter32:
        .cfi_startproc
        .cfi_undefined %eip
        movl    0xFEE00020, %edi
        shrl    $24, %edi
        movl    %edi, %eax
        incl    %eax
        shll    $14, %eax
        leal    stacks(%eax), %esp
        xorl    %ebp, %ebp
        pushl   %edi
        call    ap_main
        ud2
        .cfi_endproc
#endif

        .section .rodata
        .balign 8
ap_boot_return:
        .long   ap_paged
        .balign 8
        .globl  gdt
gdt:
        .quad   0
#ifdef __x86_64__
        .quad   0x00AF9B000000FFFF      /* 08: 64-bit code */
#else
        .quad   0x00CF9B000000FFFF      /* 08: 32-bit code */
#endif
        .quad   0x00CF93000000FFFF      /* 10: data */
        .quad   0x00CF9B000000FFFF      /* 18: 32-bit code */
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt
        .long   0

        .bss
        .balign 4096
        .globl  page_dirs, stacks
page_top:       .skip 4096
page_pdpt:      .skip 4096
page_dirs:      .skip 4 * 4096
stacks:         .skip 16 * 16384
boot_stack:     .skip 16384
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
