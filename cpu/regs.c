/* The register table's readers: one row read or written, and a CPU's rows by number and name.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/regs.h"

#include <string.h>

#include "cpu/cpu.h"
#include "util/error.h"

/* Hosts are little endian; the stored integer's bytes are the value's bytes. */
G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN);

/* Clears what lies above `bits` in the last byte. */
static void cut_top(const RegDesc *r, uint8_t *le)
{
    if (r->bits % 8) {
        le[r->bits / 8] &= (uint8_t)((1u << r->bits % 8) - 1);
    }
}

void reg_read(const Cpu *cpu, const RegDesc *r, uint8_t *le)
{
    unsigned n = reg_bytes(r);

    g_assert(n <= REG_MAX_BYTES);
    memset(le, 0, n);
    if (r->get) {
        r->get(cpu, r, le);
    } else {
        memcpy(le, (const char *)cpu->env + r->off, MIN(n, r->size));
    }
    cut_top(r, le);
}

bool reg_write(Cpu *cpu, const RegDesc *r, const uint8_t *le, GError **errp)
{
    uint8_t val[REG_MAX_BYTES] = { 0 };
    unsigned n = reg_bytes(r);

    g_assert(n <= REG_MAX_BYTES);
    if ((r->flags & REG_F_READONLY) || (r->get && !r->set)) {
        return error_set(errp, UNSUPPORTED, "register %s is read-only", r->name);
    }
    memcpy(val, le, n);
    cut_top(r, val);
    if (r->set) {
        return r->set(cpu, r, val, errp);
    }
    char *at = (char *)cpu->env + r->off;
    memset(at, 0, r->size);
    memcpy(at, val, MIN(n, r->size));
    return true;
}

uint64_t reg_read_u64(const Cpu *cpu, const RegDesc *r)
{
    uint8_t le[REG_MAX_BYTES] = { 0 };
    uint64_t v;

    reg_read(cpu, r, le);
    memcpy(&v, le, sizeof(v));
    return v;
}

typedef struct Row {
    const RegDesc *desc;
    const RegFeature *feature;
} Row;

struct RegLayout {
    const RegSet *set;
    GArray *rows;           /* Row, by number; desc NULL: not in use */
    GHashTable *by_name;    /* name -> number + 1 */
};

static void layout_add(RegLayout *l, unsigned num, const RegDesc *r, const RegFeature *f)
{
    if (num >= l->rows->len) {
        g_array_set_size(l->rows, num + 1);
    }
    Row *row = &g_array_index(l->rows, Row, num);
    g_assert(!row->desc);
    row->desc = r;
    row->feature = f;
    g_assert(!g_hash_table_contains(l->by_name, r->name));
    g_hash_table_insert(l->by_name, (gpointer)r->name, GUINT_TO_POINTER(num + 1));
}

/* A second name never hides a register's own. */
static void layout_add_altnames(RegLayout *l)
{
    for (unsigned i = 0; i < l->rows->len; i++) {
        const RegDesc *r = g_array_index(l->rows, Row, i).desc;

        if (r && r->altname && !g_hash_table_contains(l->by_name, r->altname)) {
            g_hash_table_insert(l->by_name, (gpointer)r->altname, GUINT_TO_POINTER(i + 1));
        }
    }
}

RegLayout *reg_layout_new(const Cpu *cpu, const RegSet *set)
{
    RegLayout *l = g_new0(RegLayout, 1);
    unsigned num = 0;

    l->set = set;
    l->rows = g_array_new(FALSE, TRUE, sizeof(Row));
    l->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    for (const RegFeature *const *f = set->features; *f; f++) {
        if ((*f)->present && !(*f)->present(cpu)) {
            continue;
        }
        for (unsigned i = 0; i < (*f)->n; i++) {
            const RegDesc *r = &(*f)->regs[i];

            if (r->gdbnum != REG_NUM_AUTO) {
                num = r->gdbnum;
            }
            layout_add(l, num++, r, *f);
        }
    }
    layout_add_altnames(l);
    return l;
}

void reg_layout_free(RegLayout *l)
{
    if (l) {
        g_array_free(l->rows, TRUE);
        g_hash_table_destroy(l->by_name);
        g_free(l);
    }
}

const RegSet *reg_layout_set(const RegLayout *l)
{
    return l->set;
}

unsigned reg_layout_count(const RegLayout *l)
{
    return l->rows->len;
}

const RegDesc *reg_layout_get(const RegLayout *l, unsigned num)
{
    return num < l->rows->len ? g_array_index(l->rows, Row, num).desc : NULL;
}

const RegFeature *reg_layout_feature(const RegLayout *l, unsigned num)
{
    return num < l->rows->len ? g_array_index(l->rows, Row, num).feature : NULL;
}

int reg_layout_find(const RegLayout *l, const char *name)
{
    return (int)GPOINTER_TO_UINT(g_hash_table_lookup(l->by_name, name)) - 1;
}
