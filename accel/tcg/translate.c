/* The generic translator: fetches guest code, calls the target's front end for each instruction, builds in
 * the debugger's exec points, and hands the block to the backend.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/translate.h"

#include <string.h>

#include "accel/tcg/blocks.h"
#include "accel/tcg/exec.h"
#include "accel/tcg/tlb.h"
#include "util/log.h"
#include "vm/vm.h"

static unsigned page_left(uint64_t a)
{
    return (unsigned)(TCG_PAGE_SIZE - (a & ~TCG_PAGE_MASK));
}

static unsigned peek_or_ones(Cpu *cpu, paddr_t at, uint8_t *buf, unsigned n)
{
    unsigned got = (unsigned)mem_peek(cpu->vm->memory, at, buf, n);

    /* Code in a device or nowhere: all ones, as a read there gives. */
    memset(buf + got, 0xff, n - got);
    return n;
}

static void source_read(Cpu *cpu, TcgSource *s)
{
    s->n = peek_or_ones(cpu, s->page[0] | (s->va & ~TCG_PAGE_MASK), s->bytes, page_left(s->va));
    if (s->page[1] != TCG_NO_PAGE) {
        s->n += peek_or_ones(cpu, s->page[1], s->bytes + s->n, tcg_state(cpu)->fe->max_insn_bytes);
    }
}

static bool point_at(TcgState *tcg, const TcgSource *s, unsigned off)
{
    vaddr_t va = s->va + off;
    paddr_t pa;

    if (tcg->exec_virt && g_hash_table_contains(tcg->exec_virt, &va)) {
        return true;
    }
    if (!tcg->exec_phys) {
        return false;
    }
    pa = off < page_left(s->va) ? s->page[0] + ((s->va + off) & ~TCG_PAGE_MASK)
                                : s->page[1] + ((s->va + off) & ~TCG_PAGE_MASK);
    return g_hash_table_contains(tcg->exec_phys, &pa);
}

/* A direct jump can be linked only if it stays in the virtual page of a block that lies in one page: then
 * whoever runs the block has that page mapped where the target was translated from. */
static void mark_jumps(TcgBlock *tb, IrBlock *ir, bool may_link)
{
    for (unsigned n = 0; n < ir->ninsns; n++) {
        IrInsn *i = &ir->insn[n];

        if (i->op != IR_JUMP) {
            continue;
        }
        if (!may_link || ((i->imm + tb->base) & TCG_PAGE_MASK) != ((tb->pc + tb->base) & TCG_PAGE_MASK)) {
            i->sub = 2;
        } else {
            tb->jump_pc[i->sub & 1] = i->imm;
        }
    }
}

static void log_code(Cpu *cpu, const TcgBlock *tb, const TcgSource *s)
{
    GString *text = g_string_new(NULL);

    g_string_printf(text, "IN: cpu %u mode 0x%" G_GINT64_MODIFIER "x\n", cpu->index, tb->mode);
    for (unsigned off = 0, len; off < tb->size; off += len) {
        g_string_append_printf(text, "0x%016" G_GINT64_MODIFIER "x:  ", s->va + off);
        len = cpu->class->disas(cpu, s->va + off, s->bytes + off, s->n - off, text);
        g_string_append_c(text, '\n');
        if (!len) {
            break;
        }
    }
    log_printf("%s\n", text->str);
    g_string_free(text, TRUE);
}

static void log_ir(const char *title, const IrBlock *ir)
{
    GString *text = g_string_new(title);

    ir_dump(ir, text);
    log_printf("%s\n", text->str);
    g_string_free(text, TRUE);
}

static void log_host(TcgState *tcg, const TcgBlock *tb)
{
    GString *text = g_string_new("OUT:\n");

    if (tcg->backend->disas) {
        tcg->backend->disas(tb, text);
    }
    log_printf("%s\n", text->str);
    g_string_free(text, TRUE);
}

typedef enum Built { BUILT_OK, BUILT_TOO_BIG, BUILT_FAULT } Built;

