/* The compiler of the monitor's expressions: precedence climbing, straight into agent code.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/expr.h"

#include <errno.h>
#include <string.h>
#include "util/error.h"

#define DEPTH_MAX 100           /* parentheses and operators within each other */
#define CODE_MAX 0x8000         /* jumps have 16 bits */

/* Opcodes of "The GDB Agent Expression Mechanism". */
enum {
    AX_ADD = 0x02, AX_SUB, AX_MUL, AX_DIV_S, AX_DIV_U, AX_REM_S, AX_REM_U, AX_LSH, AX_RSH_S,
    AX_RSH_U, AX_LOG_NOT = 0x0e, AX_AND, AX_OR, AX_XOR, AX_NOT, AX_EQUAL, AX_LESS_S, AX_LESS_U,
    AX_EXT, AX_REF8, AX_REF16, AX_REF32, AX_REF64, AX_IF_GOTO = 0x20, AX_GOTO, AX_CONST8,
    AX_CONST16, AX_CONST32, AX_CONST64, AX_REG, AX_END, AX_DUP, AX_POP, AX_ZERO_EXT, AX_SWAP,
};

typedef struct Type {
    uint8_t bytes;
    bool is_signed;
} Type;

static const Type type_word = { 8, false };

typedef struct Compiler {
    const ExprScope *scope;
    const char *start, *p;
    GByteArray *code;
    unsigned depth;
    GError **errp;
} Compiler;

/* Whether the value on the stack counts as signed. */
typedef struct Value {
    bool is_signed;
} Value;

static bool parse(Compiler *c, int level, Value *v);

/* ---- text ---- */

static void skip_blanks(Compiler *c)
{
    while (g_ascii_isspace(*c->p)) {
        c->p++;
    }
}

static bool bad(Compiler *c, const char *what)
{
    int len = (int)strnlen(c->p, 20);

    if (!*c->p) {
        return error_set(c->errp, INVALID, "%s at the end of the expression", what);
    }
    return error_set(c->errp, INVALID, "%s at '%.*s'", what, len, c->p);
}

static bool is_name_start(char ch)
{
    return g_ascii_isalpha(ch) || ch == '_' || ch == '.';
}

static bool is_name_char(char ch)
{
    return g_ascii_isalnum(ch) || ch == '_' || ch == '.' || ch == '$' || ch == '@';
}

static char *take_name(Compiler *c)
{
    const char *from = c->p;

    while (is_name_char(*c->p)) {
        c->p++;
    }
    return g_strndup(from, (gsize)(c->p - from));
}

static bool take_char(Compiler *c, char want)
{
    skip_blanks(c);
    if (*c->p != want) {
        return false;
    }
    c->p++;
    return true;
}

/* ---- code ---- */

static void emit(Compiler *c, uint8_t op)
{
    g_byte_array_append(c->code, &op, 1);
}

static void emit_operand(Compiler *c, uint8_t op, uint64_t value, unsigned bytes)
{
    emit(c, op);
    while (bytes--) {
        emit(c, (uint8_t)(value >> bytes * 8));
    }
}

static void emit_const(Compiler *c, uint64_t v)
{
    static const struct {
        uint64_t max;
        uint8_t op, bytes;
    } sizes[] = {
        { UINT8_MAX, AX_CONST8, 1 }, { UINT16_MAX, AX_CONST16, 2 },
        { UINT32_MAX, AX_CONST32, 4 }, { UINT64_MAX, AX_CONST64, 8 },
    };
    unsigned i = 0;

    while (v > sizes[i].max) {
        i++;
    }
    emit_operand(c, sizes[i].op, v, sizes[i].bytes);
}

/* A jump whose target comes later; returns where to put it. */
static unsigned emit_jump(Compiler *c, uint8_t op)
{
    emit_operand(c, op, 0, 2);
    return c->code->len - 2;
}

static void land(Compiler *c, unsigned at)
{
    c->code->data[at] = (uint8_t)(c->code->len >> 8);
    c->code->data[at + 1] = (uint8_t)c->code->len;
}

static void emit_bool(Compiler *c)
{
    emit(c, AX_LOG_NOT);
    emit(c, AX_LOG_NOT);
}

/* ---- types ---- */

