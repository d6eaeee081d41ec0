/* The evaluator of gdb's agent expressions: one row per opcode.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/agent.h"

#include <inttypes.h>
#include <string.h>

#include "debug/agent_int.h"
#include "util/error.h"

#define STACK_MAX 128
#define STEPS_MAX 100000        /* a condition that loops for ever must not hold its CPU */

typedef struct Machine {
    const uint8_t *code;
    size_t len, pc;             /* pc: the operands of the present instruction */
    const AgentOps *ops;
    void *opaque;
    bool big_endian;
    bool is_float;              /* the `float` prefix came before */
    bool ended;
    unsigned sp;                /* values on the stack */
    uint64_t stack[STACK_MAX];
    GError **errp;
} Machine;

typedef struct OpRow {
    const char *name;           /* NULL: no such opcode */
    uint8_t operands;           /* bytes after the opcode; printf's string is looked at apart */
    uint8_t pops, pushes;
    bool (*run)(Machine *m, uint64_t *v, uint64_t operand);     /* v: the values popped, first
                                                                   pushed first; results go there */
    uint8_t arg;
} OpRow;

static bool fail(Machine *m, const char *why)
{
    return error_set(m->errp, INVALID, "agent expression: %s at offset %zu", why, m->pc);
}

static double as_double(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, 8);
    return d;
}

static uint64_t as_bits(double d)
{
    uint64_t bits;

    memcpy(&bits, &d, 8);
    return bits;
}

/* ---- arithmetic ---- */

static bool float_arith(Machine *m, uint64_t *v, char op)
{
    double a = as_double(v[0]), b = as_double(v[1]);

    switch (op) {
    case '+': v[0] = as_bits(a + b); return true;
    case '-': v[0] = as_bits(a - b); return true;
    case '*': v[0] = as_bits(a * b); return true;
    case '/': v[0] = as_bits(a / b); return true;
    case '=': v[0] = a == b; return true;
    case '<': v[0] = a < b; return true;
    default: return fail(m, "operation without a floating-point form");
    }
}

#define BINARY(fn, fop, expr) \
    static bool fn(Machine *m, uint64_t *v, uint64_t n) \
    { \
        uint64_t a = v[0], b = v[1]; \
        if (m->is_float) { \
            return float_arith(m, v, fop); \
        } \
        v[0] = (uint64_t)(expr); \
        return true; \
    }

BINARY(op_add, '+', a + b)
BINARY(op_sub, '-', a - b)
BINARY(op_mul, '*', a * b)
BINARY(op_and, 0, a & b)
BINARY(op_or, 0, a | b)
BINARY(op_xor, 0, a ^ b)
BINARY(op_lsh, 0, b < 64 ? a << b : 0)
BINARY(op_rsh_s, 0, (int64_t)a >> MIN(b, 63))
BINARY(op_rsh_u, 0, b < 64 ? a >> b : 0)
BINARY(op_equal, '=', a == b)
BINARY(op_less_s, '<', (int64_t)a < (int64_t)b)
BINARY(op_less_u, '<', a < b)

static bool op_div_s(Machine *m, uint64_t *v, uint64_t n)
{
    int64_t a = (int64_t)v[0], b = (int64_t)v[1];

    if (m->is_float) {
        return float_arith(m, v, '/');
    }
    if (b == 0) {
        return fail(m, "division by zero");
    }
    v[0] = b == -1 ? -(uint64_t)a : (uint64_t)(a / b);
    return true;
}

static bool op_rem_s(Machine *m, uint64_t *v, uint64_t n)
{
    int64_t a = (int64_t)v[0], b = (int64_t)v[1];

    if (m->is_float || b == 0) {
        return fail(m, b ? "operation without a floating-point form" : "division by zero");
    }
    v[0] = b == -1 ? 0 : (uint64_t)(a % b);
    return true;
}

static bool op_div_u(Machine *m, uint64_t *v, uint64_t n)
{
    if (m->is_float) {
        return float_arith(m, v, '/');
    }
    if (v[1] == 0) {
        return fail(m, "division by zero");
    }
    v[0] /= v[1];
    return true;
}

