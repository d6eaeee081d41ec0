/* What insn.h and gate.h tell of instructions and vectors, in every mode. Expectations are the SDM's.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fake-x86.h"
#include "target/i386/flags.h"
#include "target/i386/gate.h"
#include "target/i386/insn.h"
#include "util/bytes.h"

typedef enum Mode { REAL, VM86, PROT16, PROT32, STACK16, COMPAT, LONG } Mode;

enum { RIP = 0x100, GDT = 0x700000, LDT = 0x701000, IDT = 0x702000 };
enum { S_CODE = 0x08, S_BASED = 0x10, S_LONG = 0x18, S_DATA = 0x20, S_ABSENT = 0x28, S_LDT = 0x0c };

#define GARBAGE (UINT64_C(0xabcd) << 32)    /* above what 32-bit code sees */
#define GARBAGE16 (GARBAGE | 0x77770000)    /* above what 16-bit code sees */

static uint32_t mode_flags(Mode mode, unsigned seg)
{
    uint32_t flags = X86_SEG_P | X86_SEG_S | X86_SEG_W | X86_SEG_A;

    if (seg == R_CS) {
        flags |= X86_SEG_CODE | (mode == LONG ? X86_SEG_L : mode >= PROT32 ? X86_SEG_B : 0);
    } else if (seg == R_SS) {
        flags |= mode == PROT32 || mode == COMPAT ? X86_SEG_B : 0;
    }
    return flags | (mode == VM86 ? X86_SEG_DPL : 0);
}

static void set_segments(X86State *s, Mode mode)
{
    static const uint32_t base[X86_NUM_SEGS] = {
        [R_ES] = 0x30000, [R_CS] = 0x10000, [R_SS] = 0x40000, [R_DS] = 0x20000, [R_FS] = 0x50000,
        [R_GS] = 0x60000,
    };

    for (unsigned i = 0; i < X86_NUM_SEGS; i++) {
        x86_seg_put(&s->seg[i], 0, base[i], 0xffff, mode_flags(mode, i));
    }
    if (mode == LONG) {
        s->seg[R_FS].base = UINT64_C(0x7f0000000000);
        s->seg[R_GS].base = UINT64_C(0xffff888000000000);
    }
    x86_seg_put(&s->gdt, 0, GDT, 0x2f, 0);
    x86_seg_put(&s->ldt, 0, LDT, 0xf, X86_SEG_P);
    x86_seg_put(&s->idt, 0, mode == REAL ? 0 : IDT, mode == REAL ? 0x3ff : 0x7ff, 0);
}

static X86State *set_mode(Mode mode)
{
    X86State *s = fake_x86_state(0);

    s->cr0 = mode == REAL ? 0 : X86_CR0_PE;
    s->efer = mode >= COMPAT ? X86_EFER_LME | X86_EFER_LMA : 0;
    s->xcr0 = 7;
    s->rip = RIP;
    x86_eflags_set(s, mode == VM86 ? X86_VM : 0);
    set_segments(s, mode);
    x86_mode_update(s);
    return s;
}

static void set_registers(X86State *s, Mode mode)
{
    static const uint64_t gpr[16] = { 0x10, 3, 0x105, 0x2000, 0x8000, 0x9000, 0x3000, 0x4000, 0x5000, 8 };
    uint64_t garbage = mode == LONG ? 0 : mode <= PROT16 ? GARBAGE16 : GARBAGE;

    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = gpr[i] | garbage;
    }
}

static unsigned parse(const char *hex, uint8_t code[16])
{
    unsigned n = 0;

    for (char *end; *hex; hex = end) {
        code[n++] = (uint8_t)strtoul(hex, &end, 16);
    }
    return n;
}

/* ---- instructions ---- */

static const char *const kind_names[] = {
    "plain", "pushf", "popf", "iret", "int", "int3", "into", "icebp", "syscall", "sysret", "sysenter",
    "sysexit", "far", "sti", "cli", "load-ss", "mov-dr", "hlt", "io", "system",
};

/* Kind, length, and what else there is; refs as "rw4s@ADDRESS" with s: stack, ?: maybe; + if there is
 * or may be more. */
static char *describe(const X86Insn *i)
{
    GString *s = g_string_new(NULL);

    g_string_printf(s, "%s %u", kind_names[i->kind], i->len);
    if (i->vector) {
        g_string_append_printf(s, " v%x", i->vector);
    }
    if (i->kind == X86_INSN_MOV_DR) {
        g_string_append_printf(s, " dr%u%cr%u", i->dr, i->dr_write ? '<' : '>', i->gpr);
    }
    g_string_append(s, i->rep ? " rep" : "");
    for (unsigned n = 0; n < i->nref; n++) {
        const X86MemRef *r = &i->ref[n];

        g_string_append_printf(s, " %s%s%u%s%s@%" G_GINT64_MODIFIER "x", r->read ? "r" : "",
                               r->write ? "w" : "", r->size, r->maybe ? "?" : "", r->stack ? "s" : "",
                               (guint64)r->addr);
    }
    g_string_append(s, i->refs_complete ? "" : " +");
    return g_string_free(s, FALSE);
}