static bool type_of_name(const char *name, Type *t)
{
    static const struct {
        const char *name;
        Type type;
    } types[] = {
        { "char", { 1, true } }, { "short", { 2, true } }, { "int", { 4, true } },
        { "long", { 8, true } }, { "u8", { 1, false } }, { "u16", { 2, false } },
        { "u32", { 4, false } }, { "u64", { 8, false } }, { "i8", { 1, true } },
        { "i16", { 2, true } }, { "i32", { 4, true } }, { "i64", { 8, true } },
        { "uint8_t", { 1, false } }, { "uint16_t", { 2, false } }, { "uint32_t", { 4, false } },
        { "uint64_t", { 8, false } }, { "int8_t", { 1, true } }, { "int16_t", { 2, true } },
        { "int32_t", { 4, true } }, { "int64_t", { 8, true } }, { "void", { 8, false } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_equal(types[i].name, name)) {
            *t = types[i].type;
            return true;
        }
    }
    return false;
}

/* "unsigned long", "u8": *stars counts what stands behind. Leaves c->p alone if it is none. */
static bool take_type(Compiler *c, Type *t, unsigned *stars)
{
    const char *before = c->p;
    bool any = false, sign = false, is_signed = true;

    *t = (Type){ 4, true };
    *stars = 0;
    for (skip_blanks(c); is_name_start(*c->p); skip_blanks(c)) {
        const char *here = c->p;
        g_autofree char *name = take_name(c);

        if (g_str_equal(name, "unsigned") || g_str_equal(name, "signed")) {
            sign = true;
            is_signed = *name == 's';
        } else if (!type_of_name(name, t)) {
            c->p = here;
            break;
        }
        any = true;
    }
    if (!any) {
        c->p = before;
        return false;
    }
    if (sign) {
        t->is_signed = is_signed;
    }
    while (take_char(c, '*')) {
        (*stars)++;
    }
    return true;
}

/* The address on the stack becomes what lies there. */
static void emit_load(Compiler *c, Type t, Value *v)
{
    static const uint8_t ops[] = { [1] = AX_REF8, [2] = AX_REF16, [4] = AX_REF32, [8] = AX_REF64 };

    emit(c, ops[t.bytes]);
    if (t.is_signed && t.bytes < 8) {
        emit_operand(c, AX_EXT, t.bytes * 8u, 1);
    }
    v->is_signed = t.is_signed;
}

/* ---- operands ---- */

static bool parse_number(Compiler *c, Value *v)
{
    char *end;
    guint64 n;

    errno = 0;
    n = g_ascii_strtoull(c->p, &end, 0);
    if (errno || is_name_char(*end)) {
        return bad(c, errno ? "number too large" : "bad number");
    }
    v->is_signed = !g_str_has_prefix(c->p, "0x") && !g_str_has_prefix(c->p, "0X") &&
                   n <= G_MAXINT64;
    c->p = end;
    emit_const(c, n);
    return true;
}

static bool parse_char(Compiler *c, Value *v)
{
    static const char escapes[] = "n\nt\tr\r0\0\\\\''";
    char ch = c->p[1];
    unsigned len = 3;

    if (ch == '\\') {
        const char *e = NULL;

        for (unsigned i = 0; i < sizeof(escapes) - 1; i += 2) {
            if (escapes[i] == c->p[2]) {
                e = &escapes[i + 1];
            }
        }
        if (!e) {
            return bad(c, "bad character");
        }
        ch = *e;
        len = 4;
    } else if (!ch || ch == '\'') {
        return bad(c, "bad character");
    }
    if (c->p[len - 1] != '\'') {
        return bad(c, "bad character");
    }
    emit_const(c, (uint8_t)ch);
    c->p += len;
    v->is_signed = true;
    return true;
}

static bool parse_register(Compiler *c, Value *v)
{
    const char *from = c->p++;
    g_autofree char *name = take_name(c);
    int num = reg_layout_find(c->scope->regs, name);

    if (num < 0) {
        c->p = from;
        return error_set(c->errp, NOT_FOUND, "there is no register '$%s'", name);
    }
    emit_operand(c, AX_REG, (uint64_t)num, 2);
    v->is_signed = false;
    return true;
}

static bool parse_symbol(Compiler *c, Value *v)
{
    const char *from = c->p;
    g_autofree char *name = take_name(c);
    vaddr_t addr;

    if (!c->scope->symbols || !symbols_find(c->scope->symbols, name, &addr, NULL)) {
        c->p = from;
        return error_set(c->errp, NOT_FOUND, "there is no symbol '%s'%s", name,
                         reg_layout_find(c->scope->regs, name) >= 0
                         ? " (a register is written with $)" : "");
    }
    emit_const(c, addr);
    v->is_signed = false;
    return true;
}