static bool op_rem_u(Machine *m, uint64_t *v, uint64_t n)
{
    if (m->is_float || v[1] == 0) {
        return fail(m, v[1] ? "operation without a floating-point form" : "division by zero");
    }
    v[0] %= v[1];
    return true;
}

static bool op_log_not(Machine *m, uint64_t *v, uint64_t n)
{
    v[0] = m->is_float ? as_double(v[0]) == 0 : !v[0];
    return true;
}

static bool op_not(Machine *m, uint64_t *v, uint64_t n)
{
    v[0] = ~v[0];
    return true;
}

static bool op_ext(Machine *m, uint64_t *v, uint64_t n)
{
    if (n == 0) {
        return fail(m, "extension from 0 bits");
    }
    if (n < 64) {
        v[0] = (uint64_t)((int64_t)(v[0] << (64 - n)) >> (64 - n));
    }
    return true;
}

static bool op_zero_ext(Machine *m, uint64_t *v, uint64_t n)
{
    if (n < 64) {
        v[0] &= (UINT64_C(1) << n) - 1;
    }
    return true;
}

static bool op_l_to_d(Machine *m, uint64_t *v, uint64_t n)
{
    v[0] = as_bits((double)(int64_t)v[0]);
    return true;
}

/* A number that does not fit gives the nearest one that does. */
static bool op_d_to_l(Machine *m, uint64_t *v, uint64_t n)
{
    double d = as_double(v[0]);

    if (!(d >= -0x1p63)) {
        v[0] = d < 0 ? UINT64_C(1) << 63 : 0;
    } else if (d >= 0x1p63) {
        v[0] = INT64_MAX;
    } else {
        v[0] = (uint64_t)(int64_t)d;
    }
    return true;
}

static bool op_float(Machine *m, uint64_t *v, uint64_t n)
{
    m->is_float = true;
    return true;
}

/* ---- memory, registers, variables ---- */

static bool read_mem(Machine *m, vaddr_t at, void *buf, size_t len)
{
    if (m->ops->read && m->ops->read(m->opaque, at, buf, len)) {
        return true;
    }
    return error_set(m->errp, FAILED, "agent expression: cannot read memory at 0x%" PRIx64, at);
}

static bool read_uint(Machine *m, vaddr_t at, unsigned size, uint64_t *out)
{
    uint8_t b[8];
    uint64_t v = 0;

    if (!read_mem(m, at, b, size)) {
        return false;
    }
    for (unsigned i = 0; i < size; i++) {
        v = v << 8 | b[m->big_endian ? i : size - 1 - i];
    }
    *out = v;
    return true;
}

static const OpRow *row_of(const Machine *m);

static bool op_ref(Machine *m, uint64_t *v, uint64_t n)
{
    return read_uint(m, v[0], row_of(m)->arg, &v[0]);
}

static bool op_ref_float(Machine *m, uint64_t *v, uint64_t n)
{
    uint64_t bits;
    uint32_t bits32;
    float f;

    if (!read_uint(m, v[0], 4, &bits)) {
        return false;
    }
    bits32 = (uint32_t)bits;
    memcpy(&f, &bits32, 4);
    v[0] = as_bits((double)f);
    return true;
}

/* The target's long double: x87's 80-bit format, in the low ten bytes. */
static bool op_ref_long_double(Machine *m, uint64_t *v, uint64_t n)
{
    uint64_t mantissa, top;

    if (!read_uint(m, v[0], 8, &mantissa) || !read_uint(m, v[0] + 8, 2, &top)) {
        return false;
    }
    v[0] = as_bits(agent_double_from_x87(mantissa, (uint16_t)top));
    return true;
}

static bool op_reg(Machine *m, uint64_t *v, uint64_t n)
{
    if (m->ops->reg && m->ops->reg(m->opaque, (unsigned)n, &v[0])) {
        return true;
    }
    return fail(m, "no such register");
}

