/* The multiboot 1 header: page-aligned modules and memory information wanted. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
        .section .header, "a"
        .balign 4
        .long   0x1BADB002
        .long   3
        .long   -(0x1BADB002 + 3)

        .section .note.GNU-stack, "", @progbits
