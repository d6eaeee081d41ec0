/* Test helper: a machine of script CPUs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "script-machine.h"

static void hanging(void *opaque)
{
    g_error("the test hangs");
}

void sm_init(ScriptMachine *m, unsigned ncpus, const AccelOps *ops, const char *options)
{
    static bool once;
    GError *err = NULL;

    if (!once) {
        mainloop_init();
        once = true;
    }
    m->vm = vm_new();
    m->vm->memory = mem_space_new("memory", UINT64_C(0xffffffffff));
    m->ram = mem_region_new_ram("ram", SM_RAM, &err);
    g_assert_no_error(err);
    mem_space_map_all(m->vm->memory, 0, m->ram, 0);
    vm_set_accel(m->vm, ops ? ops : &scripted_accel_ops, &script_cpu_class, options, &err);
    g_assert_no_error(err);
    for (unsigned i = 0; i < ncpus; i++) {
        Cpu *cpu = vm_add_cpu(m->vm, &script_cpu_class, NULL, &err);

        g_assert_no_error(err);
        script_state(cpu)->pc = script_state(cpu)->reset_pc = 0x1000 + 0x100 * i;
    }
    vm_start(m->vm, &err);
    g_assert_no_error(err);
    m->guard = main_timer_new(hanging, m);
}

void sm_fini(ScriptMachine *m)
{
    main_timer_free(m->guard);
    MemSpace *memory = m->vm->memory;
    vm_free(m->vm);
    mem_space_free(memory);
    mem_region_free(m->ram);
}

void sm_code(ScriptMachine *m, paddr_t at, const uint32_t *insn, unsigned n)
{
    uint64_t done = mem_poke(m->vm->memory, at, insn, 4 * n, 0);

    g_assert_cmpuint(done, ==, 4 * n);
}

uint64_t sm_peek64(ScriptMachine *m, paddr_t at)
{
    uint64_t v = 0;

    g_assert_cmpuint(mem_peek(m->vm->memory, at, &v, 8), ==, 8);
    return v;
}

void sm_wait(ScriptMachine *m, const bool *flag)
{
    main_timer_set(m->guard, 30 * NS_PER_SEC);
    while (!*flag) {
        mainloop_iterate(true);
    }
    main_timer_set(m->guard, -1);
}

void sm_wait_count(ScriptMachine *m, const unsigned *count, unsigned n)
{
    main_timer_set(m->guard, 30 * NS_PER_SEC);
    while (*count < n) {
        mainloop_iterate(true);
    }
    main_timer_set(m->guard, -1);
}

/* A running machine may keep it busy for ever: a point whose commands print at each hit. */
void sm_flush(ScriptMachine *m)
{
    for (unsigned i = 0; i < 2000 && mainloop_iterate(false); i++) {
    }
}