/* Up to two registers other than set_registers has them. */
typedef struct Row {
    Mode mode;
    const char *code, *want;
    struct { uint8_t on, reg; uint64_t value; } set[2];
} Row;

#define SET(reg, value) { 1, reg, value }

static const Row rows[] = {
    /* addresses in 64-bit mode */
    { LONG, "8b 03", "plain 2 r4@2000" },
    { LONG, "48 8b 83 00 f0 ff ff", "plain 7 r8@1000" },
    { LONG, "88 04 25 78 56 34 12", "plain 7 w1@12345678" },
    { LONG, "42 8b 04 8d 00 10 00 00", "plain 8 r4@1020" },
    { LONG, "64 8b 03", "plain 3 r4@7f0000002000" },
    { LONG, "65 48 89 03", "plain 4 w8@ffff888000002000" },
    { LONG, "3e 8b 03", "plain 3 r4@2000" },
    { LONG, "36 8b 03", "plain 3 r4@2000" },
    { LONG, "2e 8b 03", "plain 3 r4@2000" },
    { LONG, "67 8b 03", "plain 3 r4@2000", { SET(R_RBX, GARBAGE | 0x2000) } },
    { LONG, "67 8b 43 10", "plain 4 r4@8", { SET(R_RBX, 0xfffffff8) } },
    { LONG, "8b 43 10", "plain 3 r4@8", { SET(R_RBX, (uint64_t)-8) } },
    { LONG, "65 67 8b 43 10", "plain 5 r4@ffff888000000008", { SET(R_RBX, 0xfffffff8) } },
    { LONG, "8b 05 10 00 00 00", "plain 6 r4@116" },
    { LONG, "67 8b 05 f0 ff ff ff", "plain 7 r4@f7" },
    { LONG, "c6 05 00 00 00 00 7f", "plain 7 w1@107" },
    { LONG, "8b 45 00", "plain 3 r4s@9000" },
    { LONG, "8b 04 24", "plain 3 r4s@8000" },
    { LONG, "48 a1 88 77 66 55 44 33 22 11", "plain 10 r8@1122334455667788" },
    { LONG, "67 a1 88 77 66 f5", "plain 6 r4@f5667788" },
    /* its stack */
    { LONG, "50", "plain 1 w8s@7ff8" },
    { LONG, "66 50", "plain 2 w2s@7ffe" },
    { LONG, "ff 74 24 08", "plain 4 r8s@8008 w8s@7ff8" },
    { LONG, "8f 44 24 08", "plain 4 w8s@8010 r8s@8000" },
    { LONG, "8f 03", "plain 2 w8@2000 r8s@8000" },
    { LONG, "5c", "plain 1 r8s@8000" },
    { LONG, "0f a9", "plain 2 r8s@8000 +" },
    { LONG, "9c", "pushf 1 w8s@7ff8" },
    { LONG, "66 9c", "pushf 2 w2s@7ffe" },
    { LONG, "9d", "popf 1 r8s@8000" },
    { LONG, "e8 00 00 00 00", "plain 5 w8s@7ff8" },
    { LONG, "ff 13", "plain 2 r8@2000 w8s@7ff8" },
    { LONG, "c3", "plain 1 r8s@8000" },
    { LONG, "f3 c3", "plain 2 r8s@8000" },
    { LONG, "c9", "plain 1 r8s@9000" },
    { LONG, "c8 20 00 00", "plain 4 w8s@7ff8 w8?s@7fd8" },
    { LONG, "c8 00 00 02", "plain 4 r8s@8ff8 w24s@7fe8 w8?s@7fe8" },
    { LONG, "ff 1b", "far 2 r6@2000 w8s@7ff8 +" },
    { LONG, "48 ff 1b", "far 3 r10@2000 w16s@7ff0 +" },
    { LONG, "ff 2b", "far 2 r6@2000 +" },
    { LONG, "cb", "far 1 r8s@8000 +" },
    { LONG, "48 ca 10 00", "far 4 r16s@8000 +" },
    { LONG, "cf", "iret 1 r20s@8000 +" },
    { LONG, "48 cf", "iret 2 r40s@8000 +" },
    /* kinds */
    { LONG, "cc", "int3 1 v3 +" },
    { LONG, "cd 03", "int 2 v3 +" },
    { LONG, "cd 80", "int 2 v80 +" },
    { LONG, "f1", "icebp 1 v1 +" },
    { LONG, "0f 05", "syscall 2" },
    { LONG, "48 0f 07", "sysret 3" },
    { LONG, "0f 34", "sysenter 2" },
    { LONG, "0f 35", "sysexit 2" },
    { LONG, "fb", "sti 1" },
    { LONG, "fa", "cli 1" },
    { LONG, "f4", "hlt 1" },
    { LONG, "8e d0", "load-ss 2 +" },
    { LONG, "8e 13", "load-ss 2 r2@2000 +" },
    { LONG, "8c 13", "plain 2 w2@2000" },
    { LONG, "8e d8", "plain 2 +" },
    { LONG, "48 0f b2 03", "plain 4 r10@2000 +" },
    { LONG, "0f 00 d8", "plain 3 +" },
    { LONG, "0f 02 c0", "plain 3 +" },
    { LONG, "0f 21 f8", "mov-dr 3 dr7>r0" },
    { LONG, "41 0f 23 c1", "mov-dr 4 dr0<r9" },
    { LONG, "0f 23 3b", "mov-dr 3 dr7<r3" },
    { LONG, "0f 22 c0", "system 3" },
    { LONG, "0f 20 d8", "system 3" },
    { LONG, "0f a2", "system 2" },
    { LONG, "0f 32", "system 2" },
    { LONG, "ec", "io 1" },
    { LONG, "e6 70", "io 2" },
    { LONG, "6e", "io 1 r1@3000" },
    { LONG, "f3 6d", "io 2 rep w4@4000" },
    { LONG, "f3 90", "plain 2" },
    /* strings */
    { LONG, "a4", "plain 1 w1@4000 r1@3000" },
    { LONG, "f3 48 a5", "plain 3 rep w8@4000 r8@3000" },
    { LONG, "f3 48 a5", "plain 3 rep", { SET(R_RCX, 0) } },
    { LONG, "67 f3 a4", "plain 3 rep", { SET(R_RCX, GARBAGE) } },
    { LONG, "f3 64 a4", "plain 3 rep w1@4000 r1@7f0000003000" },
    { LONG, "f2 ae", "plain 2 rep r1@4000" },
    { LONG, "a6", "plain 1 r1@3000 r1@4000" },
    { LONG, "d7", "plain 1 r1@2010" },
    { LONG, "67 d7", "plain 2 r1@8", { SET(R_RBX, 0xfffffff8) } },
    /* read and written; bits */
    { LONG, "0f b1 13", "plain 3 rw4@2000" },
    { LONG, "f0 0f c1 03", "plain 4 rw4@2000" },
    { LONG, "87 03", "plain 2 rw4@2000" },
    { LONG, "0f c7 0b", "plain 3 rw8@2000" },
    { LONG, "48 0f c7 0b", "plain 4 rw16@2000" },
    { LONG, "0f a3 13", "plain 3 r4@2020" },
    { LONG, "48 0f ab 13", "plain 4 rw8@1ff8", { SET(R_RDX, (uint64_t)-1) } },
    { LONG, "66 0f bb 13", "plain 4 rw2@1000", { SET(R_RDX, 0x8000) } },
    { LONG, "0f ab 13", "plain 3 rw4@2000", { SET(R_RDX, GARBAGE | 5) } },
    { LONG, "0f ba 2b 25", "plain 4 rw4@2000" },
    { LONG, "67 0f a3 13", "plain 4 r4@fffffffc", { SET(R_RBX, 0), SET(R_RDX, (uint64_t)-1) } },
    /* large, masked, unknown */
    { LONG, "66 44 0f 38 f8 03", "plain 6 r64@2000 w64@5000" },
    { LONG, "66 0f f7 ca", "plain 4 w16?@4000" },
    { LONG, "c4 e2 71 2e 13", "plain 5 w16?@2000" },
    { LONG, "c5 fc 11 03", "plain 4 w32@2000" },
    { LONG, "62 f1 7c 48 11 0b", "plain 6 w64@2000" },
    { LONG, "62 f1 7c 49 11 0b", "plain 6 w64?@2000" },
    { LONG, "62 f2 7d 49 a0 04 0b", "plain 7 +" },
    { LONG, "c4 e2 69 90 04 8b", "plain 6" },
    { LONG, "0f ae 03", "plain 3 w512@2000" },
    { LONG, "0f ae 23", "plain 3 rw576?@2000" },
    { LONG, "0f ae 23", "plain 3 rw832?@2000", { SET(R_RAX, 7) } },
    { LONG, "0f c7 2b", "plain 3 w832?@2000 +", { SET(R_RAX, 7) } },
    { LONG, "dd 33", "plain 2 w108@2000" },
    { LONG, "66 dd 33", "plain 3 w94@2000" },
    { LONG, "d9 33", "plain 2 w28@2000" },
    { LONG, "0f 01 03", "plain 3 w10@2000" },
    { LONG, "0f 01 fc", "plain 3 w64@2340", { SET(R_RAX, 0x2345) } },
    { LONG, "0f aa", "plain 2 +" },
    /* addresses only */
    { LONG, "8d 03", "plain 2" },
    { LONG, "0f 1f 03", "plain 3" },
    { LONG, "0f 18 0b", "plain 3" },
    { LONG, "0f 0d 0b", "plain 3" },
    { LONG, "0f 01 3b", "system 3" },
    { LONG, "0f ae 3b", "plain 3" },
    { LONG, "66 0f ae 3b", "plain 4" },
    { LONG, "f3 0f 1e fa", "plain 4" },
    { LONG, "0f 0b", "plain 2" },
    /* none, or not all of one */
    { LONG, "06", NULL },
    { LONG, "8b", NULL },
    { LONG, "e8 00 00", NULL },
    { LONG, "f0 8b 03", NULL },
    { LONG, "44 0f 23 c0", NULL },
    { LONG, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", NULL },

    /* 32-bit */
    { PROT32, "8b 03", "plain 2 r4@22000" },
    { PROT32, "8b 45 00", "plain 3 r4s@49000" },
    { PROT32, "26 8b 03", "plain 3 r4@32000" },
    { PROT32, "2e 8b 03", "plain 3 r4@12000" },
    { PROT32, "65 8b 03", "plain 3 r4@62000" },
    { PROT32, "36 88 03", "plain 3 w1s@42000" },
    { PROT32, "8b 43 f0", "plain 3 r4@1fff8", { SET(R_RBX, 8) } },
    { PROT32, "67 8b 07", "plain 3 r4@22000", { SET(R_RBX, GARBAGE16 | 0x2000) } },
    { PROT32, "67 8b 42 10", "plain 4 r4s@4c010" },
    { PROT32, "50", "plain 1 w4s@47ffc" },
    { PROT32, "66 50", "plain 2 w2s@47ffe" },
    { PROT32, "60", "plain 1 w32s@47fe0" },
    { PROT32, "66 60", "plain 2 w16s@47ff0" },
    { PROT32, "61", "plain 1 r32s@48000" },
    { PROT32, "8f 44 24 04", "plain 4 w4s@48008 r4s@48000" },
    { PROT32, "1e", "plain 1 w4s@47ffc" },
    { PROT32, "1f", "plain 1 r4s@48000 +" },
    { PROT32, "17", "load-ss 1 r4s@48000 +" },
    { PROT32, "9a 00 00 00 00 08 00", "far 7 w8s@47ff8 +" },
    { PROT32, "66 9a 00 00 08 00", "far 6 w4s@47ffc +" },
    { PROT32, "ea 00 00 00 00 08 00", "far 7 +" },
    { PROT32, "cf", "iret 1 r12s@48000 +" },
    { PROT32, "66 cf", "iret 2 r6s@48000 +" },
    { PROT32, "c8 04 00 01", "plain 4 w8s@47ff8 w4?s@47ff4" },
    { PROT32, "c9", "plain 1 r4s@49000" },
    { PROT32, "ce", "into 1 v4" },
    { PROT32, "62 03", "plain 2 r8@22000" },
    { PROT32, "c4 03", "plain 2 r6@22000 +" },
    { PROT32, "0f b2 03", "plain 3 r6@22000 +" },
    { PROT32, "a4", "plain 1 w1@34000 r1@23000" },
    { PROT32, "64 a4", "plain 2 w1@34000 r1@53000" },
    { PROT32, "f3 a4", "plain 2 rep", { SET(R_RCX, GARBAGE) } },
    { PROT32, "67 f3 a4", "plain 3 rep", { SET(R_RCX, GARBAGE16) } },
    { PROT32, "d7", "plain 1 r1@22010" },
    { PROT32, "65 d7", "plain 2 r1@62010" },
    { PROT32, "0f 01 03", "plain 3 w6@22000" },
    { PROT32, "0f a3 13", "plain 3 r4@22020" },
    { PROT32, "66 0f 38 f8 13", "plain 5 r64@22000 w64@30105" },
    { PROT32, "64 0f f7 ca", "plain 4 w8?@54000" },
    { PROT32, "0f 05", "syscall 2" },
    { PROT32, "a1 00 10 00 00", "plain 5 r4@21000" },

    /* 32-bit code on a 16-bit stack */
    { STACK16, "50", "plain 1 w4s@4fffe", { SET(R_RSP, GARBAGE16 | 2) } },
    { STACK16, "60", "plain 1 w16s@4fff0 w16s@40000", { SET(R_RSP, GARBAGE16 | 0x10) } },
    { STACK16, "c9", "plain 1 r4s@49000", { SET(R_RBP, GARBAGE16 | 0x9000) } },
    { STACK16, "8f 04 24", "plain 3 w4s@777b0000 r4s@4fffc", { SET(R_RSP, GARBAGE16 | 0xfffc) } },
    { STACK16, "c8 00 00 02", "plain 4 r4s@4fffe w8s@4fffa w4s@40002 w4?s@4fffa",
      { SET(R_RSP, GARBAGE16 | 6), SET(R_RBP, GARBAGE16 | 2) } },

    /* 16-bit: real, virtual-8086, protected */
    { REAL, "8b 07", "plain 2 r2@22000" },
    { REAL, "8b 46 10", "plain 3 r2s@49010" },
    { REAL, "8b 02", "plain 2 r2s@4c000" },
    { REAL, "8b 00", "plain 2 r2@25000" },
    { REAL, "8b 00", "plain 2 r2@20002", { SET(R_RBX, GARBAGE16 | 0xffff), SET(R_RSI, 3) } },
    { REAL, "66 8b 07", "plain 3 r4@22000" },
    { REAL, "67 8b 03", "plain 3 r2@32000", { SET(R_RBX, 0x12000) } },
    { REAL, "a0 34 12", "plain 3 r1@21234" },
    { REAL, "50", "plain 1 w2s@47ffe" },
    { REAL, "50", "plain 1 w2s@4fffe", { SET(R_RSP, GARBAGE16) } },
    { REAL, "66 50", "plain 2 w4s@47ffc" },
    { REAL, "60", "plain 1 w16s@47ff0" },
    { REAL, "60", "plain 1 w12s@4fff4 w4s@40000", { SET(R_RSP, 4) } },
    { REAL, "61", "plain 1 r16s@48000" },
    { REAL, "9a 00 00 00 00", "far 5 w4s@47ffc" },
    { REAL, "ff 1f", "far 2 r4@22000 w4s@47ffc" },
    { REAL, "cb", "far 1 r4s@48000" },
    { REAL, "cf", "iret 1 r6s@48000" },
    { REAL, "66 cf", "iret 2 r12s@48000" },
    { REAL, "cd 21", "int 2 v21 w6s@47ffa r4@84" },
    { REAL, "66 cd 21", "int 3 v21 w6s@47ffa r4@84" },
    { REAL, "cc", "int3 1 v3 w6s@47ffa r4@c" },
    { REAL, "1f", "plain 1 r2s@48000" },
    { REAL, "17", "load-ss 1 r2s@48000" },
    { REAL, "8e d0", "load-ss 2" },
    { REAL, "c5 07", "plain 2 r4@22000" },
    { REAL, "f3 a4", "plain 2 rep", { SET(R_RCX, GARBAGE16) } },
    { REAL, "67 f3 a4", "plain 3 rep w1@34000 r1@23000", { SET(R_RSI, 0x3000), SET(R_RDI, 0x4000) } },
    { REAL, "a5", "plain 1 w2@34000 r2@23000" },
    { REAL, "d7", "plain 1 r1@22010" },
    { REAL, "0f a3 17", "plain 3 r2@22020" },
    { REAL, "6c", "io 1 w1@34000" },
    { REAL, "dd 37", "plain 2 w94@22000" },
    { REAL, "c8 00 00 00", "plain 4 w2s@47ffe w2?s@47ffe" },
    { REAL, "0f 01 17", "plain 3 r6@22000" },
    { REAL, "0f 21 c3", "mov-dr 3 dr0>r3" },
    { VM86, "50", "plain 1 w2s@47ffe" },
    { VM86, "cd 21", "int 2 v21 +" },
    { VM86, "cf", "iret 1 r6s@48000" },
    { VM86, "1f", "plain 1 r2s@48000" },
    { VM86, "9c", "pushf 1 w2s@47ffe" },
    { PROT16, "50", "plain 1 w2s@47ffe" },
    { PROT16, "8e d8", "plain 2 +" },
    { PROT16, "9a 00 00 08 00", "far 5 w4s@47ffc +" },
    { PROT16, "ff 36 00 10", "plain 4 r2@21000 w2s@47ffe" },
    { COMPAT, "8b 03", "plain 2 r4@22000" },
    { COMPAT, "06", "plain 1 w4s@47ffc" },
    { COMPAT, "cf", "iret 1 r12s@48000 +" },
    { COMPAT, "48", "plain 1" },
};

static void test_rows(void)
{
    fake_x86_init("max", 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *r = &rows[i];
        X86State *s = set_mode(r->mode);
        uint8_t code[16];
        X86Insn insn;
        char *got = NULL;

        set_registers(s, r->mode);
        for (unsigned n = 0; n < G_N_ELEMENTS(r->set); n++) {
            if (r->set[n].on) {
                s->gpr[r->set[n].reg] = r->set[n].value;
            }
        }
        if (x86_insn_decode(fx.cpu[0], code, parse(r->code, code), &insn)) {
            got = describe(&insn);
        }
        if (g_strcmp0(got, r->want)) {
            g_error("row %u, mode %u, %s: \"%s\", not \"%s\"", i, r->mode, r->code, got, r->want);
        }
        g_free(got);
    }
    fake_x86_done();
}

/* Whatever the bytes, nothing breaks, and what is told is within its bounds. */
static void test_any_bytes(void)
{
    fake_x86_init("max", 1);
    for (Mode m = REAL; m <= LONG; m++) {
        X86State *s = set_mode(m);

        set_registers(s, m);
        for (unsigned n = 0; n < 200000; n++) {
            static const uint8_t start[] = { 0x0f, 0x66, 0x62, 0xc4, 0xc5, 0xf3, 0x8f, 0x48 };
            uint8_t code[15];
            X86Insn insn;

            for (unsigned i = 0; i < sizeof(code); i++) {
                code[i] = (uint8_t)g_test_rand_int();
            }
            code[0] = n & 1 ? start[n / 2 % sizeof(start)] : code[0];
            if (!x86_insn_decode(fx.cpu[0], code, sizeof(code), &insn)) {
                continue;
            }
            g_assert_cmpuint(insn.len - 1u, <, 15);
            for (unsigned i = 0; i < insn.nref; i++) {
                g_assert_cmpuint(insn.ref[i].size - 1, <, 16384);
                g_assert_true(insn.ref[i].read || insn.ref[i].write);
                g_assert_true(m == LONG || insn.ref[i].addr <= UINT32_MAX);
            }
        }
    }
    fake_x86_done();
}

/* What follows, by CS; INTO that is taken; bytes from memory, of which there may be few. */
static void test_at_pc(void)
{
    X86Insn insn;

    fake_x86_init("max", 1);
    X86State *s = set_mode(LONG);
    fake_x86_put(RIP, 2, 0x038b);
    g_assert_true(x86_insn_at_pc(fx.cpu[0], &insn));
    g_assert_cmphex(insn.next, ==, RIP + 2);
    s->rip = FAKE_X86_RAM - 1;
    fake_x86_put(s->rip, 1, 0x90);
    g_assert_true(x86_insn_at_pc(fx.cpu[0], &insn));
    fake_x86_put(s->rip, 1, 0x8b);
    g_assert_false(x86_insn_at_pc(fx.cpu[0], &insn));
    s->rip = FAKE_X86_RAM;
    g_assert_false(x86_insn_at_pc(fx.cpu[0], &insn));
    s = set_mode(PROT32);
    x86_eflags_set(s, X86_OF);
    fake_x86_put(0x10000 + RIP, 1, 0xce);
    g_assert_true(x86_insn_at_pc(fx.cpu[0], &insn));
    g_assert_cmphex(insn.next, ==, 0x10000 + RIP + 1);
    g_assert_false(insn.refs_complete);
    fake_x86_done();
}

/* ---- gates ---- */

static void put_code_segment(paddr_t at, uint32_t base, uint32_t flags)
{
    fake_x86_put(at, 8, 0xffff | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)flags << 32 |
                 (uint64_t)(base >> 24) << 56);
}

