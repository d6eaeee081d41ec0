/* Core files on a machine of script CPUs: patches, page tables of every size, and the machine held
 * still.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu/core_dump.h"
#include "debug-machine.h"
#include "debug/dump.h"
#include "vm/clock.h"

#define PAGE 4096u
#define EM_SCRIPT 0x1234

static unsigned pages_mapped;      /* every other page from 0 on, all of them to address 0x1000 */

static void notes(const Cpu *cpu, GByteArray *out)
{
    core_note_add(out, "CORE", NT_PRSTATUS, &cpu->index, sizeof(cpu->index));
}

static bool translate(const Cpu *cpu, vaddr_t va, Translation *t)
{
    uint64_t page = va / PAGE;

    *t = (Translation){ .left = PAGE - va % PAGE };
    if (page >= 2ull * pages_mapped) {
        t->left = -va;
        return false;
    }
    t->paddr = 0x1000 + va % PAGE;
    return page % 2 == 0;
}

static CpuClass class;
static const CoreDumpClass core = { .machine = EM_SCRIPT, .notes = notes };

static void machine(DebugMachine *m, unsigned ncpus, const char *options)
{
    dm_init(m, ncpus, options);
    class = script_cpu_class;
    class.core = &core;
    for (unsigned i = 0; i < ncpus; i++) {
        m->m.vm->cpus[i]->class = &class;
    }
}

static uint8_t *dump(DebugMachine *m, const DumpOptions *o, size_t *len)
{
    int fd = memfd_create("core", 0);
    GError *err = NULL;
    uint8_t *p;

    g_assert_true(debug_dump_core(m->d, fd, o, &err));
    g_assert_no_error(err);
    *len = (size_t)lseek(fd, 0, SEEK_CUR);
    g_assert_cmpint(lseek(fd, 0, SEEK_END), ==, *len);
    p = g_malloc(*len);
    g_assert_cmpint(pread(fd, p, *len, 0), ==, *len);
    close(fd);
    return p;
}

static const Elf64_Phdr *headers(const uint8_t *p)
{
    return (const void *)(p + sizeof(Elf64_Ehdr));
}

static void test_patches(void)
{
    DebugMachine m;
    g_autofree uint8_t *p = NULL;
    const Elf64_Ehdr *head;
    const Elf64_Phdr *ph;
    size_t len;
    uint8_t raw;

    machine(&m, 2, "patch");
    SM_CODE(&m.m, 0x1000, SCRIPT_INSN_I(SCRIPT_JMP, 0, 0), SCRIPT_INSN(SCRIPT_ADDI, 2, 2, 1));
    SM_CODE(&m.m, 0x1100, SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    dm_point(&m, 0, POINT_EXEC, 0x1004, 1);
    g_assert_true(debug_continue(m.client[0].c, NULL));
    mem_peek(m.m.vm->memory, 0x1004, &raw, 1);
    g_assert_cmphex(raw, ==, SCRIPT_BRK);
    p = dump(&m, &(DumpOptions){ .paging = false }, &len);
    head = (const void *)p;
    ph = headers(p);
    g_assert_cmpuint(head->e_type, ==, ET_CORE);
    g_assert_cmpuint(head->e_machine, ==, EM_SCRIPT);
    g_assert_cmpuint(head->e_phnum, ==, 2);
    g_assert_cmpuint(ph[0].p_type, ==, PT_NOTE);
    g_assert_cmpuint(ph[0].p_filesz, ==, 2 * (12 + 8 + 4));
    g_assert_cmpuint(ph[1].p_filesz, ==, SM_RAM);
    g_assert_cmpuint(ph[1].p_offset + SM_RAM, ==, len);
    g_assert_cmphex(p[ph[1].p_offset + 0x1004], ==, SCRIPT_ADDI);
    dm_interrupt(&m);
    dm_fini(&m);
}

static void test_paging(void)
{
    DebugMachine m;
    static const unsigned sizes[] = { 1, 3, PN_XNUM - 2, PN_XNUM - 1, PN_XNUM, 100000 };

    machine(&m, 1, NULL);
    class.translate = translate;
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree uint8_t *p = NULL;
        const Elf64_Ehdr *head;
        const Elf64_Phdr *ph;
        unsigned n = sizes[i];
        size_t len;

        pages_mapped = n;
        p = dump(&m, &(DumpOptions){ .paging = true }, &len);
        head = (const void *)p;
        ph = headers(p);
        if (n + 1 >= PN_XNUM) {
            const Elf64_Shdr *sec = (const void *)(p + head->e_shoff);

            g_assert_cmpuint(head->e_phnum, ==, PN_XNUM);
            g_assert_cmpuint(head->e_shnum, ==, 1);
            g_assert_cmpuint(sec->sh_info, ==, n + 1);
        } else {
            g_assert_cmpuint(head->e_phnum, ==, n + 1);
            g_assert_cmpuint(head->e_shoff, ==, 0);
        }
        for (unsigned k = 1; k <= n; k++) {
            g_assert_cmphex(ph[k].p_vaddr, ==, 2ull * PAGE * (k - 1));
            g_assert_cmphex(ph[k].p_paddr, ==, 0x1000);
            g_assert_cmphex(ph[k].p_offset, ==, ph[1].p_offset);
            g_assert_cmpuint(ph[k].p_filesz, ==, PAGE);
        }
    }
    dm_fini(&m);
}

