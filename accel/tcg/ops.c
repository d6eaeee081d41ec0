/* The JIT as an accelerator: set-up, options, the plan of points, memory changed from outside.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "accel/tcg/blocks.h"
#include "accel/tcg/events.h"
#include "accel/tcg/exec.h"
#include "accel/tcg/tcg.h"
#include "accel/tcg/tlb.h"
#include "accel/tcg/watch.h"
#include "util/error.h"
#include "vm/vm.h"

static bool tcg_probe(const CpuClass *class, GError **errp)
{
    if (!class->tcg) {
        g_set_error(errp, GLASSBOX_ERROR, GLASSBOX_ERROR_UNSUPPORTED, "tcg cannot run a %s CPU", class->name);
        return false;
    }
    return true;
}

static const TcgBackend *backend_by_name(const char *name)
{
    static const TcgBackend *const all[] = { &tcg_backend_native, &tcg_backend_interp };

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        if (all[i]->name && (!name || !strcmp(name, all[i]->name) ||
                             (all[i] == &tcg_backend_native && !strcmp(name, "jit")))) {
            return all[i];
        }
    }
    return NULL;
}

static bool parse_options(TcgState *tcg, const char *options, GError **errp)
{
    g_auto(GStrv) part = g_strsplit(options ? options : "", ",", -1);

    tcg->backend = backend_by_name(NULL);
    for (unsigned i = 0; part[i]; i++) {
        if (g_str_has_prefix(part[i], "backend=")) {
            tcg->backend = backend_by_name(part[i] + strlen("backend="));
            if (!tcg->backend) {
                g_set_error(errp, GLASSBOX_ERROR, GLASSBOX_ERROR_INVALID,
                            "'%s': tcg has no such backend (jit, interp)", part[i]);
                return false;
            }
        } else if (strcmp(part[i], "thread=multi") && *part[i]) {
            g_set_error(errp, GLASSBOX_ERROR, GLASSBOX_ERROR_INVALID, "'%s': tcg has no such option", part[i]);
            return false;
        }
    }
    return true;
}

static void code_hook(void *opaque, MemRegion *region, uint64_t offset, paddr_t addr, uint64_t len)
{
    blocks_written(opaque, addr, len);
}

static bool tcg_init(Vm *vm, const CpuClass *class, const char *options, AccelCaps *caps, GError **errp)
{
    TcgState *tcg = g_new0(TcgState, 1);

    tcg->vm = vm;
    if (!parse_options(tcg, options, errp)) {
        g_free(tcg);
        return false;
    }
    blocks_init(tcg);
    mutex_init(&tcg->exclusive);
    mutex_init(&tcg->gate_lock);
    cond_init(&tcg->gate);
    tcg->event_rows = g_ptr_array_new();
    vm->accel_data = tcg;
    *caps = (AccelCaps){
        .executes = true, .native_exec = true, .native_data = true, .step = true,
        .step_masks_irq = true,
        .resume_skips_point = true, .icount = true, .guest_debug = GUEST_DEBUG_FULL,
        .events = 1u << POINT_EXCEPTION | 1u << POINT_INTERRUPT | 1u << POINT_MSR | 1u << POINT_CR |
                  1u << POINT_IO | 1u << POINT_ASPACE | 1u << POINT_MODE | 1u << POINT_TRIPLE,
    };
    return true;
}

static void tcg_fini(Vm *vm)
{
    TcgState *tcg = vm->accel_data;

    if (tcg->fe) {
        blocks_fini(tcg);
        tcg->backend->fini(tcg);
        ir_block_free(tcg->ir);
    }
    g_clear_pointer(&tcg->exec_virt, g_hash_table_unref);
    g_clear_pointer(&tcg->exec_phys, g_hash_table_unref);
    g_ptr_array_unref(tcg->event_rows);
    mutex_destroy(&tcg->exclusive);
    mutex_destroy(&tcg->gate_lock);
    cond_destroy(&tcg->gate);
    g_free(tcg);
    vm->accel_data = NULL;
}

/* The first vCPU brings the target's front end and the layout that the backend builds on. */
static bool start_backend(TcgState *tcg, Cpu *cpu, GError **errp)
{
    bool ok = true;

    mutex_lock(&tcg->lock);
    if (!tcg->fe) {
        const TcgFrontend *fe = cpu->class->tcg;

        tcg->fe = fe;
        tcg->ir = ir_block_new(fe->globals, fe->nglobals);
        mem_set_code_hook(cpu->vm->memory, code_hook, tcg);
        ok = tcg->backend->init(tcg, cpu, errp);
    }
    mutex_unlock(&tcg->lock);
    return ok;
}