static void put_tables(void)
{
    uint32_t code = X86_SEG_P | X86_SEG_S | X86_SEG_CODE | X86_SEG_R | X86_SEG_B;

    put_code_segment(GDT + S_CODE, 0, code);
    put_code_segment(GDT + S_BASED, 0x12345000, code);
    put_code_segment(GDT + S_LONG, 0x12345000, (code & ~X86_SEG_B) | X86_SEG_L);
    put_code_segment(GDT + S_DATA, 0, X86_SEG_P | X86_SEG_S | X86_SEG_W);
    put_code_segment(GDT + S_ABSENT, 0, code & ~X86_SEG_P);
    put_code_segment(LDT + (S_LDT & ~7), 0xfff00000, code);
}

static void put_gate(unsigned vector, unsigned size, uint32_t type, uint32_t sel, uint64_t offset)
{
    paddr_t at = IDT + vector * size;

    fake_x86_put(at, 4, (offset & 0xffff) | sel << 16);
    fake_x86_put(at + 4, 4, (offset & 0xffff0000) | type << 8);
    if (size == 16) {
        fake_x86_put(at + 8, 8, offset >> 32);
    }
}

/* target 0: none. */
static void check_gate(unsigned vector, vaddr_t address, unsigned size, vaddr_t target)
{
    vaddr_t at, to;
    unsigned got;
    bool inside = x86_gate_address(fx.cpu[0], vector, &at, &got);

    g_assert_cmpint(inside, ==, address != 0);
    if (inside) {
        g_assert_cmphex(at, ==, address);
        g_assert_cmpuint(got, ==, size);
    }
    g_assert_cmpint(x86_gate_target(fx.cpu[0], vector, &to), ==, target != 0);
    if (target) {
        g_assert_cmphex(to, ==, target);
    }
}

