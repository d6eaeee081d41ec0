/* Ports and memory, as a device or a CPU accesses them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "cpu/cpu.h"
#include "mem/mem.h"
#include "qtest/qtest_int.h"
#include "util/bytes.h"
#include "util/error.h"
#include "util/keyval.h"

typedef struct Access {
    MemSpace *space;
    paddr_t addr;
    MemAttrs attrs;
    bool write;
    uint8_t *buf;
    uint64_t len;
} Access;

static void access_now(Vm *vm, Access *x)
{
    vm_lock(vm);
    if (x->write) {
        mem_write(x->space, x->addr, x->attrs, x->buf, x->len);
    } else {
        mem_read(x->space, x->addr, x->attrs, x->buf, x->len);
    }
    vm_unlock(vm);
}

static void access_on_cpu(Cpu *cpu, void *access)
{
    access_now(cpu->vm, access);
}

/* What lies there is the bus's business: nothing reads as ones, as it does for the guest. */
static bool access_make(QtestServer *s, MemSpace *space, paddr_t addr, bool write, uint8_t *buf,
                        uint64_t len, GError **errp)
{
    Access x = { .space = space, .addr = addr, .attrs = MEM_ATTRS_DEVICE, .write = write,
                 .buf = buf, .len = len };

    if (!space) {
        return error_set(errp, UNSUPPORTED, "this machine has no ports");
    }
    if (len == 0) {
        return error_set(errp, INVALID, "SIZE: nothing to do");
    }
    if (addr > mem_space_last(space) || len - 1 > mem_space_last(space) - addr) {
        return error_set(errp, INVALID, "%" PRIu64 " bytes at 0x%" PRIx64 " end beyond the last "
                         "address, 0x%" PRIx64, len, addr, mem_space_last(space));
    }
    if (s->as_cpu == QTEST_AS_DEVICE) {
        access_now(s->m->vm, &x);
    } else {
        /* Its local APIC belongs to its thread. */
        x.attrs = MEM_ATTRS_CPU(s->as_cpu);
        vm_run_on_cpu(s->m->vm->cpus[s->as_cpu], access_on_cpu, &x);
    }
    return true;
}

static QtestAnswer answer_of(bool ok)
{
    return ok ? QTEST_OK : QTEST_FAIL;
}

static QtestAnswer value_load(QtestServer *s, MemSpace *space, paddr_t addr, unsigned size,
                              unsigned digits, GString *out, GError **errp)
{
    uint8_t bytes[8];

    if (!access_make(s, space, addr, false, bytes, size, errp)) {
        return QTEST_FAIL;
    }
    g_string_append_printf(out, "0x%0*" PRIx64, (int)digits, load_le(bytes, size));
    return QTEST_OK;
}

static QtestAnswer value_store(QtestServer *s, MemSpace *space, paddr_t addr, unsigned size,
                               uint64_t value, GError **errp)
{
    uint8_t bytes[8];

    store_le(bytes, value, size);
    return answer_of(access_make(s, space, addr, true, bytes, size, errp));
}

QtestAnswer qtest_cmd_in(QtestServer *s, const QtestCommand *c, const QtestArgs *a, GString *out,
                         GError **errp)
{
    return value_load(s, s->m->host.io, a->num[0], c->size, 4, out, errp);
}

QtestAnswer qtest_cmd_out(QtestServer *s, const QtestCommand *c, const QtestArgs *a, GString *out,
                          GError **errp)
{
    return value_store(s, s->m->host.io, a->num[0], c->size, a->num[1], errp);
}

QtestAnswer qtest_cmd_load(QtestServer *s, const QtestCommand *c, const QtestArgs *a, GString *out,
                           GError **errp)
{
    return value_load(s, s->m->host.mem, a->num[0], c->size, 16, out, errp);
}

QtestAnswer qtest_cmd_store(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                            GString *out, GError **errp)
{
    return value_store(s, s->m->host.mem, a->num[0], c->size, a->num[1], errp);
}

