/* Backtraces: which method knows the code of a frame, and when it is enough.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/unwind_int.h"

#include <inttypes.h>

#include "util/bytes.h"

/* How far into a function its first instruction, a push of the frame pointer, may reach. */
#define PUSH_END 8u

const char *unwind_how_name(UnwindHow how)
{
    static const char *const names[] = {
        [UNWIND_REGISTERS] = "registers", [UNWIND_CFI] = "cfi", [UNWIND_ORC] = "orc",
        [UNWIND_FP] = "fp",
    };

    return names[how];
}

StepResult unwind_broken(Unwind *u, const char *fmt, ...)
{
    va_list ap;

    g_free(u->why);
    va_start(ap, fmt);
    u->why = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return STEP_BROKEN;
}

bool unwind_word(Unwind *u, vaddr_t at, uint64_t *value)
{
    unsigned n = u->arch->word;
    uint8_t raw[8];

    at &= mask_bytes(n);
    if (!u->read(u->opaque, at, raw, n)) {
        unwind_broken(u, "the stack at 0x%" PRIx64 " cannot be read", at);
        return false;
    }
    *value = load_le(raw, n);
    if (u->arch->big_endian) {
        *value = GUINT64_SWAP_LE_BE(*value) >> (64 - 8 * n);
    }
    return true;
}

/* ---- methods ---- */

/* A frame's code address: of the call, if pc is the address after one. */
static vaddr_t code_of(const Unwind *u)
{
    return u->regs.v[u->arch->pc] - !u->exact;
}

static uint64_t linked(const Unwind *u, const SymFile *f, vaddr_t pc)
{
    return pc - (f->biased ? f->bias : (uint64_t)u->s->slide);
}

static StepResult step_orc(Unwind *u)
{
    for (guint i = 0; i < u->s->files->len && u->arch->word == 8; i++) {
        const SymFile *f = g_ptr_array_index(u->s->files, i);
        uint64_t pc = linked(u, f, code_of(u));

        if (f->orc && sym_orc_covers(f->orc, pc)) {
            return sym_orc_step(f->orc, pc, u);
        }
    }
    return STEP_UNKNOWN;
}

static StepResult step_cfi(Unwind *u)
{
    for (guint i = 0; i < u->s->files->len; i++) {
        const SymFile *f = g_ptr_array_index(u->s->files, i);
        StepResult r = f->cfi ? sym_cfi_step(f->cfi, linked(u, f, code_of(u)), u) : STEP_UNKNOWN;

        if (r != STEP_UNKNOWN) {
            return r;
        }
    }
    return STEP_UNKNOWN;
}

static StepResult called(Unwind *u, uint64_t pc, uint64_t sp, uint64_t fp)
{
    const UnwindArch *a = u->arch;

    u->regs.known = 0;
    unwind_put(&u->regs, a->pc, pc);
    unwind_put(&u->regs, a->sp, sp & mask_bytes(a->word));
    unwind_put(&u->regs, a->fp, fp);
    u->exact = u->switched = false;
    return STEP_DONE;
}

/* Stopped at a function's start, its frame does not exist yet. */
static StepResult step_at_start(Unwind *u)
{
    const UnwindArch *a = u->arch;
    uint64_t sp = u->regs.v[a->sp], fp = u->regs.v[a->fp], offset, top, pc;

    if (!u->exact || !a->call_pushes || !symbols_at(u->s, u->regs.v[a->pc], &offset) ||
        offset > PUSH_END || !unwind_word(u, sp, &top)) {
        return STEP_UNKNOWN;
    }
    if (offset == 0) {
        return called(u, top, sp + a->word, fp);
    }
    if (top == fp && unwind_word(u, sp + a->word, &pc)) {
        return called(u, pc, sp + 2u * a->word, fp);
    }
    return STEP_UNKNOWN;
}