static void test_gates_legacy(void)
{
    static const struct { uint32_t type, sel, offset; vaddr_t target; } gates[] = {
        { 0x8e, S_CODE, 0x87654321, 0x87654321 },
        { 0xef, S_CODE, 0x87654321, 0x87654321 },
        { 0x86, S_CODE, 0x87654321, 0x4321 },
        { 0x87, S_BASED, 0x4321, 0x12349321 },
        { 0x8e, S_BASED | 3, 0x4321, 0x12349321 },
        { 0x8e, S_LDT, 0x00200000, 0x00100000 },
        { 0x0e, S_CODE, 0x4321, 0 },            /* not present */
        { 0x85, S_CODE, 0x4321, 0 },            /* task gate */
        { 0x8c, S_CODE, 0x4321, 0 },            /* call gate */
        { 0x9e, S_CODE, 0x4321, 0 },            /* a code segment */
        { 0x8e, 3, 0x4321, 0 },
        { 0x8e, S_DATA, 0x4321, 0 },
        { 0x8e, S_ABSENT, 0x4321, 0 },
        { 0x8e, 0x30, 0x4321, 0 },              /* beyond the GDT */
        { 0x8e, 0x14, 0x4321, 0 },              /* beyond the LDT */
    };
    static const Mode modes[] = { PROT32, PROT16, VM86 };

    fake_x86_init("max", 1);
    put_tables();
    for (unsigned m = 0; m < G_N_ELEMENTS(modes); m++) {
        set_mode(modes[m]);
        for (unsigned i = 0; i < G_N_ELEMENTS(gates); i++) {
            put_gate(i, 8, gates[i].type, gates[i].sel, gates[i].offset);
            check_gate(i, IDT + 8 * i, 8, gates[i].target);
        }
        put_gate(255, 8, 0x8e, S_CODE, 0x4321);
        check_gate(255, IDT + 8 * 255, 8, 0x4321);
        check_gate(256, 0, 0, 0);
    }
    set_mode(PROT32)->ldt.flags = 0;
    check_gate(5, IDT + 8 * 5, 8, 0);
    fake_x86_done();
}

