/* The "script" CPU: class, registers, address translation, disassembly.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "accel/scripted/scripted.h"
#include "mem/mem.h"
#include "util/error.h"
#include "vm/vm.h"

static void script_reset(Cpu *cpu)
{
    ScriptState *s = cpu->env;
    uint64_t pc = s->reset_pc;

    memset(s, 0, sizeof(*s));
    s->reset_pc = pc;
    s->pc = pc;
    cpu->power = CPU_POWER_ON;
}

static vaddr_t script_get_pc(const Cpu *cpu)
{
    return script_state(cpu)->pc;
}

static void script_set_pc(Cpu *cpu, vaddr_t pc)
{
    script_state(cpu)->pc = pc;
}

static bool script_has_work(const Cpu *cpu)
{
    return cpu->power == CPU_POWER_HALTED && (cpu_interrupt_pending(cpu) & SCRIPT_IRQ);
}

static bool script_translate(const Cpu *cpu, vaddr_t va, Translation *t)
{
    const ScriptState *s = cpu->env;
    uint64_t page = va & ~UINT64_C(0xfff);
    bool low = va < UINT64_C(1) << 32;

    memset(t, 0, sizeof(*t));
    t->left = page + 0x1000 - va;
    t->page_size = 0x1000;
    if ((!low && va < SCRIPT_HIGH) || (va >= s->hole_lo && va < s->hole_hi)) {
        t->hole = true;
        return false;
    }
    t->paddr = low ? va : va - SCRIPT_HIGH;
    t->read = t->write = t->exec = t->user = true;
    return true;
}

static uint64_t script_address_space(const Cpu *cpu)
{
    return script_state(cpu)->asid;
}

static unsigned script_privilege(const Cpu *cpu)
{
    return script_state(cpu)->level;
}

static const char *const op_names[] = {
    [SCRIPT_NOP] = "nop", [SCRIPT_LI] = "li", [SCRIPT_ADDI] = "addi", [SCRIPT_ADD] = "add",
    [SCRIPT_SHL] = "shl", [SCRIPT_LD] = "ld", [SCRIPT_ST] = "st", [SCRIPT_LDB] = "ldb",
    [SCRIPT_STB] = "stb", [SCRIPT_XADD] = "xadd", [SCRIPT_JMP] = "jmp", [SCRIPT_BNZ] = "bnz",
    [SCRIPT_JR] = "jr", [SCRIPT_HLT] = "hlt", [SCRIPT_EXC] = "exc", [SCRIPT_RESET] = "reset",
    [SCRIPT_OFF] = "off", [SCRIPT_IO] = "io", [SCRIPT_ASID] = "asid", [SCRIPT_CYCLES] = "cycles",
    [SCRIPT_BRK] = "brk",
};

static unsigned script_disas(const Cpu *cpu, vaddr_t pc, const uint8_t *code, size_t len,
                             GString *out)
{
    if (len < 4 || code[0] >= G_N_ELEMENTS(op_names) || !op_names[code[0]]) {
        return 0;
    }
    g_string_append_printf(out, "%s %u, %u, %u", op_names[code[0]], code[1], code[2], code[3]);
    return 4;
}

static void script_describe(const Cpu *cpu, GString *out)
{
    g_string_append_printf(out, "level %u", script_state(cpu)->level);
}

/* Refuses what the CPU has not: shows how a target says no. */
static void level_get(const Cpu *cpu, const RegDesc *r, uint8_t *le)
{
    le[0] = (uint8_t)script_state(cpu)->level;
}

static bool level_set(Cpu *cpu, const RegDesc *r, const uint8_t *le, GError **errp)
{
    if (le[0] > 3) {
        return error_set(errp, INVALID, "level %u does not exist", le[0]);
    }
    script_state(cpu)->level = le[0];
    return true;
}

#define REG(n, i, fl, gen) { .name = n, .bits = 64, .type = REG_INT, .flags = REG_F_IN_G | (fl), \
    .gdbnum = REG_NUM_AUTO, .off = offsetof(ScriptState, r) + 8 * (i), .size = 8, \
    .group = "general", .generic = gen }

static const RegDesc core_regs[] = {
    REG("r0", 0, 0, "arg1"), REG("r1", 1, 0, "arg2"), REG("r2", 2, 0, NULL),
    REG("r3", 3, 0, NULL), REG("r4", 4, 0, NULL), REG("r5", 5, 0, NULL),
    REG("r6", 6, 0, NULL), REG("r7", 7, 0, NULL), REG("r8", 8, 0, NULL),
    REG("r9", 9, 0, NULL), REG("r10", 10, 0, NULL), REG("r11", 11, 0, "fp"),
    REG("r12", 12, REG_F_EXPEDITE, "sp"), REG("r13", 13, 0, NULL),
    REG("r14", 14, 0, NULL), REG("r15", 15, 0, NULL),
    { .name = "pc", .bits = 64, .type = REG_CODE_PTR, .flags = REG_F_IN_G | REG_F_EXPEDITE,
      .gdbnum = REG_NUM_AUTO, .off = offsetof(ScriptState, pc), .size = 8, .group = "general",
      .generic = "pc" },
};

static const RegDesc system_regs[] = {
    { .name = "asid", .bits = 64, .type = REG_INT, .gdbnum = REG_NUM_AUTO,
      .off = offsetof(ScriptState, asid), .size = 8, .group = "system", .fetch = REGS_SYSTEM },
    { .name = "level", .bits = 2, .type = REG_INT, .gdbnum = REG_NUM_AUTO, .group = "system",
      .get = level_get, .set = level_set, .fetch = REGS_SYSTEM },
    { .name = "reset_pc", .bits = 64, .type = REG_CODE_PTR, .flags = REG_F_READONLY,
      .gdbnum = REG_NUM_AUTO, .off = offsetof(ScriptState, reset_pc), .size = 8,
      .group = "system", .fetch = REGS_SYSTEM },
};

static const RegFeature core_feature = {
    .name = "org.glassbox.script.core", .regs = core_regs, .n = G_N_ELEMENTS(core_regs),
};
static const RegFeature system_feature = {
    .name = "org.glassbox.script.system", .regs = system_regs, .n = G_N_ELEMENTS(system_regs),
};
static const RegFeature *const features[] = { &core_feature, &system_feature, NULL };
static const RegSet reg_set = { .arch = "script", .features = features };

const CpuClass script_cpu_class = {
    .name = "script",
    .regs = &reg_set,
    .state_size = sizeof(ScriptState),
    .addr_bits = 64,
    .insn_max = 4,
    .insn_min = 4,
    .brk_len = 1,
    .brk = { SCRIPT_BRK },
    .reset = script_reset,
    .get_pc = script_get_pc,
    .set_pc = script_set_pc,
    .translate = script_translate,
    .disas = script_disas,
    .has_work = script_has_work,
    .address_space = script_address_space,
    .privilege = script_privilege,
    .describe = script_describe,
};
