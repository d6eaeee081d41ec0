/* The ELF note that names the PVH entry point. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
        .section .note.Xen, "a", @note
        .balign 4
        .long   4                       /* name's length */
        .long   8                       /* descriptor's length */
        .long   18                      /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz  "Xen"
        .quad   start_pvh

        .section .note.GNU-stack, "", @progbits