static void test_gates_long(void)
{
    uint64_t to = UINT64_C(0xffffffff81234567);

    fake_x86_init("max", 1);
    put_tables();
    for (Mode m = COMPAT; m <= LONG; m++) {
        set_mode(m);
        put_gate(0, 16, 0x8e, S_LONG, to);
        check_gate(0, IDT, 16, to);
        put_gate(14, 16, 0x8f, S_LONG, to);
        check_gate(14, IDT + 14 * 16, 16, to);
        put_gate(127, 16, 0xee, S_LONG, to);
        check_gate(127, IDT + 127 * 16, 16, to);
        put_gate(1, 16, 0x86, S_LONG, to);      /* 16-bit */
        check_gate(1, IDT + 16, 16, 0);
        put_gate(1, 16, 0x0e, S_LONG, to);
        check_gate(1, IDT + 16, 16, 0);
        check_gate(128, 0, 0, 0);
    }
    fake_x86_done();
}

static void test_gates_real(void)
{
    fake_x86_init("max", 1);
    X86State *s = set_mode(REAL);
    fake_x86_put(4 * 0x21, 4, 0xf0001234);
    check_gate(0x21, 4 * 0x21, 4, 0xf1234);
    s->idt.base = 0x500;
    fake_x86_put(0x500 + 4 * 0x21, 4, 0xffffffff);
    check_gate(0x21, 0x500 + 4 * 0x21, 4, 0x10ffef);
    s->idt.limit = 4 * 0x22 - 2;
    check_gate(0x21, 0, 0, 0);
    fake_x86_done();
}