QtestAnswer qtest_cmd_read(QtestServer *s, const QtestCommand *c, const QtestArgs *a, GString *out,
                           GError **errp)
{
    static const char digits[] = "0123456789abcdef";
    g_autofree uint8_t *buf = g_malloc0(a->num[1]);

    if (!access_make(s, s->m->host.mem, a->num[0], false, buf, a->num[1], errp)) {
        return QTEST_FAIL;
    }
    g_string_append(out, "0x");
    for (uint64_t i = 0; i < a->num[1]; i++) {
        g_string_append_c(out, digits[buf[i] >> 4]);
        g_string_append_c(out, digits[buf[i] & 15]);
    }
    return QTEST_OK;
}

/* "0x" and two digits for each byte; bytes that are missing at the end are zero. */
static bool data_parse(const char *text, uint8_t *buf, uint64_t len, GError **errp)
{
    size_t n = strlen(text);

    if (!g_str_has_prefix(text, "0x") || n % 2) {
        return error_set(errp, INVALID, "DATA: not 0x and two hexadecimal digits for each byte");
    }
    if (n / 2 - 1 > len) {
        return error_set(errp, INVALID, "DATA: %zu bytes, which are more than SIZE", n / 2 - 1);
    }
    for (size_t i = 2; i < n; i += 2) {
        int high = g_ascii_xdigit_value(text[i]), low = g_ascii_xdigit_value(text[i + 1]);

        if (high < 0 || low < 0) {
            return error_set(errp, INVALID, "DATA: '%.2s' is no byte", text + i);
        }
        buf[i / 2 - 1] = (uint8_t)(high << 4 | low);
    }
    return true;
}

QtestAnswer qtest_cmd_write(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                            GString *out, GError **errp)
{
    g_autofree uint8_t *buf = g_malloc0(a->num[1]);

    return answer_of(data_parse(a->word[2], buf, a->num[1], errp) &&
                     access_make(s, s->m->host.mem, a->num[0], true, buf, a->num[1], errp));
}

QtestAnswer qtest_cmd_b64read(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                              GString *out, GError **errp)
{
    g_autofree uint8_t *buf = g_malloc0(a->num[1]);
    g_autofree char *text = NULL;

    if (!access_make(s, s->m->host.mem, a->num[0], false, buf, a->num[1], errp)) {
        return QTEST_FAIL;
    }
    text = g_base64_encode(buf, a->num[1]);
    g_string_append(out, text);
    return QTEST_OK;
}

QtestAnswer qtest_cmd_b64write(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                               GString *out, GError **errp)
{
    gsize len;
    g_autofree uint8_t *buf = g_base64_decode(a->word[2], &len);
    g_autofree char *again = g_base64_encode(buf, len);

    if (!g_str_equal(again, a->word[2])) {      /* GLib skips what it does not know */
        error_set(errp, INVALID, "DATA: not in base64");
        return QTEST_FAIL;
    }
    if (len != a->num[1]) {
        error_set(errp, INVALID, "DATA: %zu bytes, not SIZE", len);
        return QTEST_FAIL;
    }
    return answer_of(access_make(s, s->m->host.mem, a->num[0], true, buf, len, errp));
}

QtestAnswer qtest_cmd_memset(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                             GString *out, GError **errp)
{
    g_autofree uint8_t *buf = g_malloc(MAX(a->num[1], 1));

    memset(buf, (int)a->num[2], a->num[1]);
    return answer_of(access_make(s, s->m->host.mem, a->num[0], true, buf, a->num[1], errp));
}

QtestAnswer qtest_cmd_endianness(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                 GString *out, GError **errp)
{
    g_string_append(out, s->m->vm->cpus[0]->class->big_endian ? "big" : "little");
    return QTEST_OK;
}

QtestAnswer qtest_cmd_access_as(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                GString *out, GError **errp)
{
    uint64_t cpu;

    if (g_str_equal(a->word[0], "device")) {
        s->as_cpu = QTEST_AS_DEVICE;
        return QTEST_OK;
    }
    if (!parse_uint(a->word[0], s->m->vm->ncpus - 1, &cpu, errp)) {
        g_prefix_error(errp, "neither 'device' nor a CPU: ");
        return QTEST_FAIL;
    }
    s->as_cpu = (int)cpu;
    return QTEST_OK;
}
