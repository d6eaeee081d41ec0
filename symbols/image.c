/* Linux kernels: what their ELF file says, without symbols of its own.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/elf_int.h"

#include <elf.h>
#include <gelf.h>
#include <string.h>

#include "symbols/modules.h"
#include "symbols/unwind_int.h"
#include "util/error.h"

/* Places that system registers and descriptor tables of a running kernel name. */
static const char *const entry_names[] = {
    "entry_SYSCALL_64", "asm_exc_page_fault", "asm_exc_divide_error", "asm_exc_general_protection",
    "asm_exc_int3", "asm_exc_nmi", "asm_sysvec_apic_timer_interrupt", "page_fault", "divide_error",
};

static void span_of_code(const SymFile *f, SymKernel *k, Elf *elf)
{
    const Symbol *end = sym_file_find(f, "_end");
    size_t n = 0;

    k->low = k->text = UINT64_MAX;
    elf_getphdrnum(elf, &n);
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr p;

        if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD || !(p.p_vaddr >> 63) ||
            p.p_memsz > UINT64_MAX - p.p_vaddr) {
            continue;
        }
        k->low = MIN(k->low, p.p_vaddr);
        k->high = MAX(k->high, p.p_vaddr + p.p_memsz);
        if (p.p_flags & PF_X) {
            k->text = MIN(k->text, p.p_vaddr);
            k->text_end = MAX(k->text_end, p.p_vaddr + p.p_memsz);
        }
    }
    /* What is linked behind the kernel's end does not count when its place is chosen. */
    if (end && end->addr > k->low) {
        k->high = MIN(k->high, end->addr);
    }
}

static void note_entries(SymFile *f, Elf *elf, SymKernel *k)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(entry_names); i++) {
        const Symbol *sym = sym_file_find(f, entry_names[i]);
        SymEntry e;

        if (sym && sym->moves && sym_elf_read(elf, sym->addr, e.code, sizeof(e.code))) {
            e.addr = sym->addr;
            g_array_append_val(k->entries, e);
        }
    }
}

void sym_elf_find_kernel(SymFile *f, Elf *elf)
{
    const Symbol *banner = sym_file_find(f, "linux_banner");
    SymKernel *k;
    GElf_Ehdr head;

    if (!banner || !banner->moves || f->biased || !gelf_getehdr(elf, &head)) {
        return;
    }
    k = g_new0(SymKernel, 1);
    k->entries = g_array_new(FALSE, FALSE, sizeof(SymEntry));
    k->machine = head.e_machine;
    k->banner = banner->addr;
    k->banner_len = SYM_BANNER_BYTES;
    span_of_code(f, k, elf);
    if (!sym_elf_read(elf, banner->addr, k->banner_text, SYM_BANNER_BYTES) ||
        memcmp(k->banner_text, SYM_BANNER, strlen(SYM_BANNER)) || k->low >= k->high) {
        g_array_unref(k->entries);
        g_free(k);
        return;
    }
    note_entries(f, elf, k);
    k->modules = sym_modules_layout(elf);
    f->kernel = k;
    if (k->machine == EM_X86_64) {
        f->orc = sym_orc_load(f, elf);
    }
}

static bool load_unpacked(SymFile *f, GBytes *bytes, GError **errp)
{
    gsize len;
    const uint8_t *data = g_bytes_get_data(bytes, &len);
    Elf *elf;

    if (len < sizeof(Elf64_Ehdr) || data[EI_CLASS] != ELFCLASS64 || data[EI_DATA] != ELFDATA2LSB) {
        return sym_file_error(f, errp, "has no symbols (and is no 64-bit Linux kernel, which would "
                              "carry its own)");
    }
    if (!sym_kallsyms_load(f, data, len, errp)) {
        return false;
    }
    f->word = 8;
    elf_version(EV_CURRENT);
    elf = elf_memory((char *)(uintptr_t)data, len);
    if (elf) {
        sym_elf_find_kernel(f, elf);
        elf_end(elf);
    }
    return true;
}

bool sym_image_load(SymFile *f, GBytes *image, GError **errp)
{
    gsize len;
    const uint8_t *data = g_bytes_get_data(image, &len);
    g_autoptr(GBytes) unpacked = NULL;

    f->kind = "Linux image";
    if (len >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG)) {
        return load_unpacked(f, image, errp);
    }
    unpacked = sym_unpack(f, data, len, errp);
    return unpacked && load_unpacked(f, unpacked, errp);
}