static bool op_getv(Machine *m, uint64_t *v, uint64_t n)
{
    if (m->ops->get_var && m->ops->get_var(m->opaque, (unsigned)n, &v[0])) {
        return true;
    }
    return fail(m, "no such trace state variable");
}

static bool op_setv(Machine *m, uint64_t *v, uint64_t n)
{
    if (m->ops->set_var && m->ops->set_var(m->opaque, (unsigned)n, v[0])) {
        return true;
    }
    return fail(m, "trace state variable that cannot be set");
}

static bool trace(Machine *m, vaddr_t at, uint64_t len)
{
    if (m->ops->trace && !m->ops->trace(m->opaque, at, len)) {
        return error_set(m->errp, FAILED,
                         "agent expression: cannot collect memory at 0x%" PRIx64, at);
    }
    return true;
}

static bool op_tracev(Machine *m, uint64_t *v, uint64_t n)
{
    if (m->ops->trace_var && !m->ops->trace_var(m->opaque, (unsigned)n)) {
        return fail(m, "no such trace state variable");
    }
    return true;
}

static bool op_trace(Machine *m, uint64_t *v, uint64_t n)
{
    return trace(m, v[0], v[1]);
}

static bool op_trace_quick(Machine *m, uint64_t *v, uint64_t n)
{
    return trace(m, v[0], n);
}

/* A string: up to its zero byte, at most the length given. */
static bool op_tracenz(Machine *m, uint64_t *v, uint64_t n)
{
    uint64_t len = 0;
    uint8_t byte = 1;

    if (!m->ops->trace) {
        return true;
    }
    while (len < v[1] && byte) {
        if (!read_mem(m, v[0] + len, &byte, 1)) {
            return false;
        }
        len++;
    }
    return trace(m, v[0], len);
}

/* ---- stack and control ---- */

static bool op_const(Machine *m, uint64_t *v, uint64_t n)
{
    v[0] = n;
    return true;
}

static bool op_dup(Machine *m, uint64_t *v, uint64_t n)
{
    v[1] = v[0];
    return true;
}

static bool op_nothing(Machine *m, uint64_t *v, uint64_t n)
{
    return true;
}

static bool op_swap(Machine *m, uint64_t *v, uint64_t n)
{
    uint64_t a = v[0];

    v[0] = v[1];
    v[1] = a;
    return true;
}

static bool op_rot(Machine *m, uint64_t *v, uint64_t n)
{
    uint64_t top = v[2];

    v[2] = v[1];
    v[1] = v[0];
    v[0] = top;
    return true;
}

static bool op_pick(Machine *m, uint64_t *v, uint64_t n)
{
    if (n >= m->sp) {
        return fail(m, "stack underflow");
    }
    v[0] = m->stack[m->sp - 1 - n];
    return true;
}

static bool op_goto(Machine *m, uint64_t *v, uint64_t n)
{
    m->pc = n;
    return true;
}

static bool op_if_goto(Machine *m, uint64_t *v, uint64_t n)
{
    if (v[0]) {
        m->pc = n;
    }
    return true;
}

static bool op_end(Machine *m, uint64_t *v, uint64_t n)
{
    m->ended = true;
    return true;
}

static bool print_read(void *opaque, vaddr_t at, void *buf, size_t len)
{
    Machine *m = opaque;

    return m->ops->read && m->ops->read(m->opaque, at, buf, len);
}

/* On the stack, from the top: function, channel, first argument, second... */
static bool op_printf(Machine *m, uint64_t *v, uint64_t n)
{
    unsigned nargs = (unsigned)n;
    size_t at = m->pc + 2;
    uint64_t args[STACK_MAX];

    if (m->sp < nargs + 2) {
        return fail(m, "stack underflow");
    }
    m->sp -= 2;
    for (unsigned i = 0; i < nargs; i++) {
        args[i] = m->stack[--m->sp];
    }
    m->pc = at + (m->code[m->pc] << 8 | m->code[m->pc + 1]);
    g_autofree char *text = agent_format((const char *)m->code + at, args, nargs, print_read, m,
                                         m->errp);
    if (!text) {
        return false;
    }
    if (m->ops->print) {
        m->ops->print(m->opaque, text);
    }
    return true;
}