/* ---- where instructions lead ---- */

/* target 0: nowhere that is known. */
static void check_target(const char *hex, vaddr_t target)
{
    uint8_t code[16];
    X86Insn insn;
    vaddr_t to;

    g_assert_true(x86_insn_decode(fx.cpu[0], code, parse(hex, code), &insn));
    if (x86_insn_target(fx.cpu[0], &insn, &to) != (target != 0) || (target && to != target)) {
        g_error("%s leads to 0x%" G_GINT64_MODIFIER "x, not 0x%" G_GINT64_MODIFIER "x", hex, (guint64)to,
                (guint64)target);
    }
}

static X86State *set_system(Mode mode)
{
    X86State *s = set_mode(mode);

    set_registers(s, mode);
    put_tables();
    s->efer |= X86_EFER_SCE;
    s->star = UINT64_C(0x0023001000c0ffee);
    s->lstar = UINT64_C(0xffffffff81000040);
    s->cstar = UINT64_C(0xffffffff81000080);
    s->sysenter_cs = 0x10;
    s->sysenter_eip = UINT64_C(0xffffffff810000c0);
    s->gpr[R_RCX] = UINT64_C(0x7f1234567890);
    s->gpr[R_RDX] = UINT64_C(0x7f1234567000);
    return s;
}