/* After '(': a cast with a pointer, "(u8 *)e", changes nothing but what '*' in front of it reads;
 * a cast to a number cuts or extends. */
static bool parse_paren(Compiler *c, Value *v, Type *pointee, int unary)
{
    unsigned stars;
    Type t;

    if (!take_type(c, &t, &stars)) {
        return parse(c, 0, v) && (take_char(c, ')') || bad(c, "')' expected"));
    }
    if (!take_char(c, ')')) {
        return bad(c, "')' expected");
    }
    if (!parse(c, unary, v)) {
        return false;
    }
    if (stars) {
        *pointee = stars == 1 ? t : type_word;
        v->is_signed = false;
        return true;
    }
    if (t.bytes < 8) {
        emit_operand(c, t.is_signed ? AX_EXT : AX_ZERO_EXT, t.bytes * 8u, 1);
    }
    v->is_signed = t.is_signed;
    return true;
}

enum { LEVEL_UNARY = 11 };

static bool parse_operand(Compiler *c, Value *v, Type *pointee);

/* {type}address */
static bool parse_braces(Compiler *c, Value *v)
{
    Type t, ignored;
    unsigned stars;

    if (!take_type(c, &t, &stars)) {
        return bad(c, "a type expected");
    }
    if (!take_char(c, '}')) {
        return bad(c, "'}' expected");
    }
    if (!parse_operand(c, v, &ignored)) {
        return false;
    }
    emit_load(c, stars ? type_word : t, v);
    return true;
}

static bool parse_deref(Compiler *c, Value *v)
{
    Type t = type_word;

    if (!parse_operand(c, v, &t)) {
        return false;
    }
    emit_load(c, t, v);
    return true;
}

static bool parse_sign(Compiler *c, Value *v, char op)
{
    Type ignored;

    if (op == '-') {
        emit_const(c, 0);
    }
    if (!parse_operand(c, v, &ignored)) {
        return false;
    }
    switch (op) {
    case '-': emit(c, AX_SUB); v->is_signed = true; break;
    case '~': emit(c, AX_NOT); break;
    case '!': emit(c, AX_LOG_NOT); v->is_signed = true; break;
    default: break;
    }
    return true;
}

/* A number, a name, or something with a unary operator in front. */
static bool parse_operand_at(Compiler *c, Value *v, Type *pointee)
{
    char ch = *c->p;

    if (g_ascii_isdigit(ch)) {
        return parse_number(c, v);
    }
    if (is_name_start(ch)) {
        return parse_symbol(c, v);
    }
    if (ch == '$' && is_name_start(c->p[1])) {
        return parse_register(c, v);
    }
    if (ch == '\'') {
        return parse_char(c, v);
    }
    if (!ch || !strchr("(*{-~!+", ch)) {
        return bad(c, "a value expected");
    }
    c->p++;
    switch (ch) {
    case '(': return parse_paren(c, v, pointee, LEVEL_UNARY);
    case '*': return parse_deref(c, v);
    case '{': return parse_braces(c, v);
    default: return parse_sign(c, v, ch);
    }
}

static bool parse_operand(Compiler *c, Value *v, Type *pointee)
{
    bool ok;

    skip_blanks(c);
    if (++c->depth > DEPTH_MAX || c->code->len > CODE_MAX) {
        return error_set(c->errp, INVALID, "the expression is too complicated");
    }
    ok = parse_operand_at(c, v, pointee);
    c->depth--;
    return ok;
}

/* ---- operators ---- */

typedef struct Operator {
    const char *text;
    uint8_t level;
    uint8_t op_s, op_u;         /* by whether both sides are signed */
    bool swap, negate;          /* a > b is b < a; a <= b is !(b < a) */
    bool compare;
} Operator;

/* Longer ones first. */
static const Operator operators[] = {
    { "||", 1, 0, 0 }, { "&&", 2, 0, 0 },
    { "==", 6, AX_EQUAL, AX_EQUAL, false, false, true },
    { "!=", 6, AX_EQUAL, AX_EQUAL, false, true, true },
    { "<<", 8, AX_LSH, AX_LSH }, { ">>", 8, AX_RSH_S, AX_RSH_U },
    { "<=", 7, AX_LESS_S, AX_LESS_U, true, true, true },
    { ">=", 7, AX_LESS_S, AX_LESS_U, false, true, true },
    { "<", 7, AX_LESS_S, AX_LESS_U, false, false, true },
    { ">", 7, AX_LESS_S, AX_LESS_U, true, false, true },
    { "|", 3, AX_OR, AX_OR }, { "^", 4, AX_XOR, AX_XOR }, { "&", 5, AX_AND, AX_AND },
    { "+", 9, AX_ADD, AX_ADD }, { "-", 9, AX_SUB, AX_SUB },
    { "*", 10, AX_MUL, AX_MUL }, { "/", 10, AX_DIV_S, AX_DIV_U },
    { "%", 10, AX_REM_S, AX_REM_U },
};