enum { OP_PRINTF = 0x34, OP_IF_GOTO = 0x20, OP_GOTO = 0x21, OP_END = 0x27 };

static const OpRow rows[] = {
    [0x01] = { "float", 0, 0, 0, op_float },
    [0x02] = { "add", 0, 2, 1, op_add },
    [0x03] = { "sub", 0, 2, 1, op_sub },
    [0x04] = { "mul", 0, 2, 1, op_mul },
    [0x05] = { "div_signed", 0, 2, 1, op_div_s },
    [0x06] = { "div_unsigned", 0, 2, 1, op_div_u },
    [0x07] = { "rem_signed", 0, 2, 1, op_rem_s },
    [0x08] = { "rem_unsigned", 0, 2, 1, op_rem_u },
    [0x09] = { "lsh", 0, 2, 1, op_lsh },
    [0x0a] = { "rsh_signed", 0, 2, 1, op_rsh_s },
    [0x0b] = { "rsh_unsigned", 0, 2, 1, op_rsh_u },
    [0x0c] = { "trace", 0, 2, 0, op_trace },
    [0x0d] = { "trace_quick", 1, 1, 1, op_trace_quick },
    [0x0e] = { "log_not", 0, 1, 1, op_log_not },
    [0x0f] = { "bit_and", 0, 2, 1, op_and },
    [0x10] = { "bit_or", 0, 2, 1, op_or },
    [0x11] = { "bit_xor", 0, 2, 1, op_xor },
    [0x12] = { "bit_not", 0, 1, 1, op_not },
    [0x13] = { "equal", 0, 2, 1, op_equal },
    [0x14] = { "less_signed", 0, 2, 1, op_less_s },
    [0x15] = { "less_unsigned", 0, 2, 1, op_less_u },
    [0x16] = { "ext", 1, 1, 1, op_ext },
    [0x17] = { "ref8", 0, 1, 1, op_ref, 1 },
    [0x18] = { "ref16", 0, 1, 1, op_ref, 2 },
    [0x19] = { "ref32", 0, 1, 1, op_ref, 4 },
    [0x1a] = { "ref64", 0, 1, 1, op_ref, 8 },
    [0x1b] = { "ref_float", 0, 1, 1, op_ref_float },
    [0x1c] = { "ref_double", 0, 1, 1, op_ref, 8 },
    [0x1d] = { "ref_long_double", 0, 1, 1, op_ref_long_double },
    [0x1e] = { "l_to_d", 0, 1, 1, op_l_to_d },
    [0x1f] = { "d_to_l", 0, 1, 1, op_d_to_l },
    [0x20] = { "if_goto", 2, 1, 0, op_if_goto },
    [0x21] = { "goto", 2, 0, 0, op_goto },
    [0x22] = { "const8", 1, 0, 1, op_const },
    [0x23] = { "const16", 2, 0, 1, op_const },
    [0x24] = { "const32", 4, 0, 1, op_const },
    [0x25] = { "const64", 8, 0, 1, op_const },
    [0x26] = { "reg", 2, 0, 1, op_reg },
    [0x27] = { "end", 0, 0, 0, op_end },
    [0x28] = { "dup", 0, 1, 2, op_dup },
    [0x29] = { "pop", 0, 1, 0, op_nothing },
    [0x2a] = { "zero_ext", 1, 1, 1, op_zero_ext },
    [0x2b] = { "swap", 0, 2, 2, op_swap },
    [0x2c] = { "getv", 2, 0, 1, op_getv },
    [0x2d] = { "setv", 2, 1, 1, op_setv },
    [0x2e] = { "tracev", 2, 0, 0, op_tracev },
    [0x2f] = { "tracenz", 0, 2, 0, op_tracenz },
    [0x30] = { "trace16", 2, 1, 1, op_trace_quick },
    [0x32] = { "pick", 1, 0, 1, op_pick },
    [0x33] = { "rot", 0, 3, 3, op_rot },
    [0x34] = { "printf", 1, 0, 0, op_printf },
};

