/* Agent expressions: every opcode, printf, malformed code.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug/agent.h"

/* ---- a little world to look at ---- */

static uint8_t memory[64];      /* at 0x1000 */
static GString *log_text;
static uint64_t vars[4];

static bool w_read(void *opaque, vaddr_t at, void *buf, size_t len)
{
    if (at < 0x1000 || at + len > 0x1000 + sizeof(memory)) {
        return false;
    }
    memcpy(buf, memory + (at - 0x1000), len);
    return true;
}

static bool w_reg(void *opaque, unsigned num, uint64_t *v)
{
    *v = num * 0x100;
    return num < 16;
}

static bool w_get(void *opaque, unsigned num, uint64_t *v)
{
    if (num < 4) {
        *v = vars[num];
    }
    return num < 4;
}

static bool w_set(void *opaque, unsigned num, uint64_t v)
{
    if (num < 4) {
        vars[num] = v;
    }
    return num < 4;
}

static bool w_trace(void *opaque, vaddr_t at, uint64_t len)
{
    g_string_append_printf(log_text, "[%x+%u]", (unsigned)at, (unsigned)len);
    return true;
}

static bool w_tracev(void *opaque, unsigned num)
{
    g_string_append_printf(log_text, "[v%u]", num);
    return true;
}

static void w_print(void *opaque, const char *text)
{
    g_string_append(log_text, text);
}

static const AgentOps ops = {
    .read = w_read, .reg = w_reg, .get_var = w_get, .set_var = w_set, .trace = w_trace,
    .trace_var = w_tracev, .print = w_print,
};

#define C8(v) 0x22, (v)
#define C16(v) 0x23, (v) >> 8, (v) & 0xff
#define MINUS(n) 0x22, (n), 0x22, 0, 0x2b, 0x03        /* 0 - n: const n, const 0, swap, sub */
#define END 0x27