static bool tcg_vcpu_init(Cpu *cpu, GError **errp)
{
    TcgCpu *tc = tcg_cpu(cpu);

    tc->cpu = cpu;
    tc->tcg = cpu->vm->accel_data;
    tc->watched = g_ptr_array_new_with_free_func(g_free);
    mutex_init(&tc->tlb_lock);
    if (!start_backend(tc->tcg, cpu, errp)) {
        return false;
    }
    memset(tc->jump_used, 0xff, sizeof(tc->jump_used));     /* so that the flush empties all */
    tlb_flush_all(cpu);
    return true;
}

static void tcg_vcpu_fini(Cpu *cpu)
{
    TcgCpu *tc = tcg_cpu(cpu);

    g_clear_pointer(&tc->watched, g_ptr_array_unref);
}

/* ---- the plan ---- */

static GHashTable *exec_set(const DebugPlan *plan, AddrKind akind)
{
    GHashTable *set = NULL;

    for (unsigned i = 0; i < plan->n; i++) {
        const PlanPoint *p = &plan->point[i];

        if (p->kind == POINT_EXEC && p->akind == akind) {
            if (!set) {
                set = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
            }
            g_hash_table_add(set, g_memdup2(&p->addr, sizeof(p->addr)));
        }
    }
    return set;
}

/* Drops the blocks at addresses that are in a and not in b. */
static void drop_difference(TcgState *tcg, GHashTable *a, GHashTable *b, void (*drop)(TcgState *, uint64_t))
{
    GHashTableIter it;
    gpointer key;

    if (!a) {
        return;
    }
    g_hash_table_iter_init(&it, a);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        if (!b || !g_hash_table_contains(b, key)) {
            drop(tcg, *(uint64_t *)key);
        }
    }
}

static void set_replace(TcgState *tcg, GHashTable **set, GHashTable *now, void (*drop)(TcgState *, uint64_t))
{
    drop_difference(tcg, *set, now, drop);
    drop_difference(tcg, now, *set, drop);
    if (*set) {
        g_hash_table_unref(*set);
    }
    *set = now;
}

static bool data_rows_equal(const DebugPlan *a, const DebugPlan *b)
{
    unsigned i = 0, k = 0;

    for (;; i++, k++) {
        while (a && i < a->n && !point_kind_is_data(a->point[i].kind)) {
            i++;
        }
        while (b && k < b->n && !point_kind_is_data(b->point[k].kind)) {
            k++;
        }
        if (!a || i >= a->n || !b || k >= b->n) {
            return (!a || i >= a->n) && (!b || k >= b->n);
        }
        if (a->point[i].kind != b->point[k].kind || a->point[i].akind != b->point[k].akind ||
            a->point[i].addr != b->point[k].addr || a->point[i].len != b->point[k].len) {
            return false;
        }
    }
}

static bool tcg_plan(Vm *vm, const DebugPlan *old, const DebugPlan *now, GError **errp)
{
    TcgState *tcg = vm->accel_data;
    bool same_data = data_rows_equal(tcg->plan, now);

    set_replace(tcg, &tcg->exec_virt, exec_set(now, ADDR_VIRT), blocks_drop_virt);
    set_replace(tcg, &tcg->exec_phys, exec_set(now, ADDR_PHYS), blocks_drop_phys);
    tcg->plan = now;
    events_plan(tcg, now);
    for (unsigned i = 0; i < vm->ncpus && !same_data; i++) {
        watch_changed(vm->cpus[i]);
    }
    return true;
}

static void tcg_reset(Vm *vm)
{
    for (unsigned i = 0; i < vm->ncpus; i++) {
        tlb_flush_all(vm->cpus[i]);
        events_forget(vm->cpus[i]);
    }
}

const AccelOps tcg_accel_ops = {
    .name = "tcg",
    .vcpu_size = sizeof(TcgCpu),
    .probe = tcg_probe,
    .init = tcg_init,
    .fini = tcg_fini,
    .vcpu_init = tcg_vcpu_init,
    .vcpu_fini = tcg_vcpu_fini,
    .vcpu_run = tcg_vcpu_run,
    .vcpu_flush = tlb_flush_all,
    .plan = tcg_plan,
    .reset = tcg_reset,
};
