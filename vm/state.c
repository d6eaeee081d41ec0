/* State fields: saving, loading, comparing and printing what a table describes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/state.h"

#include <inttypes.h>
#include <string.h>

#include "util/error.h"
#include "vm/clock.h"

G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN);

static unsigned field_count(const StateField *f)
{
    return f->count ? f->count : 1;
}

/* Bytes of one element when saved. */
static size_t elem_saved_size(const StateField *f)
{
    switch (f->type) {
    case STATE_STRUCT:
        return state_size(f->sub);
    case STATE_TIMER:
        return sizeof(int64_t);
    case STATE_BOOL:
        return 1;
    default:
        return f->size;
    }
}

size_t state_size(const StateField *fields)
{
    size_t n = 0;

    for (const StateField *f = fields; f->type != STATE_END; f++) {
        n += elem_saved_size(f) * field_count(f);
    }
    return n;
}

static const char *elem_at(const StateField *f, const void *obj, unsigned i)
{
    return (const char *)obj + f->off + (size_t)i * f->size;
}

static int64_t timer_value(const void *p)
{
    VmTimer *const *t = p;

    return *t ? vm_timer_expire_ns(*t) : -1;
}

static void save_elem(const StateField *f, const void *p, GByteArray *out)
{
    int64_t expire;
    uint8_t b;

    switch (f->type) {
    case STATE_STRUCT:
        state_save(f->sub, p, out);
        break;
    case STATE_TIMER:
        expire = timer_value(p);
        g_byte_array_append(out, (const uint8_t *)&expire, sizeof(expire));
        break;
    case STATE_BOOL:
        b = *(const bool *)p;
        g_byte_array_append(out, &b, 1);
        break;
    default:
        g_byte_array_append(out, p, f->size);
        break;
    }
}

void state_save(const StateField *fields, const void *obj, GByteArray *out)
{
    for (const StateField *f = fields; f->type != STATE_END; f++) {
        for (unsigned i = 0; i < field_count(f); i++) {
            save_elem(f, elem_at(f, obj, i), out);
        }
    }
}

static void load_timer(void *p, int64_t expire)
{
    VmTimer **t = p;

    if (!*t) {
        return;
    }
    if (expire < 0) {
        vm_timer_del(*t);
    } else {
        vm_timer_mod(*t, expire);
    }
}

static const uint8_t *load_fields(const StateField *fields, void *obj, const uint8_t *data);

static void load_elem(const StateField *f, void *p, const uint8_t *data)
{
    int64_t expire;

    switch (f->type) {
    case STATE_STRUCT:
        load_fields(f->sub, p, data);
        break;
    case STATE_TIMER:
        memcpy(&expire, data, sizeof(expire));
        load_timer(p, expire);
        break;
    case STATE_BOOL:
        *(bool *)p = *data != 0;
        break;
    default:
        memcpy(p, data, f->size);
        break;
    }
}

static const uint8_t *load_fields(const StateField *fields, void *obj, const uint8_t *data)
{
    for (const StateField *f = fields; f->type != STATE_END; f++) {
        for (unsigned i = 0; i < field_count(f); i++) {
            load_elem(f, (void *)(uintptr_t)elem_at(f, obj, i), data);
            data += elem_saved_size(f);
        }
    }
    return data;
}

bool state_load(const StateField *fields, void *obj, const uint8_t *data, size_t len,
                size_t *pos, GError **errp)
{
    size_t need = state_size(fields);

    if (*pos > len || len - *pos < need) {
        return error_set(errp, INVALID, "saved state is %zu bytes short",
                         need - (*pos > len ? 0 : len - *pos));
    }
    load_fields(fields, obj, data + *pos);
    *pos += need;
    return true;
}

static uint64_t uint_value(const void *p, uint32_t size)
{
    uint64_t v = 0;

    memcpy(&v, p, MIN(size, sizeof(v)));
    return v;
}

static int64_t int_value(const void *p, uint32_t size)
{
    unsigned shift = 64 - 8 * MIN(size, 8);

    return (int64_t)(uint_value(p, size) << shift) >> shift;
}