/* Calls the front end for as many instructions as the block shall have. */
static Built build(Cpu *cpu, TcgTranslate *tr, TcgBlock *tb, const TcgSource *s, unsigned max)
{
    TcgState *tcg = tcg_state(cpu);
    TcgNext next = TCG_NEXT_GO;
    unsigned off = 0, len;

    tb->ninsns = 0;
    while (next == TCG_NEXT_GO) {
        bool first = tb->ninsns == 0;

        if (!first && (tb->ninsns >= max || off >= page_left(s->va))) {
            tcg->fe->end(tr, tr->pc);
            break;
        }
        tr->bytes = s->bytes + off;
        tr->nbytes = first ? s->n : page_left(s->va) - off;
        tr->ninsns = tb->ninsns;
        if (!(tb->mode & TCG_MODE_NOPOINT) && point_at(tcg, s, off)) {
            tb->has_point = true;
            if (!first) {
                tcg->fe->end(tr, tr->pc);
                break;
            }
            ir_insn(tr->ir, tr->pc);
            ir_sts(tr->ir, ir_const(tr->ir, tr->pc), MO_64, tcg->fe->pc_offset);
            ir_exit(tr->ir, TCG_EXIT_POINT);
            if (tb->insn_at) {
                tb->insn_at[0] = 0;
            }
            tb->ninsns = 1;
            off = 1;
            break;
        }
        ir_insn(tr->ir, tr->pc);
        len = 0;
        next = tcg->fe->insn(tr, &len);
        if (next == TCG_NEXT_SHORT) {
            tr->ir->ninsns--;
            if (first) {
                return BUILT_FAULT;
            }
            tcg->fe->end(tr, tr->pc);
            break;
        }
        if (tb->insn_at) {
            tb->insn_at[tb->ninsns] = (uint16_t)off;
        }
        tb->ninsns++;
        off += len;
        tr->pc += len;
    }
    tb->size = off;
    return tr->ir->overflow ? BUILT_TOO_BIG : BUILT_OK;
}

/* Under the lock; the pages are guarded. NULL with *full: no room for code. */
static TcgBlock *translate(Cpu *cpu, const TcgSource *s, paddr_t phys, vaddr_t pc, uint64_t mode, bool *full)
{
    TcgState *tcg = tcg_state(cpu);
    TcgBlock *tb = g_new0(TcgBlock, 1);
    unsigned max = mode & TCG_MODE_SINGLE ? 1 : TCG_MAX_INSNS;
    TcgTranslate tr;
    Built built;

    tb->pc = pc;
    tb->base = s->va - pc;
    tb->mode = mode;
    tb->phys = phys;
    if (mode & TCG_MODE_COUNTED) {
        tb->insn_at = g_new(uint16_t, TCG_MAX_INSNS);
    }
    do {
        ir_block_reset(tcg->ir);
        tr = (TcgTranslate){ .ir = tcg->ir, .cpu = cpu, .mode = mode, .pc = pc, .first_pc = pc,
                             .single = mode & TCG_MODE_SINGLE };
        if (mode & (TCG_MODE_COUNTED | TCG_MODE_SINGLE)) {
            ir_sts(tcg->ir, ir_const(tcg->ir, (uintptr_t)tb), MO_64, TCG_ENV_OFFSET(cpu, current));
        }
        built = build(cpu, &tr, tb, s, max);
        max = MAX(max / 2, 1);
    } while (built == BUILT_TOO_BIG);
    *full = false;
    if (built == BUILT_FAULT) {
        g_free(tb->insn_at);
        g_free(tb);
        return NULL;
    }
    tb->page[0] = s->page[0];
    tb->page[1] = tb->size > page_left(s->va) ? s->page[1] : TCG_NO_PAGE;
    mark_jumps(tb, tcg->ir, tb->page[1] == TCG_NO_PAGE && !(mode & TCG_MODE_SINGLE) && !log_enabled(LOG_EXEC | LOG_CPU));
    if (log_enabled(LOG_IN_ASM)) {
        log_code(cpu, tb, s);
    }
    if (log_enabled(LOG_OP)) {
        log_ir("OP:\n", tcg->ir);
    }
    ir_analyse(tcg->ir);
    if (log_enabled(LOG_OP_OPT)) {
        log_ir("OP after optimisation:\n", tcg->ir);
    }
    if (tcg->nblocks + tcg->dead->len >= TCG_MAX_BLOCKS || !tcg->backend->compile(tcg, cpu, tcg->ir, tb)) {
        g_free(tb->insn_at);
        g_free(tb);
        *full = true;
        return NULL;
    }
    if (log_enabled(LOG_OUT_ASM)) {
        log_host(tcg, tb);
    }
    blocks_add(tcg, tb);
    return tb;
}