static const Operator *peek_operator(Compiler *c)
{
    bool blank;

    skip_blanks(c);
    blank = c->p > c->start && g_ascii_isspace(c->p[-1]);
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        size_t len = strlen(operators[i].text);

        if (!strncmp(c->p, operators[i].text, len)) {
            bool next = c->scope->apart && blank && !g_ascii_isspace(c->p[len]);

            return next ? NULL : &operators[i];
        }
    }
    return NULL;
}

static void emit_operator(Compiler *c, const Operator *o, Value *left, const Value *right)
{
    bool both = left->is_signed && right->is_signed;

    if (o->swap) {
        emit(c, AX_SWAP);
    }
    /* A shift goes by its left side alone. */
    emit(c, (o->level == 8 ? left->is_signed : both) ? o->op_s : o->op_u);
    if (o->negate) {
        emit(c, AX_LOG_NOT);
    }
    if (o->compare) {
        left->is_signed = true;
    } else if (o->level != 8) {
        left->is_signed = both;
    }
}

/* a && b, a || b: the right side only if it matters. */
static bool parse_logic(Compiler *c, const Operator *o, Value *v)
{
    unsigned out;

    emit_bool(c);
    emit(c, AX_DUP);
    if (*o->text == '&') {
        emit(c, AX_LOG_NOT);
    }
    out = emit_jump(c, AX_IF_GOTO);
    emit(c, AX_POP);
    if (!parse(c, o->level + 1, v)) {
        return false;
    }
    emit_bool(c);
    land(c, out);
    v->is_signed = true;
    return true;
}

/* a ? b : c */
static bool parse_choice(Compiler *c, Value *v)
{
    unsigned yes = emit_jump(c, AX_IF_GOTO), no = emit_jump(c, AX_GOTO), end;
    Value other;

    land(c, yes);
    if (!parse(c, 0, v)) {
        return false;
    }
    if (!take_char(c, ':')) {
        return bad(c, "':' expected");
    }
    end = emit_jump(c, AX_GOTO);
    land(c, no);
    if (!parse(c, 0, &other)) {
        return false;
    }
    land(c, end);
    v->is_signed &= other.is_signed;
    return true;
}

static bool parse(Compiler *c, int level, Value *v)
{
    const Operator *o;
    Type ignored;

    if (!parse_operand(c, v, &ignored)) {
        return false;
    }
    while ((o = peek_operator(c)) && o->level >= level) {
        Value right;

        c->p += strlen(o->text);
        if (o->op_s == 0) {
            if (!parse_logic(c, o, v)) {
                return false;
            }
            continue;
        }
        if (!parse(c, o->level + 1, &right)) {
            return false;
        }
        emit_operator(c, o, v, &right);
    }
    if (level == 0 && take_char(c, '?')) {
        return parse_choice(c, v);
    }
    return true;
}

/* ---- the outside ---- */

GBytes *expr_compile(const ExprScope *scope, const char **text, GError **errp)
{
    Compiler c = {
        .scope = scope, .start = *text, .p = *text, .code = g_byte_array_new(), .errp = errp,
    };
    Value v;

    if (!parse(&c, 0, &v)) {
        g_byte_array_unref(c.code);
        return NULL;
    }
    emit(&c, AX_END);
    if (c.code->len > UINT16_MAX) {
        error_set(errp, INVALID, "the expression is too complicated");
        g_byte_array_unref(c.code);
        return NULL;
    }
    skip_blanks(&c);
    *text = c.p;
    return g_byte_array_free_to_bytes(c.code);
}

bool expr_is_symbol(const ExprScope *scope, const char *text, vaddr_t *addr, uint64_t *size)
{
    Compiler c = { .scope = scope, .start = text, .p = text };
    g_autofree char *name = NULL;

    skip_blanks(&c);
    if (!is_name_start(*c.p) || !scope->symbols) {
        return false;
    }
    name = take_name(&c);
    skip_blanks(&c);
    return !peek_operator(&c) && symbols_find(scope->symbols, name, addr, size);
}