/* One element's value as text. */
static void print_value(const StateField *f, const void *p, GString *out)
{
    switch (f->type) {
    case STATE_UINT:
        g_string_append_printf(out, f->flags & STATE_F_HEX ? "0x%" PRIx64 : "%" PRIu64,
                               uint_value(p, f->size));
        break;
    case STATE_INT:
        g_string_append_printf(out, "%" PRId64, int_value(p, f->size));
        break;
    case STATE_BOOL:
        g_string_append(out, *(const bool *)p ? "yes" : "no");
        break;
    case STATE_TIMER:
        if (timer_value(p) < 0) {
            g_string_append(out, "off");
        } else {
            g_string_append_printf(out, "%" PRId64 " ns", timer_value(p));
        }
        break;
    default:
        for (uint32_t i = 0; i < f->size; i++) {
            g_string_append_printf(out, "%02x", ((const uint8_t *)p)[i]);
        }
        break;
    }
}

static bool elem_equal(const StateField *f, const void *a, const void *b)
{
    if (f->type == STATE_TIMER) {
        return timer_value(a) == timer_value(b);
    }
    if (f->type == STATE_BOOL) {
        return *(const bool *)a == *(const bool *)b;
    }
    return memcmp(a, b, f->size) == 0;
}

static char *elem_name(const StateField *f, const char *prefix, unsigned i)
{
    return f->count > 1 ? g_strdup_printf("%s%s[%u]", prefix, f->name, i)
                        : g_strdup_printf("%s%s", prefix, f->name);
}

static unsigned diff_fields(const StateField *fields, const void *a, const void *b, uint8_t skip,
                            const char *prefix, GString *out);

static unsigned diff_elem(const StateField *f, const void *a, const void *b, uint8_t skip,
                          const char *name, GString *out)
{
    if (f->type == STATE_STRUCT) {
        g_autofree char *inner = g_strconcat(name, ".", NULL);

        return diff_fields(f->sub, a, b, skip, inner, out);
    }
    if (elem_equal(f, a, b)) {
        return 0;
    }
    if (out) {
        g_string_append_printf(out, "%s: ", name);
        print_value(f, a, out);
        g_string_append(out, " != ");
        print_value(f, b, out);
        g_string_append_c(out, '\n');
    }
    return 1;
}

static unsigned diff_fields(const StateField *fields, const void *a, const void *b, uint8_t skip,
                            const char *prefix, GString *out)
{
    unsigned n = 0;

    for (const StateField *f = fields; f->type != STATE_END; f++) {
        for (unsigned i = 0; !(f->flags & skip) && i < field_count(f); i++) {
            g_autofree char *name = elem_name(f, prefix, i);

            n += diff_elem(f, elem_at(f, a, i), elem_at(f, b, i), skip, name, out);
        }
    }
    return n;
}

unsigned state_diff(const StateField *fields, const void *a, const void *b, uint8_t skip,
                    GString *out)
{
    return diff_fields(fields, a, b, skip, "", out);
}

static void print_field(const StateField *f, const void *obj, unsigned indent, GString *out)
{
    for (unsigned i = 0; f->type == STATE_STRUCT && i < field_count(f); i++) {
        g_autofree char *name = elem_name(f, "", i);

        g_string_append_printf(out, "%*s%s\n", (int)indent, "", name);
        state_print(f->sub, elem_at(f, obj, i), indent + 2, out);
    }
    if (f->type == STATE_STRUCT) {
        return;
    }
    g_string_append_printf(out, "%*s%-18s", (int)indent, "", f->name);
    for (unsigned i = 0; i < field_count(f); i++) {
        g_string_append_c(out, ' ');
        print_value(f, elem_at(f, obj, i), out);
    }
    g_string_append_c(out, '\n');
}

void state_print(const StateField *fields, const void *obj, unsigned indent, GString *out)
{
    for (const StateField *f = fields; f->type != STATE_END; f++) {
        if (!(f->flags & STATE_F_QUIET)) {
            print_field(f, obj, indent, out);
        }
    }
}
