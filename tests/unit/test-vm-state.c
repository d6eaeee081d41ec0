/* State fields and the register table: what one table of rows drives.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "script-machine.h"
#include "vm/state.h"

typedef struct Inner {
    uint16_t half;
    bool flag;
} Inner;

typedef struct Device {
    uint8_t byte;
    uint64_t wide;
    int32_t sign;
    bool on;
    uint16_t list[3];
    uint8_t raw[5];
    Inner inner, pair[2];
    VmTimer *timer;
    uint32_t not_state;
    uint32_t battery;
} Device;

static const StateField inner_fields[] = {
    STATE_X(Inner, half), STATE_B(Inner, flag), STATE_LAST,
};

static const StateField fields[] = {
    STATE_U(Device, byte), STATE_X(Device, wide), STATE_I(Device, sign), STATE_B(Device, on),
    STATE_UA(Device, list), STATE_RAW(Device, raw), STATE_SUB(Device, inner, inner_fields),
    STATE_SUBA(Device, pair, inner_fields), STATE_T(Device, timer),
    { .name = "battery", .type = STATE_UINT, .flags = STATE_F_NO_RESET,
      .off = offsetof(Device, battery), .size = 4 },
    STATE_LAST,
};

static Device sample(VmTimer *timer)
{
    return (Device){
        .byte = 200, .wide = UINT64_C(0x123456789abcdef0), .sign = -5, .on = true,
        .list = { 1, 2, 3 }, .raw = { 9, 8, 7, 6, 5 }, .inner = { 0x1234, true },
        .pair = { { 1, false }, { 2, true } }, .timer = timer, .not_state = 1, .battery = 3,
    };
}

static void nothing(void *opaque)
{
}

static void test_round_trip(void)
{
    ScriptMachine m;

    sm_init(&m, 1, NULL, NULL);
    VmTimer *ta = vm_timer_new(m.vm, nothing, NULL), *tb = vm_timer_new(m.vm, nothing, NULL);
    Device a = sample(ta), b = { .timer = tb, .not_state = 77 };
    GByteArray *bytes = g_byte_array_new();
    size_t pos = 0;
    GError *err = NULL;

    vm_timer_mod(ta, 123456);
    state_save(fields, &a, bytes);
    g_assert_cmpuint(bytes->len, ==, state_size(fields));
    g_assert_cmpuint(bytes->len, ==, 1 + 8 + 4 + 1 + 6 + 5 + 3 + 6 + 8 + 4);
    g_assert_false(state_load(fields, &b, bytes->data, bytes->len - 1, &pos, &err));
    g_assert_nonnull(err);
    g_clear_error(&err);
    g_assert_cmpuint(b.byte, ==, 0);            /* nothing was changed */
    g_assert_true(state_load(fields, &b, bytes->data, bytes->len, &pos, NULL));
    g_assert_cmpuint(pos, ==, bytes->len);
    g_assert_cmpuint(state_diff(fields, &a, &b, 0, NULL), ==, 0);
    g_assert_cmpint(vm_timer_expire_ns(tb), ==, 123456);
    g_assert_cmpuint(b.not_state, ==, 77);
    vm_timer_free(ta);
    vm_timer_free(tb);
    g_byte_array_free(bytes, TRUE);
    sm_fini(&m);
}

static void test_diff(void)
{
    Device a = sample(NULL), b = sample(NULL);
    GString *s = g_string_new(NULL);

    b.not_state = 5;
    g_assert_cmpuint(state_diff(fields, &a, &b, 0, s), ==, 0);
    b.sign = 4;
    b.list[2] = 9;
    b.pair[1].half = 0x77;
    b.battery = 4;
    g_assert_cmpuint(state_diff(fields, &a, &b, 0, s), ==, 4);
    g_assert_cmpstr(s->str, ==, "sign: -5 != 4\nlist[2]: 3 != 9\npair[1].half: 0x2 != 0x77\n"
                                "battery: 3 != 4\n");
    g_assert_cmpuint(state_diff(fields, &a, &b, STATE_F_NO_RESET, NULL), ==, 3);
    g_string_free(s, TRUE);
}

static void test_print(void)
{
    Device a = sample(NULL);
    GString *s = g_string_new(NULL);

    state_print(fields, &a, 2, s);
    g_assert_cmpstr(s->str, ==,
                    "  byte               200\n"
                    "  wide               0x123456789abcdef0\n"
                    "  sign               -5\n"
                    "  on                 yes\n"
                    "  list               1 2 3\n"
                    "  inner\n"
                    "    half               0x1234\n"
                    "    flag               yes\n"
                    "  pair[0]\n"
                    "    half               0x1\n"
                    "    flag               no\n"
                    "  pair[1]\n"
                    "    half               0x2\n"
                    "    flag               yes\n"
                    "  timer              off\n"
                    "  battery            3\n");
    g_string_free(s, TRUE);
}

/* ---- registers ---- */

/* A register is what was written, cut to its width; reading and writing cannot disagree. */
static void test_regs(void)
{
    ScriptMachine m;
    uint8_t in[REG_MAX_BYTES], out[REG_MAX_BYTES];

    sm_init(&m, 1, NULL, NULL);
    Cpu *cpu = m.vm->cpus[0];
    RegLayout *l = reg_layout_new(cpu, cpu->class->regs);
    g_assert_cmpuint(reg_layout_count(l), ==, 20);
    for (unsigned i = 0; i < reg_layout_count(l); i++) {
        const RegDesc *r = reg_layout_get(l, i);
        GError *err = NULL;

        g_assert_cmpint(reg_layout_find(l, r->name), ==, (int)i);
        memset(in, 0, sizeof(in));
        memset(in, (int)i + 1, reg_bytes(r));
        if (r->bits < 8) {
            in[0] &= 3;
        }
        bool ok = reg_write(cpu, r, in, &err);
        g_assert_true(ok == !(r->flags & REG_F_READONLY));
        if (!ok) {
            g_assert_cmpstr(err->message, ==, "register reset_pc is read-only");
            g_clear_error(&err);
            continue;
        }
        reg_read(cpu, r, out);
        g_assert_cmpmem(in, reg_bytes(r), out, reg_bytes(r));
    }
    g_assert_null(reg_layout_get(l, 20));
    g_assert_null(reg_layout_get(l, UINT32_MAX));
    g_assert_cmpint(reg_layout_find(l, "nothing"), ==, -1);
    g_assert_cmpstr(reg_layout_feature(l, 17)->name, ==, "org.glassbox.script.system");
    sm_cpu(&m, 0)->pc = 0x1122334455667788;
    g_assert_cmphex(reg_read_u64(cpu, reg_layout_get(l, 16)), ==, 0x1122334455667788);
    reg_layout_free(l);
    sm_fini(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vm/state/round-trip", test_round_trip);
    g_test_add_func("/vm/state/diff", test_diff);
    g_test_add_func("/vm/state/print", test_print);
    g_test_add_func("/cpu/regs", test_regs);
    return g_test_run();
}
