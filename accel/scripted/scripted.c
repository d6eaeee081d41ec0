/* The scripted accelerator's operations: capabilities by option, plans, patches.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "accel/scripted/scripted_int.h"
#include "mem/mem.h"
#include "util/error.h"
#include "vm/vm.h"

static const DebugPlan no_plan;

static bool scripted_probe(const CpuClass *class, GError **errp)
{
    if (class != &script_cpu_class) {
        return error_set(errp, UNSUPPORTED, "the scripted accelerator runs the script CPU only");
    }
    return true;
}

typedef struct Options {
    bool patch, read_only, no_skip, no_events;
    unsigned slots, max_len;
} Options;

static bool parse_number(const char *word, const char *key, unsigned *out)
{
    size_t n = strlen(key);

    if (strncmp(word, key, n) != 0) {
        return false;
    }
    *out = (unsigned)g_ascii_strtoull(word + n, NULL, 10);
    return true;
}

static bool parse_option(const char *word, Options *o, GError **errp)
{
    if (!strcmp(word, "patch")) {
        o->patch = true;
    } else if (!strcmp(word, "readonly")) {
        o->read_only = true;
    } else if (!strcmp(word, "noskip")) {
        o->no_skip = true;
    } else if (!strcmp(word, "noevents")) {
        o->no_events = true;
    } else if (strcmp(word, "native") && !parse_number(word, "slots=", &o->slots) &&
               !parse_number(word, "maxlen=", &o->max_len)) {
        return error_set(errp, INVALID, "the scripted accelerator has no option '%s'", word);
    }
    return true;
}

static bool scripted_init(Vm *vm, const CpuClass *class, const char *options, AccelCaps *caps, GError **errp)
{
    g_auto(GStrv) words = g_strsplit(options ? options : "", ",", 0);
    Options o = { .max_len = 8 };

    for (unsigned i = 0; words[i]; i++) {
        if (*words[i] && !parse_option(words[i], &o, errp)) {
            return false;
        }
    }
    bool native = !o.patch && !o.slots;
    *caps = (AccelCaps){
        .executes = true,
        .native_exec = native,
        .native_data = native,
        .patch_exec = o.patch,
        .exec_slots = (uint8_t)o.slots,
        .data_slots = (uint8_t)o.slots,
        .shared_slots = true,
        .data_max_len = (uint8_t)o.max_len,
        .data_read_only = o.read_only,
        .step = true,
        .step_masks_irq = true,
        .resume_skips_point = !o.no_skip,
        .icount = true,
        .events = o.no_events ? 0 : 1u << POINT_EXCEPTION | 1u << POINT_INTERRUPT |
                                    1u << POINT_IO | 1u << POINT_ASPACE,
    };
    ScriptVm *sv = g_new0(ScriptVm, 1);
    sv->patch = o.patch;
    sv->slots = o.slots;
    sv->plan = &no_plan;
    sv->patches = g_array_new(FALSE, FALSE, sizeof(ScriptPatch));
    vm->accel_data = sv;
    return true;
}

static void scripted_fini(Vm *vm)
{
    ScriptVm *sv = vm->accel_data;

    g_array_free(sv->patches, TRUE);
    g_free(sv);
    vm->accel_data = NULL;
}

static bool scripted_vcpu_init(Cpu *cpu, GError **errp)
{
    ScriptCpu *sc = cpu->accel;

    sc->forced = g_queue_new();
    return true;
}

static void scripted_vcpu_fini(Cpu *cpu)
{
    ScriptCpu *sc = cpu->accel;

    g_queue_free_full(sc->forced, g_free);
}

static void patches_lift(Vm *vm)
{
    ScriptVm *sv = vm->accel_data;

    for (unsigned i = 0; i < sv->patches->len; i++) {
        const ScriptPatch *p = &g_array_index(sv->patches, ScriptPatch, i);
        uint8_t byte;

        /* A guest that wrote over the patch keeps what it wrote. */
        if (mem_peek(vm->memory, p->at, &byte, 1) == 1 && byte == SCRIPT_BRK) {
            mem_poke(vm->memory, p->at, &p->shadow, 1, MEM_POKE_ROM);
        }
    }
    g_array_set_size(sv->patches, 0);
}

static bool patch_set(Vm *vm, paddr_t at, GError **errp)
{
    ScriptVm *sv = vm->accel_data;
    ScriptPatch p = { .at = at };
    uint8_t brk = SCRIPT_BRK;

    if (mem_peek(vm->memory, at, &p.shadow, 1) != 1) {
        return error_set(errp, FAILED, "no memory at physical 0x%" G_GINT64_MODIFIER "x", at);
    }
    mem_poke(vm->memory, at, &brk, 1, MEM_POKE_ROM);
    g_array_append_val(sv->patches, p);
    return true;
}

static unsigned plan_slots(const DebugPlan *plan, unsigned max_len)
{
    unsigned n = 0;

    for (unsigned i = 0; i < plan->n; i++) {
        if (plan->point[i].backing == BACKING_SLOT) {
            n += point_kind_is_data(plan->point[i].kind)
                     ? (unsigned)((plan->point[i].len + max_len - 1) / max_len) : 1;
        }
    }
    return n;
}

static bool scripted_plan(Vm *vm, const DebugPlan *old, const DebugPlan *now, GError **errp)
{
    ScriptVm *sv = vm->accel_data;

    if (plan_slots(now, MAX(vm->caps.data_max_len, 1)) > sv->slots) {
        return error_set(errp, FAILED, "more slots asked for than there are");
    }
    patches_lift(vm);
    for (unsigned i = 0; i < now->n; i++) {
        if (now->point[i].backing == BACKING_PATCH && !patch_set(vm, now->point[i].paddr, errp)) {
            patches_lift(vm);
            return false;
        }
    }
    sv->plan = now;
    return true;
}

static void scripted_mem_unpatch(Vm *vm, paddr_t at, uint8_t *buf, uint64_t len)
{
    ScriptVm *sv = vm->accel_data;

    for (unsigned i = 0; i < sv->patches->len; i++) {
        const ScriptPatch *p = &g_array_index(sv->patches, ScriptPatch, i);

        if (p->at - at < len) {
            buf[p->at - at] = p->shadow;
        }
    }
}

void scripted_queue_exit(Cpu *cpu, const VcpuExit *exit)
{
    ScriptCpu *sc = cpu->accel;

    g_queue_push_tail(sc->forced, g_memdup2(exit, sizeof(*exit)));
}

uint64_t scripted_run_count(const Cpu *cpu)
{
    return ((const ScriptCpu *)cpu->accel)->runs;
}

const AccelOps scripted_accel_ops = {
    .name = "scripted",
    .vcpu_size = sizeof(ScriptCpu),
    .probe = scripted_probe,
    .init = scripted_init,
    .fini = scripted_fini,
    .vcpu_init = scripted_vcpu_init,
    .vcpu_fini = scripted_vcpu_fini,
    .vcpu_run = scripted_vcpu_run,
    .plan = scripted_plan,
    .mem_unpatch = scripted_mem_unpatch,
};