static void test_system_calls(void)
{
    fake_x86_init("max", 1);
    X86State *s = set_system(LONG);
    check_target("0f 05", s->lstar);
    check_target("0f 34", s->sysenter_eip);
    check_target("48 0f 07", 0x7f1234567890);
    check_target("0f 07", 0x34567890);
    check_target("48 0f 35", 0x7f1234567000);
    check_target("0f 35", 0x34567000);
    check_target("90", 0);
    s->gpr[R_RCX] = UINT64_C(1) << 47;
    check_target("48 0f 07", 0);
    s->efer &= ~(uint64_t)X86_EFER_SCE;
    check_target("0f 05", 0);
    check_target("0f 07", 0);
    s->sysenter_cs = 3;
    check_target("0f 34", 0);
    check_target("0f 35", 0);
    s = set_system(COMPAT);
    check_target("0f 05", s->cstar);
    check_target("0f 34", s->sysenter_eip);
    set_system(PROT32);
    check_target("0f 05", 0x00c0ffee);
    check_target("0f 34", 0x810000c0);
    check_target("0f 35", 0x34567000);
    set_system(REAL);
    check_target("0f 34", 0);
    fake_x86_done();
}

static void test_interrupts(void)
{
    fake_x86_init("max", 1);
    X86State *s = set_system(PROT32);
    for (unsigned v = 0; v < 0x81; v++) {
        put_gate(v, 8, 0xee, S_BASED, v);
    }
    check_target("cc", 0x12345003);
    check_target("f1", 0x12345001);
    check_target("cd 80", 0x12345080);
    check_target("ce", 0x10000 + RIP + 1);
    x86_eflags_set(s, X86_OF);
    check_target("ce", 0x12345004);
    set_system(REAL);
    fake_x86_put(4 * 0x21, 4, 0xf0001234);
    check_target("cd 21", 0xf1234);
    fake_x86_done();
}

