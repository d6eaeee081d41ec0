/* Stops and points in words.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "monitor/monitor_int.h"

static const CpuClass *class_of(const Monitor *m)
{
    return debug_vm(m->debug)->cpus[0]->class;
}

/* "#PF (14)", "IA32_EFER (0xc0000080)", "0x3f8" */
static void put_number(const Monitor *m, PointKind kind, uint64_t number, GString *out)
{
    const CpuClass *class = class_of(m);
    const char *name = class->event_name ? class->event_name(kind, number) : NULL;
    bool decimal = kind == POINT_EXCEPTION || kind == POINT_INTERRUPT || kind == POINT_CR;
    g_autofree char *text = g_strdup_printf(decimal ? "%" PRIu64 : "0x%" PRIx64, number);

    if (name && kind == POINT_CR) {
        g_string_append(out, name);
    } else if (name) {
        g_string_append_printf(out, "%s (%s)", name, text);
    } else {
        g_string_append(out, text);
    }
}

static bool has_number(PointKind kind)
{
    return kind >= POINT_EXCEPTION && kind <= POINT_IO;
}

static void put_exception(const DebugEvent *e, GString *out)
{
    if (e->has_error) {
        g_string_append_printf(out, ", error code 0x%" PRIx64, e->error);
    }
    if (e->address) {
        g_string_append_printf(out, ", address 0x%" PRIx64, e->address);
    }
    if (e->old != e->now) {
        g_string_append_printf(out, ", status 0x%" PRIx64 " -> 0x%" PRIx64, e->old, e->now);
    }
}

static void put_access(const DebugEvent *e, GString *out)
{
    if (!e->write) {
        g_string_append_printf(out, ", read: 0x%" PRIx64, e->now);
    } else if (e->kind == POINT_IO) {
        g_string_append_printf(out, ", written: 0x%" PRIx64, e->now);
    } else {
        g_string_append_printf(out, ", written: 0x%" PRIx64 " -> 0x%" PRIx64, e->old, e->now);
    }
}

static void put_modes(const CpuClass *class, const DebugEvent *e, GString *out)
{
    if (!class->mode_text) {
        g_string_append_printf(out, ", 0x%" PRIx64 " -> 0x%" PRIx64, e->old, e->now);
        return;
    }
    g_string_append(out, ", ");
    class->mode_text(e->old, out);
    g_string_append(out, " -> ");
    class->mode_text(e->now, out);
}

void put_event(const Monitor *m, const DebugEvent *e, GString *out)
{
    g_string_append(out, point_kind_name(e->kind));
    if (has_number(e->kind)) {
        g_string_append_c(out, ' ');
        put_number(m, e->kind, e->number, out);
    }
    switch (e->kind) {
    case POINT_EXCEPTION:
        put_exception(e, out);
        break;
    case POINT_INTERRUPT:
        g_string_append(out, e->software ? ", by an instruction" : "");
        break;
    case POINT_MSR:
    case POINT_IO:
        put_access(e, out);
        break;
    case POINT_CR:
    case POINT_ASPACE:
        g_string_append_printf(out, ", 0x%" PRIx64 " -> 0x%" PRIx64, e->old, e->now);
        break;
    case POINT_MODE:
        put_modes(class_of(m), e, out);
        break;
    default:
        break;
    }
}

void put_point(Monitor *m, const PointSpec *s, GString *out)
{
    g_string_append_printf(out, "%s%s", point_kind_name(s->kind),
                           s->kind == POINT_EXEC && s->wish == WISH_HARD ? " (hardware)" : "");
    if (!point_kind_is_event(s->kind)) {
        g_string_append(out, s->akind == ADDR_PHYS ? " physical " : " ");
        if (s->akind == ADDR_PHYS) {
            g_string_append_printf(out, "0x%" PRIx64, s->addr);
        } else {
            put_address(m, s->addr, out);
        }
        if (point_kind_is_data(s->kind)) {
            g_string_append_printf(out, ", %" PRIu64 " bytes%s", s->len,
                                   s->on_change ? ", when changed" : "");
        }
    } else if (has_number(s->kind)) {
        g_string_append_c(out, ' ');
        if (s->addr == 0 && s->len > 0xffff) {
            g_string_append(out, "any");
        } else {
            put_number(m, s->kind, s->addr, out);
            if (s->len > 1) {
                g_string_append(out, " to ");
                put_number(m, s->kind, s->addr + s->len - 1, out);
            }
        }
        if (s->rw == POINT_RW_READ || s->rw == POINT_RW_WRITE) {
            g_string_append(out, s->rw == POINT_RW_READ ? " read" : " written");
        }
    }
}

static void put_values(const StopInfo *stop, GString *out)
{
    if (!stop->has_values) {
        return;
    }
    g_string_append_printf(out, stop->write ? ", 0x%" PRIx64 " -> 0x%" PRIx64 : ", 0x%" PRIx64,
                           stop->old, stop->now);
}

/* "breakpoint 2", "watchpoint 3 (write) at 0x..., 0x1 -> 0x2" */
static void put_hits(Monitor *m, const StopInfo *stop, GString *out)
{
    bool data = point_kind_is_data(stop->point_kind);
    PointInfo info;

    g_string_append(out, data ? "watchpoint" : point_kind_is_event(stop->point_kind) ? "catchpoint"
                                                                                     : "breakpoint");
    for (unsigned i = 0; i < stop->nhit; i++) {
        g_string_append_printf(out, "%s %u", i ? "," : "", stop->hit[i]);
    }
    if (!stop->nmine && stop->nhit && debug_point_info(m->debug, stop->hit[0], &info)) {
        g_string_append_printf(out, " of %s", info.owner_name);
    }
    if (data) {
        g_string_append_printf(out, " (%s) at 0x%" PRIx64, stop->write ? "write" : "read",
                               stop->access);
        put_values(stop, out);
    }
}

static void put_reason(Monitor *m, const StopInfo *stop, GString *out)
{
    switch (stop->kind) {
    case STOP_POINT:
        put_hits(m, stop, out);
        break;
    case STOP_STEP:
        g_string_append(out, "step");
        if (stop->nhit) {
            g_string_append(out, ", ");
            put_hits(m, stop, out);
        }
        break;
    case STOP_EVENT:
        put_hits(m, stop, out);
        g_string_append(out, ", ");
        put_event(m, &stop->event, out);
        if (stop->event.kind == POINT_RESET || stop->event.kind == POINT_TRIPLE) {
            g_string_append_printf(out, " (%s)", vm_cause_name(stop->cause));
        }
        break;
    case STOP_SHUTDOWN:
        g_string_append_printf(out, "%s (%s)", stop_kind_name(stop->kind),
                               vm_cause_name(stop->cause));
        break;
    default:
        g_string_append(out, stop_kind_name(stop->kind));
        break;
    }
    if (stop->text) {
        g_string_append_printf(out, ": %s", stop->text);
    }
}

void put_stop(Monitor *m, const StopInfo *stop, GString *out)
{
    unsigned before = m->cpu;

    g_string_append_printf(out, "CPU %u: ", stop->cpu);
    put_reason(m, stop, out);
    g_string_append(out, "\n  ");
    put_address(m, stop->pc, out);
    g_string_append(out, ":  ");
    m->cpu = stop->cpu;
    if (!put_instruction(m, ADDR_VIRT, stop->pc, out)) {
        g_string_append(out, "(not mapped)");
    }
    m->cpu = before;
    g_string_append_c(out, '\n');
}
