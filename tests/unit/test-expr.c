/* The monitor's expressions: compiled, run, compared with what C says.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cpu/cpu.h"
#include "debug/agent.h"
#include "monitor/expr.h"

/* Registers r0, r1...: their value is 100 + number. Memory: byte n at address n & 0xff. */
static const RegDesc regs[] = {
    { .name = "r0", .bits = 64, .gdbnum = REG_NUM_AUTO },
    { .name = "r1", .bits = 64, .gdbnum = REG_NUM_AUTO, .altname = "sp" },
};
static const RegFeature feature = { .name = "test", .regs = regs, .n = G_N_ELEMENTS(regs) };
static const RegFeature *const features[] = { &feature, NULL };
static const RegSet set = { .arch = "test", .features = features };
static const CpuClass class = { .name = "test", .regs = &set };

static RegLayout *layout;

static bool read_mem(void *opaque, vaddr_t at, void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = (uint8_t)(at + i);
    }
    return at < 0x10000;
}

static bool read_reg(void *opaque, unsigned num, uint64_t *value)
{
    *value = 100 + num;
    return true;
}

static const AgentOps ops = { .read = read_mem, .reg = read_reg };

static bool eval(const char *text, bool apart, uint64_t *value, const char **rest, GError **errp)
{
    ExprScope scope = { .regs = layout, .apart = apart };
    g_autoptr(GBytes) code = expr_compile(&scope, &text, errp);
    const uint8_t *bytes;
    gsize len;

    if (!code) {
        return false;
    }
    *rest = text;
    bytes = g_bytes_get_data(code, &len);
    g_assert_true(agent_check(bytes, len, NULL));
    return agent_eval(bytes, len, &ops, NULL, false, value, errp);
}

/* What the compiler of this file says of the same text. */
#define SAME(expr) { #expr, (uint64_t)(int64_t)(expr) }

static void test_values(void)
{
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {
        SAME(1 + 2 * 3), SAME((1 + 2) * 3), SAME(7 - 2 - 1), SAME(100 / 7 % 5), SAME(-7 / 2),
        SAME(-7 % 3), { "1 << 4 + 1", 32 }, { "0xf0 >> 4 | 1", 15 }, { "6 & 3 ^ 1 | 8", 11 }, { "~0xff", ~UINT64_C(0xff) },
        SAME(1 < 2), SAME(2 <= 1), SAME(-1 < 1), SAME(2 > 1), SAME(2 >= 3), SAME(3 == 3),
        SAME(3 != 3), SAME(1 && 2), SAME(1 && 0), SAME(0 || 5), SAME(0 || 0), SAME(!5), SAME(!0),
        SAME(1 ? 2 : 3), SAME(0 ? 2 : 3), SAME(0 ? 1 : 0 ? 2 : 3), SAME(1 ? 0 ? 4 : 5 : 6),
        { "1 || 1 / 1 && 0", 1 }, SAME(- - 5), SAME(-(3 + 4)), SAME('a'), SAME('\n'), SAME('\''),
        SAME(+5), SAME(017), { "1 == 1 == 1", 1 }, SAME(5 - -3), SAME(!1 + 1), SAME(~0 & 0xff),
        { "0xffffffffffffffff > 1", 1 },        /* hexadecimal numbers are unsigned */
        { "-8 >> 1", (uint64_t)-4 }, { "0x8000000000000000 >> 63", 1 },
        { "1 || 1 / 0", 1 }, { "0 && 1 / 0", 0 },
        { "$r0", 100 }, { "$r1 + 1", 102 }, { "$sp", 101 },
        { "*0x10", 0x1716151413121110 }, { "*(u8 *)0x10", 0x10 }, { "{u8}0x10 + 1", 0x11 },
        { "*(unsigned short *) 0x20", 0x2120 }, { "{int}0x80", 0xffffffff83828180 },
        { "*(uint32_t *)($r0 + 4)", 0x6b6a6968 }, { "{unsigned char}0x90", 0x90 },
        { "(u8)0x1234", 0x34 }, { "(char)0xff", UINT64_MAX }, { "(unsigned)-1", 0xffffffff },
        { "{char *}0", 0x0706050403020100 }, { "*(u8 *)0x10 == 16 ? 1 : 2", 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;
        const char *rest = NULL;
        uint64_t value = 0;

        g_test_message("%s", rows[i].text);
        eval(rows[i].text, false, &value, &rest, &err);
        g_assert_no_error(err);
        g_assert_cmphex(value, ==, rows[i].value);
        g_assert_cmpstr(rest, ==, "");
    }
}

static void test_bad(void)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "a value expected at the end of the expression" },
        { "1 +", "a value expected at the end" }, { "(1", "')' expected at the end" },
        { "1 + )", "a value expected at ')'" }, { "$nope", "there is no register '$nope'" },
        { "nope", "there is no symbol 'nope'" },
        { "r0", "there is no symbol 'r0' (a register is written with $)" },
        { "12x", "bad number" }, { "0x10000000000000000", "number too large" },
        { "'ab'", "bad character" }, { "'", "bad character" }, { "'\\q'", "bad character" },
        { "{u8 0", "'}' expected" }, { "{}0", "a type expected" }, { "1 ? 2", "':' expected" },
        { "1 / 0", "division by zero" }, { "*0x10000", "cannot read memory at 0x10000" },
        { "$", "a value expected" }, { "@", "a value expected" },
    };
    g_autoptr(GString) deep = g_string_new(NULL);
    const char *rest;
    uint64_t value;

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) err = NULL;

        g_test_message("%s", rows[i].text);
        g_assert_false(eval(rows[i].text, false, &value, &rest, &err));
        g_assert_nonnull(strstr(err->message, rows[i].why));
    }
    for (unsigned i = 0; i < 3000; i++) {
        g_string_append_c(deep, "(-~!"[i % 4]);
    }
    g_assert_false(eval(deep->str, false, &value, &rest, NULL));
    g_string_assign(deep, "1");
    for (unsigned i = 0; i < 30000; i++) {
        g_string_append(deep, "+1");
    }
    g_assert_false(eval(deep->str, false, &value, &rest, NULL));
}

