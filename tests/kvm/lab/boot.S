/* What starts Debian's kernel in the lab's Bochs machine, with as little work for the machine as can be.
   SPDX-License-Identifier: GPL-2.0-or-later

   Most of an ordinary boot would be the decompressor, which costs a minute here. Instead the BIOS finds an
   option ROM. This enters the kernel's own 16-bit set-up code, which lies in memory from the start, and
   asks the BIOS for the memory map. That enters start_32 in place of the decompressor, which reads the
   uncompressed kernel and the initramfs from the disk, and enters the kernel in 64-bit mode as its boot
   protocol wants it. The sizes at its start are filled in by bochs.py. */

#define SETUP_SEGMENT 0x9000
#define KERNEL 0x1000000
#define INITRAMFS 0x8000000

    .section .rom, "ax"
    .code16
    .byte 0x55, 0xaa, 1         /* an option ROM of 512 bytes; the last one makes the sum 0 */
    cli
    mov $SETUP_SEGMENT, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %fs
    mov %ax, %gs
    mov %ax, %ss
    mov $0xdff0, %sp
    ljmp $SETUP_SEGMENT + 0x20, $0

    .section .enter, "awx"
    .code32
    jmp start_32
    .balign 8
kernel_chunks:
    .long 0
initramfs_chunks:
    .long 0

start_32:                       /* %esi: the boot parameters, also for the kernel */
    cli
    lgdt gdt_pointer
    mov $0x18, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %ss
    mov $0x200000, %esp
    push %esi
    mov $2, %al                 /* polled: no interrupts of the disk */
    mov $0x3f6, %edx
    out %al, %dx
    xor %ebx, %ebx
    mov $KERNEL, %edi
    mov kernel_chunks, %ebp
    call read_disk
    mov $INITRAMFS, %edi
    mov initramfs_chunks, %ebp
    call read_disk
    pop %esi
    mov $0x20, %eax             /* PAE */
    mov %eax, %cr4
    mov $pml4, %eax
    mov %eax, %cr3
    mov $0xc0000080, %ecx       /* EFER.LME */
    rdmsr
    or $0x100, %eax
    wrmsr
    mov %cr0, %eax
    or $0x80000001, %eax
    mov %eax, %cr0
    ljmp $0x10, $KERNEL

read_disk:                      /* %ebp chunks of 256 sectors from sector %ebx on, to %edi */
    mov $0x1f2, %edx
    xor %eax, %eax              /* 256 */
    out %al, %dx
    mov %ebx, %eax
    inc %edx
    out %al, %dx
    shr $8, %eax
    inc %edx
    out %al, %dx
    shr $8, %eax
    inc %edx
    out %al, %dx
    mov $0xe0, %al              /* the sector's number is linear; below 2^24 is enough */
    inc %edx
    out %al, %dx
    mov $0x20, %al              /* READ SECTORS */
    inc %edx
    out %al, %dx
    mov $256, %esi
1:  mov $0x1f7, %edx
2:  in %dx, %al
    and $0x88, %al              /* busy, data */
    cmp $0x08, %al
    jne 2b
    mov $0x1f0, %edx
    mov $128, %ecx
    rep insl
    dec %esi
    jnz 1b
    add $256, %ebx
    dec %ebp
    jnz read_disk
    ret

    .balign 8
gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff    /* 64-bit code */
    .quad 0x00cf93000000ffff    /* data */
gdt_pointer:
    .word . - gdt - 1
    .long gdt

    /* The first GiB at its own addresses. */
    .balign 4096
pml4:
    .long pdpt + 3, 0
    .balign 4096
pdpt:
    .long directory + 3, 0
    .balign 4096
directory:
    .set page, 0
    .rept 512
    .long page + 0x83, 0
    .set page, page + 0x200000
    .endr