static const struct {
    const char *name;
    uint8_t code[48];
    unsigned len;
    uint64_t value;
    const char *error;          /* part of it; NULL: none */
    const char *log;
} cases[] = {
#define CASE(name, value, ...) \
    { name, { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), value, NULL, "" }
#define LOGS(name, value, log, ...) \
    { name, { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), value, NULL, log }
#define FAILS(name, error, ...) \
    { name, { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), 0, error, "" }
    CASE("const8", 200, C8(200), END),
    CASE("const16", 0x1234, C16(0x1234), END),
    CASE("const32", 0x89abcdef, 0x24, 0x89, 0xab, 0xcd, 0xef, END),
    CASE("const64", UINT64_C(0x0123456789abcdef), 0x25, 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
         0xef, END),
    CASE("add", 7, C8(3), C8(4), 0x02, END),
    CASE("sub", UINT64_MAX, C8(3), C8(4), 0x03, END),
    CASE("mul", 12, C8(3), C8(4), 0x04, END),
    CASE("div_signed", UINT64_MAX - 1, MINUS(7), C8(3), 0x05, END),
    CASE("div_signed least by -1", UINT64_C(1) << 63, 0x25, 0x80, 0, 0, 0, 0, 0, 0, 0, MINUS(1),
         0x05, END),
    CASE("div_unsigned", UINT64_C(0x5555555555555553), MINUS(7), C8(3), 0x06, END),
    CASE("rem_signed", UINT64_MAX, MINUS(7), C8(3), 0x07, END),
    CASE("rem_signed least by -1", 0, 0x25, 0x80, 0, 0, 0, 0, 0, 0, 0, MINUS(1), 0x07, END),
    CASE("rem_unsigned", 1, C8(7), C8(3), 0x08, END),
    FAILS("div by zero", "division by zero", C8(1), C8(0), 0x05, END),
    FAILS("rem by zero", "division by zero", C8(1), C8(0), 0x08, END),
    CASE("lsh", 0x70, C8(7), C8(4), 0x09, END),
    CASE("lsh far", 0, C8(7), C8(64), 0x09, END),
    CASE("rsh_signed", UINT64_MAX, MINUS(1), C8(4), 0x0a, END),
    CASE("rsh_signed far", UINT64_MAX, MINUS(1), C8(200), 0x0a, END),
    CASE("rsh_unsigned", UINT64_MAX >> 4, MINUS(1), C8(4), 0x0b, END),
    CASE("log_not", 1, C8(0), 0x0e, END),
    CASE("log_not of 5", 0, C8(5), 0x0e, END),
    CASE("bit_and", 4, C8(6), C8(12), 0x0f, END),
    CASE("bit_or", 14, C8(6), C8(12), 0x10, END),
    CASE("bit_xor", 10, C8(6), C8(12), 0x11, END),
    CASE("bit_not", ~UINT64_C(6), C8(6), 0x12, END),
    CASE("equal", 1, C8(6), C8(6), 0x13, END),
    CASE("less_signed", 1, MINUS(1), C8(0), 0x14, END),
    CASE("less_unsigned", 0, MINUS(1), C8(0), 0x15, END),
    CASE("ext", UINT64_MAX, C8(255), 0x16, 8, END),
    CASE("ext 64", 255, C8(255), 0x16, 64, END),
    FAILS("ext 0", "0 bits", C8(255), 0x16, 0, END),
    CASE("zero_ext", 15, C8(255), 0x2a, 4, END),
    CASE("zero_ext 64", 255, C8(255), 0x2a, 64, END),
    CASE("ref8", 0x81, C16(0x1001), 0x17, END),
    CASE("ref16", 0x8281, C16(0x1001), 0x18, END),
    CASE("ref32", 0x84838281, C16(0x1001), 0x19, END),
    CASE("ref64", UINT64_C(0x8887868584838281), C16(0x1001), 0x1a, END),
    FAILS("ref hole", "cannot read memory at 0x103d", C16(0x103d), 0x19, END),
    /* 1.5f at +16, 2.5 at +24, 1.25L at +32 */
    CASE("ref_float", 3, C16(0x1010), 0x1b, C8(2), 0x1e, 0x01, 0x04, 0x1f, END),
    CASE("ref_double", 5, C16(0x1018), 0x1c, C8(2), 0x1e, 0x01, 0x04, 0x1f, END),
    CASE("ref_long_double", 5, C16(0x1020), 0x1d, C8(4), 0x1e, 0x01, 0x04, 0x1f, END),
    CASE("float less", 1, C16(0x1010), 0x1b, C16(0x1018), 0x1c, 0x01, 0x14, END),
    CASE("float prefix counts once", 3, C8(1), C8(1), 0x01, 0x13, C8(2), 0x02, END),
    CASE("if_goto taken", 9, C8(1), 0x20, 0, 8, C8(5), END, C8(9), END),
    CASE("if_goto not taken", 5, C8(0), 0x20, 0, 8, C8(5), END, C8(9), END),
    CASE("goto", 9, 0x21, 0, 6, C8(5), END, C8(9), END),
    CASE("reg", 0x300, 0x26, 0, 3, END),
    FAILS("no reg", "no such register", 0x26, 0, 99, END),
    CASE("dup", 14, C8(7), 0x28, 0x02, END),
    CASE("pop", 7, C8(7), C8(8), 0x29, END),
    CASE("swap", 1, C8(7), C8(8), 0x2b, 0x03, END),
    CASE("pick 0", 8, C8(7), C8(8), 0x32, 0, END),
    CASE("pick 1", 7, C8(7), C8(8), 0x32, 1, END),
    FAILS("pick too deep", "underflow", C8(7), C8(8), 0x32, 2, END),
    /* a b c -> c a b: b on top */
    CASE("rot top", 2, C8(1), C8(2), C8(3), 0x33, END),
    CASE("rot next", 1, C8(1), C8(2), C8(3), 0x33, 0x29, END),
    CASE("rot third", 3, C8(1), C8(2), C8(3), 0x33, 0x29, 0x29, END),
    CASE("setv getv", 42, C8(42), 0x2d, 0, 1, 0x29, 0x2c, 0, 1, END),
    FAILS("no var", "variable", 0x2c, 0, 9, END),
    LOGS("trace", 0, "[1000+5]", C16(0x1000), C8(5), 0x0c, END),
    LOGS("trace_quick", 0x1000, "[1000+6]", C16(0x1000), 0x0d, 6, END),
    LOGS("trace16", 0x1000, "[1000+258]", C16(0x1000), 0x30, 1, 2, END),
    LOGS("tracev", 0, "[v2]", 0x2e, 0, 2, END),
    LOGS("tracenz", 0, "[1030+6]", C16(0x1030), C8(20), 0x2f, END),
    LOGS("tracenz short", 0, "[1030+3]", C16(0x1030), C8(3), 0x2f, END),
    FAILS("underflow", "underflow", C8(1), 0x02, END),
    FAILS("endless", "too many steps", 0x21, 0, 0, END),
    FAILS("overflow", "overflow", C8(1), 0x21, 0, 0, END),
    CASE("empty stack", 0, END),
    /* const 7, channel 0, function 0 */
    LOGS("printf", 5, "n=7\n", C8(5), C8(7), C8(0), C8(0), 0x34, 1, 0, 7, 'n', '=', '%', 'd',
         '\\', 'n', 0, END),
    LOGS("printf two", 0, "7 9", C8(9), C8(7), C8(0), C8(0), 0x34, 2, 0, 6, '%', 'd', ' ', '%',
         'u', 0, END),
    LOGS("printf string", 0, "<hello>", C16(0x1030), C8(0), C8(0), 0x34, 1, 0, 5, '<', '%', 's',
         '>', 0, END),
    LOGS("printf sizes", 0, "-1 ff", MINUS(1), MINUS(1), C8(0), C8(0), 0x34, 2, 0, 9, '%', 'l',
         'd', ' ', '%', 'h', 'h', 'x', 0, END),
    LOGS("printf width", 0, "00c|%", C8(12), C8(0), C8(0), 0x34, 1, 0, 8, '%', '0', '3', 'x',
         '|', '%', '%', 0, END),
    FAILS("printf too few", "too few", C8(0), C8(0), 0x34, 0, 0, 3, '%', 'd', 0, END),
    FAILS("printf bad", "unknown conversion", C8(1), C8(0), C8(0), 0x34, 1, 0, 3, '%', 'n', 0,
          END),
    FAILS("printf wide", "width", C8(1), C8(0), C8(0), 0x34, 1, 0, 7, '%', '9', '9', '9', '9',
          'd', 0, END),
    FAILS("printf no string", "no string", C8(1), C8(0), C8(0), 0x34, 1, 0, 3, '%', 's', 0, END),
};