static void put_frame(paddr_t at, unsigned size, uint64_t ip, uint64_t cs, uint64_t flags)
{
    fake_x86_put(at, size, ip);
    fake_x86_put(at + size, size, cs);
    fake_x86_put(at + 2 * size, size, flags);
}

static void test_iret(void)
{
    fake_x86_init("max", 1);
    X86State *s = set_system(LONG);
    put_frame(0x8000, 8, 0x7fff12345678, S_LONG | 3, 0x202);
    check_target("48 cf", 0x7fff12345678);
    put_frame(0x8000, 8, 0x1000, S_BASED | 3, 0x202);
    check_target("48 cf", 0x12346000);
    put_frame(0x8000, 8, UINT64_C(1) << 60, S_LONG, 2);
    check_target("48 cf", 0);
    put_frame(0x8000, 4, 0x89abcdef, S_LONG, 2);
    check_target("cf", 0x89abcdef);
    put_frame(0x8000, 4, 0x89abcdef, S_DATA, 2);
    check_target("cf", 0);
    s->gpr[R_RSP] = FAKE_X86_RAM;
    check_target("cf", 0);
    s = set_system(PROT32);
    put_frame(0x48000, 4, 0xf0000000, S_BASED, 2);
    check_target("cf", 0x02345000);
    put_frame(0x48000, 4, 0x10005, 0xf000, X86_VM);
    check_target("cf", 0xf0005);
    put_frame(0x48000, 2, 0x8765, S_LDT, 2);
    check_target("66 cf", 0xfff08765);
    x86_eflags_set(s, X86_NT);
    check_target("66 cf", 0);
    s = set_system(REAL);
    s->gpr[R_RSP] = 0xfffe;
    fake_x86_put(0x4fffe, 2, 0x1234);
    fake_x86_put(0x40000, 2, 0xf000);
    check_target("cf", 0xf1234);
    s = set_system(VM86);
    put_frame(0x48000, 2, 0x0010, 0x0100, 2);
    check_target("cf", 0x1010);
    fake_x86_done();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86-insn/rows", test_rows);
    g_test_add_func("/x86-insn/any-bytes", test_any_bytes);
    g_test_add_func("/x86-insn/at-pc", test_at_pc);
    g_test_add_func("/x86-insn/gates-legacy", test_gates_legacy);
    g_test_add_func("/x86-insn/gates-long", test_gates_long);
    g_test_add_func("/x86-insn/gates-real", test_gates_real);
    g_test_add_func("/x86-insn/system-calls", test_system_calls);
    g_test_add_func("/x86-insn/interrupts", test_interrupts);
    g_test_add_func("/x86-insn/iret", test_iret);
    return g_test_run();
}
