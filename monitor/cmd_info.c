/* What `info` shows of registers, CPUs, memory, points, clients and the machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "accel/accel.h"
#include "mem/mem.h"
#include "monitor/monitor_int.h"
#include "util/error.h"
#include "util/trace.h"
#include "vm/state.h"

#define LINE_WIDTH 96

/* ---- registers ---- */

typedef struct RegShow {
    Monitor *m;
    const RegLayout *layout;
    bool all;
    GString *out;
    unsigned column;
} RegShow;

static void put_reg(RegShow *s, const Cpu *cpu, const RegDesc *r)
{
    uint8_t le[REG_MAX_BYTES];
    unsigned n = reg_bytes(r), width;
    g_autoptr(GString) text = g_string_new(NULL);

    reg_read(cpu, r, le);
    g_string_append_printf(text, "%s=0x", r->name);
    while (n--) {
        g_string_append_printf(text, "%02x", le[n]);
    }
    if (r->type == REG_CODE_PTR) {
        put_symbol(s->m, reg_read_u64(cpu, r), text);
    }
    /* Columns of 24 characters: names and widths differ. */
    width = ((unsigned)text->len / 24 + 1) * 24;
    if (s->column && s->column + width > LINE_WIDTH) {
        g_string_append_c(s->out, '\n');
        s->column = 0;
    }
    g_string_append(s->out, text->str);
    s->column += width;
    for (gsize i = text->len; i < width && s->column < LINE_WIDTH; i++) {
        g_string_append_c(s->out, ' ');
    }
}

static bool is_fp(const RegDesc *r)
{
    return !g_strcmp0(r->group, "float") || !g_strcmp0(r->group, "vector");
}

static void show_registers(Cpu *cpu, void *data)
{
    RegShow *s = data;
    const char *group = NULL;

    cpu_fetch(cpu, REGS_ALL);
    for (unsigned i = 0; i < reg_layout_count(s->layout); i++) {
        const RegDesc *r = reg_layout_get(s->layout, i);

        if (!r || r->flags & REG_F_HIDDEN || (!s->all && is_fp(r))) {
            continue;
        }
        if (group && g_strcmp0(group, r->group) && s->column) {
            g_string_append_c(s->out, '\n');
            s->column = 0;
        }
        group = r->group;
        put_reg(s, cpu, r);
    }
    g_string_append(s->out, s->column ? "\n" : "");
}

static void show_one(Cpu *cpu, void *data)
{
    RegShow *s = data;

    cpu_fetch(cpu, REGS_ALL);
    put_reg(s, cpu, reg_layout_get(s->layout, s->column));
}

/* info registers NAME...: those only, and cpu=N before any of them. */
static bool named_registers(RegShow *s, Args *a, GError **errp)
{
    while (!args_end(a)) {
        if (!args_cpu(a, &s->m->cpu, errp)) {
            return false;
        }
        g_autofree char *word = args_word(a);
        if (!word) {
            break;
        }
        const char *name = *word == '$' ? word + 1 : word;
        int num = reg_layout_find(s->layout, name);
        RegShow one = *s;

        if (num < 0) {
            return error_set(errp, NOT_FOUND, "there is no register '%s'", name);
        }
        one.column = (unsigned)num;
        one.out = g_string_new(NULL);
        debug_on_cpu(s->m->debug, s->m->cpu, show_one, &one);
        g_strchomp(one.out->str);
        g_string_append_printf(s->out, "%s\n", one.out->str);
        g_string_free(one.out, TRUE);
    }
    return true;
}

static bool registers(Monitor *m, Args *a, bool all, GString *out, GError **errp)
{
    RegShow s = { .m = m, .layout = debug_client_regs(m->client), .all = all, .out = out };
    unsigned cpu = m->cpu;
    bool ok = true;

    if (!args_cpu(a, &cpu, errp)) {
        return false;
    }
    unsigned before = m->cpu;
    m->cpu = cpu;
    if (args_end(a)) {
        debug_on_cpu(m->debug, cpu, show_registers, &s);
    } else {
        ok = named_registers(&s, a, errp);
    }
    m->cpu = before;
    return ok;
}

bool info_registers(Monitor *m, Args *a, GString *out, GError **errp)
{
    return registers(m, a, false, out, errp);
}

bool info_all_registers(Monitor *m, Args *a, GString *out, GError **errp)
{
    return registers(m, a, true, out, errp);
}

/* ---- CPUs ---- */

typedef struct CpuShow {
    Monitor *m;
    GString *out;
} CpuShow;

