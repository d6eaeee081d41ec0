/* Which format a kernel has, and who loads it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/boot_int.h"

/* No pipe is read beyond this. */
#define KERNEL_PIPE_MAX (UINT64_C(1) << 30)

/*
 * An ELF file may offer several ways in. 32-bit: multiboot, PVH, plain; 64-bit: PVH, multiboot
 * (which enters in 32-bit mode), plain.
 */
static bool load_elf(BootImage *img, const BootConfig *c, BootFile *f, BootHead h, GError **errp)
{
    int multiboot = boot_multiboot_find(h);
    BootElf elf;

    if (!boot_elf_probe(&elf, f, h, errp)) {
        return false;
    }
    img->is_32bit = !elf.is_64;
    if (multiboot >= 0 && (!elf.is_64 || !elf.has_pvh)) {
        return boot_multiboot_load(img, c, f, h, multiboot, errp);
    }
    return boot_elf_load(img, c, f, h, &elf, errp);
}

bool boot_load(BootImage *img, const BootConfig *config, GError **errp)
{
    g_autoptr(BootFile) f = boot_file_open(config->kernel, "kernel", KERNEL_PIPE_MAX, errp);
    g_autoptr(GBytes) bytes = NULL;
    BootHead h;
    int multiboot;

    if (!f) {
        return false;
    }
    bytes = boot_file_read(f, 0, MIN(f->size, BOOT_HEAD_MAX), errp);
    if (!bytes) {
        return false;
    }
    h.p = g_bytes_get_data(bytes, &h.len);
    if (boot_elf_is(h)) {
        return load_elf(img, config, f, h, errp);
    }
    if (boot_linux_is(h)) {
        return boot_linux_load(img, config, f, h, errp);
    }
    multiboot = boot_multiboot_find(h);
    if (multiboot >= 0) {
        img->is_32bit = true;
        return boot_multiboot_load(img, config, f, h, multiboot, errp);
    }
    return boot_file_error(f, errp, "is neither a Linux bzImage, nor an ELF file, nor a multiboot "
                           "image");
}
