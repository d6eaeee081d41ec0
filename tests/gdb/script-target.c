/* A machine of script CPUs that shows itself to debuggers as an x86-64: the protocol is tested with
 * the real gdb and LLDB before, and apart from, any real CPU.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: script-target GDB-SPEC [NCPUS] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/scripted/scripted.h"
#include "gdbstub/server.h"
#include "../unit/monitor-host.h"
#include "mem/mem.h"
#include "util/mainloop.h"
#include "vm/vm.h"

#define INTEGER(n, i, fl, gen, dw) { .name = n, .bits = 64, .type = REG_INT, \
    .flags = REG_F_IN_G | (fl), .gdbnum = REG_NUM_AUTO, \
    .off = offsetof(ScriptState, r) + 8 * (i), .size = 8, .group = "general", .generic = gen, \
    .dwarf = (dw) + 1, .ehframe = (dw) + 1 }

/* Registers that the script CPU has not: they read 0 and keep nothing. */
static void zero_get(const Cpu *cpu, const RegDesc *r, uint8_t *le)
{
    memset(le, 0, reg_bytes(r));
}

static bool zero_set(Cpu *cpu, const RegDesc *r, const uint8_t *le, GError **errp)
{
    return true;
}

#define ZERO(n, b, t, g) { .name = n, .bits = b, .type = t, .flags = REG_F_IN_G, \
    .gdbnum = REG_NUM_AUTO, .group = g, .get = zero_get, .set = zero_set }

static const RegDesc core_regs[] = {
    INTEGER("rax", 0, 0, NULL, 0), INTEGER("rbx", 3, 0, NULL, 3), INTEGER("rcx", 1, 0, NULL, 2),
    INTEGER("rdx", 2, 0, NULL, 1), INTEGER("rsi", 6, 0, NULL, 4), INTEGER("rdi", 7, 0, NULL, 5),
    INTEGER("rbp", 5, REG_F_EXPEDITE, "fp", 6), INTEGER("rsp", 4, REG_F_EXPEDITE, "sp", 7),
    INTEGER("r8", 8, 0, NULL, 8), INTEGER("r9", 9, 0, NULL, 9), INTEGER("r10", 10, 0, NULL, 10),
    INTEGER("r11", 11, 0, NULL, 11), INTEGER("r12", 12, 0, NULL, 12),
    INTEGER("r13", 13, 0, NULL, 13), INTEGER("r14", 14, 0, NULL, 14),
    INTEGER("r15", 15, 0, NULL, 15),
    { .name = "rip", .bits = 64, .type = REG_CODE_PTR, .flags = REG_F_IN_G | REG_F_EXPEDITE,
      .gdbnum = REG_NUM_AUTO, .off = offsetof(ScriptState, pc), .size = 8, .group = "general",
      .generic = "pc", .dwarf = 17, .ehframe = 17 },
    ZERO("eflags", 32, REG_INT, "general"), ZERO("cs", 32, REG_INT, "general"),
    ZERO("ss", 32, REG_INT, "general"), ZERO("ds", 32, REG_INT, "general"),
    ZERO("es", 32, REG_INT, "general"), ZERO("fs", 32, REG_INT, "general"),
    ZERO("gs", 32, REG_INT, "general"),
    ZERO("st0", 80, REG_FLOAT, "float"), ZERO("st1", 80, REG_FLOAT, "float"),
    ZERO("st2", 80, REG_FLOAT, "float"), ZERO("st3", 80, REG_FLOAT, "float"),
    ZERO("st4", 80, REG_FLOAT, "float"), ZERO("st5", 80, REG_FLOAT, "float"),
    ZERO("st6", 80, REG_FLOAT, "float"), ZERO("st7", 80, REG_FLOAT, "float"),
    ZERO("fctrl", 32, REG_INT, "float"), ZERO("fstat", 32, REG_INT, "float"),
    ZERO("ftag", 32, REG_INT, "float"), ZERO("fiseg", 32, REG_INT, "float"),
    ZERO("fioff", 32, REG_INT, "float"), ZERO("foseg", 32, REG_INT, "float"),
    ZERO("fooff", 32, REG_INT, "float"), ZERO("fop", 32, REG_INT, "float"),
};