static void describe(Cpu *cpu, void *data)
{
    CpuShow *s = data;

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    g_string_append_printf(s->out, "%c CPU #%u: %-8s pc=", cpu->index == s->m->cpu ? '*' : ' ',
                           cpu->index, cpu_power_name(cpu->power));
    put_address(s->m, cpu_pc(cpu), s->out);
    if (cpu->class->describe) {
        g_string_append(s->out, "  ");
        cpu->class->describe(cpu, s->out);
    }
}

bool info_cpus(Monitor *m, Args *a, GString *out, GError **errp)
{
    const Vm *vm = debug_vm(m->debug);
    CpuShow s = { m, out };

    for (unsigned i = 0; i < vm->ncpus; i++) {
        debug_on_cpu(m->debug, i, describe, &s);
        g_string_append(out, debug_cpu_stopped(m->debug, i) ? "  (stopped)\n" : "\n");
    }
    return true;
}

/* ---- memory map ---- */

bool info_mtree(Monitor *m, Args *a, GString *out, GError **errp)
{
    const Vm *vm = debug_vm(m->debug);
    const MemSpace *spaces[] = { vm->memory, vm->io };

    for (size_t i = 0; i < G_N_ELEMENTS(spaces); i++) {
        if (spaces[i]) {
            mem_space_print(spaces[i], out);
        }
    }
    return true;
}

/* ---- points ---- */

static void put_scope(const Scope *s, GString *out)
{
    if (s->cpus) {
        g_string_append(out, "  cpus");
        for (unsigned i = 0; i < 64; i++) {
            if (s->cpus >> i & 1) {
                g_string_append_printf(out, " %u", i);
            }
        }
    }
    if (s->by_aspace) {
        g_string_append_printf(out, "  space 0x%" PRIx64, s->aspace);
    }
    if (s->levels) {
        g_string_append(out, "  level");
        for (unsigned i = 0; i < 8; i++) {
            if (s->levels >> i & 1) {
                g_string_append_printf(out, " %u", i);
            }
        }
    }
}

static void put_point_line(Monitor *m, const PointInfo *p, GString *out)
{
    g_string_append_printf(out, "%-4u %c  ", p->id, p->spec.disabled ? 'n' : 'y');
    put_point(m, &p->spec, out);
    put_scope(&p->spec.scope, out);
    g_string_append_printf(out, "  hits %" PRIu64, p->hits);
    if (p->ignore_left) {
        g_string_append_printf(out, "  ignores %" PRIu64, p->ignore_left);
    }
    g_string_append(out, p->spec.once ? "  once" : "");
    g_string_append(out, p->spec.ncond ? "  conditional" : "");
    g_string_append(out, p->spec.ncommand ? "  prints" : "");
    g_string_append_printf(out, "  of %s", p->owner_name);
}

static void put_cpus(const char *what, uint64_t mask, GString *out)
{
    for (unsigned i = 0; i < 64; i++) {
        if (mask >> i & 1) {
            g_string_append_printf(out, "%s %u", what, i);
            what = "";
        }
    }
}

static bool points(Monitor *m, bool backing, GString *out)
{
    PointInfo info;
    PointId id = 0;

    while (debug_point_next(m->debug, id, &info)) {
        id = info.id;
        put_point_line(m, &info, out);
        if (backing && !info.spec.disabled) {
            g_string_append_printf(out, "  [%s%s", backing_name(info.backing),
                                   info.pending ? ", pending, may miss" : "");
            put_cpus(", by page on CPU", info.now.moved, out);
            put_cpus(", suspended on CPU", info.now.suspended, out);
            g_string_append_c(out, ']');
        }
        g_string_append_c(out, '\n');
    }
    return id != 0;
}

bool info_breakpoints(Monitor *m, Args *a, GString *out, GError **errp)
{
    if (!points(m, false, out)) {
        g_string_append(out, "there are no points\n");
    }
    return true;
}

/* ---- the debug core ---- */

static void put_events(uint32_t events, GString *out)
{
    for (unsigned k = POINT_EXCEPTION; k < POINT_KINDS; k++) {
        if (events >> k & 1) {
            g_string_append_printf(out, " %s", point_kind_name((PointKind)k));
        }
    }
}