static void world_set(void)
{
    float f = 1.5f;
    double d = 2.5;
    static const uint8_t ld[10] = { 0, 0, 0, 0, 0, 0, 0, 0xa0, 0xff, 0x3f };

    for (unsigned i = 0; i < sizeof(memory); i++) {
        memory[i] = (uint8_t)(0x80 + i);
    }
    memcpy(memory + 16, &f, 4);
    memcpy(memory + 24, &d, 8);
    memcpy(memory + 32, ld, 10);
    memcpy(memory + 48, "hello", 6);
}

static void test_table(void)
{
    world_set();
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) err = NULL;
        uint64_t value = 0x5a5a;

        g_test_message("%s", cases[i].name);
        log_text = g_string_new(NULL);
        g_assert_true(agent_check(cases[i].code, cases[i].len, &err));
        bool ok = agent_eval(cases[i].code, cases[i].len, &ops, NULL, false, &value, &err);
        if (cases[i].error) {
            g_assert_false(ok);
            g_assert_nonnull(strstr(err->message, cases[i].error));
        } else {
            g_assert_no_error(err);
            g_assert_cmphex(value, ==, cases[i].value);
            g_assert_cmpstr(log_text->str, ==, cases[i].log);
        }
        g_string_free(log_text, TRUE);
    }
}

static void test_big_endian(void)
{
    static const uint8_t code[] = { C16(0x1001), 0x18, END };
    uint64_t value;

    world_set();
    g_assert_true(agent_eval(code, sizeof(code), &ops, NULL, true, &value, NULL));
    g_assert_cmphex(value, ==, 0x8182);
}

static const struct { const char *name; uint8_t code[8]; unsigned len; } malformed[] = {
    { "empty", { 0 }, 0 },
    { "unknown opcode", { 0x31, END }, 2 },
    { "unknown opcode 0", { 0, END }, 2 },
    { "unknown opcode ff", { 0xff, END }, 2 },
    { "no end", { C8(1) }, 2 },
    { "cut operand", { 0x23, 1 }, 2 },
    { "cut after opcode", { 0x25 }, 1 },
    { "jump into an operand", { C8(0), 0x20, 0, 1, END }, 6 },
    { "jump past the end", { 0x21, 0, 99, END }, 4 },
    { "jump to the end of code", { 0x21, 0, 4, END }, 4 },
    { "printf without length", { 0x34, 0, 0 }, 3 },
    { "printf string too long", { 0x34, 0, 0, 9, 'a', 0, END }, 7 },
    { "printf string without its zero", { 0x34, 0, 0, 1, 'a', END }, 6 },
    { "printf empty", { 0x34, 0, 0, 0, END }, 5 },
    { "conditional jump last", { C8(1), 0x20, 0, 0 }, 5 },
};

static void test_malformed(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(malformed); i++) {
        g_autoptr(GError) err = NULL;

        g_test_message("%s", malformed[i].name);
        g_assert_false(agent_check(malformed[i].code, malformed[i].len, &err));
        g_assert_nonnull(err);
    }
}

/* Whatever passes the check can be run without harm. */
static void test_random(void)
{
    GRand *rnd = g_rand_new_with_seed(7);
    unsigned ran = 0;

    log_text = g_string_new(NULL);
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t code[12];
        unsigned len = (unsigned)g_rand_int_range(rnd, 1, sizeof(code) + 1);
        uint64_t value;

        for (unsigned k = 0; k < len; k++) {
            code[k] = (uint8_t)g_rand_int_range(rnd, 0, 0x38);
        }
        code[len - 1] = END;
        if (agent_check(code, len, NULL)) {
            agent_eval(code, len, &ops, NULL, false, &value, NULL);
            ran++;
        }
        g_string_truncate(log_text, 0);
    }
    g_assert_cmpuint(ran, >, 1000);
    g_string_free(log_text, TRUE);
    g_rand_free(rnd);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/debug/agent/table", test_table);
    g_test_add_func("/debug/agent/big-endian", test_big_endian);
    g_test_add_func("/debug/agent/malformed", test_malformed);
    g_test_add_func("/debug/agent/random", test_random);
    return g_test_run();
}
