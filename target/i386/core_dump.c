/* x86-64 CPUs in ELF core files: the notes that gdb reads, and the one that crash reads.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * NT_PRSTATUS and NT_FPREGSET are Linux's structures for this machine (elf_prstatus with
 * user_regs_struct, user_fpregs_struct, which is an FXSAVE image). The note named QEMU, type 0,
 * holds the system registers as that emulator has always written them (version 1, 440 bytes); crash
 * and others take the page tables' root and the IDT from it. */
#include "target/i386/core_dump.h"

#include <elf.h>

#include "target/i386/flags.h"
#include "target/i386/x86.h"
#include "target/i386/x87.h"
#include "util/bytes.h"

/* ---- a record that is filled from its start ---- */

typedef struct Record {
    uint8_t *p;
    size_t at;
} Record;

static void put64(Record *r, uint64_t v)
{
    store_le64(r->p + r->at, v);
    r->at += 8;
}

static void put32(Record *r, uint32_t v)
{
    store_le32(r->p + r->at, v);
    r->at += 4;
}

/* ---- elf_prstatus ---- */

#define PRSTATUS_BYTES 336
#define PRSTATUS_PID 32
#define PRSTATUS_REGS 112
#define PRSTATUS_FPVALID 328

static void note_prstatus(const Cpu *cpu, GByteArray *out)
{
    static const uint8_t order[] = { R_R15, R_R14, R_R13, R_R12, R_RBP, R_RBX, R_R11, R_R10, R_R9,
                                     R_R8, R_RAX, R_RCX, R_RDX, R_RSI, R_RDI };
    const X86State *s = cpu->env;
    uint8_t status[PRSTATUS_BYTES] = { 0 };
    Record r = { status, PRSTATUS_REGS };

    /* Threads are numbered from 1: 0 would stand for none. */
    store_le32(status + PRSTATUS_PID, cpu->index + 1);
    store_le32(status + PRSTATUS_FPVALID, 1);
    for (unsigned i = 0; i < sizeof(order); i++) {
        put64(&r, s->gpr[order[i]]);
    }
    put64(&r, UINT64_MAX);                      /* orig_rax: not in a system call */
    put64(&r, s->rip);
    put64(&r, s->seg[R_CS].selector);
    put64(&r, x86_eflags_get(s));
    put64(&r, s->gpr[R_RSP]);
    put64(&r, s->seg[R_SS].selector);
    put64(&r, s->seg[R_FS].base);
    put64(&r, s->seg[R_GS].base);
    put64(&r, s->seg[R_DS].selector);
    put64(&r, s->seg[R_ES].selector);
    put64(&r, s->seg[R_FS].selector);
    put64(&r, s->seg[R_GS].selector);
    core_note_add(out, "CORE", NT_PRSTATUS, status, sizeof(status));
}

/* ---- user_fpregs_struct ---- */

static void note_fpregs(const Cpu *cpu, GByteArray *out)
{
    const X86State *s = cpu->env;
    uint8_t image[512] = { 0 };

    store_le16(image, s->fpu.control);
    store_le16(image + 2, x87_status(&s->fpu));
    image[4] = s->fpu.tags;
    store_le16(image + 6, s->fpu.opcode);
    store_le64(image + 8, s->fpu.ip);
    store_le64(image + 16, s->fpu.dp);
    store_le32(image + 24, s->mxcsr);
    store_le32(image + 28, 0xffff);             /* bits of MXCSR that there are */
    for (unsigned i = 0; i < 8; i++) {
        memcpy(image + 32 + 16 * i, s->fpu.st[(s->fpu.top + i) & 7], 10);
    }
    memcpy(image + 160, s->xmm, 16 * sizeof(s->xmm[0]));
    core_note_add(out, "CORE", NT_FPREGSET, image, sizeof(image));
}

/* ---- system registers ---- */

#define SYSTEM_BYTES 440

static void put_segment(Record *r, const X86Seg *seg)
{
    put32(r, seg->selector);
    put32(r, seg->limit);
    put32(r, seg->flags);
    put32(r, 0);
    put64(r, seg->base);
}

static void note_system(const Cpu *cpu, GByteArray *out)
{
    static const uint8_t gprs[] = { R_RAX, R_RBX, R_RCX, R_RDX, R_RSI, R_RDI, R_RSP, R_RBP, R_R8,
                                    R_R9, R_R10, R_R11, R_R12, R_R13, R_R14, R_R15 };
    static const uint8_t segments[] = { R_CS, R_DS, R_ES, R_FS, R_GS, R_SS };
    const X86State *s = cpu->env;
    uint8_t state[SYSTEM_BYTES] = { 0 };
    Record r = { state, 0 };

    put32(&r, 1);
    put32(&r, SYSTEM_BYTES);
    for (unsigned i = 0; i < sizeof(gprs); i++) {
        put64(&r, s->gpr[gprs[i]]);
    }
    put64(&r, s->rip);
    put64(&r, x86_eflags_get(s));
    for (unsigned i = 0; i < sizeof(segments); i++) {
        put_segment(&r, &s->seg[segments[i]]);
    }
    put_segment(&r, &s->ldt);
    put_segment(&r, &s->tr);
    put_segment(&r, &s->gdt);
    put_segment(&r, &s->idt);
    put64(&r, s->cr0);
    put64(&r, 0);
    put64(&r, s->cr2);
    put64(&r, s->cr3);
    put64(&r, s->cr4);
    put64(&r, s->kernel_gs_base);
    g_assert(r.at == SYSTEM_BYTES);
    core_note_add(out, "QEMU", 0, state, sizeof(state));
}

static void notes(const Cpu *cpu, GByteArray *out)
{
    note_prstatus(cpu, out);
    note_fpregs(cpu, out);
    note_system(cpu, out);
}

const CoreDumpClass x86_core_dump = { .machine = EM_X86_64, .notes = notes };