static void put_caps(const AccelCaps *c, GString *out)
{
    g_string_append_printf(out, "breakpoints: %s", c->native_exec ? "any number, exact"
                           : c->patch_exec ? "debug registers, then patches in memory"
                                           : "debug registers");
    if (!c->native_exec) {
        g_string_append_printf(out, " (%u)", c->exec_slots);
    }
    g_string_append_printf(out, "\nwatchpoints: %s", c->native_data ? "any number, any length"
                           : c->protect_data ? "debug registers, then page protection"
                                             : "debug registers");
    if (!c->native_data) {
        g_string_append_printf(out, " (%u of up to %u bytes)",
                               c->shared_slots ? c->exec_slots : c->data_slots, c->data_max_len);
    }
    g_string_append_printf(out, "\nsteps: %s%s\ncatch:", c->step ? "yes" : "no",
                           c->step && c->step_masks_irq ? ", interrupts held" : "");
    put_events(c->events | 1u << POINT_RESET | 1u << POINT_TRIPLE, out);     /* these two are the core's */
    g_string_append_printf(out, "\nguest's own debug registers: %s\n",
                           c->guest_debug == GUEST_DEBUG_FULL ? "work beside ours"
                           : "without effect while a debug register is ours");
}

bool info_debug(Monitor *m, Args *a, GString *out, GError **errp)
{
    const char *holder = debug_control_holder(m->debug);
    Vm *vm = debug_vm(m->debug);

    g_string_append_printf(out, "machine: %s%s\ncontrol: %s\naccelerator: %s\n",
                           debug_stopped(m->debug) ? "stopped" : "running",
                           debug_nonstop(m->debug) ? ", non-stop" : "",
                           holder ? holder : "nobody", vm->accel->name);
    put_caps(&vm->caps, out);
    if (vm->accel->describe) {
        vm->accel->describe(vm, out);
    }
    points(m, true, out);
    return true;
}

bool info_clients(Monitor *m, Args *a, GString *out, GError **errp)
{
    const char *holder = debug_control_holder(m->debug);
    const DebugClient *c = NULL;

    while ((c = debug_client_next(m->debug, c))) {
        const char *name = debug_client_name(c);
        bool held = holder && debug_control_has(c);

        g_string_append_printf(out, "%c %s%s\n", c == m->client ? '*' : ' ', name,
                               held ? "  (control)" : "");
    }
    return true;
}

bool info_status(Monitor *m, Args *a, GString *out, GError **errp)
{
    const StopInfo *stop = debug_stop_info(m->client);

    if (vm_powered_off(debug_vm(m->debug))) {
        g_string_append(out, "VM status: paused (powered off)\n");
    } else if (!stop) {
        g_string_append(out, "VM status: running\n");
    } else {
        g_string_append_printf(out, "VM status: paused (%s)\n", stop_kind_name(stop->kind));
        if (stop->kind != STOP_START) {
            put_stop(m, stop, out);
        }
    }
    return true;
}

/* ---- the rest ---- */

bool info_version(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_string_append_printf(out, "Glassbox %s\n", m->host->version);
    return true;
}

bool info_name(Monitor *m, Args *a, GString *out, GError **errp)
{
    const char *name = debug_vm(m->debug)->name;

    g_string_append_printf(out, "%s\n", name ? name : "the machine has no name");
    return true;
}

bool info_trace(Monitor *m, Args *a, GString *out, GError **errp)
{
    uint64_t n = 32;

    if (!args_value_opt(a, "count", &n, errp) || !args_done(a, errp)) {
        return false;
    }
    trace_ring_print(out, (unsigned)MIN(n, 4096));
    return true;
}

bool info_symbols(Monitor *m, Args *a, GString *out, GError **errp)
{
    int64_t slide = symbols_slide(m->host->symbols);

    symbols_describe(m->host->symbols, out);
    g_string_append_printf(out, "%u names, moved by %s0x%" PRIx64 "\n",
                           symbols_count(m->host->symbols), slide < 0 ? "-" : "",
                           slide < 0 ? -(uint64_t)slide : (uint64_t)slide);
    return true;
}

/* info devices [ID]: what there is, or one's whole state. */
bool info_devices(Monitor *m, Args *a, GString *out, GError **errp)
{
    const DeviceList *list = &m->host->machine->devices;
    g_autofree char *id = args_word(a);
    Vm *vm = debug_vm(m->debug);
    bool ok = true;

    vm_lock(vm);
    if (id) {
        const Device *dev = device_list_find(list, id);

        ok = dev != NULL;
        if (ok && dev->cls->state) {
            state_print(dev->cls->state, dev, 2, out);
        }
    } else {
        for (unsigned i = 0; i < list->dev->len; i++) {
            const Device *dev = list->dev->pdata[i];

            g_string_append_printf(out, "%-16s %s\n", dev->id, dev->cls->desc);
        }
    }
    vm_unlock(vm);
    return ok || error_set(errp, NOT_FOUND, "there is no device '%s' (info devices)", id);
}
