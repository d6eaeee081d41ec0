/* Raising exceptions, and the double-fault rules (SDM vol. 3, tables 6-1, 6-4, 6-5).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/excp.h"

#include "accel/tcg/frontend.h"
#include "target/i386/helper.h"
#include "target/i386/seg_int.h"
#include "target/i386/x86.h"

typedef struct ExcInfo {
    const char *name;
    uint8_t class;
    bool error;
    bool ext;       /* its error code has the EXT bit */
} ExcInfo;

static const ExcInfo exc_info[32] = {
    [X86_EXC_DE] = { "#DE", X86_NEST_CONTRIBUTORY, false, false },
    [X86_EXC_DB] = { "#DB", X86_NEST_BENIGN, false, false },
    [X86_EXC_NMI] = { "NMI", X86_NEST_BENIGN, false, false },
    [X86_EXC_BP] = { "#BP", X86_NEST_BENIGN, false, false },
    [X86_EXC_OF] = { "#OF", X86_NEST_BENIGN, false, false },
    [X86_EXC_BR] = { "#BR", X86_NEST_BENIGN, false, false },
    [X86_EXC_UD] = { "#UD", X86_NEST_BENIGN, false, false },
    [X86_EXC_NM] = { "#NM", X86_NEST_BENIGN, false, false },
    [X86_EXC_DF] = { "#DF", X86_NEST_DOUBLE, true, false },
    [X86_EXC_TS] = { "#TS", X86_NEST_CONTRIBUTORY, true, true },
    [X86_EXC_NP] = { "#NP", X86_NEST_CONTRIBUTORY, true, true },
    [X86_EXC_SS] = { "#SS", X86_NEST_CONTRIBUTORY, true, true },
    [X86_EXC_GP] = { "#GP", X86_NEST_CONTRIBUTORY, true, true },
    [X86_EXC_PF] = { "#PF", X86_NEST_PAGE, true, false },
    [X86_EXC_MF] = { "#MF", X86_NEST_BENIGN, false, false },
    [X86_EXC_AC] = { "#AC", X86_NEST_BENIGN, true, false },
    [X86_EXC_MC] = { "#MC", X86_NEST_BENIGN, false, false },
    [X86_EXC_XM] = { "#XM", X86_NEST_BENIGN, false, false },
};

const char *x86_exc_name(unsigned vector)
{
    return vector < G_N_ELEMENTS(exc_info) ? exc_info[vector].name : NULL;
}

bool x86_exc_is_interrupt(const X86State *s)
{
    bool own = s->exc_vector == X86_EXC_BP || s->exc_vector == X86_EXC_OF;

    return s->exc_kind == X86_EVENT_EXTERNAL || (s->exc_kind == X86_EVENT_SOFT && !own);
}

bool x86_exc_has_error(unsigned vector)
{
    return vector < G_N_ELEMENTS(exc_info) && exc_info[vector].error;
}

unsigned x86_exc_class(unsigned vector)
{
    unsigned class = vector < G_N_ELEMENTS(exc_info) ? exc_info[vector].class : 0;

    return class ? class : X86_NEST_BENIGN;
}

/* What a second exception makes of the delivery of a first: itself, a double fault, shutdown. */
static unsigned exc_merge(unsigned first, unsigned vector)
{
    unsigned second = x86_exc_class(vector);
    bool bad = second == X86_NEST_CONTRIBUTORY || second == X86_NEST_PAGE;

    switch (first) {
    case X86_NEST_CONTRIBUTORY:
        return second == X86_NEST_CONTRIBUTORY ? X86_EXC_DF : vector;
    case X86_NEST_PAGE:
        return bad ? X86_EXC_DF : vector;
    case X86_NEST_DOUBLE:
        return bad ? X86_EXC_TRIPLE : vector;
    default:
        return vector;
    }
}

void x86_exc_set(Cpu *cpu, unsigned kind, unsigned vector, bool has_error, uint32_t error)
{
    X86State *s = cpu->env;
    unsigned now = exc_merge(s->exc_nest & X86_NEST_CLASS, vector);

    if (now == X86_EXC_DF && vector != X86_EXC_DF) {
        kind = X86_EVENT_FAULT;
        has_error = true;
        error = 0;
    } else if ((s->exc_nest & X86_NEST_EXT) && vector < G_N_ELEMENTS(exc_info) &&
               exc_info[vector].ext) {
        error |= 1;
    }
    s->exc_vector = (int32_t)now;
    s->exc_kind = (uint8_t)kind;
    s->exc_has_error = has_error;
    s->exc_error = error;
}

void x86_raise(Cpu *cpu, unsigned vector)
{
    x86_exc_set(cpu, X86_EVENT_FAULT, vector, false, 0);
    tcg_raise(cpu);
}

void x86_raise_error(Cpu *cpu, unsigned vector, uint32_t error)
{
    x86_exc_set(cpu, X86_EVENT_FAULT, vector, true, error);
    tcg_raise(cpu);
}

void x86_raise_gp0(Cpu *cpu)
{
    x86_raise_error(cpu, X86_EXC_GP, 0);
}

void x86_raise_sel(Cpu *cpu, unsigned vector, uint32_t selector)
{
    x86_raise_error(cpu, vector, selector & 0xfffc);
}

void x86_raise_db(Cpu *cpu, unsigned kind, uint64_t dr6)
{
    X86State *s = cpu->env;

    s->exc_dr6 = dr6;
    x86_exc_set(cpu, kind, X86_EXC_DB, false, 0);
    tcg_raise(cpu);
}

uint64_t x86_helper_raise(void *env, uint64_t vector)
{
    x86_raise(cpu_from_env(env), (unsigned)vector);
}

uint64_t x86_helper_raise_error(void *env, uint64_t vector, uint64_t error)
{
    x86_raise_error(cpu_from_env(env), (unsigned)vector, (uint32_t)error);
}

static void raise_soft(Cpu *cpu, unsigned kind, unsigned vector, uint64_t next)
{
    X86State *s = cpu->env;

    s->exc_next_rip = next;
    x86_exc_set(cpu, kind, vector, false, 0);
    tcg_raise(cpu);
}

uint64_t x86_helper_int3(void *env, uint64_t next)
{
    raise_soft(cpu_from_env(env), X86_EVENT_SOFT, X86_EXC_BP, next);
    return 0;
}

uint64_t x86_helper_into(void *env, uint64_t next)
{
    raise_soft(cpu_from_env(env), X86_EVENT_SOFT, X86_EXC_OF, next);
    return 0;
}

uint64_t x86_helper_icebp(void *env, uint64_t next)
{
    X86State *s = env;

    s->exc_dr6 = 0;     /* INT1 sets no bit of DR6 */
    raise_soft(cpu_from_env(env), X86_EVENT_ICEBP, X86_EXC_DB, next);
    return 0;
}

uint64_t x86_helper_int(void *env, uint64_t vector, uint64_t next)
{
    Cpu *cpu = cpu_from_env(env);

    if (x86_in_vm86(env) && x86_vm86_int(cpu, (unsigned)vector, next)) {
        tcg_leave(cpu, TCG_EXIT_NEXT);
    }
    raise_soft(cpu, X86_EVENT_SOFT, (unsigned)vector, next);
    return 0;
}
