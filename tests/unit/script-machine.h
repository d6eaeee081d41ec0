/* Test helper: a machine of script CPUs with RAM from address 0, a guard against hanging.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_UNIT_SCRIPT_MACHINE_H
#define GLASSBOX_TESTS_UNIT_SCRIPT_MACHINE_H

#include "accel/scripted/scripted.h"
#include "mem/mem.h"
#include "util/mainloop.h"
#include "vm/vm.h"

#define SM_RAM (1u << 20)

typedef struct ScriptMachine {
    Vm *vm;
    MemRegion *ram;
    MainTimer *guard;
} ScriptMachine;

/* Makes a started machine of n CPUs, all with pc 0x1000, 0x1100, ... and NOPs nowhere: load code
 * with sm_code. `ops` NULL: the scripted accelerator. Nothing runs. */
void sm_init(ScriptMachine *m, unsigned ncpus, const AccelOps *ops, const char *options);
void sm_fini(ScriptMachine *m);
/* Puts instructions at an address. */
void sm_code(ScriptMachine *m, paddr_t at, const uint32_t *insn, unsigned n);
#define SM_CODE(m, at, ...) \
    sm_code((m), (at), (const uint32_t[]){ __VA_ARGS__ }, \
            sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)
uint64_t sm_peek64(ScriptMachine *m, paddr_t at);
/* Turns the main loop until *flag is set; 30 seconds without that fail the test. */
void sm_wait(ScriptMachine *m, const bool *flag);
/* Turns it until *count reaches n. */
void sm_wait_count(ScriptMachine *m, const unsigned *count, unsigned n);
/* Turns it as long as something is ready, within reason. */
void sm_flush(ScriptMachine *m);

static inline ScriptState *sm_cpu(ScriptMachine *m, unsigned i)
{
    return script_state(m->vm->cpus[i]);
}

#endif