static StepResult step_fp(Unwind *u)
{
    const UnwindArch *a = u->arch;
    uint64_t fp, pc, up;
    StepResult r;
    uint8_t byte;

    if (!unwind_knows(&u->regs, a->fp) || !unwind_knows(&u->regs, a->sp)) {
        return STEP_UNKNOWN;
    }
    r = step_at_start(u);
    if (r == STEP_DONE) {
        return r;
    }
    fp = u->regs.v[a->fp];
    if (!fp) {
        return STEP_END;
    }
    if (fp < u->regs.v[a->sp] || fp % a->word) {
        return unwind_broken(u, "the frame pointer 0x%" PRIx64 " points to no frame", fp);
    }
    if (!unwind_word(u, fp, &up) || !unwind_word(u, fp + a->word, &pc)) {
        return STEP_BROKEN;
    }
    if (pc && !u->read(u->opaque, pc, &byte, 1)) {
        return unwind_broken(u, "the return address 0x%" PRIx64 " is not mapped", pc);
    }
    return called(u, pc, fp + 2u * a->word, up);
}

/* ---- all together ---- */

/* A kernel with ORC tables keeps no frame pointers, and programs mostly don't either. */
static bool fp_is_kept(const Unwind *u, UnwindHow last)
{
    bool orc = false;

    for (guint i = 0; i < u->s->files->len; i++) {
        orc |= ((const SymFile *)g_ptr_array_index(u->s->files, i))->orc != NULL;
    }
    return last != UNWIND_ORC && !(orc && u->regs.v[u->arch->pc] >> 63);
}

static StepResult step(Unwind *u, UnwindHow *how)
{
    UnwindHow last = *how;
    StepResult r = step_orc(u);

    *how = UNWIND_ORC;
    if (r == STEP_UNKNOWN) {
        r = step_cfi(u);
        *how = UNWIND_CFI;
    }
    if (r == STEP_UNKNOWN && fp_is_kept(u, last)) {
        r = step_fp(u);
        *how = UNWIND_FP;
    }
    if (r == STEP_UNKNOWN) {
        return unwind_broken(u, "nothing tells who called the code at 0x%" PRIx64,
                             u->regs.v[u->arch->pc]);
    }
    return r;
}

static UnwindFrame frame_of(const Unwind *u, UnwindHow how)
{
    const UnwindArch *a = u->arch;

    return (UnwindFrame){
        .pc = u->regs.v[a->pc],
        .sp = u->regs.v[a->sp],
        .fp = unwind_knows(&u->regs, a->fp) ? u->regs.v[a->fp] : 0,
        .how = how,
        .exact = u->exact,
    };
}

/* Up the stack, or to another one; never where it was. */
static bool moved_up(const Unwind *u, const UnwindFrame *from)
{
    uint64_t sp = u->regs.v[u->arch->sp];

    if (u->switched) {
        return sp != from->sp || u->regs.v[u->arch->pc] != from->pc;
    }
    return sp > from->sp || (sp == from->sp && !u->arch->call_pushes && from->exact);
}

unsigned symbols_backtrace(const Symbols *s, const UnwindArch *arch, const UnwindRegs *regs,
                           SymbolsRead *read, void *opaque, UnwindFrame *out, unsigned max,
                           char **why)
{
    Unwind u = { .s = s, .arch = arch, .read = read, .opaque = opaque, .regs = *regs,
                 .exact = true };
    UnwindHow how = UNWIND_REGISTERS;
    StepResult r = STEP_DONE;
    unsigned n = 0;

    while (n < max) {
        out[n++] = frame_of(&u, how);
        r = step(&u, &how);
        if (r == STEP_DONE && !u.regs.v[arch->pc]) {
            r = STEP_END;
        }
        if (r == STEP_DONE && !moved_up(&u, &out[n - 1])) {
            r = unwind_broken(&u, "the caller's stack pointer 0x%" PRIx64 " is not above the frame",
                              u.regs.v[arch->sp]);
        }
        if (r != STEP_DONE) {
            break;
        }
    }
    if (r == STEP_DONE && n == max) {
        unwind_broken(&u, "there are more than %u frames", max);
    }
    if (r == STEP_END) {
        g_clear_pointer(&u.why, g_free);
    }
    if (why) {
        *why = g_steal_pointer(&u.why);
    }
    g_free(u.why);
    return n;
}

bool symbols_format_frame(const Symbols *s, const UnwindFrame *f, GString *out)
{
    uint64_t offset;
    const char *name = symbols_at(s, f->pc - !f->exact, &offset);

    if (!name) {
        return false;
    }
    offset += !f->exact;
    g_string_append(out, name);
    if (offset) {
        g_string_append_printf(out, "+0x%" PRIx64, offset);
    }
    return true;
}