/* A guest can't make a core file endless. */
static void test_too_much(void)
{
    DebugMachine m;
    GError *err = NULL;
    int fd = memfd_create("core", 0);

    machine(&m, 1, NULL);
    class.translate = translate;
    pages_mapped = 1u << 30;
    g_assert_false(debug_dump_core(m.d, fd, &(DumpOptions){ .paging = true }, &err));
    g_assert_nonnull(strstr(err->message, "too many pieces"));
    g_clear_error(&err);
    class.core = NULL;
    g_assert_false(debug_dump_core(m.d, fd, &(DumpOptions){ .paging = false }, &err));
    g_assert_nonnull(strstr(err->message, "no core files"));
    g_clear_error(&err);
    close(fd);
    dm_fini(&m);
}

/* A Linux kernel's note in memory becomes one of the file; of two none. */
static void test_guest_note(void)
{
    DebugMachine m;
    static const char text[] = "OSRELEASE=6.1\nPAGESIZE=4096\n";
    GByteArray *note = g_byte_array_new();

    machine(&m, 1, NULL);
    core_note_add(note, "VMCOREINFO", 0, text, strlen(text));
    for (unsigned copies = 0; copies < 3; copies++) {
        g_autofree uint8_t *p = NULL;
        const Elf64_Phdr *ph;
        size_t len;

        if (copies) {
            mem_poke(m.m.vm->memory, 0x5000 * copies, note->data, note->len, 0);
        }
        p = dump(&m, &(DumpOptions){ .paging = false }, &len);
        ph = headers(p);
        g_assert_cmpuint(ph[0].p_filesz, ==, 24 + (copies == 1 ? note->len : 0));
        g_assert_true(copies != 1 || !memcmp(p + ph[0].p_offset + 24, note->data, note->len));
    }
    g_byte_array_unref(note);
    dm_fini(&m);
}

/* ---- the machine held still ---- */

typedef struct Held {
    Vm *vm;
    uint64_t before, after;
    int64_t at, at_end;
    bool frozen;
} Held;

static void look(void *opaque)
{
    Held *h = opaque;

    h->frozen = vm_clock_frozen(h->vm);
    h->at = vm_clock_ns(h->vm);
    mem_peek(h->vm->memory, 0x8000, &h->before, 8);
    g_usleep(100000);
    mem_peek(h->vm->memory, 0x8000, &h->after, 8);
    h->at_end = vm_clock_ns(h->vm);
}

static void test_held(void)
{
    DebugMachine m;
    Held h;
    size_t len;
    uint64_t later = 0;

    machine(&m, 2, NULL);
    SM_CODE(&m.m, 0x1000, SCRIPT_INSN_I(SCRIPT_LI, 2, 0x4000), SCRIPT_INSN(SCRIPT_SHL, 2, 2, 1),
            SCRIPT_INSN(SCRIPT_ADDI, 1, 1, 1), SCRIPT_INSN(SCRIPT_ST, 1, 2, 0),
            SCRIPT_INSN_I(SCRIPT_JMP, 0, -2));
    SM_CODE(&m.m, 0x1100, SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    h.vm = m.m.vm;
    g_assert_true(debug_continue(m.client[0].c, NULL));
    vm_hold(h.vm, look, &h);
    g_assert_true(h.frozen);
    g_assert_cmpint(h.at, ==, h.at_end);
    g_assert_cmpuint(h.before, ==, h.after);
    g_assert_false(vm_clock_frozen(h.vm));
    g_assert_cmpint(vm_clock_ns(h.vm) - h.at, <, 50 * NS_PER_MS);
    g_free(dump(&m, &(DumpOptions){ .paging = false }, &len));
    for (unsigned i = 0; i < 1000 && later <= h.after; i++) {
        g_usleep(1000);
        mem_peek(h.vm->memory, 0x8000, &later, 8);
    }
    g_assert_cmpuint(later, >, h.after);
    sm_flush(&m.m);
    g_assert_cmpuint(m.client[0].stops, ==, 0);
    dm_interrupt(&m);
    vm_hold(h.vm, look, &h);
    g_assert_true(h.frozen && vm_clock_frozen(h.vm));
    dm_fini(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dump/patches", test_patches);
    g_test_add_func("/dump/paging", test_paging);
    g_test_add_func("/dump/too-much", test_too_much);
    g_test_add_func("/dump/guest-note", test_guest_note);
    g_test_add_func("/dump/held", test_held);
    return g_test_run();
}