static const OpRow *row_at(const uint8_t *code, size_t at)
{
    return code[at] < G_N_ELEMENTS(rows) && rows[code[at]].name ? &rows[code[at]] : NULL;
}

/* The row of the instruction whose operands (none) begin at pc. */
static const OpRow *row_of(const Machine *m)
{
    return row_at(m->code, m->pc - 1);
}

/* Bytes of a whole instruction; 0: it does not fit, or there is none. */
static size_t insn_len(const uint8_t *code, size_t len, size_t at)
{
    const OpRow *row = row_at(code, at);
    size_t n = row ? 1u + row->operands : 0;

    if (!row || at + n > len) {
        return 0;
    }
    if (code[at] == OP_PRINTF) {
        if (at + n + 2 > len) {
            return 0;
        }
        size_t s = (size_t)code[at + n] << 8 | code[at + n + 1];
        n += 2 + s;
        if (at + n > len || s == 0 || code[at + n - 1] != 0) {
            return 0;
        }
    }
    return n;
}

bool agent_check(const uint8_t *code, size_t len, GError **errp)
{
    g_autofree uint8_t *starts = g_malloc0(len + 1);
    size_t n;

    for (size_t at = 0; at < len; at += n) {
        n = insn_len(code, len, at);
        if (n == 0) {
            return error_set(errp, INVALID, "agent expression: bad instruction 0x%02x at "
                             "offset %zu", code[at], at);
        }
        starts[at] = 1;
        if (at + n == len && code[at] != OP_END && code[at] != OP_GOTO) {
            return error_set(errp, INVALID, "agent expression without an end");
        }
    }
    for (size_t at = 0; at < len; at += insn_len(code, len, at)) {
        size_t to = at + 2 < len ? (size_t)code[at + 1] << 8 | code[at + 2] : 0;

        if ((code[at] == OP_GOTO || code[at] == OP_IF_GOTO) && (to >= len || !starts[to])) {
            return error_set(errp, INVALID, "agent expression: jump to offset %zu", to);
        }
    }
    return len > 0 || error_set(errp, INVALID, "empty agent expression");
}

static bool step(Machine *m)
{
    const OpRow *row = row_at(m->code, m->pc);
    uint64_t operand = 0, v[4] = { 0 };
    bool was_float = m->is_float;

    g_assert(row);
    m->pc++;
    for (unsigned i = 0; i < row->operands; i++) {
        operand = operand << 8 | m->code[m->pc++];
    }
    if (m->sp < row->pops) {
        return fail(m, "stack underflow");
    }
    if (m->sp - row->pops + row->pushes > STACK_MAX) {
        return fail(m, "stack overflow");
    }
    m->sp -= row->pops;
    memcpy(v, &m->stack[m->sp], row->pops * sizeof(v[0]));
    if (!row->run(m, v, operand)) {
        return false;
    }
    memcpy(&m->stack[m->sp], v, row->pushes * sizeof(v[0]));
    m->sp += row->pushes;
    if (was_float) {
        m->is_float = false;
    }
    return true;
}

bool agent_eval(const uint8_t *code, size_t len, const AgentOps *ops, void *opaque,
                bool big_endian, uint64_t *value, GError **errp)
{
    Machine m = {
        .code = code, .len = len, .ops = ops, .opaque = opaque, .big_endian = big_endian,
        .errp = errp,
    };

    for (unsigned i = 0; !m.ended; i++) {
        if (i == STEPS_MAX) {
            return fail(&m, "too many steps");
        }
        if (!step(&m)) {
            return false;
        }
    }
    *value = m.sp ? m.stack[m.sp - 1] : 0;
    return true;
}
