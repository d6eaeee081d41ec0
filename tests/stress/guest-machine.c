/* Test helper: the embedded guest on a real machine under the JIT, with a debug core; and what
 * its state comes to.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest-machine.h"

#include <elf.h>
#include <glib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accel/tcg/tcg.h"
#include "mem/mem.h"
#include "target/i386/x86.h"
#include "util/mainloop.h"

#define DONE_STATUS 77

static void machine_reset(void *opaque)
{
    Machine *m = opaque;

    m->cls->reset(m);
}

void gm_init(GuestMachine *g, const char *kernel, const char *append, const char *accel,
             unsigned ncpus, uint64_t ram_size)
{
    GError *err = NULL;

    g->ncpus = ncpus;
    g->opt = (MachineOptions){ .ram_size = ram_size, .ncpus = ncpus, .kernel = kernel,
                               .append = g_strdup(append) };
    g_assert_true(g_file_get_contents(kernel, &g->image, NULL, NULL));
    mainloop_init();
    g->vm = vm_new();
    vm_clock_set_base_ns(g->vm, 0);
    vm_set_accel(g->vm, &tcg_accel_ops, &x86_cpu_class, accel, &err);
    g_assert_no_error(err);
    g->m = g_malloc0(pc_machine_class.size);
    g->m->cls = &pc_machine_class;
    g->m->opt = &g->opt;
    g->m->vm = g->m->host.vm = g->vm;
    device_list_init(&g->m->devices);
    pc_machine_class.create(g->m, &err);
    g_assert_no_error(err);
    pc_machine_class.load(g->m, &err);
    g_assert_no_error(err);
    vm_add_reset(g->vm, VM_RESET_LOADER, machine_reset, g->m);
    vm_start(g->vm, &err);
    g_assert_no_error(err);
    vm_reset_now(g->vm, VM_CAUSE_HOST_RESET);
    g->d = debug_new(g->vm);
}

uint64_t gm_symbol(const GuestMachine *g, const char *name)
{
    const Elf64_Ehdr *eh = (const Elf64_Ehdr *)g->image;
    const Elf64_Shdr *sh = (const Elf64_Shdr *)(g->image + eh->e_shoff);

    for (unsigned i = 0; i < eh->e_shnum; i++) {
        const Elf64_Sym *s = (const Elf64_Sym *)(g->image + sh[i].sh_offset);
        const char *names = g->image + sh[sh[i].sh_link].sh_offset;

        for (unsigned n = 0; sh[i].sh_type == SHT_SYMTAB && n < sh[i].sh_size / sizeof(*s); n++) {
            if (!strcmp(names + s[n].st_name, name)) {
                return s[n].st_value;
            }
        }
    }
    g_error("the guest has no symbol %s", name);
}

/* ---- hashing ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

uint64_t gm_hash_memory(const GuestMachine *g)
{
    static uint64_t page[512];
    uint64_t h = 1;

    for (uint64_t at = 0; at < g->opt.ram_size; at += sizeof(page)) {
        if (mem_peek(g->vm->memory, at, page, sizeof(page)) < sizeof(page)) {
            continue;   /* the hole of the old video memory */
        }
        for (unsigned n = 0; n < 512; n++) {
            h = mix(h, page[n] + at);
        }
    }
    return h;
}

static uint64_t hash_register(const GuestMachine *g, unsigned cpu, const RegDesc *r, uint64_t h)
{
    uint8_t le[64] = { 0 };
    uint64_t v;

    /* Counters that run by themselves. */
    if (strstr(r->name, "tsc") || !debug_reg_read(g->d, cpu, r, le, NULL)) {
        return h;
    }
    for (unsigned k = 0; k < sizeof(le); k += 8) {
        memcpy(&v, le + k, 8);
        h = mix(h, v);
    }
    if (g_getenv("STRESS_DUMP")) {
        memcpy(&v, le, 8);
        g_printerr("cpu %u %s %" G_GINT64_MODIFIER "x\n", cpu, r->name, v);
    }
    return mix(h, g_str_hash(r->name));
}

uint64_t gm_hash_registers(const GuestMachine *g)
{
    uint64_t h = 1;

    for (unsigned cpu = 0; cpu < g->ncpus; cpu++) {
        const RegSet *set = g->vm->cpus[cpu]->class->regs;

        for (unsigned f = 0; set->features[f]; f++) {
            for (unsigned n = 0; n < set->features[f]->n; n++) {
                h = hash_register(g, cpu, &set->features[f]->regs[n], h);
            }
        }
    }
    return h;
}

/* ---- machines share nothing with each other ---- */

void gm_apart(void (*fn)(void *out, const void *arg), const void *arg, void *out, size_t size)
{
    int fd[2], status;
    ssize_t got;
    pid_t pid;

    g_assert_cmpint(pipe(fd), ==, 0);
    pid = fork();
    if (!pid) {
        fn(out, arg);
        _exit(write(fd[1], out, size) == (ssize_t)size ? DONE_STATUS : 1);
    }
    close(fd[1]);
    got = read(fd[0], out, size);
    close(fd[0]);
    waitpid(pid, &status, 0);
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == DONE_STATUS);
    g_assert_cmpint(got, ==, (ssize_t)size);
}