/* Beyond the g packet: fetched one by one. */
static const RegDesc own_regs[] = {
    { .name = "asid", .bits = 64, .type = REG_INT, .gdbnum = REG_NUM_AUTO,
      .off = offsetof(ScriptState, asid), .size = 8, .group = "system", .fetch = REGS_SYSTEM },
    { .name = "reset_pc", .bits = 64, .type = REG_CODE_PTR, .flags = REG_F_READONLY,
      .gdbnum = REG_NUM_AUTO, .off = offsetof(ScriptState, reset_pc), .size = 8,
      .group = "system", .fetch = REGS_SYSTEM },
};

static const RegFeature core_feature = {
    .name = "org.gnu.gdb.i386.core", .regs = core_regs, .n = G_N_ELEMENTS(core_regs),
};
static const RegFeature own_feature = {
    .name = "org.glassbox.script", .regs = own_regs, .n = G_N_ELEMENTS(own_regs),
};
static const RegFeature *const features[] = { &core_feature, &own_feature, NULL };
static const RegSet reg_set = { .arch = "i386:x86-64", .features = features };

static const uint32_t program[] = {
    SCRIPT_INSN_I(SCRIPT_LI, 1, 0x2000),        /* 1000: rcx = 0x2000 (0x2100...) */
    SCRIPT_INSN(SCRIPT_ADDI, 0, 0, 1),          /* 1004: rax++ */
    SCRIPT_INSN(SCRIPT_ST, 0, 1, 0),            /* 1008: [rcx] = rax */
    SCRIPT_INSN(SCRIPT_LD, 2, 1, 8),            /* 100c: rdx = [rcx + 8] */
    SCRIPT_INSN_I(SCRIPT_JMP, 0, -3),           /* 1010: to 1004 */
};

static void ended(void *opaque, VmCause cause, int status)
{
    mainloop_quit(status);
}

static bool machine_make(Vm *vm, const CpuClass *class, unsigned ncpus, GError **errp)
{
    uint32_t off = SCRIPT_INSN(SCRIPT_OFF, 7, 0, 0);
    MemRegion *ram = mem_region_new_ram("ram", 1 << 20, errp);

    if (!ram) {
        return false;
    }
    vm->memory = mem_space_new("memory", UINT64_C(0xffffffffff));
    mem_space_map_all(vm->memory, 0, ram, 0);
    if (!vm_set_accel(vm, &scripted_accel_ops, &script_cpu_class, NULL, errp)) {
        return false;
    }
    for (unsigned i = 0; i < ncpus; i++) {
        Cpu *cpu = vm_add_cpu(vm, class, NULL, errp);
        paddr_t at = 0x1000 + 0x100 * i;
        uint32_t first = SCRIPT_INSN_I(SCRIPT_LI, 1, 0x2000 + 0x100 * i);

        if (!cpu) {
            return false;
        }
        script_state(cpu)->pc = script_state(cpu)->reset_pc = at;
        mem_poke(vm->memory, at, program, sizeof(program), 0);
        mem_poke(vm->memory, at, &first, sizeof(first), 0);
    }
    mem_poke(vm->memory, 0x1800, &off, sizeof(off), 0);
    return vm_start(vm, errp);
}

int main(int argc, char **argv)
{
    static const VmObserverOps observer = { .ended = ended };
    CpuClass class = script_cpu_class;
    GError *err = NULL;
    TestHost host;
    GdbServerOptions options = { .monitor = &host.host };
    GdbServer *server;
    Debug *debug;
    int status;
    Vm *vm;

    mainloop_init();
    vm = vm_new();
    class.regs = &reg_set;
    if (argc < 2 || !machine_make(vm, &class, argc > 2 ? atoi(argv[2]) : 1, &err)) {
        fprintf(stderr, "%s\n", err ? err->message : "usage: script-target GDB-SPEC [NCPUS]");
        return 1;
    }
    debug = debug_new(vm);
    vm_add_observer(vm, &observer, NULL);
    test_host_init(&host, debug);
    server = gdb_server_new(debug, argv[1], &options, &err);
    if (!server) {
        fprintf(stderr, "script-target: %s\n", err->message);
        return 1;
    }
    printf("%s\n", gdb_server_address(server));
    fflush(stdout);
    status = mainloop_run();
    gdb_server_free(server);
    test_host_fini(&host);
    debug_free(debug);
    vm_free(vm);
    return status;
}