/* Several arguments on one line: where one ends. */
static void test_apart(void)
{
    static const struct {
        const char *text, *rest;
        uint64_t value;
    } rows[] = {
        { "1 + 2 3", "3", 3 }, { "16 /tmp/x", "/tmp/x", 16 }, { "8 -p", "-p", 8 },
        { "0x10+1 rest", "rest", 17 }, { "4 if $r0", "if $r0", 4 }, { "2 * 3, 4", ", 4", 6 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *rest = NULL;
        uint64_t value = 0;

        g_assert_true(eval(rows[i].text, true, &value, &rest, NULL));
        g_assert_cmphex(value, ==, rows[i].value);
        g_assert_cmpstr(rest, ==, rows[i].rest);
    }
}

/* Any text ends in a value or a reason, and what is compiled is well formed. */
static void test_garbage(void)
{
    static const char letters[] = "0189xab$r+-*/%&|^~!<>=()[]{}?:', \\u8chint";

    for (unsigned i = 0; i < 200000; i++) {
        g_autoptr(GError) err = NULL;
        char text[24];
        const char *rest = NULL;
        uint64_t value;
        unsigned n = (unsigned)g_test_rand_int_range(0, sizeof(text) - 1);

        for (unsigned k = 0; k < n; k++) {
            text[k] = letters[g_test_rand_int_range(0, sizeof(letters) - 1)];
        }
        text[n] = 0;
        if (!eval(text, i & 1, &value, &rest, &err)) {
            g_assert_nonnull(err);
        } else {
            g_assert_true(rest >= text && rest <= text + n);
        }
    }
}

int main(int argc, char **argv)
{
    Cpu cpu = { .class = &class };
    int status;

    g_test_init(&argc, &argv, NULL);
    layout = reg_layout_new(&cpu, &set);
    g_test_add_func("/expr/values", test_values);
    g_test_add_func("/expr/bad", test_bad);
    g_test_add_func("/expr/apart", test_apart);
    g_test_add_func("/expr/garbage", test_garbage);
    status = g_test_run();
    reg_layout_free(layout);
    return status;
}