static void flush_everything(Cpu *cpu)
{
    TcgState *tcg = tcg_state(cpu);

    tcg_exclusive_begin(cpu);
    mutex_lock(&tcg->lock);
    blocks_flush(tcg);
    mutex_unlock(&tcg->lock);
    tcg_exclusive_end(cpu);
}

/* What became of an attempt to find or translate a block. */
typedef enum Attempt { ATTEMPT_DONE, ATTEMPT_AGAIN, ATTEMPT_FULL, ATTEMPT_SHORT } Attempt;

static Attempt attempt(Cpu *cpu, vaddr_t pc, vaddr_t va, uint64_t mode, paddr_t phys, paddr_t second,
                       TcgBlock **out)
{
    TcgState *tcg = tcg_state(cpu);
    TcgSource *s = &tcg->source;
    Attempt result = ATTEMPT_AGAIN;
    bool full;

    blocks_guard_page(cpu, phys & TCG_PAGE_MASK);
    if (second != TCG_NO_PAGE) {
        blocks_guard_page(cpu, second);
    }
    mutex_lock(&tcg->lock);
    *out = blocks_find(tcg, phys, pc, va - pc, mode);
    if (*out) {
        result = ATTEMPT_DONE;
    } else if (blocks_page_guarded(tcg, phys & TCG_PAGE_MASK) &&
               (second == TCG_NO_PAGE || blocks_page_guarded(tcg, second))) {
        s->va = va;
        s->page[0] = phys & TCG_PAGE_MASK;
        s->page[1] = second;
        source_read(cpu, s);
        *out = translate(cpu, s, phys, pc, mode, &full);
        result = *out ? ATTEMPT_DONE : full ? ATTEMPT_FULL : ATTEMPT_SHORT;
    }
    mutex_unlock(&tcg->lock);
    return result;
}

/* A block that reaches into a second page was found by its first one: is the second still the one that it was
 * made from? False: it was dropped. */
static bool second_page_holds(Cpu *cpu, TcgBlock *tb, vaddr_t second_va, bool *raised)
{
    TcgState *tcg = tcg_state(cpu);
    paddr_t p;

    *raised = !tlb_fetch_phys(cpu, second_va, tcg->fe->fetch_mmu(tb->mode), &p);
    if (*raised || (p & TCG_PAGE_MASK) == tb->page[1]) {
        return true;
    }
    blocks_drop(tcg, tb);
    return false;
}

TcgBlock *tcg_block_get(Cpu *cpu, vaddr_t pc, uint64_t mode)
{
    TcgState *tcg = tcg_state(cpu);
    vaddr_t va = tcg->fe->fetch_addr(cpu, pc);
    vaddr_t second_va = va + page_left(va);
    paddr_t second = TCG_NO_PAGE, phys, p;
    TcgBlock *tb;
    bool raised;

    if (!tlb_fetch_phys(cpu, va, tcg->fe->fetch_mmu(mode), &phys)) {
        return NULL;
    }
    for (;;) {
        tb = blocks_find(tcg, phys, pc, va - pc, mode);
        if (tb) {
            if (tb->page[1] == TCG_NO_PAGE || second_page_holds(cpu, tb, second_va, &raised)) {
                return tb->page[1] != TCG_NO_PAGE && raised ? NULL : tb;
            }
            continue;
        }
        switch (attempt(cpu, pc, va, mode, phys, second, &tb)) {
        case ATTEMPT_DONE:
            return tb;
        case ATTEMPT_AGAIN:
            break;
        case ATTEMPT_FULL:
            flush_everything(cpu);
            break;
        case ATTEMPT_SHORT:
            g_assert(second == TCG_NO_PAGE);
            if (!tlb_fetch_phys(cpu, second_va, tcg->fe->fetch_mmu(mode), &p)) {
                return NULL;
            }
            second = p & TCG_PAGE_MASK;
            break;
        }
    }
}
